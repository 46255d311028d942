"""What waits for review, put together so that one look settles many: by what is asked, and by the issue that it is asked about.

Judges no decision and applies none; the list and the page show these groups in this order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from knowledge.decision import DecisionRow
from knowledge.issue import SURE, Issue, alias_map, sort_key

Question = Literal["disagrees", "belongs", "new", "agrees", "no_problem"]
ORDER: tuple[Question, ...] = ("disagrees", "belongs", "new", "agrees", "no_problem")
"""Real disagreements first; what only needs a nod, and what states no problem, last."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets that ask the same question about the same issue.

    `disagrees`: they stand in a larger issue, the model meant `issue_id`; `belongs`: each stands alone and the model meant `issue_id`;
    `new`: each founded an issue in doubt; `agrees`: they stand in `issue_id`, where the model meant them; `no_problem`: none is stated.
    """

    question: Question
    issue_id: str
    tickets: tuple[int, ...]


def groups(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> list[Group]:
    """The groups of all flagged tickets in the order of the list, larger ones first among the same question; each ticket in one."""
    names = alias_map(issues.values())
    found: dict[tuple[Question, str], list[int]] = {}
    for ticket, home in flagged_tickets(issues).items():
        found.setdefault(_asked(home, _meant(log.get(ticket), names)), []).append(ticket)
    made = [Group(question, issue_id, tuple(tickets)) for (question, issue_id), tickets in found.items()]
    return sorted(made, key=lambda group: (ORDER.index(group.question), -len(group.tickets), sort_key(group.issue_id)))


def flagged_tickets(issues: Mapping[str, Issue]) -> dict[int, Issue]:
    """Tickets below 0.7 that nobody has reviewed, in ticket order, with the issue they stand in."""
    reviewed = {ticket for issue in issues.values() for ticket in issue.reviewed}
    flagged = {
        ticket: issue
        for issue in issues.values()
        for ticket in issue.tickets
        if ticket not in reviewed and issue.unsure.get(ticket, SURE) < SURE
    }
    return {ticket: flagged[ticket] for ticket in sorted(flagged)}


def states_no_problem(issue: Issue) -> bool:
    """True for a ticket that stands alone because the model found no problem in it."""
    return issue.held_back == "" and bool(issue.unsure) and len(issue.tickets) == 1


def _meant(row: DecisionRow | None, names: Mapping[str, str]) -> str:
    """The issue that the model meant, under the name that it has now; "" for none that is left."""
    return names.get(row.suggested_issue_id or "", "") if row is not None else ""


def _asked(home: Issue, meant: str) -> tuple[Question, str]:
    if states_no_problem(home):
        return "no_problem", ""
    if meant == home.issue_id:
        return "agrees", home.issue_id
    if not meant:
        return ("new", "") if len(home.tickets) == 1 else ("agrees", home.issue_id)
    return ("belongs" if len(home.tickets) == 1 else "disagrees"), meant
