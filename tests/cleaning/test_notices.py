import pytest

from cleaning.notices import is_auto_reply, merged_from_text, merged_into

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
