"""The recording: found by what a ticket says, whatever the prompt around it; nothing is made up for what was not recorded."""

import json
from typing import Any

import pytest

from demo.prompt_reader import Question, read_question
from demo.recorded import FILE, RecordedModel, Recording
from knowledge.issue import Card, Issue
from prompts_config import Prompts
from testing.demo_questions import TICKETS, asked, conversation, question
from testing.scripted_model import talk

LINES = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
RECORDING = Recording.load(TICKETS)
WIFI = "Kettle cannot join 5 GHz Wi-Fi"


def said(schema: str, user: str) -> dict[str, Any] | None:
    return RECORDING.answer(Question(schema, "", user))


def test_every_finished_sample_ticket_has_an_answer() -> None:
    finished = {ticket["id"] for ticket in TICKETS if ticket["status"] in (4, 5)}
    assert {line["ticket"] for line in LINES if "ticket" in line} == finished


def test_every_issue_that_is_named_has_an_area() -> None:
    named = {line["answer"]["issue"] for line in LINES if "ticket" in line} - {"UNCLEAR"}
    areas = {line["issue"]: line["area"] for line in LINES if line.get("area")}
    assert named <= areas.keys()
    assert len(set(areas.values())) <= 15


@pytest.mark.parametrize("ticket_id", [1020, 1124, 1340, 1518, 1760, 2133])
def test_a_ticket_is_found_by_its_text(ticket_id: int) -> None:
    expected = next(line["answer"] for line in LINES if line.get("ticket") == ticket_id)
    answer = RECORDING.answer(read_question(asked(ticket_id)))
    assert answer is not None
    assert answer["short_description"] == expected["short_description"]


def test_an_issue_is_found_by_its_category_whatever_its_id() -> None:
    lid, wifi = Issue("ISSUE-5", Card("Lid leaks")), Issue("ISSUE-77", Card(WIFI.upper()))
    match, new, unclear = (RECORDING.answer(read_question(asked(*of))) for of in ((1124, lid, wifi), (1124, lid), (1760, lid)))
    assert [answer and answer["issue_id"] for answer in (match, new, unclear)] == ["ISSUE-77", "NEW", "UNCLEAR"]


def test_a_ticket_that_was_not_recorded_has_no_answer() -> None:
    stranger = Prompts().decision_messages(talk(7, "Wir suchen einen Praktikumsplatz im Lager, bitte um Antwort."), ())
    assert RECORDING.answer(read_question(stranger)) is None


def test_steps_rest_on_messages_of_agents_where_the_numbers_moved() -> None:
    answer = RECORDING.answer(read_question(asked(1028)))
    assert answer is not None
    assert all(step.endswith((" [2]", " [4]")) for step in answer["resolution_steps"])


def test_an_overview_groups_what_has_one_category_and_names_areas() -> None:
    answer = said("issue_overview", f"ISSUES (3)\nISSUE-1 | {WIFI} | x\nISSUE-2 | Lid leaks | y\nISSUE-3 | {WIFI} | z")
    assert answer is not None
    assert answer["groups"] == [{"issue_ids": ["ISSUE-1", "ISSUE-3"]}]
    assert answer["areas"] == [{"area": "Connecting devices", "issue_ids": ["ISSUE-1", "ISSUE-3"]}]


def test_an_overview_of_an_issue_without_a_recorded_area_is_open() -> None:
    recording = Recording([line for line in LINES if line.get("issue") != WIFI], TICKETS)
    assert recording.answer(Question("issue_overview", "", f"ISSUES (1)\nISSUE-1 | {WIFI} | x")) is None


def test_a_merge_is_sure_of_one_category() -> None:
    same = said("issue_merge", f"ISSUE-1 | {WIFI}\n  cause: x\nISSUE-3 | {WIFI}")
    assert same is not None
    assert [(merge["issue_ids"], merge["confidence"]) for merge in same["merges"]] == [(["ISSUE-1", "ISSUE-3"], 0.95)]
    assert said("issue_merge", f"ISSUE-1 | {WIFI}\nISSUE-2 | Lid leaks") == {"merges": []}


def test_a_cards_steps_rest_on_the_tickets_that_are_shown() -> None:
    user = f"ISSUE\nISSUE-1020 | {WIFI}\n  description: x\n\nTICKET 1020\nSubject: a\n\nTICKET 1277\nSubject: b"
    answer = said("issue_card", user)
    assert answer is not None
    assert [step.rpartition(" [")[2] for step in answer["resolution_steps"]] == ["1020:3]", "1277:2]", "1020:5]"]


def test_what_is_not_recorded_is_answered_by_the_matcher_and_counted() -> None:
    answers = RecordedModel(RECORDING)
    assert answers(asked(1124))["confidence"] > 0
    assert answers(question(conversation("customer: Praktikumsplatz gesucht")))["issue_id"] == "NEW"
    assert (answers.recorded, answers.by_matcher, len(answers.unanswered)) == (1, 1, 1)
