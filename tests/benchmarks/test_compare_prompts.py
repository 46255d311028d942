"""Two versions of the prompts are compared over stored conversations; the second look at the same answers is free."""

import json
from pathlib import Path

import pytest

import prompts_config
from benchmarks import compare_prompts
from demo.model import BuiltInModel
from knowledge.conversation import CLEANER_VERSION, Conversation, save_conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue, render
from llm.bill import Totals
from llm.protocol import Usage

WORDS = {1: "kettle wifi router password", 2: "kettle wifi router password", 3: "parcel courier late", 4: "parcel courier late"}


def conversation(ticket_id: int) -> Conversation:
    at = f"2025-01-0{ticket_id}T00:00:00Z"
    text = f"My problem is {WORDS[ticket_id]}. It is about {WORDS[ticket_id]} again."
    return Conversation(
        ticket_id=ticket_id,
        subject=WORDS[ticket_id],
        status=5,
        source=2,
        type=None,
        tags=[],
        created_at=at,
        updated_at=at,
        url=f"https://example.invalid/a/tickets/{ticket_id}",
        ignored=None,
        redacted=True,
        cleaner_version=CLEANER_VERSION,
        conversation=[{"speaker": "user", "text": text, "private": False, "incoming": True, "created_at": at}],
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for ticket_id in WORDS:
        save_conversation(conversation(ticket_id), tmp_path / "conversations")
    settings = {"FRESHDESK_DOMAIN": "acme", "FRESHDESK_API_KEY": "k", "LLM_API_KEY": "k", "LLM_MODEL": "built-in-matcher"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_the_same_prompts_twice_differ_in_nothing_and_cost_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "labels.json").write_text(json.dumps({"1": "wifi", "2": "wifi", "3": "parcel", "4": None}), encoding="utf-8")
    with BuiltInModel() as url:
        monkeypatch.setenv("LLM_API_BASE_URL", url)
        assert compare_prompts.main(["--labels", "labels.json"]) == 0
        shown = capsys.readouterr().out
        assert "0 of 4 tickets stand with other tickets in B than in A" in shown
        assert "truth for 3 tickets" in shown
        compare_prompts.main([])
    lines = {line[:9]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["calls now"] == ["calls", "now", "0", "0"]
    assert int(lines["tokens in"][2]) > 0  # what the answers are worth, also when they come from the store


def test_another_version_of_the_words_is_read_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder / "other_prompts.py"
    source = Path(prompts_config.__file__).read_text(encoding="utf-8")
    other.write_text(source.replace("support issue classifier", "careful support issue classifier"), encoding="utf-8")
    with BuiltInModel() as url:
        monkeypatch.setenv("LLM_API_BASE_URL", url)
        compare_prompts.main(["--b-prompts", str(other), "--no-merge", "--ticket-ids", "1,2,3"])
    versions = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("prompts")).split()
    assert versions[1] == prompts_config.Prompts().version
    assert versions[1] != versions[2]


def test_reviewed_tickets_are_the_truth_without_labels(folder: Path) -> None:
    database = folder / "issues.json"
    database.write_text(render([Issue("ISSUE-1", Card("x"), tickets=[1, 2], reviewed=[2, 9])]), encoding="utf-8")
    assert compare_prompts.load_truth(None, database) == {2: "ISSUE-1"}


def test_differing_tickets_are_those_with_other_mates() -> None:
    side = compare_prompts.Side("a", prompts_config.Prompts(), "m")
    rows = {ticket: DecisionRow(ticket, "x", "new", 0.9, subject="s") for ticket in (1, 2, 3)}
    a = compare_prompts.Outcome(side, {1: "ISSUE-1", 2: "ISSUE-1", 3: "ISSUE-3"}, rows, Totals(), Usage(), None)
    b = compare_prompts.Outcome(side, {1: "OTHER", 2: "OTHER", 3: "ISSUE-3"}, rows, Totals(), Usage(), None)
    assert compare_prompts.differing(a, b) == []
    b = compare_prompts.Outcome(side, {1: "ISSUE-1", 2: "ISSUE-2"}, rows, Totals(), Usage(), 0.5)
    assert compare_prompts.differing(a, b) == [1, 2, 3]
    assert "3 of 3 tickets" in compare_prompts.comparison(a, b, {1: "l", 2: "l"})


def test_nothing_to_compare_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LLM_API_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(SystemExit):
        compare_prompts.main(["--conversations", "elsewhere"])
    assert "no conversation to compare on" in capsys.readouterr().err
