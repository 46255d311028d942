"""Text that can be stored, sent and shown: halves of letters, hidden letters, cells and lines."""

import time

import pytest

from common.text import for_cell, for_terminal, is_valid, one_line, printable, shortened, tidy, valid, without_hidden, without_secrets

HALF = "\ud83d"


@pytest.mark.parametrize("make", [valid, printable, one_line, tidy], ids=lambda make: make.__name__)
def test_half_a_letter_becomes_a_sign_that_can_be_stored(make: object) -> None:
    assert callable(make)
    assert make(f"a{HALF}b") == "a\ufffdb"
    assert make("a\ud83d\ude00b") == "a😀b"


def test_whole_text_is_told_from_text_with_halves() -> None:
    assert (is_valid("plain"), is_valid("ü😀"), is_valid(f"a{HALF}")) == (True, True, False)


def test_hidden_letters_go_and_ordinary_ones_stay() -> None:
    assert without_hidden("pay\U000e0041\U000e0001 é 😀") == "pay é 😀"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a\r\nb\u2028c", "a b c"),
        ("a\u202eb\u2066c", "abc"),
        ("  spaced \t out ", "spaced out"),
        ("x" * 50, "x" * 9 + "…"),
        (f"a{HALF}b", "a b"),
    ],
)
def test_a_cell_holds_one_short_line(text: str, cell: str) -> None:
    assert for_cell(text, 10) == cell


def test_what_is_too_long_ends_in_an_ellipsis_within_its_length() -> None:
    assert shortened("Lid leaks", 5) == "Lid…"
    assert shortened("Lid", 3) == "Lid"


def test_a_text_full_of_parts_of_a_key_takes_linear_time() -> None:
    def spent(times: int) -> float:
        began = time.process_time()
        assert without_secrets("45678abcd x " * times, ["sk-12345678abcdefg90"]) == "[key] x " * times
        return time.process_time() - began

    spent(1000)
    assert spent(64_000) < 64 * 4 * max(spent(1000), 0.002)


def test_a_terminal_gets_no_control_character() -> None:
    assert for_terminal("a\x1b[31mb\u202ec") == "a [31mb c"
