"""Words and vectors together, and words alone when vectors fail."""

import logging
from collections.abc import Sequence

import pytest

from clustering.vectors import FusedIndex, Vector

TOPICS = {"kettle": [1.0, 0.0, 0.0], "boiler": [0.98, 0.2, 0.0], "scale": [0.0, 1.0, 0.0], "box": [0.0, 0.0, 1.0]}


def embed_by_topic(texts: Sequence[str]) -> list[Vector]:
    return [next((vector for word, vector in TOPICS.items() if word in text), [0.5, 0.5, 0.5]) for text in texts]


def filled(index: FusedIndex) -> FusedIndex:
    for number, (issue, text) in enumerate(
        {"ISSUE-1": "my kettle is dead", "ISSUE-2": "the scale drifts", "ISSUE-3": "box leaks"}.items(), 1
    ):
        index.put_card(issue, "")
        index.put_ticket(number, issue, subject="", text=text)
    return index


def test_a_ticket_without_a_common_word_is_found_by_its_vector() -> None:
    assert filled(FusedIndex(embed_by_topic)).search(subject="", text="boiler broken", k=1) == ["ISSUE-1"]


def test_the_asking_ticket_does_not_find_its_own_issue_by_its_vector() -> None:
    found = filled(FusedIndex(embed_by_topic))._nearest_centroids([1.0, 0.0, 0.0], 3, 1)
    assert "ISSUE-1" not in found


def test_a_moved_issue_is_found_under_its_new_id() -> None:
    index = filled(FusedIndex(embed_by_topic))
    index.move_issue("ISSUE-1", "ISSUE-2")
    assert "ISSUE-1" not in index.search(subject="", text="boiler", k=3)


def test_a_dropped_issue_is_gone_from_both_rankings() -> None:
    index = filled(FusedIndex(embed_by_topic))
    index.drop_issue("ISSUE-1")
    assert "ISSUE-1" not in index.search(subject="", text="kettle boiler", k=3)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([None], id="no-embeddings"),
        pytest.param([[[1.0, 0.0]], [[1.0, 0.0, 0.0]]], id="another-length"),
        pytest.param([[[float("nan"), 0.0]]], id="nan"),
    ],
)
def test_vectors_that_cannot_be_used_leave_the_words_and_are_named_once(
    answers: list[list[Vector] | None], caplog: pytest.LogCaptureFixture
) -> None:
    given = iter(answers)
    index = FusedIndex(lambda _texts: next(given))
    with caplog.at_level(logging.WARNING):
        filled(index)
        assert index.search(subject="", text="the scale drifts", k=1) == ["ISSUE-2"]
    assert len([record for record in caplog.records if "vectors cannot be used" in record.message]) == 1


def test_many_expected_texts_are_asked_for_in_one_call() -> None:
    calls: list[int] = []

    def counted(texts: Sequence[str]) -> list[Vector]:
        calls.append(len(texts))
        return embed_by_topic(texts)

    index = FusedIndex(counted)
    index.expect(["a kettle", "a scale", "a kettle"])
    index.put_ticket(1, "ISSUE-1", subject="a kettle", text="")
    assert calls[0] == 2
