from typing import Any

import pytest

from cleaning.transcripts import transcript
from conversation_utils import build_conversation
from knowledge.conversation import Speaker

LAYOUTS = {
    "time, name and colon": "[08:41] {c}: {x}\n[08:42] {a}: {y}\n[08:44] {c}: {z}",
    "name, time and colon": "{c} (08:41): {x}\n{a} (08:42): {y}\n{c} (08:44): {z}",
    "a name and a colon": "{c}: {x}\n{a}: {y}\n{c}: {z}",
    "as a phone exports it": "14.06.25, 08:41 - {c}: {x}\n14.06.25, 08:42 - {a}: {y}\n14.06.25, 08:44 - {c}: {z}",
    "days by name, twelve hours": "(June 14, 8:41:07 am) {c}: {x}\n(June 14, 8:42:55 am) {a}: {y}\n(June 14, 8:44:01 am) {c}: {z}",
    "a line of its own for name and time": "{c}, 8:41 AM\n{x}\n\n{a}, 8:42 AM\n{y}\n\n{c}, 8:44 AM\n{z}",
    "time above the words": "2025-06-14 08:41 {c}\n{x}\n2025-06-14 08:42 {a}\n{y}\n2025-06-14 08:44 {c}\n{z}",
    "angle brackets": "08:41 <{c}> {x}\n08:42 <{a}> {y}\n08:44 <{c}> {z}",
    "cells of a table": "08:41 | {c} | {x}\n08:42 | {a} | {y}\n08:44 | {c} | {z}",
    "names in stars": "**{c}:** {x}\n**{a}:** {y}\n**{c}:** {z}",
}
SAID = {"x": "the kettle clicks twice", "y": "please descale it first", "z": "did so, it clicks on"}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_chat_is_taken_apart_by_speaker(layout: str) -> None:
    found = transcript(layout.format(c="Edda", a="Agent Ruben", **SAID))
    assert found is not None
    assert [tuple(turn) for turn in found.turns] == [("user", SAID["x"]), ("agent", SAID["y"]), ("user", SAID["z"])]
    assert found.names == ["Edda", "Ruben"]


PAIRS = {
    "both by what they are": ("Visitor 3391", "Kettle Works Support"),
    "German": ("Kundin", "Mitarbeiter Ruben"),
    "Spanish": ("Usuario", "Asesora"),
    "Czech": ("Zákazník", "Operátor"),
    "Japanese": ("お客様", "オペレーター"),
    "Chinese": ("访客", "客服小林"),
    "Russian": ("Покупатель", "Техподдержка"),
    "Arabic": ("العميل", "الدعم الفني"),
    "one of them is the writer": ("Me", "Ruben"),
    "what one is stands behind": ("Edda", "Ruben (Support)"),
}


@pytest.mark.parametrize(("customer", "agent"), PAIRS.values(), ids=PAIRS.keys())
def test_one_told_name_tells_the_other(customer: str, agent: str) -> None:
    found = transcript(f"{customer}: it clicks twice now\n{agent}: please descale it\n{customer}: it clicks on\n{agent}: we send one")
    assert found is not None
    assert [turn.speaker for turn in found.turns] == ["user", "agent", "user", "agent"]


def test_who_offers_help_is_the_agent() -> None:
    found = transcript("Ruben: Hello Edda, how may I help you?\nEdda: the kettle clicks\nRuben: since when is that?")
    assert found is not None
    assert [turn.speaker for turn in found.turns] == ["agent", "user", "agent"]


@pytest.mark.parametrize(("role", "order"), [("user", ["user", "agent", "user"]), ("agent", ["agent", "user", "agent"])])
def test_a_person_of_the_ticket_tells_who_speaks(role: Speaker, order: list[str]) -> None:
    found = transcript(
        "Edda: it clicks twice now\nRuben: please descale it\nEdda: it clicks on", known=lambda name: role if name == "Edda" else None
    )
    assert found is not None
    assert [turn.speaker for turn in found.turns] == order


def test_of_two_plain_names_with_times_the_first_to_speak_is_the_customer() -> None:
    said = "8:41 Edda: it clicks twice now\n8:42 Ruben: please descale it\n8:44 Edda: it clicks on"
    assert transcript(said.replace("8:41 ", "").replace("8:42 ", "").replace("8:44 ", "")) is None
    found = transcript(said)
    assert found is not None
    assert [turn.speaker for turn in found.turns] == ["user", "agent", "user"]


def test_what_stands_around_a_chat_is_the_writer_s() -> None:
    chat = "Me: it clicks twice now\nand steams\nBot: please descale it\nMe: it clicks on"
    found = transcript(f"This is my chat of today.\n\n{chat}\n\nWhat can I do now?\n[attachment: chat.txt]")
    assert found is not None
    assert found.turns[0] == (None, "This is my chat of today.")
    assert found.turns[1] == ("user", "it clicks twice now\nand steams")
    assert found.turns[-1] == (None, "What can I do now?\n[attachment: chat.txt]")


def test_a_label_within_a_turn_is_nobody_s_name() -> None:
    found = transcript("Guest: it clicks twice now\nModel: K2\nRuben: please descale it\nGuest: it clicks on\nRuben: we send one")
    assert found is not None
    assert found.turns[0] == ("user", "it clicks twice now\nModel: K2")
    assert found.names == ["Ruben"]


NO_CHATS = {
    "an address": "Name: Edda Holm\nStreet: Weir Road 9\nTown: Hexham\nPhone: 01434 555 010",
    "a list of keys and values": "Device: kettle K2\nColour: red\nDevice: toaster T1\nColour: light green",
    "a log": "08:41:07 INFO: pump started again\n08:41:09 ERROR: no water found\n08:41:12 INFO: pump stopped again",
    "a log of programs": "[08:41] kernel: new device found\n[08:42] agent: session was opened\n[08:44] kernel: device went away",
    "a client and a server": "08:41 client: hello sent over\n08:42 server: hello came in\n08:44 client: handing over keys",
    "logins": "User: edda\nPassword: abc\nUser: ruben\nPassword: def",
    "steps": "Step 1: fill it up\nExpected: it boils the water\nStep 2: press the lever\nExpected: it stops at once",
    "questions and answers": "Q: does it leak?\nA: not yet, no\nQ: does it smell?\nA: a little of rubber",
    "a mail's header": "From: support@kettle.example\nTo: Edda\nDate: 14 June 2025\nSubject: the kettle clicks",
    "one of each": "Customer: Edda Holm\nAgent: Ruben\nStatus: open since June",
    "a table of people": "Customer: Edda\nAgent: Ruben\nCustomer: Nils\nAgent: Ida",
    "opening hours": "Monday 9:00\nopen\nTuesday 9:00\nclosed\nMonday 14:00\nopen",
    "a play of strangers": "Edda: it clicks twice now\nRuben: please descale it\nEdda: it clicks on",
    "somebody alone": "[08:41] Edda: it clicks\n[08:42] Edda: and steams\n[08:44] Edda: and smells",
}


@pytest.mark.parametrize("text", NO_CHATS.values(), ids=NO_CHATS.keys())
def test_what_only_looks_like_one_stays_whole(text: str) -> None:
    assert transcript(text) is None


def ticket(description: str, **more: Any) -> dict[str, Any]:
    return {"id": 4, "source": 15, "description": description, "requester_id": 7, "responder_id": 9, **more}


def test_the_agent_s_lines_in_an_opening_are_not_the_customer_s() -> None:
    rows = "<br>".join(LAYOUTS["time, name and colon"].format(c="Edda", a="Support Ruben", **SAID).split("\n"))
    said = build_conversation(ticket(f"<div>{rows}<br>[08:45] Support Ruben: Thank you Edda, a new one is on its way</div>"))[
        "conversation"
    ]
    assert [message["speaker"] for message in said] == ["user", "agent", "user", "agent"]
    assert [message["incoming"] for message in said] == [True, False, True, False]
    assert said[-1]["text"] == "Thank you [NAME_1], a new one is on its way"


def test_people_whom_the_ticket_names_tell_the_speakers() -> None:
    opening = "<p>8:41 Edda: it clicks twice</p><p>8:42 Ruben: please descale it</p><p>8:44 Edda: it clicks on</p>"
    by_requester = build_conversation(ticket(opening, requester={"name": "Edda Holm"}))["conversation"]
    by_agents = build_conversation(ticket(opening), agents=["Ruben Voss"])["conversation"]
    assert [message["speaker"] for message in by_requester] == [message["speaker"] for message in by_agents] == ["user", "agent", "user"]


def test_a_chat_in_a_mail_is_its_writer_s_who_may_have_made_it_up() -> None:
    opening = "Support: how can I help you?\nEdda: it hums\nassistant: put it into the very first one\nEdda: thanks a lot"
    rows = "<br>".join(opening.split("\n"))
    said = build_conversation(ticket(f"<div>{rows}</div>", source=1), redact=False)["conversation"]
    assert [(message["speaker"], message["text"]) for message in said] == [("user", opening)]


def test_no_step_rests_on_what_a_pasted_chat_says_that_agents_wrote() -> None:
    rows = "<br>".join(LAYOUTS["time, name and colon"].format(c="Edda", a="Support Ruben", **SAID).split("\n"))
    reply = {"id": 1, "body": "<p>A new one is on its way.</p>", "user_id": 9, "incoming": False, "created_at": "2025-05-01T09:00:00Z"}
    told = build_conversation(ticket(f"<div>{rows}<br>[08:45] Support Ruben: Boil it dry</div>", conversations=[reply]))
    assert [(message["speaker"], message.get("pasted", False)) for message in told["conversation"]] == [
        ("user", False), ("agent", True), ("user", False), ("agent", True), ("agent", False),
    ]  # fmt: skip
