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
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from knowledge.paths import RunFiles
from report import summary
from review import apply
from review import list as review_list
from review.apply import ReviewResult
from review.list import KIND
from testing.reviews import database, files_in, issue, log, page_export, sheet


def revise(folder: Path, *filled: tuple[Any, ...]) -> ReviewResult:
    return apply.revise(sheet(folder, *filled), database(), log())


def revise_page(folder: Path, *actions: dict[str, Any]) -> ReviewResult:
    return apply.revise(page_export(folder, *actions), database(), log())


# What each decision does


def test_confirm_keeps_the_ticket_where_it_is_and_confirms_the_issue(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "confirm"))
    kept = result.issues["ISSUE-5"]
    assert (kept.tickets, kept.reviewed, kept.unsure, kept.status) == ([5], [5], {}, "confirmed")
    assert (result.log[5].outcome, result.log[5].decided_by, result.log[5].confidence) == ("reviewed", "person", 0.62)
    assert not kept.written_by_person()


def test_confirm_says_that_the_suggested_issue_is_another_one(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "confirm"))
    assert result.issues["ISSUE-5"].distinct_from == ["ISSUE-1"]
    assert result.issues["ISSUE-1"].distinct_from == ["ISSUE-5"]


def test_accept_takes_the_suggestion_and_the_empty_issue_leads_on(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "accept"))
    joined = result.issues["ISSUE-1"]
    assert (joined.tickets, joined.reviewed, joined.last_seen) == ([1, 2, 5], [5], "2025-01-05")
    assert joined.merged_from == ["ISSUE-2", "ISSUE-5"]
    assert "ISSUE-5" not in result.issues
    assert result.log[5].issue_id == "ISSUE-1"


def test_accept_works_from_the_log_when_the_column_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text("decision;ticket_id\nACCEPT ;5.0\n", encoding="utf-8")
    assert apply.revise(path, database(), log()).issues["ISSUE-1"].tickets == [1, 2, 5]


def test_accept_works_from_the_list_when_the_log_is_gone(tmp_path: Path) -> None:
    result = apply.revise(sheet(tmp_path, (5, "accept")), database(), {})
    assert result.issues["ISSUE-1"].tickets == [1, 2, 5]
    assert result.log[5].decided_by == "person"


@pytest.mark.parametrize("order", [(5, 6), (6, 5)], ids=["the meant one first", "the meant one last"])
def test_accepting_an_issue_that_is_itself_accepted_elsewhere_follows_it(tmp_path: Path, order: tuple[int, int]) -> None:
    result = revise(tmp_path, *[(ticket, "accept") for ticket in order])
    assert result.issues["ISSUE-1"].tickets == [1, 2, 5, 6]
    assert set(result.issues) == {"ISSUE-1", "ISSUE-7", "NOTE-1"}


@pytest.mark.parametrize("target", ["ISSUE-7", "issue-7 ", "7", "lid LEAKS", "ISSUE-2"])
def test_move_goes_to_the_named_issue(tmp_path: Path, target: str) -> None:
    result = revise(tmp_path, (5, "move", target))
    assert 5 in result.issues["ISSUE-1" if target == "ISSUE-2" else "ISSUE-7"].tickets


@pytest.mark.parametrize("target", ["ISSUE-77", "77", "Wi-Fi", "wi-fi twice", "x1"])
def test_move_to_what_may_mean_none_or_several_issues_is_named(tmp_path: Path, target: str) -> None:
    issues = database() | {name: issue(name, "Wi-Fi twice", [number]) for number, name in ((20, "X1 "), (21, "x1  "))}
    path = sheet(tmp_path, (5, "move", target), issues=issues)
    with pytest.raises(Unusable, match=f"'{target}' is no issue of this database"):
        apply.revise(path, issues, log())


def test_an_id_with_blanks_in_it_can_be_reviewed(tmp_path: Path) -> None:
    issues = {"WIFI  9 ": issue("WIFI  9 ", "Wi-Fi", [5, 6], unsure={5: 0.5, 6: 0.5})}
    path = sheet(tmp_path, (5, "confirm"), (6, "move", "WIFI 9"), issues=issues)
    assert apply.revise(path, issues, {}).issues["WIFI  9 "].reviewed == [5, 6]


def test_suggestions_that_go_round_make_one_issue(tmp_path: Path) -> None:
    """Each of them is said to be the other: swapping them would be what nobody meant."""
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for number in (5, 6, 7) for name in [f"ISSUE-{number}"]}
    for ring in ((5, 6), (6, 5), (5, 6, 7), (7, 6, 5)):
        meant = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
        rows = {number: DecisionRow(number, f"ISSUE-{number}", "provisional", 0.5, f"ISSUE-{meant[number]}") for number in ring}
        after = apply.revise(review_of(tmp_path, issues, rows, dict.fromkeys(ring, "accept")), issues, rows)
        assert after.issues["ISSUE-5"].tickets == sorted(ring)
        assert all(row.extra["review"]["model_was_right"] for row in after.log.values())


def test_a_suggestion_that_meets_a_move_the_other_way_follows_it(tmp_path: Path) -> None:
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for number in (5, 6) for name in [f"ISSUE-{number}"]}
    rows = {5: DecisionRow(5, "ISSUE-5", "provisional", 0.5), 6: DecisionRow(6, "ISSUE-6", "provisional", 0.5, "ISSUE-5")}
    after = apply.revise(review_of(tmp_path, issues, rows, {5: "move", 6: "accept"}, {5: "ISSUE-6"}), issues, rows)
    assert {name: entry.tickets for name, entry in after.issues.items()} == {"ISSUE-6": [5, 6]}


def review_of(
    folder: Path, issues: dict[str, Issue], rows: dict[int, DecisionRow], verbs: dict[int, str], targets: dict[int, str] | None = None
) -> Path:
    """The list of a database with these decisions filled in."""
    filled = {ticket: {"decision": verb, "target_issue_id": (targets or {}).get(ticket, "")} for ticket, verb in verbs.items()}
    path = folder / "filled.csv"
    path.write_text(review_list.render(issues, rows, filled=filled), encoding="utf-8")
    return path


def test_move_to_an_issue_that_another_row_empties_keeps_it(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "move", "ISSUE-1"), (6, "move", "ISSUE-5"))
    assert result.issues["ISSUE-5"].tickets == [6]
    assert (result.issues["ISSUE-5"].first_seen, result.issues["ISSUE-5"].last_seen) == ("2025-01-06", "2025-01-06")


def test_two_tickets_may_change_places(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "move", "ISSUE-6"), (6, "move", "ISSUE-5"))
    assert (result.issues["ISSUE-5"].tickets, result.issues["ISSUE-6"].tickets) == ([6], [5])


def test_new_for_a_ticket_that_is_alone_keeps_its_issue(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "new"))
    assert (result.issues["ISSUE-5"].tickets, result.issues["ISSUE-5"].status) == ([5], "confirmed")
    assert result.issues["ISSUE-5"].distinct_from == ["ISSUE-1"]


def test_new_for_a_ticket_among_others_founds_an_issue_never_merged_with_the_old(tmp_path: Path) -> None:
    result = revise(tmp_path, (7, "new"))
    founded = result.issues["ISSUE-7-2"]
    assert (founded.tickets, founded.card.category, founded.card.short_description) == ([7], "Lid leaks", "Subject 7")
    assert (founded.first_seen, founded.status, founded.reviewed) == ("2025-01-07", "confirmed", [7])
    assert result.issues["ISSUE-7"].distinct_from == ["ISSUE-7-2"]
    assert (result.issues["ISSUE-7"].tickets, result.issues["ISSUE-7"].first_seen) == ([8], "2025-01-08")


def test_ignore_takes_the_ticket_out_and_the_database_alone_remembers(tmp_path: Path) -> None:
    result = revise(tmp_path, (7, "ignore"))
    assert (result.issues["ISSUE-7"].tickets, result.issues["ISSUE-7"].reviewed) == ([8], [7])
    assert (result.log[7].outcome, result.log[7].issue_id, result.log[7].decided_by) == ("ignored", None, "person")
    assert 7 not in review_list.flagged_tickets(result.issues)


def test_ignore_of_a_lone_ticket_is_remembered_by_the_suggested_issue(tmp_path: Path) -> None:
    result = revise(tmp_path, (5, "ignore"))
    assert "ISSUE-5" not in result.issues
    assert result.issues["ISSUE-1"].reviewed == [5]


def test_ignore_of_a_lone_ticket_without_a_suggestion_is_remembered_by_the_oldest_issue(tmp_path: Path) -> None:
    result = revise(tmp_path, (6, "ignore"), (5, "ignore"))
    assert result.issues["ISSUE-1"].reviewed == [5, 6]


def test_ignore_of_the_only_ticket_of_all_keeps_the_issue_that_remembers_it(tmp_path: Path) -> None:
    issues = {"ISSUE-5": issue("ISSUE-5", "x", [5], unsure={5: 0.2})}
    result = apply.revise(sheet(tmp_path, (5, "ignore"), issues=issues), issues, {})
    assert (result.issues["ISSUE-5"].tickets, result.issues["ISSUE-5"].reviewed) == ([], [5])


def test_an_issue_that_a_person_wrote_stays_without_tickets(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].card_hash = ""
    result = apply.revise(sheet(tmp_path, (5, "accept"), issues=issues), issues, log())
    assert result.issues["ISSUE-5"].tickets == []


def test_what_was_taken_out_before_stays_out_when_its_issue_goes(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].reviewed = [99]
    result = apply.revise(sheet(tmp_path, (5, "accept"), issues=issues), issues, log())
    assert result.issues["ISSUE-1"].reviewed == [5, 99]


def test_an_empty_list_does_nothing(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    before = files.database.read_bytes()
    assert apply.apply_file(files.flagged, files).done == ()
    assert files.database.read_bytes() == before
    assert not files.beside("before_review.1").exists()


# Whole issues, from the page


def test_merge_keeps_the_oldest_id_and_the_aliases(tmp_path: Path) -> None:
    result = revise_page(tmp_path, {"action": "merge", "issue_ids": ["ISSUE-6", "ISSUE-5", "ISSUE-1"]})
    kept = result.issues["ISSUE-1"]
    assert (kept.tickets, kept.merged_from) == ([1, 2, 5, 6], ["ISSUE-2", "ISSUE-5", "ISSUE-6"])
    assert (kept.unsure, kept.last_seen, kept.card.category) == ({5: 0.62, 6: 0.4}, "2025-01-06", "Wi-Fi setup fails")
    assert [result.log[ticket].issue_id for ticket in (5, 6)] == ["ISSUE-1", "ISSUE-1"]
    assert set(result.issues) == {"ISSUE-1", "ISSUE-7", "NOTE-1"}


def test_merge_takes_the_card_that_a_person_wrote(tmp_path: Path) -> None:
    result = revise_page(
        tmp_path,
        {"action": "edit", "issue_id": "ISSUE-6", "card": {"category": "Mine"}},
        {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-6"]},
    )
    assert result.issues["ISSUE-1"].card.category == "Mine"
    assert result.issues["ISSUE-1"].written_by_person()


def test_issues_that_a_person_merges_are_confirmed(tmp_path: Path) -> None:
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for name, number in (("ISSUE-1", 1), ("ISSUE-2", 2))}
    after = apply.revise(page_export(tmp_path, {"action": "merge", "issue_ids": ["ISSUE-2", "ISSUE-1"]}), issues, {})
    assert after.done == ("ISSUE-2 merged into ISSUE-1 (Lid)",)
    assert after.issues["ISSUE-1"].status == "confirmed"


def test_what_only_one_side_remembers_can_be_told_apart_on_both(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].distinct_from = ["ISSUE-7"]
    for pair in (["ISSUE-5", "ISSUE-7"], ["ISSUE-7", "ISSUE-5"]):
        after = apply.revise(page_export(tmp_path, {"action": "distinct", "issue_ids": pair}), issues, {}).issues
        assert (after["ISSUE-5"].distinct_from, after["ISSUE-7"].distinct_from) == (["ISSUE-7"], ["ISSUE-5"])


def test_a_person_may_merge_what_was_told_apart_before(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-1"].distinct_from, issues["ISSUE-5"].distinct_from = ["ISSUE-5"], ["ISSUE-1"]
    result = apply.revise(page_export(tmp_path, {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-5"]}), issues, log())
    assert result.issues["ISSUE-1"].distinct_from == []


def test_split_founds_an_issue_and_both_know_they_are_not_the_same(tmp_path: Path) -> None:
    action = {"action": "split", "issue_id": "ISSUE-1", "ticket_ids": [2], "card": {"category": "Router too old", "keywords": ["router"]}}
    result = revise_page(tmp_path, action)
    founded = result.issues["ISSUE-2-2"]  # ISSUE-2 is an alias and never used again
    assert (founded.tickets, founded.card.category, founded.card.keywords, founded.reviewed) == ([2], "Router too old", ("router",), [2])
    assert founded.written_by_person()
    assert (founded.distinct_from, result.issues["ISSUE-1"].distinct_from) == (["ISSUE-1"], ["ISSUE-2-2"])
    assert (result.log[2].decided_by, result.log[2].extra["review"]) == ("person", {"decision": "split", "model_was_right": False})


def test_edit_writes_what_the_person_wrote_and_no_run_may_rewrite_it(tmp_path: Path) -> None:
    card = {
        "category": " Wi-Fi on 5 GHz ",
        "resolution_steps": ["Use 2.4 GHz.", ""],
        "notes": "two\nlines\x00\x1b",
        "root_cause": "a\ud800b",
    }
    result = revise_page(tmp_path, {"action": "edit", "issue_id": "ISSUE-1", "card": card})
    edited = result.issues["ISSUE-1"]
    assert (edited.card.category, edited.card.resolution_steps, edited.card.notes) == ("Wi-Fi on 5 GHz", ("Use 2.4 GHz.",), "two\nlines")
    assert edited.card.root_cause == "a?b"
    assert edited.card.short_description == "About Wi-Fi setup fails."
    assert edited.written_by_person()
    assert edited.card_hash == ""


def test_distinct_is_kept_on_both_sides(tmp_path: Path) -> None:
    result = revise_page(tmp_path, {"action": "distinct", "issue_ids": ["ISSUE-7", "ISSUE-1"]})
    assert (result.issues["ISSUE-1"].distinct_from, result.issues["ISSUE-7"].distinct_from) == (["ISSUE-7"], ["ISSUE-1"])


def test_a_ticket_reviewed_before_may_be_decided_again_when_the_person_saw_that(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-1"].reviewed = [2]
    action = {"action": "move", "ticket_id": 2, "issue_id": "ISSUE-1", "target_issue_id": "ISSUE-7"}
    with pytest.raises(Unusable, match="reviewed already"):
        apply.revise(page_export(tmp_path, action), issues, log())
    result = apply.revise(page_export(tmp_path, action | {"reviewed": True}), issues, log())
    assert result.issues["ISSUE-7"].reviewed == [2]
    assert result.issues["ISSUE-1"].reviewed == []


def test_new_from_the_page_takes_the_card_that_was_written(tmp_path: Path) -> None:
    result = revise_page(tmp_path, {"action": "new", "ticket_id": 8, "issue_id": "ISSUE-7", "card": {"category": "Hinge broken"}})
    assert result.issues["ISSUE-8"].card.category == "Hinge broken"
    assert result.issues["ISSUE-8"].written_by_person()


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
        apply.revise(path, database(), log())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot read"):
        apply.revise(tmp_path / "none.csv", database(), log())


def test_a_review_of_another_database_is_named_row_by_row(tmp_path: Path) -> None:
    other = {"ISSUE-900": issue("ISSUE-900", "Other", [900, 901], unsure={900: 0.1, 901: 0.2})}
    with pytest.raises(Unusable) as refused:
        apply.revise(sheet(tmp_path, (900, "confirm"), (901, "ignore"), issues=other), database(), log())
    assert len(problems(refused.value)) == 2


def test_text_from_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].card = Card("\x1b[2Jgone\nticket 9: done\ud800")
    path = sheet(tmp_path, (5, "confirm"), issues=issues)
    assert apply.revise(path, issues, log()).done == (
        "ticket 5: stays in ISSUE-5 ( [2Jgone ticket 9: done ), kept apart from ISSUE-1 (Wi-Fi setup fails)",
    )
    path.write_text('ticket_id,issue_id,decision\n5,"\x1b[2Jrow 9: fine",confirm\n', encoding="utf-8")
    with pytest.raises(Unusable) as refused:
        apply.revise(path, issues, log())
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


def test_a_list_that_cannot_be_read_is_kept_when_a_review_is_undone(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    before = files.flagged.read_bytes()
    apply.apply_file(sheet(tmp_path, (5, "accept")), files)
    files.flagged.write_text("my notes", encoding="utf-8")
    apply.undo(files)
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
    assert apply.revise(page_export(tmp_path, *actions, more), issue_db.load(files.database), decision_log.load(files.decisions)).done == (
        "ticket 8: stays in ISSUE-7 (Lid leaks)",
    )
    for other in (
        {"action": "merge", "issue_ids": ["ISSUE-6", "ISSUE-7"]},
        {"action": "distinct", "issue_ids": ["ISSUE-1", "ISSUE-7"]},
        {"action": "edit", "issue_id": "ISSUE-6", "card": {"notes": "Yours."}},
        {"action": "confirm", "ticket_id": 7, "issue_id": "ISSUE-7"},
    ):
        assert not apply.revise(page_export(tmp_path, other), issue_db.load(files.database), decision_log.load(files.decisions)).held


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


@pytest.mark.parametrize("log_follows", [True, False], ids=["before its list", "before its log"])
def test_a_review_that_was_killed_is_finished_by_the_same_file_and_by_no_other(
    log_follows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    files, other = (replace(files_in(tmp_path / name), separator=";") for name in "ab")
    log_before = files.decisions.read_bytes()
    path = sheet(tmp_path, (5, "accept"))
    apply.apply_file(path, other)
    with monkeypatch.context() as patched:
        patched.setattr(review_list, "write", failing_list)
        assert apply.apply_file(path, files).unwritten == "the list is held"
    if not log_follows:
        files.decisions.write_bytes(log_before)
    with pytest.raises(Unusable, match="reviewed already"):
        apply.apply_file(sheet(tmp_path / "a", (5, "confirm")), files)
    assert apply.apply_file(path, files).unwritten == ""
    for name in ("database", "decisions", "flagged"):
        assert getattr(files, name).read_bytes() == getattr(other, name).read_bytes(), name
    assert b"ticket_id;confidence" in files.flagged.read_bytes()
    assert len(apply.kept_reviews(files)) == 1, "it was one review"
    assert apply.apply_file(path, files).held


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
    assert apply.revise(path, issue_db.load(files.database), {}).done[0] == "ticket 5: goes as suggested to ISSUE-1 (Wi-Fi setup fails)"
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
    assert [str(band) for band in summary.bands(rows.values())] == ["0.5 and up: 1 of 1 kept", "below 0.5: 1 of 2 kept"]
