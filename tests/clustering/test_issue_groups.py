"""Groups for the question about lookalikes: small, few, and every pair is in one of them."""

import itertools
import random

import pytest

from clustering.issue_groups import question_groups


@pytest.mark.parametrize(
    ("pairs", "size", "expected"),
    [
        pytest.param([], 4, [], id="nothing"),
        pytest.param([("a", "b", 0.9)], 4, [["a", "b"]], id="one pair"),
        pytest.param([("a", "b", 0.2), ("c", "d", 0.9)], 4, [["c", "d"], ["a", "b"]], id="likeliest first"),
        pytest.param([("a", "b", 0.9), ("b", "c", 0.5), ("b", "d", 0.6)], 3, [["a", "b", "d"], ["b", "c"]], id="full group"),
        pytest.param([("b", "a", 0.5), ("c", "d", 0.5)], 2, [["b", "a"], ["c", "d"]], id="ties go by the order of ids"),
        pytest.param(
            [("a", "b", 0.9), ("a", "c", 0.4), ("b", "c", 0.4), ("a", "d", 0.5)], 3, [["a", "b", "c"], ["a", "d"]], id="sum of likeness"
        ),
    ],
)
def test_groups_of_pairs(pairs: list[tuple[str, str, float]], size: int, expected: list[list[str]]) -> None:
    assert question_groups(pairs, size=size) == expected


@pytest.mark.parametrize("seed", range(5))
def test_every_pair_is_covered_and_the_order_of_pairs_does_not_matter(seed: int) -> None:
    draw = random.Random(seed)
    names = [f"ISSUE-{number}" for number in range(40)]
    drawn = [(draw.sample(names, 2), round(draw.random(), 1)) for _ in range(120)]
    unique = {frozenset(two): (two[0], two[1], likeness) for two, likeness in drawn}
    pairs = list(unique.values())
    groups = question_groups(pairs, size=6)
    covered = {frozenset(two) for group in groups for two in itertools.combinations(group, 2)}
    assert set(unique) <= covered
    assert all(2 <= len(set(group)) == len(group) <= 6 for group in groups)
    assert len(groups) < len(pairs) / 2
    draw.shuffle(pairs)
    assert [set(group) for group in question_groups(pairs, size=6)] == [set(group) for group in groups]
