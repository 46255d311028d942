"""The checkpoint is read back as it was written, and anything else is refused with the way out."""

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common import files as safe_files
from common.errors import Unreadable
from knowledge import checkpoint, written
from knowledge.checkpoint import Checkpoint, Plan, Progress
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from knowledge.paths import RunFiles

FULL = Checkpoint(
    Plan(
        base_sha256="ab" * 32,
        selection={"ticket_ids": [1, 2], "pages": None, "reprocess": True},
        tickets=({"ticket_id": 1, "subject": "Ü \u2028"}, {"ticket_id": 2}),
        gaps=("two tickets of 2025-01-01",),
        wave_tickets=500,
    ),
    progress=Progress({1}, [2], [7], {9}, {"K9": 3}, {1, 9}),
    issues=(Issue("K9", Card("Lid"), tickets=[1], unsure={1: 0.6}, extra={"owner": None}), Issue("ISSUE-1", Card("x"))),
    dropped=("ISSUE-2",),
    decisions=(DecisionRow(1, "K9", "provisional", 0.6, evidence=(1, 2), guards=("suspicious text",), decided_by="model", extra={"z": 1}),),
)


def render(saved: Checkpoint) -> str:
    return b"".join(checkpoint.parts(saved)).decode()


def write(change: Any, *, without: str = "") -> Path:
    """A checkpoint with some parts changed and a digest that fits."""
    path = Path("x.tmp.json")
    data = {**json.loads(render(FULL)), **change}
    text = json.dumps({key: value for key, value in data.items() if key not in ("sha256", without)})[:-1]
    path.write_text(f'{text}, "sha256": "{hashlib.sha256(text.encode()).hexdigest()}"}}\n')
    return path


def test_the_helper_writes_what_is_read() -> None:
    assert checkpoint.load(write({})) == FULL
    assert checkpoint.load(write({"gaps": []})) == replace(FULL, plan=replace(FULL.plan, gaps=()))


@pytest.mark.slow
def test_any_flipped_bit_is_noticed() -> None:
    content = bytearray(render(FULL).encode())
    draw = random.Random(5)
    for place in [*draw.sample(range(len(content)), 120), *range(60), *range(len(content) - 80, len(content))]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        Path("x.tmp.json").write_bytes(flipped)
        with pytest.raises(Unreadable, match="--fresh"):
            checkpoint.load(Path("x.tmp.json"))


def test_it_is_read_back_as_it_was_written() -> None:
    Path("x.tmp.json").write_text(render(FULL), encoding="utf-8")
    assert checkpoint.load(Path("x.tmp.json")) == FULL
    assert render(FULL) == render(checkpoint.load(Path("x.tmp.json")) or FULL)


def test_there_need_be_none() -> None:
    assert checkpoint.load(Path("x.tmp.json")) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "42", "null", "{}", '{"schema": "silo-issues-checkpoint/0"}', render(FULL)[:-20], "<<<<<<< HEAD", "\x00"],
    ids=["empty", "array", "number", "null", "object", "old form", "cut short", "conflict", "zero byte"],
)
def test_what_is_no_checkpoint_is_refused_with_the_way_out(content: str) -> None:
    Path("x.tmp.json").write_text(content)
    with pytest.raises(Unreadable, match=r"x\.tmp\.json is no checkpoint .*--fresh"):
        checkpoint.load(Path("x.tmp.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"progress": None},
        {"progress": {}},
        {"progress": {**FULL.progress.to_json(), "put_off": ["1"]}},
        {"progress": {**FULL.progress.to_json(), "decided": 3}},
        {"progress": {**FULL.progress.to_json(), "card_sizes": 3}},
        {"wave_tickets": [1]},
        {"wave_tickets": "32"},
        {"tickets": None},
        {"tickets": {"1": 2}},
        {"tickets": [1]},
        {"tickets": [{"ticket_id": "1"}]},
        {"selection": None},
        {"selection": 7},
        {"gaps": None},
        {"issues": [{"category": "no id"}]},
        {"issues": 7},
        {"dropped": 7},
        {"decisions": [{"ticket_id": 1}]},
        {"decisions": None},
    ],
    ids=str,
)
def test_a_part_that_is_wrong_makes_it_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="--fresh"):
        checkpoint.load(write(change))


@pytest.mark.parametrize(
    "key", ["base_sha256", "selection", "gaps", "wave_tickets", "progress", "tickets", "issues", "dropped", "decisions"]
)
def test_a_part_that_is_missing_makes_it_unreadable(key: str) -> None:
    with pytest.raises(Unreadable, match="--fresh"):
        checkpoint.load(write({}, without=key))


@pytest.fixture
def ended(tmp_path: Path) -> RunFiles:
    """What a run leaves that is killed after its last database was written, and before its checkpoint goes."""
    files = RunFiles(tmp_path / "silo_issues_db.json")
    files.database.write_text("old", encoding="utf-8")
    base = safe_files.sha256(files.database)
    files.checkpoint.write_text(render(replace(FULL, plan=replace(FULL.plan, base_sha256=base, selection={}))), encoding="utf-8")
    written.expect(files, {files.database: ["new"], files.checkpoint: safe_files.blocks(files.checkpoint)})
    files.database.write_text("new", encoding="utf-8")
    return files


def test_a_run_that_ended_but_for_its_last_step_is_done(ended: RunFiles) -> None:
    assert checkpoint.leftover(ended, fresh=False) is None
    assert not ended.checkpoint.exists()


def test_the_same_tickets_decided_anew_are_not_decided_twice(ended: RunFiles) -> None:
    saved = json.loads(ended.checkpoint.read_bytes())
    plan = Plan(saved["base_sha256"], {"reprocess": True}, FULL.plan.tickets)
    ended.checkpoint.write_text(render(replace(FULL, plan=plan)), encoding="utf-8")
    written.expect(ended, {ended.database: ["new"], ended.checkpoint: safe_files.blocks(ended.checkpoint)})
    found = checkpoint.leftover(ended, fresh=False)
    assert found is not None
    assert (found.plan.base_sha256, found.progress.decided) == (safe_files.sha256(ended.database), {1, 2})


@pytest.mark.parametrize("what", ["the database", "the checkpoint", "the digests"])
def test_a_database_that_was_changed_after_the_run_began_stops_it(ended: RunFiles, what: str) -> None:
    if what == "the database":
        ended.database.write_text("by hand", encoding="utf-8")
    elif what == "the checkpoint":
        ended.checkpoint.write_text(render(FULL), encoding="utf-8")
    else:
        ended.digests.write_text("{}", encoding="utf-8")
    with pytest.raises(Unreadable, match=r"was changed after .*--fresh"):
        checkpoint.leftover(ended, fresh=False)
    assert ended.checkpoint.exists()
    assert checkpoint.leftover(ended, fresh=True) is None
    assert [path.name for path in safe_files.kept_aside(ended.checkpoint, ending="old")] == ["silo_issues_db.tmp.json.old"]
