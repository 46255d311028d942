"""How often people kept what the model decided, by how sure it was: a calibration table from reviewed tickets.

Counts what the decision log holds. Judges nothing and changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from decision_log import DecisionRow

_LOWER_EDGES = (0.9, 0.8, 0.7, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class Band:
    """Reviewed tickets whose confidence was `low` and up, below the next band; `kept` of `total` stand where the model meant them."""

    low: float
    kept: int
    total: int

    @property
    def name(self) -> str:
        """The band's range in words."""
        return f"{self.low} and up" if self.low else f"below {_LOWER_EDGES[-2]}"

    def __str__(self) -> str:
        return f"{self.name}: {self.kept} of {self.total} kept"


def bands(rows: Iterable[DecisionRow]) -> list[Band]:
    """The bands in which people reviewed anything, the surest first.

    >>> review = {"review": {"model_was_right": True}}
    >>> [str(band) for band in bands([DecisionRow(1, "ISSUE-1", "reviewed", 0.95, decided_by="person", extra=review)])]
    ['0.9 and up: 1 of 1 kept']
    """
    counts = {low: [0, 0] for low in _LOWER_EDGES}
    for row in rows:
        review = row.extra.get("review")
        if isinstance(review, dict) and isinstance(review.get("model_was_right"), bool) and row.confidence is not None:
            low = next(edge for edge in _LOWER_EDGES if row.confidence >= edge)
            counts[low][0] += review["model_was_right"]
            counts[low][1] += 1
    return [Band(low, kept, total) for low, (kept, total) in counts.items() if total]
