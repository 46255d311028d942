"""The checkpoint is read back as it was written, and anything else is refused with the way out."""

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import Unreadable
from knowledge import checkpoint
from knowledge.checkpoint import Checkpoint, Plan, Progress
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue

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
    result_sha256="cd" * 32,
)


def write(change: Any, *, without: str = "") -> Path:
    """A checkpoint with some parts changed and a digest that fits."""
    path = Path("x.tmp.json")
    data = {**json.loads(checkpoint.render(FULL)), **change}
    text = json.dumps({key: value for key, value in data.items() if key not in ("sha256", without)})[:-1]
    body = text[text.index('"', text.index('"result_sha256": "') + 18) :] if "result_sha256" in text else text
    path.write_text(f'{text}, "sha256": "{hashlib.sha256(body.encode()).hexdigest()}"}}\n')
    return path


def test_the_helper_writes_what_is_read() -> None:
    assert checkpoint.load(write({})) == FULL
    assert checkpoint.load(write({"gaps": []})) == replace(FULL, plan=replace(FULL.plan, gaps=()))


@pytest.mark.slow
def test_any_flipped_bit_is_noticed_but_in_the_name_of_the_result() -> None:
    content = bytearray(checkpoint.render(FULL).encode())
    name = range(content.index(b'"result_sha256": "') + 18, content.index(b'", "base_sha256"'))
    draw = random.Random(5)
    for place in [*draw.sample(range(len(content)), 120), *range(60), *range(len(content) - 80, len(content))]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        Path("x.tmp.json").write_bytes(flipped)
        if place in name:
            assert checkpoint.file_sha256(Path("x.tmp.json"))
            continue
        with pytest.raises(Unreadable, match="--fresh"):
            checkpoint.load(Path("x.tmp.json"))


def test_it_is_read_back_as_it_was_written() -> None:
    Path("x.tmp.json").write_text(checkpoint.render(FULL), encoding="utf-8")
    assert checkpoint.load(Path("x.tmp.json")) == FULL
    assert checkpoint.render(FULL) == checkpoint.render(checkpoint.load(Path("x.tmp.json")) or FULL)


@pytest.mark.parametrize("known", ["", "cd" * 32])
def test_announcing_the_result_changes_nothing_else(known: str) -> None:
    path = Path("x.tmp.json")
    path.write_bytes(b"".join(checkpoint.parts(replace(FULL, result_sha256=known))))
    checkpoint.announce(path, "ef" * 32)
    assert checkpoint.load(path) == replace(FULL, result_sha256="ef" * 32)


def test_nothing_is_announced_where_there_is_no_checkpoint() -> None:
    checkpoint.announce(Path("x.tmp.json"), "ef" * 32)
    assert not Path("x.tmp.json").exists()


def test_a_checkpoint_that_was_changed_meanwhile_is_left_as_it_is() -> None:
    Path("x.tmp.json").write_text("<<<<<<< HEAD")
    with pytest.raises(Unreadable, match=r"x\.tmp\.json was changed .*--fresh"):
        checkpoint.announce(Path("x.tmp.json"), "ef" * 32)
    assert Path("x.tmp.json").read_text() == "<<<<<<< HEAD"


def test_there_need_be_none() -> None:
    assert checkpoint.load(Path("x.tmp.json")) is None


@pytest.mark.parametrize(
    "content",
    ["", "[]", "42", "null", "{}", '{"schema": "silo-issues-checkpoint/0"}', checkpoint.render(FULL)[:-20], "<<<<<<< HEAD", "\x00"],
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
    "key", ["base_sha256", "result_sha256", "selection", "gaps", "wave_tickets", "progress", "tickets", "issues", "dropped", "decisions"]
)
def test_a_part_that_is_missing_makes_it_unreadable(key: str) -> None:
    with pytest.raises(Unreadable, match="--fresh"):
        checkpoint.load(write({}, without=key))


def test_hashes_are_those_of_the_file_and_no_file_has_that_of_no_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert checkpoint.file_sha256(Path("nothing")) == checkpoint.text_sha256("") == empty
    Path("x").write_text("ü\n", encoding="utf-8")
    assert checkpoint.file_sha256(Path("x")) == checkpoint.text_sha256("ü\n")
