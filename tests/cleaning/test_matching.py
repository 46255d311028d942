import pytest

from cleaning.matching import Plain, WordPattern, bare, folded, longest_first


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Tel：٠١２－３", "Tel:012-3"),
        ("«a»\u00a0‹b›", "\"a\" 'b'"),
        ("a → b", "a > b"),
        ("Pаss", "Pass"),  # its a is Cyrillic
        ("пароль", "пароль"),
    ],
)
def test_text_is_folded_at_the_same_length(text: str, wanted: str) -> None:
    assert folded(text) == wanted
    assert len(folded(text)) == len(text)


def test_bare_text_has_no_accents_and_keeps_its_length() -> None:
    assert bare("Łódź Åse İz") == "lodz ase iz"


def test_a_pattern_is_made_of_the_words_that_a_text_holds() -> None:
    numbers = WordPattern(["order", "order number", "注文"], lambda words: rf"(?P<word>{words}) ?(?P<value>\d+)", glued=())
    found = [match["word"] for match in numbers.finditer(Plain("order 7, Order Number 8, reorder 9, 注文10"))]
    assert found == ["order", "Order Number", "注文"]
    assert numbers.search("nothing of it") is None


def test_words_inside_others_are_found_where_they_are_glued() -> None:
    keys = WordPattern(["password"], lambda words: "password=(?P<value>x)", glued=("password",))
    assert [match["value"] for match in keys.finditer(Plain("DB_password=x"))] == ["x"]


def test_no_word_hides_a_longer_one() -> None:
    assert longest_first({"a", "a.b", "ab"}) == r"a\.b|ab|a"
