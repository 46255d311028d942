"""What people are asked to look at, in kinds that do not overlap: the same numbers in the terminal, in the letter and on the page.

Counts what `review.groups` put together; judges nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from common.text import counted
from knowledge.decision import DecisionRow
from knowledge.issue import Issue, alias_map
from review.groups import Question, groups

KINDS: Mapping[Question, str] = {"disagrees": "doubts", "belongs": "doubts", "new": "doubts", "agrees": "meant", "no_problem": "no_problem"}
"""How each question of a group is counted."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Tickets in `doubts`, those that stand where the model `meant` them, those that state `no_problem`; and `pairs` of issues that may
    be one, with the model's confidence."""

    doubts: int
    meant: int
    no_problem: int
    pairs: tuple[tuple[str, str, float], ...]

    @property
    def tickets(self) -> int:
        """All tickets that wait for a look."""
        return self.doubts + self.meant + self.no_problem

    def __str__(self) -> str:
        kinds = [
            counted(self.doubts, "real doubt") if self.doubts else "",
            f"{self.meant} where the model meant {'it' if self.meant == 1 else 'them'}" if self.meant else "",
            f"{self.no_problem} without a problem" if self.no_problem else "",
        ]
        wants = "decision wants" if self.tickets == 1 else "decisions want"
        said = (
            f"{self.tickets} {wants} a look ({', '.join(kind for kind in kinds if kind)})" if self.tickets else "No decision wants a look"
        )
        return f"{said}; {counted(len(self.pairs), 'pair')} of issues may be one" if self.pairs else said


def count_looks(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> Looks:
    """What a whole database asks people."""
    counts: Counter[str] = Counter()
    for group in groups(issues, log):
        counts[KINDS[group.question]] += len(group.tickets)
    return Looks(counts["doubts"], counts["meant"], counts["no_problem"], _pairs(issues))


def _pairs(issues: Mapping[str, Issue]) -> tuple[tuple[str, str, float], ...]:
    """Each pair once, under the ids of today; those that people told apart are none."""
    names = alias_map(issues.values())
    found: dict[frozenset[str], tuple[str, str, float]] = {}
    for issue in issues.values():
        for other, confidence in issue.may_be_one.items():
            twin = names.get(other, issue.issue_id)
            if twin != issue.issue_id and twin not in issue.distinct_from and issue.issue_id not in issues[twin].distinct_from:
                found.setdefault(frozenset((issue.issue_id, twin)), (issue.issue_id, twin, confidence))
    return tuple(found.values())
