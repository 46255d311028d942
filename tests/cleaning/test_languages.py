import json
from pathlib import Path

import pytest

from cleaning import languages

TABLES = sorted(languages.FOLDER.glob("*.json"))
KINDS = set(json.loads((languages.FOLDER / "en.json").read_text(encoding="utf-8")))


def test_there_are_enough_languages() -> None:
    assert len(TABLES) >= 39


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_each_language_has_every_kind_of_words_that_english_has(path: Path) -> None:
    table = json.loads(path.read_text(encoding="utf-8"))
    assert set(table) == KINDS
    for kind, words in table.items():
        if kind == "language":
            assert words.strip()
            continue
        assert words, f"{kind} is empty"
        assert all(isinstance(word, str) and word == word.strip() and 0 < len(word) < 80 for word in words)
        assert len(set(words)) == len(words), f"{kind} has a word twice"


def test_words_of_all_languages_stand_together_and_apart() -> None:
    assert {"kind regards", "viele grüße"} <= languages.words("closings")
    assert "viele grüße" not in languages.by_language("closings")["en"]
    assert languages.words("no such kind") == frozenset()
