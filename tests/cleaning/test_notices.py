import pytest

from cleaning.notices import is_auto_reply, is_bounce, merged_from_text, merged_into

MERGED = {
    "Freshdesk's own words": ("This ticket is closed and merged into ticket 182", 182),
    "with a number sign": ("This ticket was merged into ticket #182.", 182),
    "in German": ("Dieses Ticket wurde geschlossen und mit Ticket 182 zusammengeführt", 182),
    "in German, but linked": ("Dieses Ticket ist mit Ticket 182 verknüpft", None),
    "only mentioned": ("Please do not tell the customer that this ticket is merged into ticket 182", None),
    "the other way round": ("Ticket 182 was merged into this ticket", None),
    "a long message that begins so": ("This ticket is merged into ticket 182. " + "And here is what else happened. " * 30, None),
}


@pytest.mark.parametrize(("text", "wanted"), MERGED.values(), ids=MERGED.keys())
def test_the_ticket_that_this_one_went_into(text: str, wanted: int | None) -> None:
    assert merged_into(text) == wanted


FROM = {
    "with a description": ("Merged from ticket 9\n\nSubject: Wi-Fi\n\nDescription: It drops\nevery day", "It drops\nevery day"),
    "with nothing": ("Merged from ticket 9", ""),
    "told the other way": ("Ticket #9 was merged into this ticket", ""),
    "a person's sentence": ("I merged from lane 2 into lane 3 and it beeped", None),
}


@pytest.mark.parametrize(("text", "wanted"), FROM.values(), ids=FROM.keys())
def test_the_words_that_a_merge_brought_along(text: str, wanted: str | None) -> None:
    assert merged_from_text(text) == wanted


AUTOMATIC = {
    "an automatic reply": ("Automatic reply: I am away", True),
    "in German": ("Automatische Antwort: Ich bin nicht da", True),
    "in French": ("Réponse automatique : absent", True),
    "a notice of absence": ("Hello,\nI am out of the office until Monday and will return on the 4th.", True),
    "an absence and a problem": ("The lamp is dark. I am out of office until Monday.", False),
    "about automatic replies": ("The automatic reply is never sent.", False),
    "an ordinary message": ("It works now, thanks.", False),
}


@pytest.mark.parametrize(("text", "wanted"), AUTOMATIC.values(), ids=AUTOMATIC.keys())
def test_what_calls_itself_automatic_was_said_by_nobody(text: str, wanted: bool) -> None:
    assert is_auto_reply(text, incoming=True) is wanted


def test_an_agent_s_absence_is_a_message() -> None:
    assert not is_auto_reply("I am out of office until Monday and will be back then.", incoming=False)


MERGED_ELSEWHERE = {
    "Norwegian": "Denne saken er lukket og slått sammen med sak 182",
    "Romanian": "Acest tichet este închis și îmbinat cu tichetul 182",
    "Korean": "이 티켓은 닫혔으며 티켓 182에 병합되었습니다",
}


@pytest.mark.parametrize("text", MERGED_ELSEWHERE.values(), ids=MERGED_ELSEWHERE.keys())
def test_a_merge_note_is_known_in_the_language_of_the_account(text: str) -> None:
    assert merged_into(text) == 182


ABSENT = {
    "Spanish": ("Estoy de vacaciones hasta el 12 de mayo. Para asuntos urgentes contacte con mi compañera.", True),
    "Danish": ("Jeg er på ferie indtil 12. maj. Kontakt min kollega ved hastende sager.", True),
    "a receipt": ("Thank you for contacting Adler. Your request has been received, number 77.", True),
    "with a question": ("I am on holiday until 12 May. Can we go on after that?", False),
    "with more behind a comma": ("I am on holiday until 12 May, but the lamp has been humming all week.", False),
    "with another sentence": ("I am on holiday until 12 May. The lamp hums as well.", False),
    "without a date": ("I am on holiday.", False),
    "thanks alone": ("Thank you for contacting me.", False),
}


@pytest.mark.parametrize(("text", "wanted"), ABSENT.values(), ids=ABSENT.keys())
def test_a_message_of_nothing_but_an_absence_or_a_receipt_is_nobody_s(text: str, wanted: bool) -> None:
    assert is_auto_reply(text, incoming=True) is wanted


def test_a_subject_tells_an_automatic_reply_too() -> None:
    assert is_auto_reply("See you in June.", incoming=True, subject="Automatische Antwort: Rechnung")
    assert not is_auto_reply("See you in June.", incoming=True, subject="Rechnung")


BOUNCES = {
    "with a status": ("Your message could not be delivered.\n\nruth@adler.example: 550 5.1.1 user unknown", "", True),
    "in Italian": ("Impossibile recapitare il messaggio a:\n\nruth@adler.example", "", True),
    "by its subject": ("ruth@adler.example is unknown", "Unzustellbar: Rechnung", True),
    "a person asks": ("Why is mail to ruth@adler.example returned with 5.1.1? It could not be delivered.", "", False),
    "a parcel": ("The parcel could not be delivered.", "", False),
}


@pytest.mark.parametrize(("text", "subject", "wanted"), BOUNCES.values(), ids=BOUNCES.keys())
def test_a_failed_delivery_was_said_by_nobody(text: str, subject: str, wanted: bool) -> None:
    assert is_bounce(text, subject=subject) is wanted


def test_a_failed_delivery_is_known_by_who_sent_it() -> None:
    assert is_bounce("Sorry.", sender="MAILER-DAEMON@mx.acme.example")
