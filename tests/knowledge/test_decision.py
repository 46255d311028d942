"""The decision log keeps its bytes, and no damage to it stops a run."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from knowledge import decision
from knowledge.decision import DecisionRow

CONTRACT_KEYS = [
    "ticket_id", "issue_id", "outcome", "confidence", "suggested_issue_id", "reason", "evidence", "candidates", "subject", "url",
    "created_at", "updated_at", "conversation_sha256", "model", "prompt_version",
]  # fmt: skip
ROW = DecisionRow(
    ticket_id=169,
    issue_id="ISSUE-169",
    outcome="provisional",
    confidence=0.62,
    suggested_issue_id="ISSUE-7",
    reason="Überhitzung\u2028im Gerät",
    evidence=(1, 4),
    candidates=("ISSUE-7", "ISSUE-9"),
    subject="Hot",
    url="https://acme.freshdesk.com/a/tickets/169",
    created_at="2025-07-24T18:24:46Z",
    updated_at="2025-07-25T18:24:46Z",
    conversation_sha256="ab" * 32,
    model="m",
    prompt_version="1f3a9c02",
    guards=("told_what_to_answer",),
    decided_by="model",
)


def test_a_row_has_the_contracts_keys_first_and_comes_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text(decision.render([ROW]), encoding="utf-8")
    assert list(json.loads(path.read_text(encoding="utf-8")))[: len(CONTRACT_KEYS)] == CONTRACT_KEYS
    assert decision.load(path) == {169: ROW}


def test_rows_are_ordered_by_ticket_id_whatever_order_they_came_in() -> None:
    rows = [DecisionRow(ticket_id=number, issue_id=None, outcome="failed") for number in (10, 9, 100)]
    text = decision.render(rows)
    assert [json.loads(line)["ticket_id"] for line in text.splitlines()] == [9, 10, 100]
    assert text == decision.render(reversed(rows))
    assert text.endswith("\n")


def test_unknown_keys_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text('{"ticket_id": 1, "issue_id": "X", "outcome": "new", "team": {"b": 1, "a": 2}}\n', encoding="utf-8")
    rows = decision.load(path)
    assert rows[1].extra == {"team": {"b": 1, "a": 2}}
    assert json.loads(decision.render(rows.values()))["team"] == {"b": 1, "a": 2}


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert decision.load(tmp_path / "none.jsonl") == {}


def test_a_folder_in_its_place_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert decision.load(tmp_path) == {}
    assert "going on without" in caplog.text


GOOD = b'{"ticket_id": 5, "issue_id": "ISSUE-5", "outcome": "new"}\n'
DAMAGE = {
    "cut short": b'{"ticket_id": 6, "issue_id": "ISS',
    "not UTF-8": b'{"ticket_id": 6, "issue_id": "\xff", "outcome": "new"}\n',
    "conflict marker": b"<<<<<<< HEAD\n",
    "a bare number": b"42\n",
    "NUL bytes": b"\0\0\0\0\n",
    "no outcome": b'{"ticket_id": 6}\n',
    "an outcome nobody knows": b'{"ticket_id": 6, "issue_id": null, "outcome": "guessed"}\n',
    "a boolean for an id": b'{"ticket_id": true, "issue_id": null, "outcome": "new"}\n',
    "nested without end": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_line_is_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(GOOD + damage)
    with caplog.at_level(logging.WARNING):
        assert list(decision.load(path)) == [5]
    assert "the first is line 2" in caplog.text


@pytest.mark.parametrize("value", ["0.5", True, None, -0.1, 1.1, [0.5]], ids=repr)
def test_a_confidence_that_is_no_number_from_0_to_1_is_none(value: Any) -> None:
    assert decision.from_json({"ticket_id": 1, "outcome": "new", "confidence": value}).confidence is None


def test_a_bom_and_windows_line_ends_are_harmless(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"\r\n")
    assert list(decision.load(path)) == [5]
    assert not caplog.text


def test_a_lone_surrogate_is_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text(decision.render([DecisionRow(ticket_id=1, issue_id=None, outcome="failed", subject="a\ud800b")]), encoding="utf-8")
    assert decision.load(path)[1].subject == "a\ud800b"


def test_a_confidence_of_four_hundred_digits_is_no_confidence() -> None:
    Path("log.jsonl").write_text('{"ticket_id": 1, "outcome": "new", "confidence": 1' + "0" * 400 + "}\n")
    assert decision.load(Path("log.jsonl"))[1].confidence is None


@pytest.mark.parametrize("outcome", ["failed", "ignored"])
def test_a_ticket_that_failed_or_is_ignored_stands_in_no_issue(outcome: Any) -> None:
    with pytest.raises(ValueError, match="stands in no issue"):
        DecisionRow(7, "ISSUE-1", outcome)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        *((GOOD + damage, True) for damage in DAMAGE.values()),
        (GOOD.decode().encode("utf-16"), True),
        (GOOD, False),
        (b"", False),
        (None, False),
    ],
    ids=[*DAMAGE, "UTF-16", "whole", "empty", "no file"],
)
def test_a_log_with_damaged_lines_is_kept_before_it_is_written_anew(tmp_path: Path, content: bytes | None, kept: bool) -> None:
    path = tmp_path / "decisions.jsonl"
    if content is not None:
        path.write_bytes(content)
    decision.write(path, [ROW])
    decision.write(path, [ROW])
    assert decision.load(path) == {169: ROW}
    assert [other.read_bytes() for other in tmp_path.glob("*.unreadable")] == ([content] if kept else [])


def test_a_log_that_was_damaged_since_it_was_read_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(GOOD)
    decision.write(path, [*decision.load(path).values(), ROW])
    path.write_bytes(damaged := path.read_bytes() + b"<<<<<<< HEAD\n")
    decision.write(path, [ROW])
    assert [other.read_bytes() for other in tmp_path.glob("*.unreadable")] == [damaged]


@pytest.mark.parametrize(
    ("value", "day"), [("2025-07-24T23:30:00-02:00", "2025-07-25"), ("2025-07-24T18:24:46Z", "2025-07-24"), ("soon", ""), (5, "")], ids=repr
)
def test_a_time_is_brought_to_utc_where_it_is_read(value: Any, day: str) -> None:
    assert decision.from_json({"ticket_id": 1, "outcome": "new", "created_at": value}).day == day


def test_what_earlier_versions_wrote_and_nobody_reads_is_kept_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_text('{"ticket_id": 1, "outcome": "new", "issue_id": "A", "margin": 0.1, "confidence_raw": 0.9}\n', encoding="utf-8")
    (row,) = decision.load(path).values()
    assert not {"margin", "confidence_raw"} & json.loads(decision.render([row])).keys()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_in_its_place_is_a_warning_and_no_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "decisions.jsonl")
    assert decision.load(tmp_path / "decisions.jsonl") == {}
    assert "going on without" in caplog.text


@pytest.mark.parametrize("url", ["http://[acme", "https://acme.example]/1", "//[::1/", 42, None], ids=repr)
def test_an_address_that_cannot_be_taken_apart_is_none(url: Any) -> None:
    assert decision.from_json({"ticket_id": 1, "outcome": "new", "url": url}).url == ""
