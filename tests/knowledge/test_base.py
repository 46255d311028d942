"""The knowledge base: every change keeps issues, homes, names and the note of what changed together, and never undoes a person's word."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import issue as issue_db
from knowledge.base import By, KnowledgeBase, age, oldest_first
from knowledge.issue import Card, Issue, in_id_order

CARD = Card("Seal worn", "The seal is worn.", ("seal",), "Age.", ("Replace it.",), "")
MODEL, PERSON = By.MODEL, By.PERSON


def sealed(issue_id: str, category: str = "Lid leaks", **fields: Any) -> Issue:
    issue = Issue(issue_id, Card(category), **fields)
    issue.seal_card()
    return issue


def by_hand(issue_id: str, category: str = "by hand", **fields: Any) -> Issue:
    return Issue(issue_id, Card(category), **fields)


def base_of(*issues: Issue) -> KnowledgeBase:
    return KnowledgeBase({issue.issue_id: issue for issue in issues})


def check(base: KnowledgeBase) -> None:
    """What must hold after any change."""
    placed = [ticket for issue in base.issues.values() for ticket in issue.tickets]
    assert len(placed) == len(set(placed)) == base.ticket_count
    for name, issue in base.issues.items():
        assert issue.issue_id == name == base.names[name]
        assert set(issue.unsure) <= set(issue.tickets)
        assert all(base.home(ticket) is issue for ticket in issue.tickets)
        assert all(base.names[alias] == name for alias in issue.merged_from if alias not in base.issues)
        assert issue.tickets == sorted(issue.tickets)
        assert not set(issue.may_be_one) & {name, *issue.merged_from, *issue.distinct_from}
    assert not set(base.gone) & base.issues.keys()
    assert {issue.issue_id for issue in base.changed_issues()} | set(base.gone) == base.changed
    assert issue_db.parse(issue_db.render(base.issues.values()), name="x").keys() == base.issues.keys()


# --- founding and placing ------------------------------------------------------------------------------------------------------------


def test_a_founded_issue_is_provisional_and_sealed() -> None:
    base = base_of()
    issue = base.found(5, CARD, confidence=0.8, day="2025-03-01", by=MODEL)
    assert base.issues == {"ISSUE-5": issue}
    assert (issue.card, issue.tickets, issue.status, issue.unsure) == (CARD, [5], "provisional", {})
    assert (issue.first_seen, issue.last_seen, issue.confidence) == ("2025-03-01", "2025-03-01", 0.8)
    assert not issue.written_by_person()
    assert base.changed == {"ISSUE-5"}
    check(base)


def test_an_unsure_founder_is_noted_unless_a_person_reviewed_it() -> None:
    assert base_of().found(5, CARD, confidence=0.6, by=MODEL).unsure == {5: 0.6}
    reviewed = base_of(sealed("ISSUE-5", tickets=[5], reviewed=[5]))
    assert reviewed.found(5, CARD, confidence=0.6, by=MODEL).unsure == {}


def test_what_a_person_founds_is_confirmed_and_reviewed() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1, 2]))
    issue = base.found(2, CARD, confidence=1.0, by=PERSON)
    assert (issue.issue_id, issue.status, issue.tickets, issue.reviewed) == ("ISSUE-2", "confirmed", [2], [2])
    assert 2 in base.reviewed
    check(base)


def test_its_own_ticket_founds_an_issue_anew_and_peoples_words_stay() -> None:
    before = by_hand("ISSUE-5", "My words", tickets=[5], reviewed=[5], merged_from=["ISSUE-3"], distinct_from=["ISSUE-9"])
    before.extra = {"owner": "Ada"}
    issue = base_of(before).found(5, CARD, confidence=0.9, day="2025-04-01", by=MODEL)
    assert (issue.card.category, issue.merged_from, issue.distinct_from, issue.reviewed) == ("My words", ["ISSUE-3"], ["ISSUE-9"], [5])
    assert (issue.extra, issue.first_seen) == ({"owner": "Ada"}, "2025-04-01")
    own = base_of(sealed("ISSUE-6", tickets=[6])).found(6, CARD, confidence=0.9, by=MODEL)
    assert own.card == CARD


@pytest.mark.parametrize(
    ("issues", "expected"),
    [
        pytest.param([], "ISSUE-5", id="free"),
        pytest.param([by_hand("ISSUE-5", tickets=[5])], "ISSUE-5", id="its own"),
        pytest.param([by_hand("ISSUE-5", tickets=[5, 6])], "ISSUE-5-2", id="its own, but others are there"),
        pytest.param([by_hand("ISSUE-5")], "ISSUE-5-2", id="empty, by a person"),
        pytest.param([by_hand("ISSUE-1", merged_from=["ISSUE-5"])], "ISSUE-5-2", id="an alias"),
        pytest.param([by_hand("ISSUE-1", distinct_from=["ISSUE-5"])], "ISSUE-5-2", id="told apart from it, though it is gone"),
        pytest.param([by_hand("ISSUE-1", merged_from=["ISSUE-5", "ISSUE-5-2"]), by_hand("ISSUE-5-3")], "ISSUE-5-4", id="a row"),
    ],
)
def test_an_id_is_never_used_for_something_else(issues: list[Issue], expected: str) -> None:
    base = base_of(*issues)
    assert base.free_id(5) == expected
    assert base.copy().found(5, CARD, confidence=0.8, by=MODEL).issue_id == expected


def test_an_id_that_went_in_this_run_is_not_used_again_nor_after_a_restart() -> None:
    base = base_of(sealed("ISSUE-5", tickets=[9]), sealed("ISSUE-1", tickets=[1]))
    base.merge(base.issues["ISSUE-1"], base.issues["ISSUE-5"], by=MODEL)
    assert base.free_id(5) == "ISSUE-5-2"
    base.take_out(1, by=MODEL)
    base.take_out(9, by=MODEL)
    assert base.issues == {}
    assert base.free_id(1) == "ISSUE-1-2"
    assert KnowledgeBase(base.issues, changed=base.changed).free_id(1) == "ISSUE-1-2"
    assert base.copy().free_id(1) == "ISSUE-1-2"


def test_placing_widens_the_days_and_the_second_ticket_confirms() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1], first_seen="2025-02-10", last_seen="2025-02-10", confidence=0.95, held_back=""))
    base.place(9, "ISSUE-1", confidence=0.7, day="2025-01-05", by=MODEL)
    base.place(3, "ISSUE-1", confidence=0.8, by=MODEL)
    issue = base.issues["ISSUE-1"]
    assert (issue.tickets, issue.status, issue.first_seen, issue.last_seen, issue.confidence, issue.held_back) == (
        [1, 3, 9], "confirmed", "2025-01-05", "2025-02-10", 0.95, None,
    )  # fmt: skip
    check(base)


def test_the_first_ticket_of_an_empty_issue_does_not_confirm_it() -> None:
    base = base_of(by_hand("WIFI"))
    base.place(1, "WIFI", confidence=0.9, day="2025-03-01", by=MODEL)
    assert (base.issues["WIFI"].status, base.issues["WIFI"].first_seen) == ("provisional", "2025-03-01")
    check(base)


def test_a_person_who_places_a_ticket_has_reviewed_it() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1, 2], unsure={1: 0.5}, reviewed=[2]), sealed("ISSUE-3", tickets=[3], held_back="ISSUE-1"))
    base.place(1, "ISSUE-3", by=PERSON)
    assert (base.issues["ISSUE-1"].tickets, base.issues["ISSUE-1"].unsure, base.issues["ISSUE-1"].reviewed) == ([2], {}, [2])
    assert (base.issues["ISSUE-3"].tickets, base.issues["ISSUE-3"].reviewed, base.issues["ISSUE-3"].held_back) == ([1, 3], [1], None)
    assert base.changed == {"ISSUE-1", "ISSUE-3"}
    check(base)


# --- leaving -------------------------------------------------------------------------------------------------------------------------


def test_a_ticket_that_moves_is_nowhere_twice_and_its_empty_issue_lives_on_as_an_alias() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1], merged_from=["ISSUE-0"]), sealed("ISSUE-2", tickets=[2]))
    base.place(1, "ISSUE-2", confidence=0.9, by=MODEL)
    assert list(base.issues) == ["ISSUE-2"]
    assert base.issues["ISSUE-2"].merged_from == ["ISSUE-0", "ISSUE-1"]
    assert (base.changed, base.gone) == ({"ISSUE-1", "ISSUE-2"}, ["ISSUE-1"])
    assert base.names["ISSUE-0"] == "ISSUE-2"
    check(base)


def test_a_person_may_empty_an_issue_and_fill_it_again_before_it_goes() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]), sealed("ISSUE-2", tickets=[2]), sealed("ISSUE-3", tickets=[3]))
    base.place(1, "ISSUE-2", by=PERSON)
    base.place(3, "ISSUE-1", by=PERSON)
    dropped = base.drop_emptied()
    assert [issue.issue_id for issue in dropped] == ["ISSUE-3"]
    assert (base.issues["ISSUE-1"].tickets, base.names["ISSUE-3"]) == ([3], "ISSUE-1")
    check(base)


def test_an_emptied_issue_leads_on_through_others_that_went_too() -> None:
    base = base_of(*(sealed(f"ISSUE-{n}", tickets=[n]) for n in (1, 2, 3)))
    base.place(1, "ISSUE-2", by=PERSON)
    base.place(1, "ISSUE-3", by=PERSON)
    base.place(2, "ISSUE-3", by=PERSON)
    base.drop_emptied()
    assert list(base.issues) == ["ISSUE-3"]
    assert base.names["ISSUE-1"] == base.names["ISSUE-2"] == "ISSUE-3"
    check(base)


def test_taking_out_a_ticket_that_is_nowhere_changes_nothing() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]))
    base.take_out(7, by=MODEL)
    assert (base.changed, base.home(7), base.mark) == (set(), None, 0)


def test_the_last_ticket_takes_an_issue_along_unless_a_person_wrote_it() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]), by_hand("ISSUE-2", tickets=[2]))
    base.take_out(1, by=MODEL)
    base.take_out(2, by=MODEL)
    assert list(base.issues) == ["ISSUE-2"]
    assert base.issues["ISSUE-2"].tickets == []
    check(base)


def test_who_was_taken_out_by_a_person_stays_known() -> None:
    for meant, keeper in (("", "ISSUE-1"), ("ISSUE-9", "ISSUE-2")):
        base = base_of(
            sealed("ISSUE-1", tickets=[1], first_seen="2025-01-01"),
            sealed("ISSUE-2", tickets=[2], merged_from=["ISSUE-9"], first_seen="2025-02-01"),
            sealed("ISSUE-5", tickets=[5]),
        )
        base.take_out(5, by=PERSON, meant=meant)
        base.drop_emptied()
        assert 5 in base.issues[keeper].reviewed, meant
        assert 5 in base.reviewed
        assert "ISSUE-5" not in base.issues


def test_the_last_issue_stays_while_it_is_all_that_remembers_a_persons_word() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]))
    base.take_out(1, by=PERSON)
    assert base.drop_emptied() == []
    assert (base.issues["ISSUE-1"].tickets, base.issues["ISSUE-1"].reviewed) == ([], [1])


def test_an_issue_that_goes_hands_on_whom_a_person_took_out_of_it() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1], reviewed=[77]), sealed("ISSUE-2", tickets=[2]))
    base.take_out(1, by=MODEL)
    assert base.issues["ISSUE-2"].reviewed == [77]


# --- merging -------------------------------------------------------------------------------------------------------------------------


def test_a_merge_keeps_everything_that_is_known_of_both() -> None:
    keep = sealed("ISSUE-9", "Nine", tickets=[9], distinct_from=["ISSUE-4"], unsure={9: 0.6}, held_back="", kind="bug")
    gone = sealed("ISSUE-3", "Three", tickets=[3, 4], merged_from=["ISSUE-2"], distinct_from=["ISSUE-5"], unsure={4: 0.5}, confidence=0.9)
    keep.first_seen, keep.last_seen = "2025-02-01", "2025-02-02"
    gone.first_seen, gone.last_seen, gone.area, gone.kind = "2025-01-01", "2025-03-01", "Power", "wish"
    gone.extra, keep.extra = {"a": 1, "owner": "Bob"}, {"owner": "Ada"}
    base = base_of(keep, gone)
    base.merge(keep, gone, by=MODEL)
    assert base.issues == {"ISSUE-9": keep}
    assert (keep.tickets, keep.unsure, keep.merged_from) == ([3, 4, 9], {9: 0.6, 4: 0.5}, ["ISSUE-2", "ISSUE-3"])
    assert keep.distinct_from == ["ISSUE-4", "ISSUE-5"]
    assert (keep.first_seen, keep.last_seen, keep.confidence) == ("2025-01-01", "2025-03-01", 0.9)
    assert (keep.area, keep.kind, keep.held_back, keep.extra) == ("Power", "bug", None, {"a": 1, "owner": "Ada"})
    assert (base.changed, base.gone) == ({"ISSUE-3", "ISSUE-9"}, ["ISSUE-3"])
    check(base)


@pytest.mark.parametrize(
    ("kept_tickets", "kept_by_person", "gone_tickets", "gone_by_person", "expected"),
    [
        ([1], False, [2], False, "kept"),
        ([1, 3], False, [2], False, "kept"),
        ([1], False, [2, 3], False, "gone"),
        ([1], True, [2, 3], False, "kept"),
        ([1, 3], False, [2], True, "gone"),
        ([1], True, [2, 3], True, "gone"),
        ([1], True, [2], True, "kept"),
    ],
    ids=[
        "ties: the one that stays",
        "larger",
        "the other is larger",
        "a person's wins",
        "a person's wins there",
        "both: larger",
        "both: tie",
    ],
)
def test_a_merge_keeps_the_card_of_the_larger_side_and_a_persons_before_that(
    kept_tickets: list[int], kept_by_person: bool, gone_tickets: list[int], gone_by_person: bool, expected: str
) -> None:
    keep = (by_hand if kept_by_person else sealed)("ISSUE-1", "kept", tickets=kept_tickets, step_evidence=[["1:1"]])
    gone = (by_hand if gone_by_person else sealed)("ISSUE-2", "gone", tickets=gone_tickets, step_evidence=[["2:1"]])
    base_of(keep, gone).merge(keep, gone, by=PERSON)
    assert (keep.card.category, keep.step_evidence) == (expected, [["1:1"]] if expected == "kept" else [["2:1"]])
    assert keep.written_by_person() == (kept_by_person or gone_by_person)


@pytest.mark.parametrize(
    ("first", "second", "unsure", "by", "expected"),
    [
        ("provisional", "provisional", {}, MODEL, "confirmed"),
        ("provisional", "provisional", {1: 0.6}, MODEL, "provisional"),
        ("provisional", "confirmed", {1: 0.6}, MODEL, "confirmed"),
        ("provisional", "provisional", {1: 0.6}, PERSON, "confirmed"),
    ],
)
def test_a_merge_confirms_when_two_sure_tickets_come_together(
    first: Any, second: Any, unsure: dict[int, float], by: By, expected: str
) -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1], status=first, unsure=unsure), sealed("ISSUE-2", tickets=[2], status=second))
    base.merge(base.issues["ISSUE-1"], base.issues["ISSUE-2"], by=by)
    assert base.issues["ISSUE-1"].status == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"distinct_from": ["ISSUE-2"]}, {}, id="told apart"),
        pytest.param({}, {"distinct_from": ["ISSUE-1"]}, id="told apart, noted there"),
        pytest.param({"distinct_from": ["ISSUE-7"]}, {"merged_from": ["ISSUE-7"]}, id="told apart under an earlier name"),
        pytest.param({}, {"reviewed": [2]}, id="a person placed a ticket in the younger one"),
        pytest.param({}, {"by_hand": True}, id="a person wrote the younger one"),
    ],
)
def test_no_run_merges_away_what_people_decided(one: dict[str, Any], other: dict[str, Any]) -> None:
    made = [
        (by_hand if more.pop("by_hand", False) else sealed)(f"ISSUE-{n}", tickets=[n], first_seen=f"2025-01-0{n}", **more)
        for n, more in ((1, dict(one)), (2, dict(other)))
    ]
    base = base_of(*made)
    before = issue_db.render(base.issues.values())
    assert not base.may_merge(*made)
    assert not base.may_merge(*made[::-1])
    with pytest.raises(ValueError, match="people's decisions bar a merge of ISSUE-2 into ISSUE-1"):
        base.merge(*made, by=MODEL)
    assert (issue_db.render(base.issues.values()), base.changed) == (before, set())


def test_a_ticket_that_was_taken_out_bars_no_merge_and_stays_known() -> None:
    """Any issue may have to remember it, also one that nobody looked at."""
    base = base_of(sealed("ISSUE-1", tickets=[1], reviewed=[98]), sealed("ISSUE-2", tickets=[2], reviewed=[99]))
    keep, gone = base.issues.values()
    assert base.may_merge(keep, gone)
    base.merge(keep, gone, by=MODEL)
    assert (keep.tickets, keep.reviewed, base.reviewed) == ([1, 2], [98, 99], {98, 99})


def test_a_run_may_merge_into_what_people_decided() -> None:
    keep = by_hand("ISSUE-1", "My words", tickets=[1], reviewed=[1], first_seen="2025-01-01")
    gone = sealed("ISSUE-2", tickets=[2, 3, 4], first_seen="2025-01-02")
    base = base_of(keep, gone)
    assert base.may_merge(gone, keep)
    base.merge(keep, gone, by=MODEL)
    assert (keep.card.category, keep.reviewed, keep.tickets) == ("My words", [1], [1, 2, 3, 4])


def test_a_person_may_merge_what_a_person_told_apart() -> None:
    keep, gone = (
        sealed("ISSUE-1", tickets=[1], distinct_from=["ISSUE-2", "ISSUE-3"]),
        sealed("ISSUE-2", tickets=[2], distinct_from=["ISSUE-1"]),
    )
    base_of(keep, gone).merge(keep, gone, by=PERSON)
    assert keep.distinct_from == ["ISSUE-3"]


# --- cards ---------------------------------------------------------------------------------------------------------------------------


def test_the_card_of_a_person_is_never_rewritten() -> None:
    mine, own = by_hand("ISSUE-1", "My words"), sealed("ISSUE-2")
    base = base_of(mine, own)
    base.set_card(mine, CARD, by=MODEL)
    base.set_card(own, CARD, by=MODEL, step_evidence=[["5:2", "6:1"]])
    assert (mine.card.category, own.card, own.step_evidence) == ("My words", CARD, [["5:2", "6:1"]])
    assert base.changed == {"ISSUE-2"}
    assert not own.written_by_person()


def test_a_card_edited_by_one_word_counts_as_a_persons() -> None:
    issue = sealed("ISSUE-1")
    issue.card = Card("Lid leaks", notes="as it is")
    base_of(issue).set_card(issue, CARD, by=MODEL)
    assert issue.card.category == "Lid leaks"


def test_a_person_gives_some_fields_and_the_card_is_theirs() -> None:
    issue = sealed("ISSUE-1", held_back="ISSUE-2")
    issue.card, issue.step_evidence = CARD, [["5:2"]]
    issue.seal_card()
    base = base_of(issue)
    base.set_card(issue, {"category": "Mine", "keywords": ["a", "b"]}, by=PERSON)
    assert issue.card == Card("Mine", CARD.short_description, ("a", "b"), CARD.root_cause, CARD.resolution_steps)
    assert (issue.written_by_person(), issue.held_back, issue.step_evidence) == (True, None, [["5:2"]])
    base.set_card(issue, {"resolution_steps": ["Turn it."]}, by=PERSON)
    assert (issue.card.resolution_steps, issue.step_evidence) == (("Turn it.",), [])


# --- questions to people, area and kind ----------------------------------------------------------------------------------------------


def test_a_question_to_people_stands_on_both_sides_until_they_answer() -> None:
    base = base_of(*(sealed(f"ISSUE-{n}", tickets=[n]) for n in (1, 2, 3)))
    one, two, three = base.issues.values()
    base.ask_people(one, two, 0.7)
    base.ask_people(two, three, 0.6)
    assert (one.may_be_one, two.may_be_one) == ({"ISSUE-2": 0.7}, {"ISSUE-1": 0.7, "ISSUE-3": 0.6})
    base.tell_apart(one, two)
    assert (one.may_be_one, two.may_be_one) == ({}, {"ISSUE-3": 0.6})
    base.ask_people(one, two, 0.7)
    base.ask_people(one, one, 0.7)
    assert one.may_be_one == {}
    check(base)


def test_a_merge_answers_a_question_and_leads_the_others_on() -> None:
    base = base_of(*(sealed(f"ISSUE-{n}", tickets=[n]) for n in (1, 2, 3, 4)))
    one, two, three, four = base.issues.values()
    for first, second, sure in ((one, two, 0.7), (two, three, 0.6), (two, four, 0.55)):
        base.ask_people(first, second, sure)
    base.tell_apart(one, four)
    base.merge(one, two, by=MODEL)
    assert (one.may_be_one, three.may_be_one, four.may_be_one) == ({"ISSUE-3": 0.6}, {"ISSUE-1": 0.6}, {})
    base.take_out(3, by=MODEL)
    assert one.may_be_one == {}
    check(base)


def test_area_and_kind_are_filled_where_missing_and_what_a_person_set_stays() -> None:
    issue = sealed("ISSUE-1", area="Mine")
    base = base_of(issue)
    base.sort_in(issue, area="Power", kind="bug")
    assert (issue.area, issue.kind, base.changed) == ("Mine", "bug", {"ISSUE-1"})
    mark = base.mark
    base.sort_in(issue, area="Power", kind="wish")
    assert (issue.kind, base.mark) == ("bug", mark)
    other = sealed("ISSUE-2")
    base.sort_in(other, kind="wish")
    assert (other.area, other.kind) == ("", "wish")
    base.sort_in(other, area="Power")
    assert (other.area, other.kind) == ("Power", "wish")


def test_an_issue_that_is_held_back_says_what_was_meant_until_a_person_confirms_it() -> None:
    issue = sealed("ISSUE-1", tickets=[1])
    base = base_of(issue)
    base.hold_back(issue, "ISSUE-9")
    assert base.changed == {"ISSUE-1"}
    assert issue_db.to_json(issue)["held_back"] == "ISSUE-9"
    base.confirm(issue)
    assert "held_back" not in issue_db.to_json(issue)
    assert issue.status == "confirmed"


# --- what changed --------------------------------------------------------------------------------------------------------------------


def test_whoever_follows_is_told_what_changed_since_it_last_looked() -> None:
    base = base_of(*(sealed(f"ISSUE-{n}", tickets=[n]) for n in (1, 2, 3)))
    assert base.changed_since(base.mark) == []
    mark = base.mark
    base.place(10, "ISSUE-2", confidence=0.9, by=MODEL)
    base.place(11, "ISSUE-1", confidence=0.9, by=MODEL)
    assert base.changed_since(mark) == ["ISSUE-1", "ISSUE-2"]
    mark = base.mark
    base.merge(base.issues["ISSUE-1"], base.issues["ISSUE-3"], by=MODEL)
    assert base.changed_since(mark) == ["ISSUE-1", "ISSUE-3"]
    assert base.changed == {"ISSUE-1", "ISSUE-2", "ISSUE-3"}
    base.place(12, "ISSUE-2", confidence=0.9, by=MODEL)
    mark = base.mark
    base.place(13, "ISSUE-1", confidence=0.9, by=MODEL)
    assert base.changed_since(mark) == ["ISSUE-1"]


def test_a_copy_shares_nothing() -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]), sealed("ISSUE-2", tickets=[2]))
    before = issue_db.render(base.issues.values())
    twin = base.copy()
    twin.merge(twin.issues["ISSUE-1"], twin.issues["ISSUE-2"], by=PERSON)
    twin.set_card(twin.issues["ISSUE-1"], {"notes": "x"}, by=PERSON)
    assert (issue_db.render(base.issues.values()), base.changed) == (before, set())


# --- order ---------------------------------------------------------------------------------------------------------------------------


def test_issues_stand_in_the_order_of_ids() -> None:
    issues = [by_hand("B"), by_hand("ISSUE-10"), by_hand("ISSUE-9")]
    assert [issue.issue_id for issue in in_id_order(issues)] == ["ISSUE-9", "ISSUE-10", "B"]


def test_the_oldest_is_the_one_with_the_earliest_ticket() -> None:
    young = by_hand("ISSUE-1", tickets=[1], first_seen="2025-02-01")
    old = by_hand("ISSUE-2", tickets=[2], first_seen="2025-01-01")
    undated, undated_later = by_hand("ISSUE-3", tickets=[3]), by_hand("ISSUE-4", tickets=[3, 9])
    assert oldest_first([undated_later, undated, young, old]) == [old, young, undated, undated_later]
    assert age(old) < age(young)


@pytest.mark.parametrize("tickets", [7, 8])
def test_days_are_those_of_the_tickets_where_all_are_known(tickets: int) -> None:
    issue = by_hand("ISSUE-1", tickets=[tickets, 9], first_seen="2024-01-01", last_seen="2026-01-01")
    base = base_of(issue)
    base.bring_days_in_line(issue, ["2025-01-01", "2025-02-01"])
    assert (issue.first_seen, issue.last_seen) == ("2025-01-01", "2025-02-01")
    base.bring_days_in_line(issue, ["2025-01-15", ""])
    assert (issue.first_seen, issue.last_seen) == ("2025-01-01", "2025-02-01"), "what stood there bounds the unknown one"
    base.bring_days_in_line(issue, ["", ""])
    assert (issue.first_seen, issue.last_seen) == ("2025-01-01", "2025-02-01")


VERBS: dict[str, Any] = {
    "found": lambda base, ticket, one, other: base.found(ticket, CARD, confidence=ticket / 10, by=MODEL),
    "place": lambda base, ticket, one, other: base.place(ticket, one.issue_id, confidence=0.9, by=MODEL),
    "a person places": lambda base, ticket, one, other: base.place(ticket, one.issue_id, by=PERSON),
    "take out": lambda base, ticket, one, other: base.take_out(ticket, by=MODEL),
    "a person takes out": lambda base, ticket, one, other: base.take_out(ticket, by=PERSON),
    "merge": lambda base, ticket, one, other: base.may_merge(one, other) and base.merge(*oldest_first((one, other)), by=MODEL),
    "a person merges": lambda base, ticket, one, other: one is other or base.merge(*oldest_first((one, other)), by=PERSON),
    "tell apart": lambda base, ticket, one, other: one is other or base.tell_apart(one, other),
    "ask people": lambda base, ticket, one, other: base.ask_people(one, other, 0.6),
    "card": lambda base, ticket, one, other: base.set_card(one, CARD, by=MODEL),
}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(VERBS)), st.integers(1, 9), st.integers(0, 9))))
@pytest.mark.slow
def test_any_row_of_changes_keeps_it_whole(steps: list[tuple[str, int, int]]) -> None:
    base = base_of(sealed("ISSUE-1", tickets=[1]), by_hand("ISSUE-2", tickets=[2, 3]), sealed("ISSUE-4", tickets=[4], reviewed=[4]))
    for verb, ticket, pick in steps:
        issues = in_id_order(base.issues.values())
        VERBS[verb](base, ticket, issues[ticket % len(issues)], issues[(ticket + pick) % len(issues)])
        base.drop_emptied()
        check(base)
        assert "ISSUE-2" in base.names, "what a person wrote is there still, or leads on"
