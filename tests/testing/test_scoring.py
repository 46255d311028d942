"""The measures agree with worked examples and, where it is installed, with scikit-learn."""

import random

import pytest

from testing.scoring import best_matching, scores


@pytest.mark.parametrize(
    ("found", "gold", "expected"),
    [
        pytest.param("aabb", "xxyy", {"acc": 1, "nmi": 1, "ari": 1, "pair_precision": 1, "pair_recall": 1}, id="other names"),
        pytest.param("abcd", "xxyy", {"acc": 0.5, "ari": 0, "pair_precision": 1, "pair_recall": 0, "found": 4}, id="all apart"),
        pytest.param("aaaa", "xxyy", {"acc": 0.5, "nmi": 0, "ari": 0, "pair_precision": 1 / 3, "pair_recall": 1}, id="all together"),
        pytest.param(
            "aaab", "xxyy", {"acc": 0.75, "pair_precision": 1 / 3, "pair_recall": 0.5, "b_cubed_precision": 2 / 3}, id="one wrong"
        ),
        pytest.param("a", "x", {"acc": 1, "nmi": 1, "ari": 1, "b_cubed_recall": 1}, id="one item"),
    ],
)
def test_worked_examples(found: str, gold: str, expected: dict[str, float]) -> None:
    result = scores(found, gold)
    assert {name: getattr(result, name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn checks our own code where it is installed")
    optimize = pytest.importorskip("scipy.optimize", reason="scipy checks our own code where it is installed")
    draw = random.Random(seed)
    found = [draw.randrange(1 + seed) for _ in range(60)]
    gold = [draw.randrange(12 - seed) for _ in range(60)]
    result = scores(found, gold)
    assert result.ari == pytest.approx(metrics.adjusted_rand_score(gold, found))
    assert result.nmi == pytest.approx(metrics.normalized_mutual_info_score(gold, found))
    table = metrics.cluster.contingency_matrix(gold, found)
    rows, columns = optimize.linear_sum_assignment(-table)
    assert result.acc == pytest.approx(table[rows, columns].sum() / 60)


def test_the_matching_is_one_to_one_when_the_best_column_is_wanted_twice() -> None:
    assert best_matching([[9, 8, 0], [9, 1, 0]]) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(("found", "gold"), [("ab", "a"), ("", "")], ids=["different lengths", "nothing"])
def test_lists_that_do_not_fit_are_refused(found: str, gold: str) -> None:
    with pytest.raises(ValueError, match="found issues for"):
        scores(found, gold)
