"""Words are cut and stemmed the same way everywhere, for any text and in linear time."""

import time

import pytest

from clustering.words import STOP_WORDS, cosine, plain_words, stem, terms, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("My CARDS", ["card"], id="case and plural"),
        pytest.param("it doesn't charge", ["charge"], id="apostrophe"),
        pytest.param("it doesn’t charge", ["charge"], id="typographic apostrophe"),
        pytest.param("Café réservé", ["cafe", "reserv"], id="accents"),
        pytest.param("mail [EMAIL_1] and [PHONE_12]", ["mail"], id="placeholders say nothing"),
        pytest.param("error 0x80070005, 2.4 GHz", ["error", "0x80070005", "2", "4", "ghz"], id="codes and numbers"),
        pytest.param("信用卡", ["信用", "用卡"], id="characters two by two"),
        pytest.param("снова не работает", ["снова", "не", "работа"], id="other alphabets"),
        pytest.param("😀 ... \x00", [], id="no words"),
        pytest.param("how do I do this", [], id="stop words"),
    ],
)
def test_words_of_a_text(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "forms",
    [("cancel", "cancelled", "cancels", "cancelling", "cancellation"), ("fee", "fees"), ("address", "addresses"),
     ("activate", "activated", "activation"), ("rechnung", "rechnungen", "rechnungsadresse"), ("бронирование", "бронировать")],
    ids=lambda forms: forms[0],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["bus", "pin", "is", "ring", "red", "1234567", "0x80070005", "e07", "weißen"])
def test_short_words_and_codes_stay(word: str) -> None:
    assert stem(word) == word


def test_only_the_beginning_of_a_text_is_read() -> None:
    assert plain_words("one two three", max_chars=7) == ["one", "two"]


def test_terms_are_stems_and_common_words_each_once() -> None:
    assert terms("Where is my parcel? My PARCELS!") == ("where", "is", "my", "parcel")
    assert {"where", "is", "my"} <= STOP_WORDS


def test_the_cosine_of_nothing_is_nothing() -> None:
    assert cosine({"card": 0.6, "pin": 0.8}, {"card": 0.6, "pin": 0.8}) == pytest.approx(1)
    assert cosine({"card": 1.0}, {}) == 0


@pytest.mark.parametrize("piece", ["card declined ", "[A", "'", "x", "é", "信", "[EMAIL_1"], ids=lambda piece: repr(piece))
@pytest.mark.slow
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.thread_time()
        words(text, max_chars=size)
        return time.thread_time() - start

    small = min(seconds(8_000) for _ in range(5))
    assert min(seconds(64_000) for _ in range(3)) < 8 * 3 * small + 0.05
