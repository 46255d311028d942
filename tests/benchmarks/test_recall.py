"""Measuring recall: what is found by words alone, and that the sentences in other languages are whole."""

import json
from pathlib import Path

import pytest

from benchmarks import recall
from testing.synthetic import synthetic_set


def test_recall_grows_with_what_is_offered_and_few_issues_are_all_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = synthetic_set(tmp_path / "made-up.jsonl", 300, 60)
    found = recall.of_set(data)
    assert 0.5 < found[0] <= found[1] <= found[2] <= found[3] <= 1
    assert found[3] > 0.97
    few = synthetic_set(tmp_path / "few.jsonl", 60, 10)
    assert recall.of_set(few)[2:] == [1, 1, 1]
    assert recall.main([str(tmp_path / "few.jsonl"), "--orders", "2"]) == 0
    assert "few" in capsys.readouterr().out


def test_every_topic_is_said_in_ten_languages_besides_english() -> None:
    topics = json.loads(recall.SENTENCES.read_text(encoding="utf-8"))
    assert len(topics) > max(12, recall.KS[2])
    assert all(len(said.keys() - {"en"}) == 10 and len(set(map(str, said.values()))) == 11 for said in topics.values())


def test_words_alone_do_not_find_other_languages_and_vectors_that_know_them_do() -> None:
    """The vectors here know the sentences by heart; those of the local model are measured in tests/promises."""
    topics = json.loads(recall.SENTENCES.read_text(encoding="utf-8"))
    topic_of = {text: place for place, said in enumerate(topics.values()) for _, text in recall._flat(said)}
    assert recall.of_sentences()[2] < 0.8
    vectors = lambda texts: [[float(topic_of.get(text.strip(), -1) == place) or 0.01 for place in range(len(topics))] for text in texts]  # noqa: E731
    assert recall.of_sentences(vectors)[1:3] == [1, 1]


def test_sample_tickets_in_other_languages_have_issues_of_english_ones() -> None:
    assert len(recall.OTHER_LANGUAGES) == 15
    assert recall.of_samples()[-1] == 1


def test_files_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recall.main([str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl cannot be read" in capsys.readouterr().err
