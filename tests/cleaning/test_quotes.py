from pathlib import Path

import pytest

from cleaning.mail_markup import mail_mark
from cleaning.markup import Line, html_lines, text_lines
from cleaning.quotes import new_lines
from cleaning.signatures import without_signature
from common.text import tidy

CASES = Path(__file__).parents[1] / "cases" / "messages"
MESSAGES = sorted(path.stem for path in CASES.glob("*.html"))


def cleaned(lines: list[Line], *, keep_forwards: bool = True, headers_mean_forward: bool = False) -> str:
    new = new_lines(lines, keep_forwards=keep_forwards, headers_mean_forward=headers_mean_forward)
    return tidy("\n".join(line.text for line in without_signature(new.lines)))


def words_by_line(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def test_there_are_enough_pairs_and_none_is_half() -> None:
    assert len(MESSAGES) >= 120
    assert sorted(path.stem for path in CASES.glob("*.txt")) == MESSAGES


@pytest.mark.parametrize("name", MESSAGES)
def test_only_what_is_new_is_left_of_a_message(name: str) -> None:
    source = (CASES / f"{name}.html").read_text(encoding="utf-8").rstrip("\n")
    wanted = (CASES / f"{name}.txt").read_text(encoding="utf-8")
    assert words_by_line(cleaned(html_lines(source, mark=mail_mark))) == words_by_line(wanted)


KEPT = {
    "thanks and a complaint": "Thanks, but it still fails with error 42",
    "a sentence with wrote": "Yesterday your colleague wrote: restart it.\nI did.",
    "a name and a colon": "Helen wrote:\nthe lamp is dark, and it is.",
    "a date and a colon": "On 3 May 2025 I saw this:\nE1107",
    "dashes with much below": "Part one\n--\n" + "and this is a long second part of the message. " * 8,
    "regards as a verb": "Best regards to Helen, she helped, but the lamp is dark again.",
    "a single larger-than sign": "It fails for files\n> 5 GB",
    "labels without addresses": "From: Berlin\nTo: Paris\nDate: 3 May",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_what_only_looks_like_history_or_signature_stays(text: str) -> None:
    assert cleaned(text_lines(text)) == text.rstrip()


WHOLE = {
    "only a quote": '<blockquote type="cite">words</blockquote>',
    "only a signature": '<div class="gmail_signature">words</div>',
    "only history": "On 3 May 2025, Ann <ann@example.com> wrote:<br>&gt; words",
    "only a closing": "Best regards<br>words",
    "only below a separator": "-- <br>words",
    "only a header block": "From: words@example.com<br>Sent: Monday<br>To: b<br>Subject: words<br><br>words",
    "only a notice": "This message is confidential, words",
    "only below a reply line": "##- Please type your reply above this line -##<br>words",
    "original message first": "-----Original Message-----<br>From: words@example.com<br>Sent: x<br>To: y<br>words",
}


@pytest.mark.parametrize("html", WHOLE.values(), ids=WHOLE.keys())
def test_a_message_that_had_words_is_never_emptied(html: str) -> None:
    assert "words" in cleaned(html_lines(html, mark=mail_mark))


def test_what_stands_only_in_a_quote_is_told_apart() -> None:
    assert new_lines(html_lines("<blockquote type=cite>words</blockquote>", mark=mail_mark)).only_quoted
    assert not new_lines(text_lines("words")).only_quoted


def test_a_picture_above_the_history_leaves_no_words_of_others() -> None:
    html = '<img alt="lamp.jpg" src="x"><div class="gmail_quote">Please send a photo</div>'
    assert cleaned(html_lines(html, mark=mail_mark)) == "[image: lamp.jpg]"


OUTLOOK = "See this.\n\nFrom: M. Webb <webb@example.net>\nSent: Thursday\nTo: Service\nSubject: Lift\n\nThe lift is stuck."


def test_bare_headers_are_a_reply_unless_the_subject_or_the_words_say_forward() -> None:
    assert cleaned(text_lines(OUTLOOK)) == "See this."
    assert cleaned(text_lines(OUTLOOK), headers_mean_forward=True) == "See this.\n\nThe lift is stuck."
    assert cleaned(text_lines(OUTLOOK.replace("See this", "See below"))) == "See below.\n\nThe lift is stuck."


def test_a_forward_out_of_the_ticket_leaves_only_the_agent_s_words() -> None:
    text = "Can you help?\n\n---------- Forwarded message ---------\nFrom: a@example.net\nSubject: x\n\nold words"
    assert cleaned(text_lines(text), keep_forwards=False) == "Can you help?"
    assert cleaned(text_lines(text)) == "Can you help?\n\nold words"


def test_a_signature_is_cut_with_the_notice_below_it() -> None:
    text = "It is dark.\n\nKind regards\nMarcus Webb\nWebb & Sons Ltd\n\nCONFIDENTIALITY NOTICE: for the recipient only."
    assert cleaned(text_lines(text)) == "It is dark."
