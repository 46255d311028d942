import random

import pytest

from cleaning.redaction import Redactor
from testing.secret_tokens import SHAPES, drawn


def redact(text: str) -> str:
    return Redactor().redact(text)


GONE = {
    "a private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[SECRET_1]"),
    "a login in a link": ("https://bob:secret@example.com/x", "https://[SECRET_1]@example.com/x"),
    "a token in a link": ("https://example.com/reset?token=abc123&x=1", "https://example.com/reset?token=[SECRET_1]&x=1"),
    "a step of a link": ("https://example.com/unsubscribe/abc123def456", "https://example.com/unsubscribe/[SECRET_1]"),
    "a social security number": ("SSN 123-45-6789", "SSN [SECRET_1]"),
    "an address in words": ("write to edda dot holm at kettle dot com", "write to edda dot [EMAIL_1]"),
    "an address with a word of its own for the sign": ("escriba a edda arroba tetera.es", "escriba a [EMAIL_1]"),
}


@pytest.mark.parametrize(("text", "wanted"), GONE.values(), ids=GONE.keys())
def test_what_has_the_shape_of_a_secret_is_hidden(text: str, wanted: str) -> None:
    assert redact(text) == wanted


@pytest.mark.parametrize("text", ["It won't boil at all. No steam.", "I saw it at kettle.example.com/new", "look at the dot in it"])
def test_a_sentence_with_at_is_no_address(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("name", SHAPES)
def test_tokens_are_known_by_their_shape(name: str) -> None:
    draw = random.Random(name)
    for _ in range(20):
        token = drawn(name, draw)
        for frame in ("I pasted {} into the form", "({}).", "{}"):
            left = redact(frame.replace("{}", token))
            assert not any(token[at : at + 10] in left for at in range(max(8, len(token) - 50), len(token) - 9, 3)), left


def test_a_key_of_the_helpdesk_is_known_by_the_word_before_it() -> None:
    assert redact("our Freshdesk key kD83jsQq1LmZ0pXv7TbN is refused") == "our Freshdesk key [SECRET_1] is refused"
    assert redact("the file kD83jsQq1LmZ0pXv7TbN is empty") == "the file kD83jsQq1LmZ0pXv7TbN is empty"


def test_key_blocks_go_whole_and_what_follows_stays() -> None:
    head = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\nab+/==\n-----END RSA PRIVATE KEY-----"
    assert redact(f"see\n{head}\nthanks") == "see\n[SECRET_1]\nthanks"
    message = "-----BEGIN PGP MESSAGE-----\nVersion: 2\n\nhQEMA+=\n=abCD\n-----END PGP MESSAGE-----"
    assert redact(f"{message} and more") == "[SECRET_1] and more"
    assert redact("-----BEGIN PRIVATE KEY-----\nabc\n\nMy lamp - the blue one.").endswith("- the blue one.")
