"""A customer's words: only customers', only what was said, the sentence that tells most."""

import pytest

from knowledge.conversation import Conversation
from knowledge.issue import Card
from report.quotes import MAX_CHARS, quote_of
from testing.scripted_model import talk

CARD = Card("Lid leaks", "The lid lets air in.", ("leak", "vacuum"))


def said(*texts: tuple[str, str]) -> Conversation:
    conversation = talk(7, "x")
    first = conversation["conversation"][0]
    conversation["conversation"] = [{**first, "speaker": "agent" if who == "agent" else "user", "text": text} for who, text in texts]
    return conversation


def text_of(conversation: Conversation, *evidence: int) -> str:
    found = quote_of(conversation, evidence, CARD)
    return found.text if found else ""


def test_the_sentence_that_shares_words_with_the_card_is_taken() -> None:
    talked = said(("user", "Good morning to everybody there! The lid leaks and my cheese dries out. Thank you so much in advance."))
    assert text_of(talked, 1) == "The lid leaks and my cheese dries out."


def test_only_customers_are_quoted_and_first_of_all_where_the_decision_rests() -> None:
    talked = said(
        ("user", "My parcel arrived with a broken box around it."),
        ("agent", "The lid leaks because the vacuum ring is upside down."),
        ("user", "Since then the lid leaks air every night."),
    )
    assert text_of(talked, 2, 3) == "Since then the lid leaks air every night."
    assert text_of(talked) == "Since then the lid leaks air every night."
    assert text_of(said(("agent", "The lid leaks because of the ring, I think."))) == ""


def test_details_that_were_removed_count_against_a_sentence() -> None:
    talked = said(("user", "Hello [NAME_1], the lid of order [ID_1] leaks air. The lid in the large box leaks air."))
    assert text_of(talked, 1) == "The lid in the large box leaks air."


@pytest.mark.parametrize("text", ["", "no", "<" * 30 + "script>", "a\x1b[31m\u202e" + "b" * 300, "x" * 100_000], ids=lambda text: text[:8])
def test_whatever_is_said_becomes_one_short_printable_line_or_nothing(text: str) -> None:
    shown = text_of(said(("user", text)))
    assert len(shown) <= MAX_CHARS
    assert shown.isprintable()
