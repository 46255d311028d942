from pathlib import Path

import pytest

from cleaning.history import History
from cleaning.markup import Line, html_lines, text_lines
from cleaning.quotes import mail_mark, new_lines
from cleaning.signatures import without_signature
from common.text import tidy

CASES = Path(__file__).parents[1] / "cases" / "messages"
MESSAGES = sorted(path.stem for path in CASES.glob("*.html"))


def history(*messages: str) -> History:
    known = History()
    for message in messages:
        known.add(message.split("\n"))
    return known


SAID = history(*(CASES.parent / "thread.txt").read_text(encoding="utf-8").split("\n\n"))


def cleaned(lines: list[Line], known: History) -> str:
    return tidy("\n".join(line.text for line in without_signature(new_lines(lines, known).lines)))


def words_by_line(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def test_there_are_enough_pairs_and_none_is_half() -> None:
    assert len(MESSAGES) >= 120
    assert sorted(path.stem for path in CASES.glob("*.txt")) == MESSAGES


@pytest.mark.parametrize("name", MESSAGES)
def test_only_what_is_new_is_left_of_a_message(name: str) -> None:
    source = (CASES / f"{name}.html").read_text(encoding="utf-8").rstrip("\n")
    wanted = (CASES / f"{name}.txt").read_text(encoding="utf-8")
    assert words_by_line(cleaned(html_lines(source, mark=mail_mark), SAID)) == words_by_line(wanted)


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
    assert cleaned(text_lines(text), SAID) == text.rstrip()


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
@pytest.mark.parametrize("known", [History(), SAID], ids=["first message", "reply"])
def test_a_message_that_had_words_is_never_emptied(html: str, known: History) -> None:
    assert "words" in cleaned(html_lines(html, mark=mail_mark), known)


ASKED = history("Hello Ann,\nwhich colour does it show, and since when?\nHow often does it blink?\nKind regards\nTom")
REPLIES = {
    "in a node": (
        "<p>See my answers.</p><blockquote type=cite><p>On 3 May 2025, Tom wrote:</p><p>which colour does it show, and since when?</p>"
        "<p>Blue, since Monday.</p><p>How often does it blink?</p><p>Never.</p></blockquote>",
        "See my answers.\nwhich colour does it show, and since when?\nBlue, since Monday.\nHow often does it blink?\nNever.",
    ),
    "below header lines of a language without a table": (
        "<p>Blue.</p><p>Kutoka: Tom &lt;tom@acme.example&gt;<br>Tarehe: 3 May 2025 10:12<br>Kwa: Ann<br>Mada: Taa</p>"
        "<p>Hello Ann,</p><p>which colour does it show, and since when?</p>",
        "Blue.",
    ),
    "below an attribution that is broken at the address": (
        "<div>Blue.<br><br>Tom (Acme Helpdesk), 2025-05-03 10:12 &lt;<br>tom@acme.example&gt; aliandika:<br>"
        "&gt; How often does it blink?</div>",
        "Blue.",
    ),
    "words may be missing from an old line": ("<p>Blue.</p><blockquote>which colour does it show?</blockquote>", "Blue."),
    "a word that was added makes it the writer's": (
        "<p>Blue.</p><blockquote><p>How often does it blink?</p><p>Which colour does it rarely show?</p></blockquote>",
        "Blue.\nHow often does it blink?\nWhich colour does it rarely show?",
    ),
    "below a line that asks for an answer above it": (
        "<div>Blue.<br><br>Bitte antworten Sie oberhalb dieser Zeile<br>How often does it blink?<br>Kind regards<br>Tom</div>",
        "Blue.",
    ),
    "a quote that the ticket does not hold": (
        "<p>See there.</p><blockquote type=cite><p>On 3 May 2025, Lee wrote:</p><p>The fuse has to be changed.</p></blockquote>",
        "See there.\n> On 3 May 2025, Lee wrote:\n> The fuse has to be changed.",
    ),
    "history without any sign": (
        "<p>Blue.</p><p>Hello Ann,</p><p>which colour does it show, and since when?</p><p>How often does it blink?</p>"
        "<p>Kind regards</p><p>Tom</p>",
        "Blue.",
    ),
    "a narrated attribution": (
        "<p>On 3 May 2025 Tom wrote:</p><p>somebody comes on Monday.</p><p>Nobody came.</p>",
        "On 3 May 2025 Tom wrote:\nsomebody comes on Monday.\nNobody came.",
    ),
    "his own short answer below a quoted greeting": ("<p>Tom,</p><blockquote><p>Hello Ann,</p><p>Yes</p></blockquote>", "Tom,\nYes"),
}


@pytest.mark.parametrize(("html", "wanted"), REPLIES.values(), ids=REPLIES.keys())
def test_in_a_reply_history_is_what_the_thread_holds(html: str, wanted: str) -> None:
    assert words_by_line(cleaned(html_lines(html, mark=mail_mark), ASKED)) == wanted.split("\n")


@pytest.mark.parametrize("html", [html for html, _ in REPLIES.values()], ids=REPLIES.keys())
def test_a_first_message_has_no_history(html: str) -> None:
    lines = html_lines(html, mark=mail_mark)
    kept = "\n".join(line.text for line in new_lines(lines, History()).lines)
    assert all(word in kept for line in lines for word in line.text.split() if not line.text.startswith("Lee wrote"))


def test_what_was_cut_is_counted_by_reason() -> None:
    new = new_lines(text_lines("Blue.\n\nOn 3 May 2025, Tom wrote:\n> How often does it blink?"), ASKED)
    assert new.cut == {"header": len("On 3 May 2025, Tom wrote:"), "history": len("> How often does it blink?")}


def test_a_message_of_nothing_but_history_says_so() -> None:
    assert new_lines(html_lines("<blockquote type=cite>How often does it blink?</blockquote>", mark=mail_mark), ASKED).only_history
    assert not new_lines(text_lines("words"), ASKED).only_history


def test_a_picture_above_the_history_leaves_no_words_of_others() -> None:
    html = '<img alt="lamp.jpg" src="x"><div class="gmail_quote">How often does it blink?</div>'
    assert cleaned(html_lines(html, mark=mail_mark), ASKED) == "[image: lamp.jpg]"


def test_a_long_quote_that_the_ticket_does_not_hold_is_shortened_in_a_reply_only() -> None:
    lines = text_lines("See there.\n" + "\n".join(f"> line {number} of a mail from elsewhere" for number in range(200)))
    reply, first = cleaned(lines, ASKED), cleaned(lines, History())
    assert len(reply) < 2300
    assert "quoted characters left out" in reply
    assert reply.endswith("> line 199 of a mail from elsewhere")
    assert first.count("elsewhere") == 200


def test_only_the_header_of_a_forward_goes() -> None:
    text = "Can you help?\n\n---- Mesej dimajukan ----\nDaripada: a@example.net\nTarikh: 3.5.2025\n\nold words"
    assert cleaned(text_lines(text), History()) == "Can you help?\n\nold words"
    assert cleaned(text_lines(text), ASKED) == "Can you help?\n\nold words"


def test_a_signature_is_cut_with_the_notice_below_it() -> None:
    text = "It is dark.\n\nKind regards\nMarcus Webb\nWebb & Sons Ltd\n\nCONFIDENTIALITY NOTICE: for the recipient only."
    assert cleaned(text_lines(text), History()) == "It is dark."
