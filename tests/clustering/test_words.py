"""Words are cut, stemmed and weighed the same way everywhere, for any text and in linear time."""

import time

import pytest

from clustering.words import STOP_WORDS, WordWeights, cosine, plain_words, split_words, stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("My CARDS", ["card"], id="case and plural"),
        pytest.param("it doesn't charge", ["charg"], id="apostrophe"),
        pytest.param("it doesn’t charge", ["charg"], id="typographic apostrophe"),
        pytest.param("Café réservé", ["caf", "reserv"], id="accents"),
        pytest.param("mail [EMAIL_1] and [PHONE_12]", ["mail"], id="placeholders say nothing"),
        pytest.param("error 0x80070005, 2.4 GHz", ["error", "0x80070005", "2", "4", "ghz"], id="codes and numbers"),
        pytest.param("信用卡", ["信用", "用卡"], id="characters two by two"),
        pytest.param("снова не работает", ["снова", "не", "работает"], id="other alphabets"),
        pytest.param("😀 ... \x00", [], id="no words"),
        pytest.param("how do I do this", [], id="stop words"),
    ],
)
def test_words_of_a_text(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "forms",
    [("cancel", "cancelled", "cancels", "cancelling", "cancellation"), ("verify", "verifies", "verified"), ("top", "topped", "topping"),
     ("charge", "charged", "charging", "charges"), ("activate", "activated", "activates"), ("fee", "fees"), ("bill", "bills", "billing")],
    ids=lambda forms: forms[0],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["bus", "pin", "is", "address", "status", "ring", "red", "1234567", "weißes"])
def test_short_and_other_words_stay(word: str) -> None:
    assert stem(word) == word


def test_only_the_beginning_of_a_text_is_read() -> None:
    assert plain_words("one two three", max_chars=7) == ["one", "two"]


def test_a_stop_word_is_told_apart_from_the_telling_ones() -> None:
    telling, common = split_words("Where is my parcel?")
    assert telling == ["parcel"]
    assert set(common) <= STOP_WORDS


def test_rare_words_weigh_more_and_removing_undoes_adding() -> None:
    weights = WordWeights()
    for text in (["card", "pin"], ["card"], ["card", "fee"]):
        weights.add(text)
    assert weights.weight("unseen") > weights.weight("pin") > weights.weight("card") > 0
    before = weights.weight("card")
    weights.add(["card", "new"])
    weights.remove(["card", "new"])
    assert (weights.weight("card"), weights.texts_with("new")) == (before, 0)


def test_vectors_have_length_one_and_none_for_no_words() -> None:
    weights = WordWeights()
    vector = weights.vector(["card", "card", "pin"])
    assert sum(value * value for value in vector.values()) == pytest.approx(1)
    assert cosine(vector, vector) == pytest.approx(1)
    assert weights.vector([]) == {}
    assert cosine(vector, {}) == 0


@pytest.mark.parametrize("piece", ["card declined ", "[A", "'", "x", "é", "信", "[EMAIL_1"], ids=lambda piece: repr(piece))
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.thread_time()
        words(text, max_chars=size)
        return time.thread_time() - start

    small = min(seconds(8_000) for _ in range(5))
    assert min(seconds(64_000) for _ in range(3)) < 8 * 3 * small + 0.05
