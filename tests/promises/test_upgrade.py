"""An upgrade never empties the memory: a database and conversations that an earlier version made go on being read.

`tests/cases/upgrade` was written by the program as it was when a conversation's form was number 1.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import data_fetcher
import env
from cli import jobs
from cli.source import ConversationSource
from clustering.candidates import Candidates, TicketText
from common.errors import TicketFailed
from data_fetcher import FreshdeskClient
from issue_clusterer import FetchFailure
from knowledge import issue
from knowledge.base import KnowledgeBase
from knowledge.conversation import CLEANER_VERSION

CASES = Path(__file__).parents[1] / "cases" / "upgrade"
SETTINGS = env.Settings("https://acme.freshdesk.com", "k", "https://m", "k", "model")
FOLDER = Path("conversations")
SECRET = "Wren-77-moss"  # in a form that was not known as a secret then


@pytest.fixture(autouse=True)
def old_files() -> dict[str, bytes]:
    shutil.copytree(CASES / "conversations", FOLDER)
    return {path.name: path.read_bytes() for path in FOLDER.iterdir()}


def source() -> ConversationSource:
    return ConversationSource(SETTINGS, FreshdeskClient(base_url=SETTINGS.freshdesk_url, api_key="k"), FOLDER)


def test_files_of_before_do_not_count_for_deciding_but_are_shown_hidden_anew() -> None:
    assert SECRET in (FOLDER / "201.json").read_text()
    assert json.loads((FOLDER / "201.json").read_text())["cleaner_version"] < CLEANER_VERSION
    assert source().stored(201) is None
    shown = source().shown(201, {})
    assert shown is not None
    assert "loses its pairing every night" in shown["conversation"][0]["text"]
    assert SECRET not in json.dumps(shown)


def test_what_is_not_to_be_shown_today_is_not_shown_of_them() -> None:
    settings = env.Settings("https://acme.freshdesk.com", "k", "https://m", "k", "model", include_private_notes=False)
    shown = ConversationSource(settings, source().client, FOLDER).shown(201, {})
    assert shown is not None
    assert not any(message["private"] for message in shown["conversation"])
    elsewhere = env.Settings("https://other.freshdesk.com", "k", "https://m", "k", "model")
    assert ConversationSource(elsewhere, source().client, FOLDER).shown(201, {}) is None


def test_the_index_knows_the_words_of_old_conversations() -> None:
    known, base = source(), KnowledgeBase(issue.load(CASES / "silo_issues_db.json"))
    candidates = Candidates(base, conversation_of=lambda ticket_id: known.shown(ticket_id, {}))
    assert "attic" not in (CASES / "silo_issues_db.json").read_text()
    found = candidates.likeliest(TicketText(999, "", "unpaired each morning, attic", "unpaired each morning, attic"), 1)
    assert [found_issue.issue_id for found_issue in found] == ["ISSUE-201"]


def test_the_page_reads_them_too() -> None:
    shown = jobs.stored_conversation(201, FOLDER)
    assert shown is not None
    assert SECRET not in json.dumps(shown)


def test_a_ticket_that_cannot_be_read_again_keeps_its_file(old_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(ticket_id: int, **_: Any) -> dict[str, Any]:
        raise TicketFailed(f"ticket {ticket_id}: gone (404)")

    monkeypatch.setattr(data_fetcher, "fetch_ticket", gone)
    known = source()
    for ticket_id in (201, 202, 203):
        assert isinstance(known.read(ticket_id), FetchFailure)
        assert known.shown(ticket_id, {}) is not None
    assert {path.name: path.read_bytes() for path in FOLDER.glob("[0-9]*.json")} == old_files


def test_one_that_can_is_made_anew_by_the_rules_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"id": 201, "description": "<p>It fails.</p>", "requester_id": 7, "source": 1, "status": 5, "stats": {}}
    monkeypatch.setattr(data_fetcher, "fetch_ticket", lambda ticket_id, **_: raw)
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda *_, **__: ())
    source().read(201)
    made = json.loads((FOLDER / "201.json").read_text())
    assert made["cleaner_version"] == CLEANER_VERSION
    assert len(made["requester"]) == 16
