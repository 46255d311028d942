"""Issues by vectors: equal rankings whatever the order, batch or machine, and words alone when vectors fail."""

import logging
import random
from collections.abc import Sequence

import pytest

from clustering.candidates import best
from clustering.vectors import IssueVectors

TOPICS = {"kettle": [1.0, 0.0, 0.0], "boiler": [0.98, 0.2, 0.0], "scale": [0.0, 1.0, 0.0], "box": [0.0, 0.0, 1.0]}
SAID = {"ISSUE-1": "my kettle is dead", "ISSUE-2": "the scale drifts", "ISSUE-3": "box leaks"}


def by_topic(texts: Sequence[str]) -> list[list[float]]:
    return [next((vector for word, vector in TOPICS.items() if word in text), [0.5, 0.5, 0.5]) for text in texts]


def ranked(index: IssueVectors, text: str, count: int, *, without: tuple[str, int] = ("", 0)) -> list[str]:
    return best(index.scores(text, without=without), count)


@pytest.fixture
def index() -> IssueVectors:
    index = IssueVectors(by_topic)
    for number, (issue, text) in enumerate(SAID.items(), 1):
        index.put(issue, {number: text}, keys=[number])
    return index


def test_a_ticket_without_a_common_word_is_found_by_its_vector(index: IssueVectors) -> None:
    assert ranked(index, "boiler broken", 2) == ["ISSUE-1", "ISSUE-2"]


def test_an_issues_own_text_does_not_count_where_it_is_asked_about(index: IssueVectors) -> None:
    index.put("ISSUE-1", {9: "box"}, keys=[1, 9])
    assert ranked(index, "kettle", 1) == ["ISSUE-1"]
    assert ranked(index, "boiler", 1, without=("ISSUE-1", 1)) == ["ISSUE-2"]
    assert ranked(index, "box", 3, without=("ISSUE-3", 3)) == ["ISSUE-1"]


def test_a_text_that_is_not_kept_is_gone_and_so_is_an_issue_without_texts(index: IssueVectors) -> None:
    index.put("ISSUE-1", {9: "box"}, keys=[9])
    assert ranked(index, "boiler", 1) == ["ISSUE-2"]
    index.put("ISSUE-1", {}, keys=[])
    assert ranked(index, "box", 3) == ["ISSUE-3"]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([None], id="no-embeddings"),
        pytest.param([[]], id="too-few"),
        pytest.param([[[1.0, 0.0]], [[1.0, 0.0, 0.0]]], id="another-length"),
        pytest.param([[[float("nan"), 0.0]]], id="nan"),
    ],
)
def test_vectors_that_cannot_be_used_are_named_once_and_there_is_no_ranking(
    answers: list[list[list[float]] | None], caplog: pytest.LogCaptureFixture
) -> None:
    given = iter(answers)
    index = IssueVectors(lambda _texts: next(given))
    with caplog.at_level(logging.WARNING):
        for number, text in enumerate(SAID.values()):
            index.put("ISSUE-1", {number: text}, keys=[number])
        assert ranked(index, "the scale turns", 1) == []
    assert not index.usable
    assert len([record for record in caplog.records if "vectors cannot be used" in record.message]) == 1


def test_many_expected_texts_are_asked_for_in_one_call() -> None:
    calls: list[int] = []

    def counted(texts: Sequence[str]) -> list[list[float]]:
        calls.append(len(texts))
        return by_topic(texts)

    index = IssueVectors(counted)
    index.expect(["a kettle", "a scale", "a kettle"])
    index.put("ISSUE-1", {1: "a kettle", 2: "a scale"}, keys=[1, 2])
    assert calls == [2]


def test_noise_of_batches_and_the_order_of_texts_change_no_ranking() -> None:
    """A batch moves a vector's numbers by about 1e-7; here by more, but by less than what is rounded away."""
    draw = random.Random(7)
    clean = {f"text {n}": [round(draw.uniform(-1, 1), 2) for _ in range(8)] for n in range(80)}
    rankings = []
    for noise in (0.0, 2e-8):
        shuffle = random.Random(noise)

        def noisy(texts: Sequence[str], noise: float = noise, shuffle: random.Random = shuffle) -> list[list[float]]:
            return [[value + shuffle.uniform(-noise, noise) for value in clean[text]] for text in texts]

        index = IssueVectors(noisy)
        names = [f"ISSUE-{n}" for n in range(1, 20)]
        shuffle.shuffle(names)
        for name in names:
            texts = [(n, f"text {n}") for n in range(60) if n % 19 + 1 == int(name.removeprefix("ISSUE-"))]
            index.put(name, dict(texts[:: -1 if noise else 1]), keys=[n for n, _ in texts])
        rankings.append([ranked(index, f"text {n}", 19) for n in range(60, 80)])
    assert rankings[0] == rankings[1]
