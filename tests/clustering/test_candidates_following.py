"""The candidates follow the knowledge base: what is offered depends on what stands there now, however it came about."""

from typing import Any

import pytest

from clustering.candidates import CANDIDATES, EXEMPLARS, Candidates, TicketText, card_text, exemplars
from knowledge.base import By, KnowledgeBase
from knowledge.conversation import Conversation
from knowledge.issue import Card, Issue, sort_key
from testing.scripted_model import talk


def text(ticket_id: int, said: str = "The lid leaks") -> TicketText:
    return TicketText(ticket_id, "2025-03-01", "", said)


def sealed(issue_id: str, category: str = "Lid leaks", **fields: Any) -> Issue:
    issue = Issue(issue_id, Card(category), **fields)
    issue.seal_card()
    return issue


def known(*issues: Issue, talks: tuple[Conversation, ...] = ()) -> tuple[KnowledgeBase, Candidates]:
    stored = {conversation["ticket_id"]: conversation for conversation in talks}
    base = KnowledgeBase({issue.issue_id: issue for issue in issues})
    return base, Candidates(base, conversation_of=stored.get)


def test_a_small_database_is_offered_whole_in_the_order_of_ids() -> None:
    names = [f"ISSUE-{n}" for n in range(CANDIDATES, 0, -1)]
    _, candidates = known(*(sealed(name, "x") for name in names))
    assert [issue.issue_id for issue in candidates.offered(text(99), leaving=())] == names[::-1]


def test_of_a_large_database_the_likeliest_are_offered_in_the_order_of_ids() -> None:
    talks = tuple(talk(n, f"word{n} word{n + 1} same") for n in range(1, 61))
    _, candidates = known(*(sealed(f"ISSUE-{n}", f"word{n}", tickets=[n]) for n in range(1, 61)), talks=talks)
    found = [issue.issue_id for issue in candidates.offered(text(99, "word50 word51"), leaving=())]
    assert len(found) == CANDIDATES
    assert {"ISSUE-50", "ISSUE-51", "ISSUE-49"} <= set(found)
    assert found == sorted(found, key=sort_key)


def test_a_ticket_does_not_find_its_issue_by_its_own_words() -> None:
    """Issue 60 is larger, so it is among those that fill up; without that it must not be found by the ticket itself."""
    talks = tuple(talk(n, f"word{n}") for n in range(1, 62))
    issues = [sealed(f"ISSUE-{n}", "x", tickets=[n]) for n in range(1, 60)]
    _, candidates = known(*issues, sealed("ISSUE-60", "y", tickets=[60, 61]), talks=talks)
    assert "ISSUE-59" in [issue.issue_id for issue in candidates.offered(text(99, "word59"), leaving=())]
    assert "ISSUE-59" not in [issue.issue_id for issue in candidates.offered(text(59, "word59"), leaving={59})]


@pytest.mark.parametrize("size", [3, 60], ids=["small", "large"])
def test_an_issue_all_of_whose_tickets_are_leaving_is_not_offered(size: int) -> None:
    talks = tuple(talk(n, "lid leaks") for n in range(1, size + 1))
    _, candidates = known(*(sealed(f"ISSUE-{n}", "lid", tickets=[n]) for n in range(1, size + 1)), sealed("EMPTY", "lid"), talks=talks)
    leaving = set(range(1, size + 1)) - {2}
    found = [issue.issue_id for issue in candidates.offered(text(1, "lid leaks"), leaving=leaving)]
    assert found == ["ISSUE-2", "EMPTY"]


def test_the_index_is_the_same_whether_it_grew_or_was_built_at_the_end() -> None:
    """Else a resumed run would offer other issues."""
    talks = tuple(talk(n, f"word{n % 37} word{n % 11} lid") for n in range(1, 201))
    (base, grown), (other_base, late) = known(talks=talks), known(talks=talks)
    for conversation in talks:
        number = conversation["ticket_id"] % 30 or 30
        for kept in (base, other_base):
            if f"ISSUE-{number}" in kept.issues:
                kept.place(conversation["ticket_id"], f"ISSUE-{number}", confidence=0.9, by=By.MODEL)
            else:
                kept.found(conversation["ticket_id"], Card("Seal worn"), confidence=0.9, by=By.MODEL)
        assert grown.index is not None
    for kept in (base, other_base):
        kept.merge(kept.issues["ISSUE-1"], kept.issues["ISSUE-2"], by=By.MODEL)
        kept.set_card(kept.issues["ISSUE-5"], Card("Word five"), by=By.MODEL)
        kept.take_out(33, by=By.MODEL)
    for n in range(200):
        question = text(999, f"word{n % 37} word{n % 11}")
        offers = [[issue.issue_id for issue in candidates.offered(question, leaving=())] for candidates in (grown, late)]
        assert offers[0] == offers[1]
    assert all(grown.index.tickets_of(name) == late.index.tickets_of(name) for name in base.issues)
    assert max(len(grown.index.tickets_of(name)) for name in base.issues) <= EXEMPLARS


def test_a_merge_moves_the_tickets_in_the_index_and_a_new_card_is_read() -> None:
    talks = (talk(1, "lid leaks"), talk(2, "gasket drips"))
    base, candidates = known(sealed("ISSUE-1", "x", tickets=[1]), sealed("ISSUE-2", "y", tickets=[2]), talks=talks)
    assert candidates.ready_index is None
    assert candidates.index.tickets_of("ISSUE-2") == {2}
    base.merge(base.issues["ISSUE-1"], base.issues["ISSUE-2"], by=By.MODEL)
    assert candidates.index.tickets_of("ISSUE-1") == {1, 2}
    assert candidates.index.tickets_of("ISSUE-2") == set()
    assert candidates.index.search(subject="", text="gasket drips", k=1) == ["ISSUE-1"]
    base.found(3, Card("z"), confidence=0.9, by=By.MODEL)
    base.set_card(base.issues["ISSUE-3"], Card("Worn seal"), by=By.MODEL)
    assert candidates.index.search(subject="", text="worn", k=1) == ["ISSUE-3"]
    assert candidates.ready_index is candidates.index


def test_a_ticket_that_was_asked_about_is_not_read_from_disk() -> None:
    base, candidates = known(sealed("ISSUE-1", tickets=[1]))
    assert candidates.index.tickets_of("ISSUE-1") == set(), "nothing is stored"
    candidates.offered(text(7), leaving=())
    base.place(7, "ISSUE-1", confidence=0.9, by=By.MODEL)
    assert candidates.index.tickets_of("ISSUE-1") == {7}


def test_only_conversations_that_are_there_are_read() -> None:
    _, candidates = known(sealed("ISSUE-1", tickets=[1, 2]), talks=(talk(2, "x"),))
    assert [conversation["ticket_id"] for conversation in candidates.conversations([1, 2])] == [2]
    assert candidates.index.tickets_of("ISSUE-1") == {2}


def test_exemplars_are_those_that_a_person_placed_and_a_fixed_draw_of_the_others() -> None:
    tickets = list(range(1, 101))
    first = exemplars(Issue("A", Card("x"), tickets=tickets, reviewed=[77, 78]))
    assert first[:2] in ([77, 78], [78, 77])
    assert len(first) == EXEMPLARS
    assert exemplars(Issue("B", Card("x"), tickets=tickets[::-1], reviewed=[78, 77])) == first
    assert exemplars(Issue("A", Card("x"), tickets=tickets), 3) != [1, 2, 3], "not just the oldest"


def test_a_tickets_text_is_what_the_customer_said() -> None:
    conversation = talk(7, "one\n\ntwo", agent="three", subject="Lid")
    assert TicketText.of(conversation) == TicketText(7, "2025-03-01", "T7 Lid", "one\n\ntwo")
    assert TicketText.of(conversation).whole == "T7 Lid\none\n\ntwo"


def test_the_index_reads_no_steps_and_no_notes_of_a_card() -> None:
    assert card_text(Card("cat", "desc", ("k1", "k2"), "cause", ("step",), "note")) == "cat\ndesc\nk1, k2\ncause"
