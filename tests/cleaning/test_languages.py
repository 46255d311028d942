"""Each language has every kind of words, and they do what their kind says: a table that is filled is a language that redaction reads."""

import json
from pathlib import Path

import pytest

from cleaning import languages
from cleaning.matching import UNSPACED
from cleaning.redaction import Redactor

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
    assert all(form.count("{}") == 1 for form in table["addressed"])


def test_words_of_all_languages_stand_together_and_apart() -> None:
    assert {"kind regards", "viele grüße"} <= languages.words("closings")
    assert "viele grüße" not in languages.by_language("closings")["en"]
    assert languages.words("no such kind") == frozenset()


NAMES = {
    **dict.fromkeys(("ru", "bg", "uk", "sr"), "Вильгельмина Остер"),
    "el": "Βιλελμίνα Παππά",
    "ar": "ويلهلمينا أوستر",
    "fa": "ویلهلمینا اوستر",
    "he": "וילהלמינה אוסטר",
    "ja": "大山 花子",
    "zh": "王小明",
    "ko": "홍길동",
    "hi": "विल्हेल्मिना ओस्टर",
    "th": "วิลเฮลมินา ออสเตอร์",
}
CODES = sorted(languages.tables())
BETWEEN = "\n\n~~~\n\n"


def left(kind: str, code: str, value: str, *frames: str) -> list[str]:
    """The texts in which a word of this kind leaves any part of the value; all are redacted at once, `#` in the value is a number each."""
    words = languages.by_language(kind)[code]
    texts = [frame.replace("{W}", word[0].upper() + word[1:]).replace("{w}", word) for frame in frames for word in words]
    texts = [text.replace("{}", value.replace("#", f"{number:03}")) for number, text in enumerate(texts)]
    redacted = Redactor().redact(BETWEEN.join(texts)).split(BETWEEN)
    return [text for text in redacted if any(part in text for part in value.replace("#", "").split())]


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_passwords_and_codes_behind_their_words_go(code: str) -> None:
    assert left("passwords", code, "Tr0ub4dor#", "{W}: {}", "{w} {}", "{w}：{}", "{w} | {}") == []
    assert left("one_time_codes", code, "482913", "{W}: {}", "{w} {}", f"{{}} {languages.by_language('is')[code][0]} {{w}}") == []


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_phones_behind_their_words_go_and_numbers_of_things_stay(code: str) -> None:
    assert left("phones", code, "612345678", "{W}: {}", "{w} {}") == []
    assert len(left("numbers", code, "0722-123-456", "{W}: {}", "{w} {}")) == 2 * len(languages.by_language("numbers")[code])
    assert len(left("versions", code, "10.0.19.45", "{w} {}")) == len(languages.by_language("versions")[code])


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_names_that_a_text_tells_go(code: str) -> None:
    name = NAMES.get(code, "Wilhelmina Oosterhuis")
    assert left("name_labels", code, name, "{W}: {}\nx", "{w} | {}\nx") == []
    assert left("introductions", code, name, "{W} {}, x.") == []
    assert left("closings", code, name, "x.\n\n{W}\n{}", "x.\n\n{W},\n{}\n") == []
    if not UNSPACED.match(name):
        assert left("greetings", code, name.split()[0], "{W} {},\nx.", "{W}, {}!\nx.") == []


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code in CODES if not UNSPACED.match(NAMES.get(code, "W"))])
def test_names_with_a_form_of_address_go_wherever_they_stand(code: str) -> None:
    name = NAMES.get(code, "Wilhelmina Oosterhuis").split()[-1]
    forms = [form.replace("{}", name) for form in languages.by_language("addressed")[code]]
    text = "\n".join(f"x {form if form[1] == '.' and form[0] != 'm' else form[0].upper() + form[1:]} x." for form in forms)
    assert [line for line in Redactor().redact(text).split("\n") if name in line] == []
