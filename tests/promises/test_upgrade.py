"""An upgrade never empties the memory: a database and conversations that an earlier version made go on being read.

`tests/cases/upgrade` was written by the program as it was when a conversation's form was number 1; `whole` in it is all that a user of 0.1
has: database, decisions, conversations, answers, a filled list, a review of the page, the copies of a review before, settings.
"""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import data_fetcher
import env
import main
from cli import jobs
from cli.source import ConversationSource
from clustering.candidates import Candidates
from common.errors import TicketFailed
from freshdesk.client import FreshdeskClient
from knowledge import issue
from knowledge.base import KnowledgeBase
from knowledge.conversation import CLEANER_VERSION, CleaningOptions
from knowledge.decision import DecisionRow
from llm.store import AnswerStore

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
    assert candidates.search("unpaired each morning, attic", 1) == ["ISSUE-201"]


def test_the_page_reads_them_too() -> None:
    shown = jobs.stored_conversation(201, FOLDER, CleaningOptions())
    assert shown is not None
    assert SECRET not in json.dumps(shown)


def test_a_ticket_that_cannot_be_read_again_keeps_its_file(old_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(ticket_id: int, **_: Any) -> dict[str, Any]:
        raise TicketFailed(f"ticket {ticket_id}: gone (404)")

    monkeypatch.setattr(data_fetcher, "fetch_ticket", gone)
    known = source()
    for ticket_id in (201, 202, 203):
        assert isinstance(known.read(ticket_id), DecisionRow)
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


WHOLE = CASES / "whole"  # a run's folder, once reviewed (`before_review.1`), with a list filled since: written by 0.1.0


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of 0.1 as a user would have it, with the settings of that version."""
    folder = Path("output")
    shutil.copytree(WHOLE, folder)
    shutil.copyfile(WHOLE / "settings.env", ".env")
    monkeypatch.setenv("CONVERSATIONS_DIR", str(folder / "conversations"))
    monkeypatch.setenv("CACHE_DIR", str(folder / "cache"))
    return folder


def test_every_setting_of_before_is_still_one(whole: Path) -> None:
    settings = env.load_settings()
    assert (settings.ignore_field, settings.embedding_model, settings.batch_size) == ("cf_ignore", "small", 3)


def test_a_list_that_was_filled_before_is_applied_after(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--apply-review"]) == 0
    assert "ticket 1305: stays in ISSUE-1305" in capsys.readouterr().out
    reviewed = {found["issue_id"]: found["reviewed"] for found in json.loads((whole / "silo_issues_db.json").read_text())}
    assert reviewed["ISSUE-1305"] == [1305]


def test_a_page_s_review_of_before_is_applied_after(whole: Path) -> None:
    assert main.main(["--apply-review", str(whole / "review.json")]) == 0
    homes = {ticket: found["issue_id"] for found in json.loads((whole / "silo_issues_db.json").read_text()) for ticket in found["tickets"]}
    assert homes[1243] != homes[1305]


def test_a_review_of_before_can_be_taken_back_after(whole: Path) -> None:
    assert main.main(["--undo-review"]) == 0
    assert (whole / "silo_issues_db.json").read_bytes() == (WHOLE / "before_review.1" / "silo_issues_db.json").read_bytes()


def test_what_a_person_wrote_before_stays_on_the_card(whole: Path) -> None:
    base = KnowledgeBase(issue.load(whole / "silo_issues_db.json"))
    assert base.issues["ISSUE-1166"].card.root_cause == "A recipe list that is too long."
    assert base.issues["ISSUE-1166"].written_by_person()


def test_answers_that_were_paid_for_before_are_still_there(whole: Path) -> None:
    with contextlib.closing(sqlite3.connect(WHOLE / "cache" / "answers.sqlite3")) as kept:
        keys = [key for (key,) in kept.execute("SELECT key FROM answers")]
    store = AnswerStore(whole / "cache")
    assert len(keys) == 12
    assert all(store.get(key) is not None for key in keys)
