"""The page's first screen, for whoever has five minutes: problems by size, what to write and to report, what stands in no issue.

Plain data from a reading, still without any HTML.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Issue, sort_key
from report.letter import articles
from report.reading import Reading
from review.groups import states_no_problem

ROWS = 15
SHOWN = 10
FIRST = 5
MAX_OUTSIDE = 200
FULL_BAR = 4
"""Tickets of a full bar at the least, so that one ticket a month does not look like a flood."""
SEEN = "seen more than once"
FAILED = "Failed"
GIVEN_UP = f"Failed in the same words in {FAILURES_TO_SET_ASIDE} runs and tried no more"
LOWER_EDGES = (0.9, 0.8, 0.7, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class Outside:
    """Tickets in no issue for one reason, and the command that tries them again, "" where none is needed."""

    title: str
    rows: list[DecisionRow]
    command: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """Reviewed tickets of a range of confidence: `kept` of `total` as the model meant."""

    name: str
    kept: int
    total: int


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """The page's first screen. `problems` are all, the most tickets first, of which `rows` are shown; `first_share` and `first_effort` of
    the first few are of all tickets and replies, in percent."""

    ticket_count: int
    reviewed: int
    first_count: int
    first_share: float
    first_effort: float
    problems: list[Issue]
    articles: list[Issue]
    bugs: list[Issue]
    outside: list[Outside]
    failed: int
    left_out: int
    agreement: list[Band]

    @property
    def rows(self) -> list[Issue]:
        """The problems of the table."""
        return self.problems[:ROWS]

    def share(self, issue: Issue) -> float:
        """An issue's part of all tickets, in percent."""
        return _percent(len(issue.tickets), self.ticket_count)


def address(issue_id: str) -> str:
    """Where the page shows an issue."""
    return "#issue/" + quote(issue_id, safe="", errors="replace")


def area_address(area: str) -> str:
    """Where the page lists the issues of an area."""
    return "#issues?area=" + quote(area, safe="", errors="replace")


def first_screen(reading: Reading) -> FirstScreen:
    """Numbers, table and lists of the first screen."""
    issues = reading.issues.values()
    total = sum(len(issue.tickets) for issue in issues)
    problems = [issue for issue in issues if issue.tickets and not states_no_problem(issue)]
    problems.sort(key=lambda issue: (-len(issue.tickets), sort_key(issue.issue_id)))
    first = problems[:FIRST]
    outside = _outside(reading)
    failed = sum(len(group.rows) for group in outside if group.command)
    return FirstScreen(
        ticket_count=total,
        reviewed=len({ticket for issue in issues for ticket in issue.reviewed}),
        first_count=len(first),
        first_share=_percent(sum(len(issue.tickets) for issue in first), total),
        first_effort=_percent(_replies(reading, first), _replies(reading, problems)),
        problems=problems,
        articles=[issue for issue, _ in articles(issues, reading.facts)[:SHOWN]],
        bugs=_bugs(reading, problems),
        outside=outside,
        failed=failed,
        left_out=sum(len(group.rows) for group in outside) - failed,
        agreement=agreement(reading.log.values()),
    )


def bars(reading: Reading, issue: Issue) -> list[float]:
    """Heights from 0 to 1 of an issue's bars."""
    counts = reading.trends.scale.counts(reading.trends.days_of(issue))
    return [count / max(FULL_BAR, *counts) for count in counts]


def remark(issue: Issue) -> str:
    """The state of an issue where it says more than the count of its tickets does."""
    said = state(issue)
    return "" if said == SEEN else said.removeprefix(f"{SEEN}, ")


def state(issue: Issue) -> str:
    """How far an issue can be relied on, in words that keep a machine's counting apart from a person's checking."""
    if issue.checked_by_person():
        return "checked by a person"
    unsure = sum(ticket in issue.unsure for ticket in issue.tickets)
    seen = "single" if len(issue.tickets) == 1 else SEEN
    return f"{seen}, {unsure} of {len(issue.tickets)} unsure" if unsure else seen


def agreement(rows: Iterable[DecisionRow]) -> list[Band]:
    """How often people kept what the model meant, by its confidence, the surest first; bands that nobody reviewed are left out.

    >>> agreement([DecisionRow(1, "ISSUE-1", "reviewed", 0.95, extra={"review": {"model_was_right": True}})])
    [Band(name='0.9 and up', kept=1, total=1)]
    """
    right: dict[float, list[bool]] = {low: [] for low in LOWER_EDGES}
    for row in rows:
        review = row.extra.get("review")
        if isinstance(review, dict) and isinstance(review.get("model_was_right"), bool) and row.confidence is not None:
            right[next(low for low in LOWER_EDGES if row.confidence >= low)].append(review["model_was_right"])
    names = {low: f"{low} and up" if low else f"below {LOWER_EDGES[-2]}" for low in LOWER_EDGES}
    return [Band(names[low], sum(found), len(found)) for low, found in right.items() if found]


def _replies(reading: Reading, issues: Iterable[Issue]) -> int:
    return sum(reading.effort(issue).replies for issue in issues)


def _bugs(reading: Reading, problems: Iterable[Issue]) -> list[Issue]:
    """Bugs that came more than once, growing ones first."""

    def order(issue: Issue) -> tuple[bool, int, int]:
        move = reading.trends.moves[issue.issue_id]
        return (move.kind != "growing", -move.recent, -len(issue.tickets))

    return sorted((issue for issue in problems if issue.kind == "bug" and len(issue.tickets) > 1), key=order)[:SHOWN]


def _outside(reading: Reading) -> list[Outside]:
    """Tickets in no issue: those that failed, those that are tried no more, then what was left out by reason, the commonest first."""
    trouble: dict[str, list[DecisionRow]] = {FAILED: [], GIVEN_UP: []}
    left_out: dict[str, list[DecisionRow]] = {}
    for row in reading.log.values():
        if row.outcome == "failed":
            trouble[GIVEN_UP if row.set_aside else FAILED].append(row)
        elif row.outcome == "ignored":
            why = "a person said to ignore it" if row.decided_by == "person" else row.reason or "no reason given"
            left_out.setdefault(f"Left out: {why}", []).append(row)
    commonest = sorted(left_out.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        *(Outside(title, rows, reading.again(rows)) for title, rows in trouble.items() if rows),
        *(Outside(title, rows) for title, rows in commonest),
    ]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
