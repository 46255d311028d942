"""The issues in memory: every change keeps dict, homes, index and the note of what changed together."""

from typing import Any

import pytest

from clustering.answers import Card
from clustering.issue_memory import (
    CANDIDATES,
    EXEMPLARS,
    NO_FIX,
    IssueMemory,
    TicketText,
    agent_spoke,
    card_text,
    exemplars,
    in_id_order,
    with_fix_marked,
    write_card,
)
from knowledge import issue as issue_db
from knowledge.conversation import Conversation
from knowledge.issue import Issue
from testing.scripted_model import talk

CARD = Card("Seal worn", "The seal is worn.", ("seal",), "Age.", ("Replace it.",), "")


def text(ticket_id: int, said: str = "The lid leaks", *, day: str = "2025-03-01") -> TicketText:
    return TicketText(ticket_id, day, "", said)


def sealed(issue_id: str, category: str = "Lid leaks", **fields: Any) -> Issue:
    issue = Issue(issue_id, category, **fields)
    issue.seal_card()
    return issue


def memory_of(*issues: Issue, talks: tuple[Conversation, ...] = ()) -> IssueMemory:
    stored = {conversation["ticket_id"]: conversation for conversation in talks}
    return IssueMemory({issue.issue_id: issue for issue in issues}, conversation_of=stored.get)


def check(memory: IssueMemory) -> None:
    """What must hold after any change."""
    placed = [ticket for issue in memory.issues.values() for ticket in issue.tickets]
    assert len(placed) == len(set(placed)) == memory.ticket_count
    for name, issue in memory.issues.items():
        assert issue.issue_id == name
        assert set(issue.unsure) <= set(issue.tickets)
        assert set(issue.reviewed) <= set(issue.tickets)
        assert all(memory.home(ticket) is issue for ticket in issue.tickets)
        assert memory.index.tickets_of(name) <= set(exemplars(issue))
    assert memory.touched <= memory.issues.keys()
    assert not memory.dropped & memory.issues.keys()
    assert issue_db.parse(issue_db.render(memory.issues.values()), name="x").keys() == memory.issues.keys()


# --- which issues are offered --------------------------------------------------------------------------------------------------------


def test_a_small_database_is_offered_whole_in_the_order_of_ids() -> None:
    names = [f"ISSUE-{n}" for n in range(CANDIDATES, 0, -1)]
    found = memory_of(*(Issue(name, "x") for name in names)).candidates(text(99), leaving=())
    assert [issue.issue_id for issue in found] == names[::-1]


def test_of_a_large_database_the_likeliest_are_offered_in_the_order_of_ids() -> None:
    talks = tuple(talk(n, f"word{n} word{n + 1} same") for n in range(1, 61))
    memory = memory_of(*(sealed(f"ISSUE-{n}", f"word{n}", tickets=[n]) for n in range(1, 61)), talks=talks)
    found = [issue.issue_id for issue in memory.candidates(text(99, "word50 word51"), leaving=())]
    assert len(found) == CANDIDATES
    assert {"ISSUE-50", "ISSUE-51", "ISSUE-49"} <= set(found)
    assert found == sorted(found, key=issue_db.sort_key)


def test_a_ticket_does_not_find_its_issue_by_its_own_words() -> None:
    """Issue 50 is larger, so it is among those that fill up; without that it must not be found by the ticket itself."""
    talks = tuple(talk(n, f"word{n}") for n in range(1, 62))
    issues = [sealed(f"ISSUE-{n}", "x", tickets=[n]) for n in range(1, 60)]
    memory = memory_of(*issues, sealed("ISSUE-60", "y", tickets=[60, 61]), talks=talks)
    assert "ISSUE-59" in [issue.issue_id for issue in memory.candidates(text(99, "word59"), leaving=())]
    assert "ISSUE-59" not in [issue.issue_id for issue in memory.candidates(text(59, "word59"), leaving={59})]


@pytest.mark.parametrize("size", [3, 60], ids=["small", "large"])
def test_an_issue_all_of_whose_tickets_are_leaving_is_not_offered(size: int) -> None:
    talks = tuple(talk(n, "lid leaks") for n in range(1, size + 1))
    memory = memory_of(*(sealed(f"ISSUE-{n}", "lid", tickets=[n]) for n in range(1, size + 1)), Issue("EMPTY", "lid"), talks=talks)
    leaving = set(range(1, size + 1)) - {2}
    found = [issue.issue_id for issue in memory.candidates(text(1, "lid leaks"), leaving=leaving)]
    assert found == ["ISSUE-2", "EMPTY"]


def test_the_index_is_the_same_whether_it_grew_or_was_built_at_the_end() -> None:
    """Else a resumed run would offer other issues."""
    talks = tuple(talk(n, f"word{n % 37} word{n % 11} lid") for n in range(1, 201))
    grown, late = memory_of(talks=talks), memory_of(talks=talks)
    assert grown.index is not None
    for memory in (grown, late):
        for conversation in talks:
            ticket = TicketText.of(conversation)
            number = ticket.ticket_id % 30 or 30
            if f"ISSUE-{number}" in memory.issues:
                memory.join(f"ISSUE-{number}", ticket, 0.9)
            else:
                memory.add(memory.new_issue(ticket, CARD, 0.9), ticket)
        memory.merge(memory.issues["ISSUE-1"], memory.issues["ISSUE-2"], None)
        memory.remove(33)
    check(grown)
    for n in range(200):
        question = text(999, f"word{n % 37} word{n % 11}")
        offers = [[issue.issue_id for issue in memory.candidates(question, leaving=())] for memory in (grown, late)]
        assert offers[0] == offers[1]
    assert all(grown.index.tickets_of(name) == late.index.tickets_of(name) for name in grown.issues)
    assert max(len(grown.index.tickets_of(name)) for name in grown.issues) <= EXEMPLARS


def test_exemplars_are_those_that_a_person_placed_and_a_fixed_draw_of_the_others() -> None:
    tickets = list(range(1, 101))
    first = exemplars(Issue("A", "x", tickets=tickets, reviewed=[77, 78]))
    assert first[:2] in ([77, 78], [78, 77])
    assert len(first) == EXEMPLARS
    assert exemplars(Issue("B", "x", tickets=tickets[::-1], reviewed=[78, 77])) == first
    assert exemplars(Issue("A", "x", tickets=tickets), 3) != [1, 2, 3], "not just the oldest"


# --- founding and joining ------------------------------------------------------------------------------------------------------------


def test_a_founded_issue_is_provisional_and_sealed_and_changes_nothing_before_it_is_added() -> None:
    memory = memory_of()
    issue = memory.new_issue(text(5), CARD, 0.8)
    assert (memory.issues, memory.ticket_count) == ({}, 0)
    assert (issue.issue_id, issue.category, issue.tickets, issue.status) == ("ISSUE-5", "Seal worn", [5], "provisional")
    assert (issue.first_seen, issue.last_seen, issue.confidence) == ("2025-03-01", "2025-03-01", 0.8)
    assert not issue.written_by_person()
    memory.add(issue, text(5))
    assert memory.touched == {"ISSUE-5"}
    check(memory)


@pytest.mark.parametrize(
    ("issues", "expected"),
    [
        pytest.param([], "ISSUE-5", id="free"),
        pytest.param([Issue("ISSUE-5", "x", tickets=[5])], "ISSUE-5", id="its own"),
        pytest.param([Issue("ISSUE-5", "x", tickets=[5, 6])], "ISSUE-5-2", id="its own, but others are there"),
        pytest.param([Issue("ISSUE-5", "x")], "ISSUE-5-2", id="empty, by a person"),
        pytest.param([Issue("ISSUE-1", "x", merged_from=["ISSUE-5"])], "ISSUE-5-2", id="an alias"),
        pytest.param([Issue("ISSUE-1", "x", merged_from=["ISSUE-5", "ISSUE-5-2"]), Issue("ISSUE-5-3", "x")], "ISSUE-5-4", id="a row"),
    ],
)
def test_an_id_is_never_used_for_something_else(issues: list[Issue], expected: str) -> None:
    assert memory_of(*issues).new_issue(text(5), CARD, 0.8).issue_id == expected


def test_an_id_that_went_in_this_run_is_not_used_again() -> None:
    memory = memory_of(sealed("ISSUE-5", tickets=[9]), sealed("ISSUE-1", tickets=[1]))
    memory.merge(memory.issues["ISSUE-1"], memory.issues["ISSUE-5"], None)
    assert memory.new_issue(text(5), CARD, 0.8).issue_id == "ISSUE-5-2"
    memory.remove(1)
    memory.remove(9)
    assert memory.issues == {}
    assert memory.new_issue(text(1), CARD, 0.8).issue_id == "ISSUE-1-2"


def test_joining_widens_the_days_and_confirms_with_the_second_ticket() -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1], first_seen="2025-02-10", last_seen="2025-02-10", confidence=0.95))
    memory.join("ISSUE-1", text(9, day="2025-01-05"), 0.7)
    memory.join("ISSUE-1", text(3, day=""), 0.8)
    issue = memory.issues["ISSUE-1"]
    assert (issue.tickets, issue.status, issue.first_seen, issue.last_seen, issue.confidence) == (
        [1, 3, 9],
        "confirmed",
        "2025-01-05",
        "2025-02-10",
        0.95,
    )
    check(memory)


def test_the_first_ticket_of_an_empty_issue_does_not_confirm_it() -> None:
    memory = memory_of(Issue("WIFI", "by hand"))
    memory.join("WIFI", text(1), 0.9)
    assert memory.issues["WIFI"].status == "provisional"
    assert memory.issues["WIFI"].first_seen == "2025-03-01"
    check(memory)


def test_a_ticket_that_moves_is_nowhere_twice_and_its_empty_issue_lives_on_as_an_alias() -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1], merged_from=["ISSUE-0"]), sealed("ISSUE-2", tickets=[2]))
    memory.join("ISSUE-2", text(1), 0.9)
    assert list(memory.issues) == ["ISSUE-2"]
    assert memory.issues["ISSUE-2"].merged_from == ["ISSUE-0", "ISSUE-1"]
    assert (memory.touched, memory.dropped) == ({"ISSUE-2"}, {"ISSUE-1"})
    check(memory)


def test_a_ticket_that_leaves_takes_its_review_and_its_doubt_along() -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1, 2], unsure={1: 0.5}, reviewed=[1, 2]), sealed("ISSUE-3", tickets=[3]))
    memory.join("ISSUE-3", text(1), 0.9)
    issue = memory.issues["ISSUE-1"]
    assert (issue.tickets, issue.unsure, issue.reviewed) == ([2], {}, [2])
    assert memory.touched == {"ISSUE-1", "ISSUE-3"}
    check(memory)


def test_removing_a_ticket_that_is_nowhere_changes_nothing() -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1]))
    memory.remove(7)
    assert (memory.touched, memory.dropped) == (set(), set())
    assert memory.home(7) is None


@pytest.mark.parametrize("indexed", [False, True])
def test_the_last_ticket_takes_an_issue_along_unless_a_person_wrote_it(indexed: bool) -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1]), Issue("ISSUE-2", "by hand", tickets=[2]))
    if indexed:
        assert memory.index.search(subject="", text="hand", k=1) == ["ISSUE-2"]
    memory.remove(1)
    memory.remove(2)
    assert list(memory.issues) == ["ISSUE-2"]
    assert memory.issues["ISSUE-2"].tickets == []
    check(memory)


# --- merging and rewriting -----------------------------------------------------------------------------------------------------------


def test_a_merge_keeps_everything_that_is_known_of_both() -> None:
    keep = sealed("ISSUE-9", tickets=[9], distinct_from=["ISSUE-4"], unsure={9: 0.6}, first_seen="2025-02-01", last_seen="2025-02-02")
    gone = sealed("ISSUE-3", tickets=[3, 4], merged_from=["ISSUE-2"], distinct_from=["ISSUE-5", "ISSUE-9"], unsure={4: 0.5}, confidence=0.9)
    gone.first_seen, gone.last_seen, gone.extra, keep.extra = "2025-01-01", "2025-03-01", {"a": 1, "owner": "Bob"}, {"owner": "Ada"}
    memory = memory_of(keep, gone)
    memory.merge(keep, gone, CARD)
    assert memory.issues == {"ISSUE-9": keep}
    assert (keep.tickets, keep.unsure, keep.merged_from, keep.distinct_from) == (
        [3, 4, 9],
        {9: 0.6, 4: 0.5},
        ["ISSUE-2", "ISSUE-3"],
        ["ISSUE-4", "ISSUE-5"],
    )
    assert (keep.first_seen, keep.last_seen, keep.confidence, keep.category) == ("2025-01-01", "2025-03-01", 0.9, "Seal worn")
    assert keep.extra == {"a": 1, "owner": "Ada"}
    assert (memory.touched, memory.dropped) == ({"ISSUE-9"}, {"ISSUE-3"})
    check(memory)


@pytest.mark.parametrize(
    ("first", "second", "unsure", "expected"),
    [
        ("provisional", "provisional", {}, "confirmed"),
        ("provisional", "provisional", {1: 0.6}, "provisional"),
        ("provisional", "confirmed", {1: 0.6}, "confirmed"),
    ],
)
def test_a_merge_confirms_when_two_sure_tickets_come_together(first: Any, second: Any, unsure: dict[int, float], expected: str) -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1], status=first, unsure=unsure), sealed("ISSUE-2", tickets=[2], status=second))
    memory.merge(memory.issues["ISSUE-1"], memory.issues["ISSUE-2"], None)
    assert memory.issues["ISSUE-1"].status == expected


def test_a_merge_moves_the_tickets_in_the_index() -> None:
    talks = (talk(1, "lid leaks"), talk(2, "gasket drips"))
    memory = memory_of(sealed("ISSUE-1", "x", tickets=[1]), sealed("ISSUE-2", "y", tickets=[2]), talks=talks)
    memory.merge(memory.issues["ISSUE-1"], memory.issues["ISSUE-2"], None)
    assert memory.index.tickets_of("ISSUE-1") == {1, 2}
    assert memory.index.search(subject="", text="gasket drips", k=1) == ["ISSUE-1"]
    assert memory.issues["ISSUE-1"].category == "x", "no card, no new words"
    check(memory)


def test_the_card_of_a_person_is_never_rewritten() -> None:
    mine, own = Issue("ISSUE-1", "My words"), sealed("ISSUE-2")
    memory = memory_of(mine, own)
    memory.rewrite(mine, CARD)
    memory.rewrite(own, CARD)
    assert (mine.category, own.category) == ("My words", "Seal worn")
    assert memory.touched == {"ISSUE-2"}
    assert not own.written_by_person()
    assert memory.index.search(subject="", text="worn", k=1) == ["ISSUE-2"]


def test_a_card_edited_by_one_word_counts_as_a_persons() -> None:
    issue = sealed("ISSUE-1", notes="as it was")
    issue.notes = "as it is"
    memory = memory_of(issue)
    memory.rewrite(issue, CARD)
    assert issue.category == "Lid leaks"


def test_only_conversations_that_are_there_are_read() -> None:
    memory = memory_of(sealed("ISSUE-1", tickets=[1, 2]), talks=(talk(2, "x"),))
    assert [conversation["ticket_id"] for conversation in memory.conversations([1, 2])] == [2]
    assert memory.index.tickets_of("ISSUE-1") == {2}


# --- small things --------------------------------------------------------------------------------------------------------------------


def test_a_tickets_text_is_what_the_customer_said() -> None:
    conversation = talk(7, "one\n\ntwo", agent="three", subject="Lid")
    assert TicketText.of(conversation) == TicketText(7, "2025-03-01", "T7 Lid", "one\n\ntwo")
    assert TicketText.of(conversation).whole == "T7 Lid\none\n\ntwo"


def test_the_index_reads_no_steps_and_no_notes_of_a_card() -> None:
    issue = Issue("A", "cat", "desc", ["k1", "k2"], "cause", ["step"], "note")
    assert card_text(issue) == "cat\ndesc\nk1, k2\ncause"


def test_a_card_that_is_written_is_sealed() -> None:
    issue = Issue("A", "x")
    write_card(issue, CARD)
    assert (issue.keywords, issue.resolution_steps, issue.written_by_person()) == (["seal"], ["Replace it."], False)


def test_issues_stand_in_the_order_of_ids() -> None:
    assert [issue.issue_id for issue in in_id_order([Issue("B", ""), Issue("ISSUE-10", ""), Issue("ISSUE-9", "")])] == [
        "ISSUE-9",
        "ISSUE-10",
        "B",
    ]


@pytest.mark.parametrize(
    ("steps", "notes", "supported", "expected"),
    [
        (("a",), "", False, NO_FIX),
        (("a",), "n", False, f"{NO_FIX} n"),
        (("a",), f"{NO_FIX} n", False, f"{NO_FIX} n"),
        ((), "n", False, "n"),
        (("a",), "n", True, "n"),
    ],
)
def test_steps_without_support_are_marked_once(steps: tuple[str, ...], notes: str, supported: bool, expected: str) -> None:
    assert with_fix_marked(Card("c", "", (), "", steps, notes), supported=supported).notes == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [((1,), False), ((2,), True), ((1, 2), True), ((), True), ((9,), True)],
    ids=["customer", "agent", "both", "none", "beyond"],
)
def test_an_agent_spoke_if_one_of_the_named_messages_is_an_agents(numbers: tuple[int, ...], expected: bool) -> None:
    assert agent_spoke(talk(1, "x", agent="y"), numbers) is expected
    assert not agent_spoke(talk(1, "x"), numbers)
