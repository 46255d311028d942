"""Each language's words do what their kind says: a language whose table is filled is a language that redaction reads."""

import pytest

from cleaning import languages
from cleaning.matching import UNSPACED
from cleaning.redaction import Redactor

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
pytestmark = pytest.mark.slow  # thousands of patterns, one for each word
CODES = sorted(languages.tables())


def left(kind: str, code: str, value: str, *frames: str) -> list[str]:
    """The texts in which a word of this kind leaves any part of the value."""
    word_frames = [(word, frame) for word in languages.by_language(kind)[code] for frame in frames]
    texts = [frame.replace("{W}", word[0].upper() + word[1:]).replace("{w}", word).replace("{}", value) for word, frame in word_frames]
    return [text for text in texts if any(part in Redactor().redact(text) for part in value.split())]


@pytest.mark.parametrize("code", CODES)
def test_passwords_and_codes_behind_their_words_go(code: str) -> None:
    assert left("passwords", code, "Tr0ub4dor", "{W}: {}", "{w} {}", "{w}：{}", "{w} | {}") == []
    assert left("one_time_codes", code, "482913", "{W}: {}", "{w} {}", f"{{}} {languages.by_language('is')[code][0]} {{w}}") == []


@pytest.mark.parametrize("code", CODES)
def test_phones_behind_their_words_go_and_numbers_of_things_stay(code: str) -> None:
    assert left("phones", code, "612345678", "{W}: {}", "{w} {}") == []
    assert len(left("numbers", code, "0722-123-456", "{W}: {}", "{w} {}")) == 2 * len(languages.by_language("numbers")[code])
    assert len(left("versions", code, "10.0.19.45", "{w} {}")) == len(languages.by_language("versions")[code])


@pytest.mark.parametrize("code", CODES)
def test_names_that_a_text_tells_go(code: str) -> None:
    name = NAMES.get(code, "Wilhelmina Oosterhuis")
    assert left("name_labels", code, name, "{W}: {}\nx", "{w} | {}\nx") == []
    assert left("introductions", code, name, "{W} {}, x.") == []
    assert left("closings", code, name, "x.\n\n{W}\n{}", "x.\n\n{W},\n{}\n") == []
    if not UNSPACED.match(name):
        assert left("greetings", code, name.split()[0], "{W} {},\nx.", "{W}, {}!\nx.") == []
