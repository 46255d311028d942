"""A search query narrowed: to days of creation or update, and to values of fields. Writes Freshdesk's language and asks nothing."""

import datetime
from dataclasses import dataclass, replace

MAX_QUERY_CHARS = 512
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayBounds:
    """How far beside a day its bounds must be written: documented is that `:>` includes its day, not whether `:<` does."""

    before: int = -1
    after: int = 1


# Tightest first: whatever shows the tickets of a day is right.
DAY_BOUNDS = (DayBounds(0, 0), DayBounds(0, 1), DayBounds(-1, 1))


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a query's matches created from `first` to `last`, both included, under further conditions."""

    query: str
    first: datetime.date
    last: datetime.date
    bounds: DayBounds
    conditions: tuple[str, ...] = ()

    def text(self) -> str:
        """The narrowed query in Freshdesk's language."""
        start, end = self.first + self.bounds.before * DAY, self.last + self.bounds.after * DAY
        return " AND ".join((f"({self.query})", f"created_at:>'{start}'", f"created_at:<'{end}'", *self.conditions))

    def name(self) -> str:
        """What a person would call it."""
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return " ".join((days, *self.conditions))

    def halves(self) -> "tuple[Window, Window]":
        """The later and the earlier half."""
        middle = self.first + (self.last - self.first) // 2
        return replace(self, first=middle + DAY), replace(self, last=middle)

    def narrowed(self, *conditions: str) -> "Window":
        """The same days under more conditions."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def updated(self, first: datetime.date, last: datetime.date) -> "Window":
        """The same days, of what was updated from `first` to `last`, both included."""
        start, end = first + self.bounds.before * DAY, last + self.bounds.after * DAY
        return self.narrowed(f"updated_at:>'{start}'", f"updated_at:<'{end}'")

    def is_short(self) -> bool:
        """Whether the API takes a query of this length, its quotes included."""
        return len(self.text()) + 2 <= MAX_QUERY_CHARS


def query_condition(name: str, value: object) -> str | None:
    """One condition of the query language; None for text that it has no way to write.

    >>> query_condition("priority", 2), query_condition("type", None), query_condition("type", "How to"), query_condition("type", "it's")
    ('priority:2', 'type:null', "type:'How to'", None)
    """
    if value is None:
        return f"{name}:null"
    if isinstance(value, str):
        return None if set(value) & set("'\"\\") else f"{name}:'{value}'"
    return f"{name}:{value}"
