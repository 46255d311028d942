import pytest

from cleaning.markup import html_lines, text_lines
from cleaning.quotes import mail_mark
from cleaning.signatures import is_phone_signature, says_something, without_signature
from common.text import tidy


def left(text: str) -> str:
    return tidy("\n".join(line.text for line in without_signature(text_lines(text))))


CUT = {
    "names, roles and contact data below a closing": (
        "Kind regards\nRuth Adler\nHead of Stores\nAdler & Co Ltd\n12 Mill Lane\nT: +44 20 7946 0958"
    ),
    "a name in another script": "С уважением,\nИрина Белова",
    "a closing of three letters and a name": "mfg\nRuth",
    "a closing with a place": "Viele Grüße aus Bonn\nRuth",
    "dashes and contact data": "-- \nRuth Adler\nwww.adler.example | +49 30 5550142",
    "a legal notice": "This e-mail and its attachments are confidential. If you are not the intended recipient, delete it.",
    "a legal notice in Finnish": "Tämä viesti on luottamuksellinen ja tarkoitettu vain vastaanottajalle. Luvaton käyttö on kielletty.",
    "advice on printing": "Please consider the environment before printing this e-mail.",
    "a phone's line": "Sent from my iPad",
    "a phone's line in Czech": "Odesláno z mého telefonu Samsung",
    "a phone's line with a link": "Get Outlook for Android<https://aka.ms/x>",
}
KEPT = {
    "a postscript": "Kind regards\nRuth\nPS: it smells of smoke.",
    "a field with a number": "Kind regards\nRuth\nOrder 7731\nSerial KX-20-B",
    "a sentence with an address": "Kind regards\nRuth\nplease write to ruth@adler.example from now on",
    "a sentence below dashes": "--\nThe second lamp hums as well.",
    "two rules of dashes": "--\nLamp\n--\nRuth",
    "letters below a label": "Brand:\nLG",
    "a device in a sentence": "It works on my iPad.",
    "a parcel": "Sent via Hermes on Monday",
    "a notice of the writer's own": "Disclaimer: I am no electrician.",
    "a message that went astray": "This message was not intended for me.",
    "a wish for secrecy": "Please keep my number confidential, the recipient of the parcel is my aunt.",
    "a question about secrecy": "Confidential papers of another recipient were in the parcel, is that allowed?",
    "a word about secrecy": "Please treat the password as confidential.",
    "words below a notice": "This mail is confidential, for the recipient only.\n\nThe lamp hums as well, what can I do about it?",
}


@pytest.mark.parametrize("text", CUT.values(), ids=CUT.keys())
def test_a_signature_goes(text: str) -> None:
    assert left(f"The lamp is dark since the storm.\n\n{text}") == "The lamp is dark since the storm."


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_what_says_something_stays(text: str) -> None:
    kept = left(f"The lamp is dark since the storm.\n\n{text}")
    said = [line for line in text.split("\n") if line not in ("Kind regards", "Ruth")]
    assert all(line in kept for line in said)


@pytest.mark.parametrize(
    "html",
    [
        "<div>Hello,</div><div class=gmail_signature>the lamp is dark since the storm, what shall I do?</div>",
        "<div>Hi Ruth,</div><div id=ms-outlook-mobile-signature>the lamp is dark</div>",
        "<div>Ruth,</div><div class=moz-signature>the lamp is dark</div>",
    ],
)
def test_no_cut_leaves_only_a_greeting(html: str) -> None:
    lines = without_signature(html_lines(html, mark=mail_mark))
    assert any("the lamp is dark" in line.text for line in lines)
    assert not says_something(lines[:1])


@pytest.mark.parametrize("text", ["On my iPhone", "Mail", "My Galaxy is sent back tomorrow", "iPhone from Monday?"])
def test_a_device_alone_is_no_phone_signature(text: str) -> None:
    assert not is_phone_signature(text)
