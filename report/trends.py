"""How tickets spread over time: weeks or months to draw, recent growth, and issues that came back after being quiet.

Days are UTC, `YYYY-MM-DD`. "Recent" counts back from the newest ticket, not from today, so that equal data give an equal page.
"""

import datetime
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from common.times import to_utc

RECENT_DAYS = 28
QUIET_DAYS = 42
MAX_WEEKS = 26
MAX_MONTHS = 36


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


def growth(days: Sequence[str], newest: str) -> tuple[int, int]:
    """Tickets in the last 28 days up to `newest`, and in the 28 days before those.

    >>> growth(["2025-03-01", "2025-02-28", "2025-01-30"], "2025-03-01")
    (2, 1)
    """
    if not _is_day(newest):
        return (0, 0)
    ages = [(_date(newest) - _date(day)).days for day in days if _is_day(day)]
    return (sum(0 <= age < RECENT_DAYS for age in ages), sum(RECENT_DAYS <= age < 2 * RECENT_DAYS for age in ages))


def quiet_before_return(days: Iterable[str], newest: str) -> int:
    """Days without a ticket before an issue came back recently; 0 if it did not, or if the silence was short.

    >>> quiet_before_return(["2025-01-01", "2025-03-20"], "2025-03-25"), quiet_before_return(["2025-03-20"], "2025-03-25")
    (78, 0)
    """
    known = sorted({day for day in days if _is_day(day)})
    gaps = [((_date(later) - _date(earlier)).days, later) for earlier, later in itertools.pairwise(known)]
    recent = [gap for gap, later in gaps if (_date(newest) - _date(later)).days < RECENT_DAYS]
    return max((gap for gap in recent if gap >= QUIET_DAYS), default=0)


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


def _date(day: str) -> datetime.date:
    return datetime.date.fromisoformat(day)


def _is_day(day: str) -> bool:
    return len(day) == 10 and to_utc(day)[:10] == day
