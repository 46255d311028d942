"""What each of a person's decisions does to a database and its log."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.errors import Unusable
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from review import apply
from review import list as review_list
from review.apply import ReviewResult
from testing.reviews import database, files_in, issue, log, page_export, revised, sheet


def revise(folder: Path, *filled: tuple[Any, ...]) -> ReviewResult:
    return revised(sheet(folder, *filled), database(), log())


def revise_page(folder: Path, *actions: dict[str, Any]) -> ReviewResult:
    return revised(page_export(folder, *actions), database(), log())


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
    assert revised(path, database(), log()).issues["ISSUE-1"].tickets == [1, 2, 5]


def test_accept_works_from_the_list_when_the_log_is_gone(tmp_path: Path) -> None:
    result = revised(sheet(tmp_path, (5, "accept")), database(), {})
    assert result.issues["ISSUE-1"].tickets == [1, 2, 5]
    assert result.log[5].decided_by == "person"


MEANT = {
    "joined surely": (1, [1, 2], {}, None, None),
    "joined, in doubt": (5, [5, 6], {5: 0.6}, None, None),
    "stands there, in doubt": (5, [5, 6], {5: 0.6}, "ISSUE-5", None),
    "another one, in doubt": (5, [5], {5: 0.6}, "ISSUE-9", "ISSUE-9"),
    "another one, from a larger one": (5, [5, 6], {5: 0.6}, "ISSUE-9", None),
    "new, surely": (5, [5], {}, None, None),
    "new, in doubt": (5, [5], {5: 0.6}, None, None),
    "no problem": (5, [5], {5: 0.5}, None, ""),
}
"""The ticket, those of its issue, those in doubt, what the model meant instead, what it is held back for."""
RIGHT = {
    "joined surely": {"confirm"},
    "joined, in doubt": {"confirm"},
    "stands there, in doubt": {"confirm", "accept"},
    "another one, in doubt": {"accept", "move ISSUE-9"},
    "another one, from a larger one": {"accept", "move ISSUE-9"},
    "new, surely": {"confirm", "new"},
    "new, in doubt": {"confirm", "new"},
    "no problem": {"ignore"},
}
"""The decisions that say that the model was right."""


@pytest.mark.parametrize("decision", ["confirm", "accept", "move ISSUE-9", "move ISSUE-20", "new", "ignore"])
@pytest.mark.parametrize("meant", MEANT)
def test_who_agrees_with_what_the_model_meant_says_that_it_was_right(tmp_path: Path, meant: str, decision: str) -> None:
    ticket, tickets, unsure, suggested, held_back = MEANT[meant]
    home = issue(f"ISSUE-{tickets[0]}", "Wi-Fi drops", tickets, unsure=unsure, held_back=held_back)
    issues = {one.issue_id: one for one in (home, issue("ISSUE-9", "Wi-Fi fails", [9, 10]), issue("ISSUE-20", "Lid leaks", [20, 21]))}
    rows = {ticket: DecisionRow(ticket, home.issue_id, "provisional" if unsure else "matched", 0.6, suggested, decided_by="model")}
    verb, _, target = decision.partition(" ")
    action = {"action": verb, "ticket_id": ticket, "issue_id": home.issue_id, **({"target_issue_id": target} if target else {})}
    path = page_export(tmp_path, action)
    if verb == "accept" and suggested is None:
        with pytest.raises(Unusable, match="no suggestion to accept"):
            revised(path, issues, rows)
        return
    review = revised(path, issues, rows).log[ticket].extra["review"]
    assert review == {"decision": verb, "model_was_right": decision in RIGHT[meant]}


@pytest.mark.parametrize("order", [(5, 6), (6, 5)], ids=["ignored first", "ignored last"])
def test_what_states_no_problem_is_told_from_the_database_before_the_review(tmp_path: Path, order: tuple[int, int]) -> None:
    issues = {f"ISSUE-{n}": issue(f"ISSUE-{n}", "Thanks", [n], unsure={n: 0.5}, held_back="") for n in (5, 6)}
    rows = {n: DecisionRow(n, f"ISSUE-{n}", "provisional", 0.5, decided_by="model") for n in (5, 6)}
    said = {5: {"action": "ignore", "ticket_id": 5}, 6: {"action": "move", "ticket_id": 6, "target_issue_id": "ISSUE-5"}}
    after = revised(page_export(tmp_path, *(said[n] for n in order)), issues, rows)
    assert [after.log[n].extra["review"]["model_was_right"] for n in (5, 6)] == [True, False]


def test_an_issue_that_must_remember_what_was_taken_out_elsewhere_is_not_checked(tmp_path: Path) -> None:
    issues = database() | {f"ISSUE-{n}": issue(f"ISSUE-{n}", "Thanks", [n], unsure={n: 0.5}, held_back="") for n in (30, 31)}
    before = {name for name, one in issues.items() if one.checked_by_person()}
    after = revised(page_export(tmp_path, *({"action": "ignore", "ticket_id": n} for n in (30, 31))), issues, log())
    assert {n for one in after.issues.values() for n in one.reviewed} == {30, 31}
    assert {name for name, one in after.issues.items() if one.checked_by_person()} == before == {"NOTE-1"}


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
        revised(path, issues, log())


def test_an_id_with_blanks_in_it_can_be_reviewed(tmp_path: Path) -> None:
    issues = {"WIFI  9 ": issue("WIFI  9 ", "Wi-Fi", [5, 6], unsure={5: 0.5, 6: 0.5})}
    path = sheet(tmp_path, (5, "confirm"), (6, "move", "WIFI 9"), issues=issues)
    assert revised(path, issues, {}).issues["WIFI  9 "].reviewed == [5, 6]


@pytest.mark.parametrize(
    ("verb", "suggested"), [("accept", "ISSUE-7"), ("confirm", "ISSUE-6"), ("confirm", "ISSUE-99"), ("new", "ISSUQ-1")]
)
def test_a_suggestion_that_nothing_bears_out_is_named(tmp_path: Path, verb: str, suggested: str) -> None:
    """A flipped bit, or a cell that was dragged down over its neighbours: the title beside it is still that of what was suggested."""
    path = sheet(tmp_path, (5, verb))
    path.write_text(path.read_text(encoding="utf-8").replace(",ISSUE-1,", f",{suggested},"), encoding="utf-8")
    with pytest.raises(Unusable, match=f"ticket 5: {suggested} was not suggested, nor is it 'Wi-Fi setup fails'"):
        revised(path, database(), log())


def test_a_suggestion_of_an_earlier_list_counts_with_its_title(tmp_path: Path) -> None:
    """A run meant another issue since; what the person accepted is what the list showed."""
    path, rows = sheet(tmp_path, (5, "accept")), log()
    rows[5] = replace(rows[5], suggested_issue_id="ISSUE-7")
    assert revised(path, database(), rows).issues["ISSUE-1"].tickets == [1, 2, 5]


def test_suggestions_that_go_round_make_one_issue(tmp_path: Path) -> None:
    """Each of them is said to be the other: swapping them would be what nobody meant."""
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for number in (5, 6, 7) for name in [f"ISSUE-{number}"]}
    for ring in ((5, 6), (6, 5), (5, 6, 7), (7, 6, 5)):
        meant = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
        rows = {number: DecisionRow(number, f"ISSUE-{number}", "provisional", 0.5, f"ISSUE-{meant[number]}") for number in ring}
        after = revised(review_of(tmp_path, issues, rows, dict.fromkeys(ring, "accept")), issues, rows)
        assert after.issues["ISSUE-5"].tickets == sorted(ring)
        assert all(row.extra["review"]["model_was_right"] for row in after.log.values())


def test_a_suggestion_leads_on_where_its_issue_was_moved_by_a_title(tmp_path: Path) -> None:
    rows = log()
    path = sheet(tmp_path, (5, "move", "lid  leaks"), (6, "accept"))
    result = revised(path, database(), rows)
    assert result.issues["ISSUE-7"].tickets == [5, 6, 7, 8]
    assert revised(path, result.issues, result.log).held


def test_what_was_told_apart_before_a_merge_is_held_to_be_so_after_it(tmp_path: Path) -> None:
    actions = [{"action": "distinct", "issue_ids": ["ISSUE-6", "ISSUE-7"]}, {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-6"]}]
    result = revised(page_export(tmp_path, *actions), database(), log())
    assert revised(page_export(tmp_path, *actions), result.issues, result.log).held


def test_a_suggestion_that_meets_a_move_the_other_way_follows_it(tmp_path: Path) -> None:
    issues = {name: issue(name, "Lid", [number], unsure={number: 0.5}) for number in (5, 6) for name in [f"ISSUE-{number}"]}
    rows = {5: DecisionRow(5, "ISSUE-5", "provisional", 0.5), 6: DecisionRow(6, "ISSUE-6", "provisional", 0.5, "ISSUE-5")}
    after = revised(review_of(tmp_path, issues, rows, {5: "move", 6: "accept"}, {5: "ISSUE-6"}), issues, rows)
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
    result = revised(sheet(tmp_path, (5, "ignore"), issues=issues), issues, {})
    assert (result.issues["ISSUE-5"].tickets, result.issues["ISSUE-5"].reviewed) == ([], [5])


def test_an_issue_that_a_person_wrote_stays_without_tickets(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].card_hash = ""
    result = revised(sheet(tmp_path, (5, "accept"), issues=issues), issues, log())
    assert result.issues["ISSUE-5"].tickets == []


def test_what_was_taken_out_before_stays_out_when_its_issue_goes(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].reviewed = [99]
    result = revised(sheet(tmp_path, (5, "accept"), issues=issues), issues, log())
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
    after = revised(page_export(tmp_path, {"action": "merge", "issue_ids": ["ISSUE-2", "ISSUE-1"]}), issues, {})
    assert after.done == ("ISSUE-2 merged into ISSUE-1 (Lid)",)
    assert after.issues["ISSUE-1"].status == "confirmed"


def test_what_only_one_side_remembers_can_be_told_apart_on_both(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-5"].distinct_from = ["ISSUE-7"]
    for pair in (["ISSUE-5", "ISSUE-7"], ["ISSUE-7", "ISSUE-5"]):
        after = revised(page_export(tmp_path, {"action": "distinct", "issue_ids": pair}), issues, {}).issues
        assert (after["ISSUE-5"].distinct_from, after["ISSUE-7"].distinct_from) == (["ISSUE-7"], ["ISSUE-5"])


def test_a_person_may_merge_what_was_told_apart_before(tmp_path: Path) -> None:
    issues = database()
    issues["ISSUE-1"].distinct_from, issues["ISSUE-5"].distinct_from = ["ISSUE-5"], ["ISSUE-1"]
    result = revised(page_export(tmp_path, {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-5"]}), issues, log())
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
        revised(page_export(tmp_path, action), issues, log())
    result = revised(page_export(tmp_path, action | {"reviewed": True}), issues, log())
    assert result.issues["ISSUE-7"].reviewed == [2]
    assert result.issues["ISSUE-1"].reviewed == []


def test_new_from_the_page_takes_the_card_that_was_written(tmp_path: Path) -> None:
    result = revise_page(tmp_path, {"action": "new", "ticket_id": 8, "issue_id": "ISSUE-7", "card": {"category": "Hinge broken"}})
    assert result.issues["ISSUE-8"].card.category == "Hinge broken"
    assert result.issues["ISSUE-8"].written_by_person()
