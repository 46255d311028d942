"""How tickets spread over time: weeks or months to draw, and which issues grow, are new, or came back after being quiet.

Days are UTC, `YYYY-MM-DD`. "Recent" counts back from the newest ticket, not from today, so that equal data give an equal page.
"""

import datetime
import functools
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from common.times import to_utc
from knowledge.decision import DecisionRow
from knowledge.issue import Issue, sort_key

RECENT_DAYS = 28
QUIET_DAYS = 42
MAX_WEEKS = 26
MAX_MONTHS = 36
WEEK_DAYS = 7
GROWN_TICKETS = 3
"""Fewer recent tickets than this are no growth, whatever stood before."""
GROWN_DEVIATIONS = 1.0
"""The difference, in standard deviations of two Poisson counts, from which growth is more than chance would often show."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The bars of a picture: all weeks (by their Monday) or months (by their first day) from first to last, none left out."""

    unit: Literal["week", "month"]
    starts: tuple[str, ...]

    def counts(self, days: Iterable[str]) -> list[int]:
        """How many of the days fall under each bar; days before the first bar are not drawn.

        >>> Scale("month", ("2025-01-01", "2025-02-01")).counts(["2025-02-03", "2025-02-28", "2024-12-31"])
        [0, 2]
        """
        counted = Counter(_start(day, self.unit) for day in days if _is_day(day))
        return [counted[start] for start in self.starts]


def scale(days: Iterable[str]) -> Scale:
    """Weeks for up to half a year of days, months beyond, at most the last three years of them.

    >>> scale(["2025-01-08", "2025-01-20"])
    Scale(unit='week', starts=('2025-01-06', '2025-01-13', '2025-01-20'))
    """
    known = [day for day in days if _is_day(day)]
    if not known:
        return Scale("week", ())
    weeks = _steps(min(known), max(known), "week", limit=MAX_WEEKS + 1)
    if len(weeks) <= MAX_WEEKS:
        return Scale("week", weeks)
    return Scale("month", _steps(min(known), max(known), "month", limit=MAX_MONTHS))


def ends_early(drawn: Scale, newest: str) -> bool:
    """True when the last bar stands for a week or month that the newest day is not the end of.

    >>> ends_early(Scale("month", ("2025-02-01",)), "2025-02-28"), ends_early(Scale("month", ("2025-02-01",)), "2025-02-05")
    (False, True)
    """
    if not drawn.starts or not _is_day(newest) or newest == "9999-12-31":
        return False
    return _start((_date(newest) + datetime.timedelta(days=1)).isoformat(), drawn.unit) == drawn.starts[-1]


def growth(days: Sequence[str], newest: str, *, span: int = RECENT_DAYS) -> tuple[int, int]:
    """Tickets in the last `span` days up to `newest`, and in as many days before those.

    >>> growth(["2025-03-01", "2025-02-28", "2025-01-30"], "2025-03-01")
    (2, 1)
    """
    if not _is_day(newest):
        return (0, 0)
    ages = [(_date(newest) - _date(day)).days for day in days if _is_day(day)]
    return (sum(0 <= age < span for age in ages), sum(span <= age < 2 * span for age in ages))


def quiet_before_return(days: Iterable[str], newest: str, *, span: int = RECENT_DAYS) -> int:
    """Days without a ticket before an issue came back within `span`; 0 if it did not, or if the silence was none.

    It takes six weeks, twice what was usual between its tickets before, and two tickets before: one alone makes no habit.

    >>> quiet_before_return(["2025-01-01", "2025-01-04", "2025-03-20"], "2025-03-25"), quiet_before_return(["2025-03-20"], "2025-03-25")
    (75, 0)
    """
    known = sorted(day for day in days if _is_day(day))
    gaps = [(_date(later) - _date(earlier)).days for earlier, later in itertools.pairwise(known)]
    recent = [place for place in range(1, len(gaps)) if (_date(newest) - _date(known[place + 1])).days < span]
    silent = [gaps[place] for place in recent if gaps[place] >= max(QUIET_DAYS, 2 * statistics.median(gaps[:place]))]
    return max(silent, default=0)


@dataclass(frozen=True, slots=True)
class Moved:
    """An issue that moves: its tickets in the last days and in as many days before, and how long it had been quiet, in days."""

    issue: Issue
    recent: int
    before: int
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved in the last `days` days before `newest`, the most tickets first. An issue stands in one of the lists at most."""

    newest: str
    days: int
    growing: tuple[Moved, ...] = ()
    new: tuple[Moved, ...] = ()
    back: tuple[Moved, ...] = ()

    @property
    def span(self) -> str:
        """How long the days are that moved, in words."""
        return "four weeks" if self.days > WEEK_DAYS else "week"

    def kinds(self) -> dict[str, tuple[str, int]]:
        """For each issue that moves which list it stands in, and its quiet days."""
        return {one.issue.issue_id: (kind, one.quiet) for kind in ("growing", "new", "back") for one in getattr(self, kind)}


def movement(issues: Mapping[str, Issue], days: Mapping[int, str]) -> Movement:
    """Issues that grow, are new or came back, by the days of their tickets and by nothing that a run does.

    Four weeks against the four before; one week against the one before while all there is is younger than eight weeks. Nothing is new in
    data that begins within the span itself.
    """
    newest, oldest = max(days.values(), default=""), min(days.values(), default="")
    if not newest or (_date(newest) - _date(oldest)).days < WEEK_DAYS:
        return Movement(newest, WEEK_DAYS)
    span = RECENT_DAYS if (_date(newest) - _date(oldest)).days >= 2 * RECENT_DAYS else WEEK_DAYS
    found: dict[str, list[Moved]] = {"growing": [], "new": [], "back": []}
    for issue in issues.values():
        if issue.held_back is not None:  # a doubt of its own, and no problem yet that could move
            continue
        own = days_of(issue, days)
        one = Moved(issue, *growth(own, newest, span=span), quiet_before_return(own, newest, span=span))
        if kind := _kind(one, own, newest, span):
            found[kind].append(one)
    ranked = {kind: sorted(moved, key=lambda one: (-one.recent, one.before, sort_key(one.issue.issue_id))) for kind, moved in found.items()}
    return Movement(newest, span, tuple(ranked["growing"]), tuple(ranked["new"]), tuple(ranked["back"]))


def grows(recent: int, before: int) -> bool:
    """True when more tickets came than before and chance would not often do that.

    >>> grows(6, 2), grows(2, 0), grows(11, 9)
    (True, False, False)
    """
    return recent >= GROWN_TICKETS and recent - before >= GROWN_DEVIATIONS * math.sqrt(recent + before)


def ticket_days(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> dict[int, str]:
    """The UTC day of each ticket in an issue, from the decision log, for a lone ticket also from its issue; unknown ones are missing."""
    days: dict[int, str] = {}
    for issue in issues.values():
        for ticket in issue.tickets:
            row = log.get(ticket)
            known = row.created_at if row and to_utc(row.created_at) else issue.first_seen if len(issue.tickets) == 1 else ""
            if to_utc(known):
                days[ticket] = to_utc(known)[:10]
    return days


def days_of(issue: Issue, days: Mapping[int, str]) -> list[str]:
    """Days of an issue's tickets, as far as they are known."""
    return [days[ticket] for ticket in issue.tickets if ticket in days]


def came_days(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> dict[int, str]:
    """As `ticket_days`, and the day of each ticket that came in and stands in no issue: the week ends with the newest of all."""
    outside = {ticket: to_utc(row.created_at)[:10] for ticket, row in log.items() if to_utc(row.created_at)}
    return outside | ticket_days(issues, log)


def _kind(one: Moved, own: Sequence[str], newest: str, span: int) -> str:
    if not one.recent:
        return ""
    first = min([*own, *([one.issue.first_seen] if _is_day(one.issue.first_seen) else [])])
    if (_date(newest) - _date(first)).days < span:
        return "new"
    return "back" if one.quiet else "growing" if grows(one.recent, one.before) else ""


def _steps(first: str, last: str, unit: Literal["week", "month"], *, limit: int) -> tuple[str, ...]:
    """Starts of the last `limit` weeks or months up to `last`, none before `first`."""
    start = _start(last, unit)
    starts: list[str] = []
    while len(starts) < limit and start >= _start(first, unit):
        starts.append(start)
        if start <= "0001-02":
            break
        start = _start((_date(start) - datetime.timedelta(days=1)).isoformat(), unit)
    return tuple(reversed(starts))


def _start(day: str, unit: Literal["week", "month"]) -> str:
    if unit == "month":
        return day[:8] + "01"
    date = _date(day)
    return (date - datetime.timedelta(days=min(date.weekday(), date.toordinal() - 1))).isoformat()


@functools.lru_cache(maxsize=65_536)  # many tickets, few days
def _date(day: str) -> datetime.date:
    return datetime.date.fromisoformat(day)


@functools.lru_cache(maxsize=65_536)
def _is_day(day: str) -> bool:
    return len(day) == 10 and to_utc(day)[:10] == day
