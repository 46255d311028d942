"""The recording: found by what a ticket says, whatever the prompt around it; nothing is made up for what was not recorded."""

import json

import pytest

from demo.recorded import FILE, Recording
from knowledge.issue import Card, Issue
from prompts_config import Prompts
from testing.demo_questions import TICKETS, asked
from testing.scripted_model import talk

LINES = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
RECORDING = Recording.load(TICKETS)
WIFI = "Kettle cannot join 5 GHz Wi-Fi"


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
    answer = RECORDING.answer(asked(ticket_id))
    assert answer is not None
    assert answer["short_description"] == expected["short_description"]


def test_an_issue_is_found_by_its_category_whatever_its_id() -> None:
    match = RECORDING.answer(asked(1124, Issue("ISSUE-5", Card("Lid leaks")), Issue("ISSUE-77", Card(WIFI.upper()))))
    new = RECORDING.answer(asked(1124, Issue("ISSUE-5", Card("Lid leaks"))))
    unclear = RECORDING.answer(asked(1760, Issue("ISSUE-5", Card("Lid leaks"))))
    assert [answer and answer["issue_id"] for answer in (match, new, unclear)] == ["ISSUE-77", "NEW", "UNCLEAR"]


def test_a_ticket_that_was_not_recorded_has_no_answer() -> None:
    stranger = Prompts().decision_messages(talk(7, "Wir suchen einen Praktikumsplatz im Lager, bitte um Antwort."), ())
    assert RECORDING.answer(stranger) is None
    assert RECORDING.answer([{"role": "system", "content": "another schema"}, {"role": "user", "content": "x"}]) is None


def test_steps_rest_on_messages_of_agents_where_the_numbers_moved() -> None:
    answer = RECORDING.answer(asked(1028))
    assert answer is not None
    assert all(step.endswith((" [2]", " [4]")) for step in answer["resolution_steps"])


OVERVIEW = [{"role": "system", "content": "schema issue_overview"}]
MERGE = [{"role": "system", "content": 'schema issue_merge: {"merges": []}'}]


LIKE = [{"issue": "Spout filter as a spare part", "confidence": 0.55, "reason": "Both are spare parts."}]
PAIRED = Recording([*LINES, {"issue": "Lid hinge pin broken", "like": LIKE}], TICKETS)


def test_an_overview_groups_what_has_one_category_and_names_areas() -> None:
    lines = f"ISSUE-1 | {WIFI} | x\nISSUE-2 | Lid leaks | y\nISSUE-3 | {WIFI} | z\nISSUE-4 | Lid hinge pin broken | a\n"
    lines += "ISSUE-5 | Spout filter as a spare part | b"
    answer = PAIRED.answer([*OVERVIEW, {"role": "user", "content": f"ISSUES (5)\n{lines}"}])
    assert answer is not None
    assert answer["groups"] == [{"issue_ids": ["ISSUE-1", "ISSUE-3"]}, {"issue_ids": ["ISSUE-4", "ISSUE-5"]}]
    assert {"area": "Connecting devices", "issue_ids": ["ISSUE-1", "ISSUE-3"]} in answer["areas"]
    assert "ISSUE-2" not in str(answer["areas"])


def test_a_merge_is_sure_of_one_category_and_asks_people_about_what_is_alike() -> None:
    same = RECORDING.answer([*MERGE, {"role": "user", "content": f"ISSUE-1 | {WIFI}\n  cause: x\nISSUE-3 | {WIFI}"}])
    alike = PAIRED.answer([*MERGE, {"role": "user", "content": "ISSUE-4 | Lid hinge pin broken\nISSUE-5 | Spout filter as a spare part"}])
    apart = RECORDING.answer([*MERGE, {"role": "user", "content": f"ISSUE-1 | {WIFI}\nISSUE-2 | Lid leaks"}])
    assert same is not None
    assert alike is not None
    assert [(merge["issue_ids"], merge["confidence"]) for merge in same["merges"]] == [(["ISSUE-1", "ISSUE-3"], 0.95)]
    assert [(merge["issue_ids"], merge["confidence"]) for merge in alike["merges"]] == [(["ISSUE-4", "ISSUE-5"], 0.55)]
    assert apart == {"merges": []}


def test_a_cards_steps_rest_on_the_tickets_that_are_shown() -> None:
    user = f"ISSUE\nISSUE-1020 | {WIFI}\n  description: x\n\nTICKET 1020\nSubject: a\n\nTICKET 1277\nSubject: b"
    answer = RECORDING.answer([{"role": "system", "content": "schema issue_card"}, {"role": "user", "content": user}])
    assert answer is not None
    assert [step.rpartition(" [")[2] for step in answer["resolution_steps"]] == ["1020:3]", "1277:2]", "1020:5]"]
