"""Pairs of lookalikes gathered into a few small groups, so that one question covers many pairs.

Pure and deterministic. Knows no issue, no model, and not whether a group belongs together: that is what the question asks.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

from knowledge.issue import sort_key

Pair = frozenset[str]


def question_groups(
    pairs: Sequence[tuple[str, str, float]], *, size: int, may_meet: Callable[[str, str], bool] = lambda _first, _second: True
) -> list[list[str]]:
    """Groups of at most `size` ids that cover every pair (two ids and their likeness), the likeliest pairs first.

    A group starts with the best pair that no group covers yet and takes in, one by one, the id with the most likeness to those in it.
    Ids of a group need not all be alike, but every two of them `may_meet`.

    >>> question_groups([("a", "b", 0.9), ("b", "c", 0.5), ("d", "e", 0.4)], size=3)
    [['a', 'b', 'c'], ['d', 'e']]
    """
    likeness = {frozenset((first, second)): score for first, second, score in pairs}
    near: dict[str, set[str]] = {}
    for first, second, _ in pairs:
        near.setdefault(first, set()).add(second)
        near.setdefault(second, set()).add(first)
    groups: list[list[str]] = []
    for first, second, _ in sorted(pairs, key=lambda pair: (-pair[2], sort_key(pair[0]), sort_key(pair[1]))):
        if frozenset((first, second)) not in likeness:
            continue
        group = [first, second]
        while len(group) < size and (other := _best_addition(group, near, likeness, may_meet)):
            group.append(other)
        for covered in itertools.combinations(group, 2):
            likeness.pop(frozenset(covered), None)
        groups.append(group)
    return groups


def _best_addition(
    group: Sequence[str], near: Mapping[str, set[str]], likeness: Mapping[Pair, float], may_meet: Callable[[str, str], bool]
) -> str | None:
    """The id outside the group that has most likeness to it in pairs not covered yet; None if there is no such pair."""
    gains: dict[str, float] = {}
    for member in group:
        for other in near[member] - set(group):
            score = likeness.get(frozenset((member, other)))
            if score is not None:
                gains[other] = gains.get(other, 0.0) + score
    fitting = (name for name in gains if all(may_meet(name, member) for member in group))
    return min(fitting, key=lambda name: (-round(gains[name], 6), sort_key(name)), default=None)
