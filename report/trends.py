"""How tickets spread over time: weeks or months to draw, and which issues grow, are new, or came back after being quiet.

Days are UTC, `YYYY-MM-DD`. "Recent" counts back from the newest ticket, not from today, so that equal data give an equal page.
"""

import calendar
import datetime
import functools
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from common.text import counted
from common.times import to_utc
from knowledge.decision import DecisionRow
from knowledge.issue import Issue, sort_key

Unit = Literal["week", "month"]
RECENT_DAYS = 28
QUIET_DAYS = 42
MOST_BARS: Mapping[Unit, int] = {"week": 26, "month": 36}
WEEK_DAYS = 7
GROWN_TICKETS = 3
"""Fewer recent tickets than this are no growth, whatever stood before."""
GROWN_DEVIATIONS = 1.0
"""The difference, in standard deviations of two Poisson counts, from which growth is more than chance would often show."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The bars of a picture: all weeks (by their Monday) or months (by their first day) from first to last, none left out.

    `partial`: the newest day is not the end of the last bar's week or month.
    """

    unit: Unit = "week"
    starts: tuple[str, ...] = ()
    partial: bool = False

    def counts(self, days: Iterable[str]) -> list[int]:
        """How many of the days fall under each bar; days before the first bar are not drawn.

        >>> Scale("month", ("2025-01-01", "2025-02-01")).counts(["2025-02-03", "2025-02-28", "2024-12-31"])
        [0, 2]
        """
        found = Counter(_number(day, self.unit) for day in days)
        return [found[_number(start, self.unit)] for start in self.starts]


def scale(days: Collection[str]) -> Scale:
    """Weeks for up to half a year of days, months beyond, at most the last three years of them.

    >>> scale(["2025-01-08", "2025-01-20"])
    Scale(unit='week', starts=('2025-01-06', '2025-01-13', '2025-01-20'), partial=True)
    """
    if not days:
        return Scale()
    first, last = min(days), max(days)
    unit: Unit = "week" if len(bars(first, last, "week")) <= MOST_BARS["week"] else "month"
    date = datetime.date.fromisoformat(last)
    ends = date.weekday() == 6 if unit == "week" else date.day == calendar.monthrange(date.year, date.month)[1]
    return Scale(unit, bars(first, last, unit)[-MOST_BARS[unit] :], partial=not ends)


def bars(first: str, last: str, unit: Unit) -> tuple[str, ...]:
    """First days of all weeks or months from the one of day `first` to the one of day `last`.

    >>> bars("2024-12-31", "2025-01-02", "month"), bars("2024-12-31", "2025-01-02", "week")
    (('2024-12-01', '2025-01-01'), ('2024-12-30',))
    """
    numbers = range(_number(first, unit), _number(last, unit) + 1)
    if unit == "week":
        return tuple(datetime.date.fromordinal(7 * number + 1).isoformat() for number in numbers)
    return tuple(f"{number // 12:04}-{number % 12 + 1:02}-01" for number in numbers)


@functools.lru_cache(maxsize=65_536)  # many tickets, few days
def _number(day: str, unit: Literal["day", "week", "month"]) -> int:
    """A day, week (from Monday) or month as a number; each is one more than the one before."""
    date = datetime.date.fromisoformat(day)
    if unit == "month":
        return date.year * 12 + date.month - 1
    return date.toordinal() if unit == "day" else (date.toordinal() - 1) // 7


def _days_between(earlier: str, later: str) -> int:
    return _number(later, "day") - _number(earlier, "day")


def growth(days: Iterable[str], newest: str, *, span: int) -> tuple[int, int]:
    """Tickets in the last `span` days up to `newest`, and in as many days before those.

    >>> growth(["2025-03-01", "2025-02-28", "2025-01-30"], "2025-03-01", span=28)
    (2, 1)
    """
    ages = [_days_between(day, newest) for day in days]
    return (sum(0 <= age < span for age in ages), sum(span <= age < 2 * span for age in ages))


def quiet_before_return(days: Iterable[str], newest: str, *, span: int) -> int:
    """Days without a ticket before an issue came back within `span`; 0 if it did not, or if the silence was none.

    It takes six weeks, twice what was usual between its tickets before, and two tickets before: one alone makes no habit.

    >>> quiet_before_return(["2025-01-01", "2025-01-04", "2025-03-20"], "2025-03-25", span=28)
    75
    """
    known = sorted(days)
    gaps = [_days_between(earlier, later) for earlier, later in itertools.pairwise(known)]
    recent = [place for place in range(1, len(gaps)) if _days_between(known[place + 1], newest) < span]
    silent = [gaps[place] for place in recent if gaps[place] >= max(QUIET_DAYS, 2 * statistics.median(gaps[:place]))]
    return max(silent, default=0)


def grows(recent: int, before: int) -> bool:
    """True when more tickets came than before and chance would not often do that.

    >>> grows(6, 2), grows(2, 0), grows(11, 9)
    (True, False, False)
    """
    return recent >= GROWN_TICKETS and recent - before >= GROWN_DEVIATIONS * math.sqrt(recent + before)


@dataclass(frozen=True, slots=True)
class Move:
    """An issue's tickets in the last days and in as many days before; what that makes it: `growing`, `new`, `back` after `quiet` days,
    or "" for none of these."""

    issue: Issue
    recent: int
    before: int
    quiet: int = 0
    kind: Literal["", "growing", "new", "back"] = ""

    @property
    def arrow(self) -> Literal["", "up", "down"]:
        """Up or down against the days before, "" where the numbers are too small to tell; what is new or back is told as that."""
        if grows(self.recent, self.before):
            return "" if self.kind in ("new", "back") else "up"
        return "down" if grows(self.before, self.recent) else ""


@dataclass(frozen=True, slots=True)
class Trends:
    """How all tickets spread: by ticket the day of each in an issue (`days`) and of each that `came` at all, as far as they are known; the
    bars to draw; what each issue did in the last `span` up to `newest`, by its id."""

    days: Mapping[int, str]
    came: Mapping[int, str]
    newest: str
    span: Literal["four weeks", "week"]
    scale: Scale
    moves: Mapping[str, Move]

    def of(self, kind: str) -> list[Move]:
        """Issues that are `growing`, `new` or `back`, the most tickets first; each is one of these at most."""
        found = [move for move in self.moves.values() if move.kind == kind]
        return sorted(found, key=lambda move: (-move.recent, move.before, sort_key(move.issue.issue_id)))

    def remark(self, move: Move) -> str:
        """What an issue did, in words."""
        if move.kind == "back":
            return f"after {move.quiet} quiet days"
        return counted(move.recent) if move.kind == "new" else f"{move.recent} in the last {self.span}, {move.before} before"

    def days_of(self, issue: Issue) -> list[str]:
        """Days of an issue's tickets, as far as they are known."""
        return [self.days[ticket] for ticket in issue.tickets if ticket in self.days]


def read_trends(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> Trends:
    """What grows, is new or came back, by the days of tickets and by nothing that a run does.

    Four weeks against the four before; one week against the one before while all there is is younger than eight weeks. Nothing moves in
    data of less than a week, and nothing is new in data that begins within the span itself. The time ends with the newest ticket, whether
    it stands in an issue or not.
    """
    came = _days(log)
    days = _placed(issues, came)
    came |= days
    newest = max(came.values(), default="")
    age = _days_between(min(came.values()), newest) if came else 0
    span = RECENT_DAYS if age >= 2 * RECENT_DAYS else WEEK_DAYS
    moves: dict[str, Move] = {}
    for name, issue in issues.items():
        own = [days[ticket] for ticket in issue.tickets if ticket in days]
        moves[name] = _move(issue, own, newest, span=span, judged=age >= WEEK_DAYS)
    return Trends(days, came, newest, "four weeks" if span == RECENT_DAYS else "week", scale(came.values()), moves)


def _move(issue: Issue, own: Sequence[str], newest: str, *, span: int, judged: bool) -> Move:
    recent, before = growth(own, newest, span=span)
    if not (judged and recent) or issue.held_back is not None:  # held back: a doubt of its own, and no problem yet that could move
        return Move(issue, recent, before)
    first = min(*own, to_utc(issue.first_seen)[:10] or newest)
    if _days_between(first, newest) < span:
        return Move(issue, recent, before, kind="new")
    quiet = quiet_before_return(own, newest, span=span)
    return Move(issue, recent, before, quiet, kind="back" if quiet else "growing" if grows(recent, before) else "")


def ticket_days(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> dict[int, str]:
    """The UTC day of each ticket in an issue, from the decision log, for a lone ticket also from its issue; unknown ones are missing."""
    return _placed(issues, _days(log))


def _days(log: Mapping[int, DecisionRow]) -> dict[int, str]:
    return {ticket: day for ticket, row in log.items() if (day := to_utc(row.created_at)[:10])}


def _placed(issues: Mapping[str, Issue], came: Mapping[int, str]) -> dict[int, str]:
    days: dict[int, str] = {}
    for issue in issues.values():
        lone = to_utc(issue.first_seen)[:10] if len(issue.tickets) == 1 else ""
        days |= {ticket: day for ticket in issue.tickets if (day := came.get(ticket) or lone)}
    return days
