"""A review applies whole or not at all, keeps what people decided, and can be undone."""

import json
import os
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import files as safe_files
from common.errors import Unusable, Unwritable
from knowledge import decision as decision_log
from knowledge import issue as issue_db
from knowledge.issue import Card
from knowledge.paths import RunFiles
from report.overview import Band, agreement
from review import apply
from review import list as review_list
from review.apply import ReviewResult
from review.list import KIND
from testing.reviews import database, files_in, issue, log, page_export, revised, sheet


def revise(folder: Path, *filled: tuple[Any, ...]) -> ReviewResult:
    return revised(sheet(folder, *filled), database(), log())


def revise_page(folder: Path, *actions: dict[str, Any]) -> ReviewResult:
    return revised(page_export(folder, *actions), database(), log())


# What does not fit is named, all of it, and nothing is applied

BAD_ROWS: dict[str, tuple[list[tuple[Any, ...]], list[str]]] = {
    "an unknown ticket": ([(404, "confirm")], ["row 2: ticket 404 is in no issue of this database"]),
    "no ticket number": ([("1.2E+11", "confirm")], ["row 2: '1.2E+11' is no ticket number"]),
    "a missing target": ([(5, "move")], ["row 2: ticket 5: move needs a target_issue_id"]),
    "an unknown target": ([(5, "move", "ISSUE-999")], ["row 2: ticket 5: target_issue_id 'ISSUE-999' is no issue of this database"]),
    "two rows for one ticket": ([(5, "confirm"), (5, "ignore")], ["row 2, row 3: ticket 5 is decided more than once"]),
    "an unknown decision": ([(5, "maybe")], ["row 2: ticket 5: decision 'maybe' is none of confirm, accept, move, new, ignore"]),
    "a target without a decision": ([(5, "", "ISSUE-1")], ["row 2: ticket 5 has a target_issue_id but no decision"]),
    "a target that the decision does not take": ([(5, "ignore", "ISSUE-7")], ["ignore takes no target_issue_id; write move"]),
    "accept without a suggestion": ([(7, "accept")], ["row 2: ticket 7: there is no suggestion to accept"]),
    "several at once": ([(404, "new"), (5, "move"), (6, "confirm"), (7, "accept")], ["row 2: ", "row 3: ", "row 5: "]),
}


def problems(refused: Unusable) -> list[str]:
    """What a refusal names, line by line."""
    return [line.removeprefix("  ") for line in str(refused).splitlines()[1:]]


@pytest.mark.parametrize(("rows", "words"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_row_that_does_not_fit_is_named_and_nothing_is_applied(tmp_path: Path, rows: list[tuple[Any, ...]], words: list[str]) -> None:
    files = files_in(tmp_path)
    before = {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)}
    with pytest.raises(Unusable) as refused:
        apply.apply_file(sheet(tmp_path, *rows), files)
    assert all(word in problem for word, problem in zip(words, problems(refused.value), strict=True))
    assert {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)} == before
    assert not files.beside("before_review.1").exists()


BAD_ACTIONS: dict[str, tuple[list[Any], str]] = {
    "no object": ([5], "action 1: is not an object"),
    "an unknown action": ([{"action": "delete"}], "action 1: action 'delete' is none of"),
    "a ticket as text": ([{"action": "confirm", "ticket_id": "5"}], "action 1: '5' is no ticket number"),
    "true for a ticket": ([{"action": "confirm", "ticket_id": True}], "no ticket number"),
    "a gone issue": ([{"action": "edit", "issue_id": "ISSUE-9", "card": {"notes": "x"}}], "'ISSUE-9' is no issue of this database"),
    "an issue merged with itself": ([{"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-1"]}], "they are one issue already"),
    "a circle of merges": (
        [{"action": "merge", "issue_ids": pair} for pair in (["ISSUE-1", "ISSUE-5"], ["ISSUE-5", "ISSUE-6"], ["ISSUE-6", "ISSUE-1"])],
        "action 3: merge of ISSUE-1, ISSUE-1: they are one issue already",
    ),
    "merged and told apart": (
        [{"action": "distinct", "issue_ids": ["ISSUE-1", "ISSUE-5"]}, {"action": "merge", "issue_ids": ["ISSUE-5", "ISSUE-1"]}],
        "action 2: merge of ISSUE-5, ISSUE-1: this file also says that they are not the same",
    ),
    "merged and told apart by a chain": (
        [
            {"action": "distinct", "issue_ids": ["ISSUE-1", "ISSUE-5"]},
            {"action": "merge", "issue_ids": ["ISSUE-5", "ISSUE-6"]},
            {"action": "merge", "issue_ids": ["ISSUE-6", "ISSUE-1"]},
        ],
        "action 3: merge",
    ),
    "told apart after a merge": (
        [{"action": "merge", "issue_ids": ["ISSUE-5", "ISSUE-1"]}, {"action": "distinct", "issue_ids": ["ISSUE-1", "ISSUE-5"]}],
        "action 2: ISSUE-1 cannot be told from itself",
    ),
    "a split of all": ([{"action": "split", "issue_id": "ISSUE-7", "ticket_ids": [7, 8]}], "would be left without tickets"),
    "a split of a stranger": ([{"action": "split", "issue_id": "ISSUE-7", "ticket_ids": [1]}], "ticket 1 is not in it"),
    "a split of nothing": ([{"action": "split", "issue_id": "ISSUE-7", "ticket_ids": []}], "split names no ticket"),
    "a ticket split off and moved": (
        [
            {"action": "split", "issue_id": "ISSUE-7", "ticket_ids": [8]},
            {"action": "move", "ticket_id": 8, "target_issue_id": "ISSUE-1"},
        ],
        "action 1, action 2: ticket 8 is decided more than once",
    ),
    "an edit of an older card": (
        [{"action": "edit", "issue_id": "ISSUE-1", "card": {"notes": "x"}, "card_hash": "00000000"}],
        "the card of ISSUE-1 was changed after the page was written",
    ),
    "two edits of one card": (
        [{"action": "edit", "issue_id": "ISSUE-1", "card": {"notes": "x"}}] * 2,
        "action 2: ISSUE-1 is edited more than once",
    ),
    "an empty category": ([{"action": "edit", "issue_id": "ISSUE-1", "card": {"category": " \x00 "}}], "category is empty"),
    "an unknown field": ([{"action": "edit", "issue_id": "ISSUE-1", "card": {"tickets": [1]}}], "unknown field 'tickets'"),
    "keywords that are no list": ([{"action": "edit", "issue_id": "ISSUE-1", "card": {"keywords": "a, b"}}], "keywords is not a list"),
    "an endless text": ([{"action": "edit", "issue_id": "ISSUE-1", "card": {"notes": "x" * 20_000}}], "notes is longer than"),
    "a ticket that stood elsewhere": (
        [{"action": "confirm", "ticket_id": 5, "issue_id": "ISSUE-6"}],
        "stood in ISSUE-6 when this was written and is in ISSUE-5",
    ),
    "a target that is no text": ([{"action": "move", "ticket_id": 5, "target_issue_id": ["ISSUE-1"]}], "target_issue_id is not text"),
    "a card on a move": (
        [{"action": "move", "ticket_id": 5, "target_issue_id": "ISSUE-1", "card": {"category": "x"}}],
        "only new takes a card",
    ),
}


@pytest.mark.parametrize(("actions", "words"), BAD_ACTIONS.values(), ids=BAD_ACTIONS.keys())
def test_an_action_that_does_not_fit_is_named(tmp_path: Path, actions: list[Any], words: str) -> None:
    with pytest.raises(Unusable) as refused:
        revise_page(tmp_path, *actions)
    (problem,) = problems(refused.value)
    assert words in problem


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"42", b'{"kind": "other", "actions": []}', b'{"kind": "' + KIND.encode() + b'"}', b"\xff\xfe", b"PK\x03\x04"],
    ids=["empty", "cut", "a list", "a number", "another kind", "no actions", "half a BOM", "a spreadsheet file"],
)
def test_a_file_that_is_no_review_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "review"
    path.write_bytes(content)
    with pytest.raises(Unusable):
        revised(path, database(), log())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot read"):
        revised(tmp_path / "none.csv", database(), log())


def test_a_review_of_another_database_is_named_row_by_row(tmp_path: Path) -> None:
    other = {"ISSUE-900": issue("ISSUE-900", "Other", [900, 901], unsure={900: 0.1, 901: 0.2})}
    with pytest.raises(Unusable) as refused:
        revised(sheet(tmp_path, (900, "confirm"), (901, "ignore"), issues=other), database(), log())
    assert len(problems(refused.value)) == 2


def test_text_from_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].card = Card("\x1b[2Jgone\nticket 9: done\ud800")
    path = sheet(tmp_path, (5, "confirm"), issues=issues)
    assert revised(path, issues, log()).done == (
        "ticket 5: stays in ISSUE-5 ( [2Jgone ticket 9: done ), kept apart from ISSUE-1 (Wi-Fi setup fails)",
    )
    path.write_text('ticket_id,issue_id,decision\n5,"\x1b[2Jrow 9: fine",confirm\n', encoding="utf-8")
    with pytest.raises(Unusable) as refused:
        revised(path, issues, log())
    assert problems(refused.value) == ["row 2: ticket 5 stood in  [2Jrow 9: fine when this was written and is in ISSUE-5 now"]


# Files


def test_applying_writes_all_three_files_and_undo_puts_every_byte_back(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.flagged.write_bytes(sheet(tmp_path, (5, "accept"), (7, "ignore")).read_text(encoding="utf-8").encode("utf-16"))
    before = {path: path.read_bytes() for path in (files.database, files.decisions, files.flagged)}
    result = apply.apply_file(files.flagged, files)
    assert result.done == (
        "ticket 5: goes as suggested to ISSUE-1 (Wi-Fi setup fails)",
        "ticket 7: taken out of ISSUE-7 (Lid leaks)",
    )
    assert result.dropped == ("ISSUE-5 (Wi-Fi drops) has no ticket left and goes",)
    assert result.flagged == 1
    issues = issue_db.load(files.database)
    assert issues["ISSUE-1"].tickets == [1, 2, 5]
    assert decision_log.load(files.decisions)[5].decided_by == "person"
    assert [row.cells["ticket_id"] for row in review_list.parse(files.flagged.read_bytes(), name="list")] == ["6"]
    assert "as it was before" in apply.undo(files)
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(Unusable, match="no applied review"):
        apply.undo(files)


def test_undo_says_what_the_list_holds_again_and_the_same_words_can_be_mended(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    sheet(tmp_path, (5, "accept"), (6, "confirm")).replace(files.flagged)
    apply.apply_file(files.flagged, files)
    said = apply.undo(files)
    assert f"{files.flagged}: 2 rows filled in, which --apply-review applies again. Change or empty them first" in said
    text = files.flagged.read_text(encoding="utf-8")
    files.flagged.write_text(text.replace("accept", "confirm"), encoding="utf-8")
    assert [line.split(" (")[0] for line in apply.apply_file(files.flagged, files).done] == [
        "ticket 5: stays in ISSUE-5",
        "ticket 6: stays in ISSUE-6",
    ]


def test_undo_says_nothing_of_a_list_that_nobody_filled(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    assert "filled in" not in apply.undo(files)


def test_what_was_filled_in_after_a_review_outlives_its_undo(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    sheet(tmp_path, (5, "accept")).replace(files.flagged)
    apply.apply_file(files.flagged, files)
    rows = files.flagged.read_text(encoding="utf-8").splitlines()
    files.flagged.write_text("\n".join([rows[0], *(f"{row[:-2]},move,ISSUE-1" for row in rows[1:])]) + "\n", encoding="utf-8")
    assert "3 rows filled in" in apply.undo(files)
    filled = review_list.load_filled(files.flagged)
    assert {ticket: (cells["decision"], cells["target_issue_id"]) for ticket, cells in filled.items()} == {
        5: ("accept", ""),
        6: ("move", "ISSUE-1"),
        7: ("move", "ISSUE-1"),
    }


def test_a_word_that_was_changed_after_a_review_is_the_one_that_counts(tmp_path: Path) -> None:
    files = replace(files_in(tmp_path), separator=";")
    sheet(tmp_path, (6, "confirm")).replace(files.flagged)
    apply.apply_file(page_export(tmp_path, {"action": "accept", "ticket_id": 5}), files)
    text = files.flagged.read_text(encoding="utf-8")
    files.flagged.write_text(text.replace(";confirm;", ";new;"), encoding="utf-8")
    apply.undo(files)
    assert {ticket: cells["decision"] for ticket, cells in review_list.load_filled(files.flagged).items()} == {6: "new"}
    assert "ticket_id;confidence" in files.flagged.read_text(encoding="utf-8")


def test_a_list_that_cannot_be_read_is_kept_when_a_review_is_undone(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    before = files.flagged.read_bytes()
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    files.flagged.write_text("my notes", encoding="utf-8")
    assert "filled in" not in apply.undo(files)
    assert files.flagged.read_bytes() == before
    assert files.beside("flagged_for_review.csv.unreadable").read_text(encoding="utf-8") == "my notes"


def test_the_same_file_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    path = sheet(tmp_path, (5, "accept"), (6, "confirm"), (7, "ignore"), (1, "new"), (2, "move", "ISSUE-7"))
    assert not apply.apply_file(path, files).held
    after = files.database.read_bytes()
    again = apply.apply_file(path, files)
    assert (again.held, again.done) == (True, ())
    assert files.database.read_bytes() == after
    assert len(apply.kept_reviews(files)) == 1
    path.write_text(path.read_text(encoding="utf-8").replace("ignore", "confirm"), encoding="utf-8")
    with pytest.raises(Unusable, match="1 row to mend"):
        apply.apply_file(path, files)


def test_the_same_export_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    actions: list[dict[str, Any]] = [
        {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-5"]},
        {"action": "distinct", "issue_ids": ["ISSUE-6", "ISSUE-7"]},
        {"action": "edit", "issue_id": "ISSUE-6", "card": {"notes": "Mine.", "keywords": ["slow"]}},
        {"action": "confirm", "ticket_id": 6, "issue_id": "ISSUE-6"},
    ]
    assert not apply.apply_file(page_export(tmp_path, *actions), files).held
    after = files.database.read_bytes()
    assert apply.apply_file(page_export(tmp_path, *actions), files).held
    assert files.database.read_bytes() == after
    more = {"action": "confirm", "ticket_id": 8, "issue_id": "ISSUE-7"}
    assert revised(page_export(tmp_path, *actions, more), issue_db.load(files.database), decision_log.load(files.decisions)).done == (
        "ticket 8: stays in ISSUE-7 (Lid leaks)",
    )
    for other in (
        {"action": "merge", "issue_ids": ["ISSUE-6", "ISSUE-7"]},
        {"action": "distinct", "issue_ids": ["ISSUE-1", "ISSUE-7"]},
        {"action": "edit", "issue_id": "ISSUE-6", "card": {"notes": "Yours."}},
        {"action": "confirm", "ticket_id": 7, "issue_id": "ISSUE-7"},
    ):
        assert not revised(page_export(tmp_path, other), issue_db.load(files.database), decision_log.load(files.decisions)).held


def test_two_different_words_on_a_ticket_are_named_and_neither_is_lost(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    sheet(tmp_path, (5, "move", "ISSUE-7"), (6, "confirm")).replace(files.flagged)
    before = files.flagged.read_bytes()
    export = page_export(tmp_path, {"action": "ignore", "ticket_id": 5}, {"action": "confirm", "ticket_id": 6})
    with pytest.raises(Unusable) as refused:
        apply.apply_file(export, files)
    (problem,) = problems(refused.value)
    assert problem.startswith("action 1: ticket 5 is ignore here and move ISSUE-7 in ")
    assert files.flagged.read_bytes() == before
    same = page_export(tmp_path, {"action": "move", "ticket_id": 5, "target_issue_id": "ISSUE-7"})
    assert len(apply.apply_file(same, files).done) == 1
    assert set(review_list.load_filled(files.flagged)) == {6}


def test_a_split_of_a_ticket_that_the_list_decides_is_named_too(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    sheet(tmp_path, (8, "confirm")).replace(files.flagged)
    before, database = files.flagged.read_bytes(), files.database.read_bytes()
    home = next(found for found in issue_db.load(files.database).values() if 8 in found.tickets)
    split = {"action": "split", "issue_id": home.issue_id, "ticket_ids": [8], "card": {"category": "Another one"}}
    with pytest.raises(Unusable) as refused:
        apply.apply_file(page_export(tmp_path, split), files)
    assert any("ticket 8 goes with others here and is confirm in " in problem for problem in problems(refused.value))
    assert (files.flagged.read_bytes(), files.database.read_bytes()) == (before, database)


def failing(error: BaseException, *, at: Path) -> Any:
    """A write that fails for one file."""
    write = safe_files.write_parts

    def stop(path: Path, parts: Iterable[bytes]) -> None:
        if path == at:
            raise error
        write(path, parts)

    return stop


@pytest.mark.parametrize("error", [Unwritable("no space"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("at", ["silo_issues_db.json", "decisions.jsonl"])
def test_a_review_that_cannot_be_written_leaves_all_as_it_was(
    at: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_in(tmp_path)
    before = {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)}
    path = sheet(tmp_path, (5, "accept"))
    with monkeypatch.context() as patched:
        patched.setattr(safe_files, "write_parts", failing(error, at=tmp_path / at))
        with pytest.raises(type(error)):
            apply.apply_file(path, files)
    assert {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)} == before
    assert apply.kept_reviews(files) == []
    assert len(apply.apply_file(path, files).done) == 1


@pytest.mark.parametrize("database_follows", [True, False], ids=["before its list", "before its database"])
def test_a_review_that_was_killed_is_finished_by_the_same_file(
    database_follows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    files, other = (replace(files_in(tmp_path / name), separator=";") for name in "ab")
    database_before = files.database.read_bytes()
    path = page_export(tmp_path, *REVIEW)
    apply.apply_file(path, other)
    with monkeypatch.context() as patched:
        patched.setattr(review_list, "write", failing_list)
        assert apply.apply_file(path, files).unwritten == "the list is held"
    if not database_follows:
        files.database.write_bytes(database_before)
    assert apply.apply_file(path, files).unwritten == ""
    for name in ("database", "decisions", "flagged"):
        assert getattr(files, name).read_bytes() == getattr(other, name).read_bytes(), name
    assert b"ticket_id;confidence" in files.flagged.read_bytes()
    assert len(apply.kept_reviews(files)) == 1, "it was one review"
    assert apply.apply_file(path, files).held


REVIEW: list[dict[str, Any]] = [
    {"action": "accept", "ticket_id": 5},
    {"action": "new", "ticket_id": 2, "card": {"category": "Router too old"}},
    {"action": "split", "issue_id": "ISSUE-7", "ticket_ids": [8], "card": {"category": "Rim"}},
    {"action": "edit", "issue_id": "ISSUE-6", "card": {"notes": "Mine."}},
    {"action": "distinct", "issue_ids": ["ISSUE-6", "ISSUE-7"]},
]


def test_another_review_after_one_that_was_killed_starts_from_what_stood_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_in(tmp_path)
    before = {path: path.read_bytes() for path in (files.database, files.decisions)}
    with monkeypatch.context() as patched:
        patched.setattr(review_list, "write", failing_list)
        apply.apply_file(sheet(tmp_path, (5, "accept"), (6, "ignore")), files)
    files.database.write_bytes(before[files.database])
    result = apply.apply_file(sheet(tmp_path, (6, "confirm")), files)
    assert [line.split(" (")[0] for line in result.done] == ["ticket 6: stays in ISSUE-6"]
    assert (result.log[5].decided_by, result.log[6].extra["review"]["decision"]) == ("model", "confirm")
    assert len(apply.kept_reviews(files)) == 1
    apply.undo(files)
    assert {path: path.read_bytes() for path in before} == before


def test_a_review_that_leaves_the_database_as_it_is_counts_all_the_same(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    confirm = {"action": "confirm", "ticket_id": 8, "issue_id": "ISSUE-7"}
    apply.apply_file(page_export(tmp_path, confirm), files)
    database = files.database.read_bytes()
    again = {"action": "move", "ticket_id": 8, "target_issue_id": "ISSUE-7", "reviewed": True}
    apply.apply_file(page_export(tmp_path, again), files)
    assert files.database.read_bytes() == database
    apply.apply_file(sheet(tmp_path, (6, "confirm")), files)
    assert decision_log.load(files.decisions)[8].extra["review"]["decision"] == "move"


def failing_list(*_: object, **__: object) -> int:
    raise Unwritable("the list is held")


def test_so_many_reviews_are_kept_the_oldest_go_first(tmp_path: Path) -> None:
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for number in range(1, 24) for name in [f"ISSUE-{number}"]}
    files = files_in(tmp_path, issues, {})
    for number in range(1, 24):
        apply.apply_file(sheet(tmp_path, (number, "confirm"), issues=issues), files)
    assert [folder.name for folder in apply.kept_reviews(files)] == [f"before_review.{number}" for number in range(4, 24)]
    for _ in range(20):
        apply.undo(files)
    assert issue_db.load(files.database)["ISSUE-3"].reviewed == [3]
    assert issue_db.load(files.database)["ISSUE-4"].reviewed == []


def test_two_reviews_are_undone_one_after_the_other(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    states = [files.database.read_bytes()]
    for ticket in (5, 6, 7):
        apply.apply_file(sheet(tmp_path, (ticket, "confirm")), files)
        states.append(files.database.read_bytes())
    for state in reversed(states[:-1]):
        apply.undo(files)
        assert files.database.read_bytes() == state


def test_undo_refuses_when_the_database_was_changed_since(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    apply.apply_file(sheet(tmp_path, (5, "confirm")), files)
    files.database.write_text(files.database.read_text(encoding="utf-8").replace("Lid leaks", "Lid broken"), encoding="utf-8")
    with pytest.raises(Unusable, match="was changed after that review"):
        apply.undo(files)
    assert "Lid broken" in files.database.read_text(encoding="utf-8")
    assert (files.beside("before_review.1") / files.database.name).exists()


DAMAGES = {
    "the database is empty": lambda folder: (folder / "silo_issues_db.json").write_bytes(b""),
    "the database is gone": lambda folder: (folder / "silo_issues_db.json").unlink(),
    "the database is cut short": lambda folder: (folder / "silo_issues_db.json").write_bytes(b"[{"),
    "the database is another one": lambda folder: (folder / "silo_issues_db.json").write_bytes(b'[{"issue_id": "X", "tickets": []}]'),
    "the decisions are empty": lambda folder: (folder / "decisions.jsonl").write_bytes(b""),
    "the decisions are gone": lambda folder: (folder / "decisions.jsonl").unlink(),
    "a letter of the list is another": lambda folder: (folder / "flagged_for_review.csv").write_bytes(
        (folder / "flagged_for_review.csv").read_bytes().replace(b"Lid", b"Lit")
    ),
    "the note is empty": lambda folder: (folder / "after.json").write_bytes(b""),
    "the note is gone": lambda folder: (folder / "after.json").unlink(),
    "the note is a list": lambda folder: (folder / "after.json").write_bytes(b"[]"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_undo_puts_nothing_back_that_is_not_as_it_was_kept(tmp_path: Path, damage: Any) -> None:
    files = files_in(tmp_path)
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    after = {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)}
    damage(files.beside("before_review.1"))
    with pytest.raises(Unusable, match=r"cannot undo: .*before_review\.1 is damaged, and nothing was changed"):
        apply.undo(files)
    assert {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)} == after


def test_undo_that_was_cut_short_ends_when_it_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_in(tmp_path)
    before = {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)}
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    kept = files.beside("before_review.1")
    for number in range(1, 8):
        calls = 0
        replace, done = os.replace, False

        def cut(*args: Any, last: int = number, replace: Any = replace) -> None:
            nonlocal calls
            calls += 1
            if calls == last:
                raise KeyboardInterrupt
            replace(*args)

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", cut)
            try:
                apply.undo(files)
                done = True
            except KeyboardInterrupt:
                assert kept.exists()
        if done:
            break
    assert number == 5, "four steps were cut in turn: the digests, the list, the decisions, the folder"
    assert {path.name: path.read_bytes() for path in (files.database, files.decisions, files.flagged)} == before
    assert not list(tmp_path.glob("*before_review*"))


def test_reviews_kept_by_an_earlier_version_are_undone_too(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    before = files.database.read_bytes()
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    note = files.beside("before_review.1") / "after.json"
    note.write_text(json.dumps({"database_sha256": json.loads(note.read_text())["database_sha256"]}))
    apply.undo(files)
    assert files.database.read_bytes() == before


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    path = sheet(tmp_path, (5, "accept"))
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir())
    assert revised(path, issue_db.load(files.database), {}).done[0] == "ticket 5: goes as suggested to ISSUE-1 (Wi-Fi setup fails)"
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir()) == before


def test_a_seed_and_production_keep_their_earlier_states_apart(tmp_path: Path) -> None:
    seed = RunFiles(tmp_path / "seed.json")
    seed.database.write_text(issue_db.render(database().values()), encoding="utf-8")
    apply.apply_file(sheet(tmp_path, (5, "confirm")), seed)
    assert (tmp_path / "seed.before_review.1").is_dir()
    with pytest.raises(Unusable, match="no applied review"):
        apply.undo(RunFiles(tmp_path / "silo_issues_db.json"))
    apply.undo(seed)


# What holds whatever people decide


VERBS = st.sampled_from(["confirm", "accept", "move", "new", "ignore", ""])
DECISIONS = st.dictionaries(st.sampled_from([5, 6, 7, 8, 1]), st.tuples(VERBS, st.sampled_from(list(database()))))


@pytest.mark.slow
@settings(max_examples=150)
@given(decisions=DECISIONS, seed=st.integers(0, 9))
def test_no_ticket_is_lost_or_doubled_and_row_order_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, decisions: dict[int, tuple[str, str]], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("review")
    rows = [(ticket, verb, target if verb == "move" else "") for ticket, (verb, target) in decisions.items()]
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)
    try:
        result = revise(folder, *rows)
    except Unusable:
        with pytest.raises(Unusable):
            revise(folder, *shuffled)
        return
    text = issue_db.render(result.issues.values())
    assert text == issue_db.render(revise(folder, *shuffled).issues.values())
    issues = issue_db.parse(text, name="result")
    ignored = {ticket for ticket, verb, _ in rows if verb == "ignore"}
    decided = {ticket for ticket, verb, _ in rows if verb}
    homes = {ticket: made.issue_id for made in issues.values() for ticket in made.tickets}
    assert set(homes) == {1, 2, 5, 6, 7, 8} - ignored
    assert decided <= {ticket for made in issues.values() for ticket in made.reviewed}
    assert all(set(made.unsure) <= set(made.tickets) for made in issues.values())
    assert all(result.log[ticket].issue_id == home for ticket, home in homes.items())
    names = [name for made in issues.values() for name in (made.issue_id, *made.merged_from)]
    assert len(names) == len(set(names))


NAMES = st.sampled_from(["ISSUE-1", "ISSUE-2", "ISSUE-5", "ISSUE-6", "ISSUE-7", "NOTE-1", "ISSUE-404"])
TICKETS = st.sampled_from([1, 2, 5, 6, 7, 8, 404])
ACTIONS = st.one_of(
    st.fixed_dictionaries({"action": st.just("merge"), "issue_ids": st.lists(NAMES, min_size=2, max_size=3)}),
    st.fixed_dictionaries({"action": st.just("distinct"), "issue_ids": st.lists(NAMES, min_size=2, max_size=2)}),
    st.fixed_dictionaries({"action": st.just("split"), "issue_id": NAMES, "ticket_ids": st.lists(TICKETS, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"action": st.just("edit"), "issue_id": NAMES, "card": st.just({"category": "Edited"})}),
    st.fixed_dictionaries({"action": st.just("move"), "ticket_id": TICKETS, "target_issue_id": NAMES}),
    st.fixed_dictionaries({"action": st.sampled_from(["confirm", "accept", "new", "ignore"]), "ticket_id": TICKETS}),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner)
    ),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(actions=st.lists(ACTIONS, max_size=5))
def test_whatever_a_page_exports_is_refused_or_leaves_a_sound_database(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Any]
) -> None:
    try:
        result = revise_page(tmp_path_factory.mktemp("review"), *actions)
    except Unusable:
        return
    issues = issue_db.parse(issue_db.render(result.issues.values()), name="result")
    ignored = {action["ticket_id"] for action in actions if action["action"] == "ignore"}
    homes = {ticket: made.issue_id for made in issues.values() for ticket in made.tickets}
    assert set(homes) == {1, 2, 5, 6, 7, 8} - ignored
    assert ignored <= {ticket for made in issues.values() for ticket in made.reviewed}
    names = [name for made in issues.values() for name in (made.issue_id, *made.merged_from)]
    assert len(names) == len(set(names))
    assert all(made.issue_id not in made.distinct_from for made in issues.values())
    assert all(result.log[ticket].issue_id == home for ticket, home in homes.items())


def test_the_table_of_agreement_counts_what_people_kept(tmp_path: Path) -> None:
    rows = revise(tmp_path, (5, "accept"), (6, "confirm"), (7, "confirm")).log
    assert agreement(rows.values()) == [Band("0.5 and up", 1, 1), Band("below 0.5", 1, 2)]
