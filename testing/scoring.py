"""How well found issues agree with labels: ACC, NMI, ARI, B-cubed, pairwise precision and recall.

Pure functions over two lists of equal length; items without a found issue must be given one of their own by whoever calls.
Knows no file and no program.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Labels = Sequence[Hashable]


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement of found issues with labels; every number but the two counts lies between 0 and 1 (ARI can fall below 0)."""

    items: int
    labels: int
    found: int
    acc: float
    nmi: float
    ari: float
    b_cubed_precision: float
    b_cubed_recall: float
    pair_precision: float
    pair_recall: float


def scores(found: Labels, gold: Labels) -> Scores:
    """All measures at once. Raises ValueError for lists of different lengths or none.

    >>> result = scores(["a", "a", "b", "b"], [1, 1, 2, 2])
    >>> (result.acc, result.nmi, result.ari)
    (1.0, 1.0, 1.0)
    """
    if len(found) != len(gold) or not gold:
        raise ValueError(f"{len(found)} found issues for {len(gold)} labels")
    table = Counter(zip(found, gold, strict=True))
    rows, columns = Counter(found), Counter(gold)
    precision, recall = _pairs(table, rows, columns)
    return Scores(
        items=len(gold),
        labels=len(columns),
        found=len(rows),
        acc=_accuracy(table, rows, columns) / len(gold),
        nmi=_nmi(table, rows, columns, len(gold)),
        ari=_ari(table, rows, columns, len(gold)),
        b_cubed_precision=sum(count * count / rows[row] for (row, _), count in table.items()) / len(gold),
        b_cubed_recall=sum(count * count / columns[column] for (_, column), count in table.items()) / len(gold),
        pair_precision=precision,
        pair_recall=recall,
    )


def best_matching(gains: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The one-to-one matching of rows to columns with the highest sum of gains (Hungarian method); no more rows than columns.

    >>> best_matching([[5, 9], [1, 8]])
    [(0, 0), (1, 1)]
    """
    rows, columns = len(gains), len(gains[0])
    row_price, column_price = [0] * (rows + 1), [0] * (columns + 1)
    owner = [0] * (columns + 1)  # the row (from 1) that a column is matched to; column 0 stands for the row being placed
    for row in range(1, rows + 1):
        owner[0] = row
        column, came_from = _cheapest_free_column(gains, owner, row_price, column_price)
        while column:
            owner[column] = owner[came_from[column]]
            column = came_from[column]
    return sorted((owner[column] - 1, column - 1) for column in range(1, columns + 1) if owner[column])


def _cheapest_free_column(
    gains: Sequence[Sequence[int]], owner: list[int], row_price: list[int], column_price: list[int]
) -> tuple[int, list[int]]:
    """A free column reached by the cheapest alternating path from column 0, and the path; prices are brought up to date."""
    slack: list[float] = [math.inf] * len(owner)
    came_from, used, column = [0] * len(owner), [False] * len(owner), 0
    while owner[column]:
        used[column] = True
        row, step, nearest = owner[column], math.inf, 0
        for other in range(1, len(owner)):
            if used[other]:
                continue
            cost = -gains[row - 1][other - 1] - row_price[row] - column_price[other]
            if cost < slack[other]:
                slack[other], came_from[other] = cost, column
            if slack[other] < step:
                step, nearest = slack[other], other
        for other in range(len(owner)):
            if used[other]:
                row_price[owner[other]] += int(step)
                column_price[other] -= int(step)
            else:
                slack[other] -= step
        column = nearest
    return column, came_from


def _accuracy(table: Counter[tuple[Hashable, Hashable]], rows: Counter[Hashable], columns: Counter[Hashable]) -> int:
    """Items that are right under the best one-to-one match of found issues to labels."""
    short, long = (list(rows), list(columns)) if len(rows) <= len(columns) else (list(columns), list(rows))
    turned = len(rows) > len(columns)
    gains = [[table[(b, a) if turned else (a, b)] for b in long] for a in short]
    return sum(gains[row][column] for row, column in best_matching(gains))


def _nmi(table: Counter[tuple[Hashable, Hashable]], rows: Counter[Hashable], columns: Counter[Hashable], items: int) -> float:
    """Mutual information over the arithmetic mean of the entropies; 1 when both sides have one group."""
    mean = (_entropy(rows, items) + _entropy(columns, items)) / 2
    if mean == 0:
        return 1.0
    shared = math.fsum(count / items * math.log(items * count / (rows[row] * columns[column])) for (row, column), count in table.items())
    return max(0.0, min(1.0, shared / mean))


def _entropy(counts: Counter[Hashable], items: int) -> float:
    return -math.fsum(count / items * math.log(count / items) for count in counts.values())


def _ari(table: Counter[tuple[Hashable, Hashable]], rows: Counter[Hashable], columns: Counter[Hashable], items: int) -> float:
    """Rand index adjusted for chance (Hubert and Arabie)."""
    together, row_pairs, column_pairs = _pair_count(table), _pair_count(rows), _pair_count(columns)
    all_pairs = math.comb(items, 2)
    expected = row_pairs * column_pairs / all_pairs if all_pairs else 0.0
    most = (row_pairs + column_pairs) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(table: Counter[tuple[Hashable, Hashable]], rows: Counter[Hashable], columns: Counter[Hashable]) -> tuple[float, float]:
    """Of the pairs put together the share that belongs together, and the other way round; 1 where there are no pairs."""
    together, row_pairs, column_pairs = _pair_count(table), _pair_count(rows), _pair_count(columns)
    return (together / row_pairs if row_pairs else 1.0), (together / column_pairs if column_pairs else 1.0)


def _pair_count(counts: Counter[Hashable] | Counter[tuple[Hashable, Hashable]]) -> int:
    return sum(math.comb(count, 2) for count in counts.values())
