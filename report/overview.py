"""The page's first screen, for whoever has five minutes: problems by size, what moves, what to write and to report, what stands in none.

Plain data from a reading, still without any HTML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Issue, sort_key
from report import summary, trends
from report.facts import Effort
from report.letter import Week, articles
from report.looks import Looks
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


@dataclass(frozen=True, slots=True)
class Row:
    """One problem in the overview's table. `share` is of all tickets, in percent; `bars` are heights from 0 to 1."""

    issue_id: str
    category: str
    area: str
    kind: str
    count: int
    share: float
    recent: int
    before: int
    moves: str
    quiet: int
    bars: tuple[float, ...]
    quote: str
    quote_ticket: int
    fix: str
    more_steps: int
    state: str
    effort: Effort

    @property
    def address(self) -> str:
        """Where the page shows the issue."""
        return address(self.issue_id)

    @property
    def remark(self) -> str:
        """The state where it says more than the count of tickets does."""
        return "" if self.state == SEEN else self.state.removeprefix(f"{SEEN}, ")

    @property
    def arrow(self) -> str:
        """Up or down against the days before, "" where the numbers are too small to tell; what is new or back is tagged as that."""
        if trends.grows(self.recent, self.before):
            return "" if self.moves in ("new", "back") else "up"
        return "down" if trends.grows(self.before, self.recent) else ""


@dataclass(frozen=True, slots=True)
class Outside:
    """Tickets in no issue for one reason: the first of `count`, and the command that tries them again, "" where none is needed."""

    title: str
    rows: list[DecisionRow]
    count: int
    command: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's first screen, for whoever has five minutes."""

    account: str
    model: str
    first_day: str
    last_day: str
    ticket_count: int
    issue_count: int
    looks: Looks
    reviewed: int
    first_count: int
    first_share: float
    first_effort: float
    span: str
    week: Week
    rows: list[Row]
    more: int
    moving: Mapping[str, int]
    articles: list[Row]
    bugs: list[Row]
    kinds_known: bool
    outside: list[Outside]
    failed: int
    left_out: int
    scale: trends.Scale
    partial: bool
    bars: list[int]
    agreement: list[summary.Band]


def address(issue_id: str) -> str:
    """Where the page shows an issue."""
    return "#issue/" + quote(issue_id, safe="", errors="replace")


def area_address(area: str) -> str:
    """Where the page lists the issues of an area."""
    return "#issues?area=" + quote(area, safe="", errors="replace")


def overview(reading: Reading) -> Overview:
    """Numbers, table and lists of the first screen."""
    issues, moved = reading.issues, reading.moved
    rows = _rows(reading)
    total = sum(len(issue.tickets) for issue in issues.values())
    first = rows[:FIRST]
    outside = _outside(reading)
    failed = sum(group.count for group in outside if group.command)
    return Overview(
        account=reading.account(),
        model=reading.model(),
        first_day=min(reading.days.values(), default=""),
        last_day=moved.newest,
        ticket_count=total,
        issue_count=len(issues),
        looks=reading.looks,
        reviewed=len({ticket for issue in issues.values() for ticket in issue.reviewed}),
        first_count=len(first),
        first_share=_percent(sum(row.count for row in first), total),
        first_effort=_percent(sum(row.effort.replies for row in first), sum(row.effort.replies for row in rows)),
        span=moved.span,
        week=reading.week,
        rows=rows[:ROWS],
        more=max(0, len(rows) - ROWS),
        moving={"growing": len(moved.growing), "new": len(moved.new), "back": len(moved.back)},
        articles=_articles(reading, rows),
        bugs=_bugs(rows),
        kinds_known=any(issue.kind for issue in issues.values()),
        outside=outside,
        failed=failed,
        left_out=sum(group.count for group in outside) - failed,
        scale=reading.scale,
        partial=trends.ends_early(reading.scale, moved.newest),
        bars=reading.scale.counts(reading.days.values()),
        agreement=summary.bands(reading.log.values()),
    )


def state(issue: Issue) -> str:
    """How far an issue can be relied on, in words that keep a machine's counting apart from a person's checking."""
    if issue.checked_by_person():
        return "checked by a person"
    unsure = sum(ticket in issue.unsure for ticket in issue.tickets)
    seen = "single" if len(issue.tickets) == 1 else SEEN
    return f"{seen}, {unsure} of {len(issue.tickets)} unsure" if unsure else seen


def _rows(reading: Reading) -> list[Row]:
    """Problems by number of tickets, those that state none left out."""
    moving, total = reading.moved.kinds(), sum(len(issue.tickets) for issue in reading.issues.values())
    problems = [issue for issue in reading.issues.values() if issue.tickets and not states_no_problem(issue)]
    ranked = sorted(problems, key=lambda issue: (-len(issue.tickets), sort_key(issue.issue_id)))
    return [_row(reading, issue, moving.get(issue.issue_id, ("", 0)), total) for issue in ranked]


def _row(reading: Reading, issue: Issue, moving: tuple[str, int], total: int) -> Row:
    recent, before = reading.growth(issue)
    counts = reading.scale.counts(reading.days_of(issue))
    said, steps = reading.quotes.get(issue.issue_id), issue.card.resolution_steps
    return Row(
        issue_id=issue.issue_id,
        category=issue.card.category or issue.issue_id,
        area=issue.area,
        kind=issue.kind,
        count=len(issue.tickets),
        share=_percent(len(issue.tickets), total),
        recent=recent,
        before=before,
        moves=moving[0],
        quiet=moving[1],
        bars=tuple(count / max(FULL_BAR, *counts) for count in counts),
        quote=said.text if said else "",
        quote_ticket=said.ticket if said else 0,
        fix=steps[0] if steps else "",
        more_steps=max(0, len(steps) - 1),
        state=state(issue),
        effort=reading.effort(issue),
    )


def _articles(reading: Reading, rows: Sequence[Row]) -> list[Row]:
    """The articles that the weekly letter asks for, and a few more."""
    by_issue = {row.issue_id: row for row in rows}
    return [by_issue[issue.issue_id] for issue, _ in articles(reading.issues, reading.facts)[:SHOWN]]


def _bugs(rows: Sequence[Row]) -> list[Row]:
    """Bugs that came more than once, growing ones first."""
    found = [row for row in rows if row.kind == "bug" and row.count > 1]
    return sorted(found, key=lambda row: (row.moves != "growing", -row.recent, -row.count))[:SHOWN]


def _outside(reading: Reading) -> list[Outside]:
    """Tickets in no issue: those that failed, those that are tried no more, then what was left out by reason, the commonest first."""
    groups: dict[str, list[DecisionRow]] = {FAILED: [], GIVEN_UP: []}
    for row in reading.log.values():
        if row.outcome == "failed":
            groups[GIVEN_UP if row.set_aside else FAILED].append(row)
        elif row.outcome == "ignored":
            why = "a person said to ignore it" if row.decided_by == "person" else row.reason or "no reason given"
            groups.setdefault(f"Left out: {why}", []).append(row)
    trouble = [(title, groups.pop(title)) for title in (FAILED, GIVEN_UP)]
    left_out = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        Outside(title, rows[:MAX_OUTSIDE], len(rows), reading.again(rows) if title in (FAILED, GIVEN_UP) else "")
        for title, rows in (*trouble, *left_out)
        if rows
    ]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
