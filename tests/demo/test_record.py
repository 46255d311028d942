"""What a model answers goes into the recording by ticket and category, without ids of a run."""

from typing import Any

import pytest

from demo import record
from demo.prompt_reader import Question
from knowledge.issue import Card, Issue
from prompts_config import Prompts
from testing.demo_questions import TICKETS, asked
from testing.scripted_model import talk

WIFI = "Kettle cannot join 5 GHz Wi-Fi"


def question(schema: str, user: str) -> Question:
    return Question(schema, f"schema {schema}", user)


def test_what_a_model_answers_is_recorded_without_ids() -> None:
    decision = question("issue_decision", asked(1124, Issue("ISSUE-77", Card(WIFI)))[1]["content"])
    said: dict[str, Any] = {"issue_id": "ISSUE-77", "second_choice": "NEW", "category": "x", "confidence": 0.9}
    (line,) = record.lines_of(decision, said, TICKETS)
    assert (line["ticket"], line["answer"]["issue"], line["answer"]["category"]) == (1124, WIFI, WIFI)
    assert "issue_id" not in line["answer"]
    overview = question("issue_overview", "ISSUE-1 | Lid leaks | y")
    areas = {"groups": [], "areas": [{"area": "Devices", "issue_ids": ["ISSUE-1", "ISSUE-9"]}]}
    assert record.lines_of(overview, areas, TICKETS) == [{"issue": "Lid leaks", "area": "Devices"}]


def test_a_question_about_no_sample_ticket_is_not_recorded() -> None:
    stranger = Prompts().decision_messages(talk(7, "Praktikumsplatz gesucht"), ())[1]["content"]
    with pytest.raises(ValueError, match="no sample ticket"):
        record.lines_of(question("issue_decision", stranger), {"issue_id": "NEW", "category": "x"}, TICKETS)
