"""What is found depends on what the tickets said, never on the order in which they came; any text is taken."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from clustering import candidates
from clustering.candidates import (
    CANDIDATES,
    EXEMPLARS,
    VECTOR_CANDIDATES,
    Candidates,
    TicketText,
    best,
    card_text,
    exemplars,
    nearest_issues,
)
from clustering.words import cosine
from knowledge.base import By, KnowledgeBase
from knowledge.conversation import Conversation
from knowledge.issue import Card, Issue, sort_key
from testing.scripted_model import talk

TALKS = {
    1: "My card was declined in a shop.",
    2: "My top up by cheque is still pending.",
    3: "The terminal declines the card every time.",
    4: "I typed a wrong PIN and it is blocked.",
    5: "When does a pending cheque arrive?",
}
HOMES = {"ISSUE-1": [1, 3], "ISSUE-2": [2, 5], "ISSUE-4": [4]}


def sealed(issue_id: str, category: str = "", **fields: Any) -> Issue:
    issue = Issue(issue_id, Card(category), **fields)
    issue.seal_card()
    return issue


def known(*issues: Issue, talks: Sequence[Conversation] = (), **options: Any) -> tuple[KnowledgeBase, Candidates]:
    stored = {conversation["ticket_id"]: conversation for conversation in talks}
    base = KnowledgeBase({issue.issue_id: issue for issue in issues})
    return base, Candidates(base, conversation_of=stored.get, **options)


def filled(said: dict[int, str] = TALKS, homes: dict[str, list[int]] = HOMES, **options: Any) -> tuple[KnowledgeBase, Candidates]:
    issues = [sealed(name, tickets=list(tickets)) for name, tickets in homes.items()]
    return known(*issues, talks=[talk(number, text, subject="") for number, text in said.items()], **options)


def text(ticket_id: int, said: str = "The lid leaks") -> TicketText:
    return TicketText(ticket_id, "2025-03-01", said)


def offered(found: Candidates, said: str, *, ticket_id: int = 999, leaving: Sequence[int] = ()) -> list[str]:
    return [issue.issue_id for issue in found.offered(text(ticket_id, said), leaving=leaving)]


@pytest.mark.parametrize(
    ("said", "best"),
    [
        pytest.param("why are cards declined", "ISSUE-1", id="words of two tickets, in other forms"),
        pytest.param("cheques pending", "ISSUE-2", id="plural"),
        pytest.param("blocked after a wrong pin", "ISSUE-4", id="one ticket"),
        pytest.param("when does it", "ISSUE-2", id="common words alone"),
    ],
)
def test_the_issue_whose_tickets_said_it_comes_first(said: str, best: str) -> None:
    assert filled()[1].search(said, 3)[0] == best


def test_rare_words_tell_more_than_those_that_many_issues_hold() -> None:
    _, found = filled({n: "common case" + (" rare" if n == 40 else "") for n in range(1, 41)}, {f"ISSUE-{n}": [n] for n in range(1, 41)})
    assert found.search("a common rare thing", 1) == ["ISSUE-40"]


def test_a_card_makes_an_issue_findable_until_it_is_replaced() -> None:
    base, found = filled()
    base.set_card(base.issues["ISSUE-4"], Card("Passcode reset"), by=By.MODEL)
    assert found.search("passcode", 1) == ["ISSUE-4"]
    base.set_card(base.issues["ISSUE-4"], Card("Something else"), by=By.MODEL)
    base.set_card(base.issues["ISSUE-2"], Card("Passcode"), by=By.MODEL)
    assert found.search("passcode", 1) == ["ISSUE-2"]


def test_what_words_do_not_find_is_filled_up_with_the_largest_issues() -> None:
    assert filled()[1].search("blocked", 3) == ["ISSUE-4", "ISSUE-1", "ISSUE-2"]


@pytest.mark.parametrize(
    "said",
    ["", " \n", "how do I do this?", "😀😀", "\x00\ud800", '" NEAR( * ) -x', "[EMAIL_1]", "x" * 100_000, "card (a b) " * 9_000, "退款 ไม่"],
    ids=["empty", "blank", "common words", "emoji", "control, surrogate", "operators", "placeholder", "long word", "100 KB", "no spaces"],
)  # fmt: skip
def test_any_text_is_answered_and_can_be_placed(said: str) -> None:
    base, found = filled()
    found.offered(text(9, said), leaving=())
    issue = base.found(9, Card(said[:80]), confidence=0.9, by=By.MODEL)
    assert sorted(found.search(said, 4)) == ["ISSUE-1", "ISSUE-2", "ISSUE-4", "ISSUE-9"]
    assert 0 <= found.similarity(text(9, said), issue.issue_id) <= 1
    assert found.nearest(issue, 3) is not None


def test_an_empty_knowledge_base_offers_nothing() -> None:
    base, found = known()
    assert (found.search("card", 3), offered(found, "card"), base.issues) == ([], [], {})
    assert cosine(found.weigher()("card declined"), found.weigher()("card declined")) == pytest.approx(1)


def test_scripts_without_spaces_are_found_by_pairs_of_characters() -> None:
    _, found = filled({1: "信用卡被拒绝", 2: "密码被锁定"}, {"ISSUE-1": [1], "ISSUE-2": [2]})
    assert found.search("我的信用卡", 1) == ["ISSUE-1"]


def test_the_ticket_that_is_asked_about_does_not_count() -> None:
    _, found = filled()
    assert found.search("wrong pin blocked", 1) == ["ISSUE-4"]
    assert found.search("wrong pin blocked", 1, ticket_id=4) == ["ISSUE-1"]
    assert found.similarity(text(4, "wrong pin blocked"), "ISSUE-4") == 0


def test_ties_go_by_the_order_of_issues() -> None:
    _, found = filled({1: "card", 2: "card", 3: "card"}, {"ISSUE-10": [1], "ISSUE-9": [2], "ISSUE-9-2": [3]})
    assert found.search("card", 3) == ["ISSUE-9", "ISSUE-9-2", "ISSUE-10"]


def test_a_search_touches_no_more_postings_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {n: "often" + (" rare" if n > 38 else "") + (" rarer" if n == 40 else "") for n in range(1, 41)}
    _, found = filled(said, {f"ISSUE-{n}": [n] for n in range(1, 41)})
    monkeypatch.setattr(candidates, "MAX_POSTINGS", 3)
    assert best(found._words.scores(found.weigher()("often rare rarer")), 40) == ["ISSUE-40", "ISSUE-39"]
    monkeypatch.setattr(candidates, "MAX_POSTINGS", 1)
    assert len(best(found._words.scores(found.weigher()("often")), 40)) == 40, "one word always counts"


def test_similarity_is_what_a_ticket_has_in_common_with_what_else_was_said_in_an_issue() -> None:
    _, found = filled({1: "blocked pin", 2: "terminal beeps", 3: "cheque bounced"}, {"ISSUE-1": [1, 2], "ISSUE-3": [3]})
    assert found.similarity(text(9, "cheque bounced"), "ISSUE-3") > 0.7
    assert 0.3 < found.similarity(text(9, "blocked pin"), "ISSUE-1") < 0.7
    assert found.similarity(text(9, "blocked pin"), "ISSUE-3") == 0
    assert found.similarity(text(1, "blocked pin"), "ISSUE-1") == 0, "its own words do not count"


def test_the_nearest_issues_are_those_whose_tickets_said_the_same() -> None:
    said = {1: "card declined at the shop", 2: "my card was declined", 3: "parcel lost", 4: "card declined in a shop again"}
    base, found = filled(said, {f"ISSUE-{n}": [n] for n in said})
    assert found.nearest(base.issues["ISSUE-1"], 2) == ["ISSUE-4", "ISSUE-2"]
    assert found.nearest(base.issues["ISSUE-3"], 2) == []


def test_the_words_weigh_what_they_weighed_when_they_were_asked_for() -> None:
    """Else a wave's second commit would be judged by other weights than its first."""
    base, found = filled()
    weigh = found.weigher()
    before = weigh("card pin")
    base.found(9, Card("Pin pad"), confidence=0.9, by=By.MODEL)
    assert weigh("card pin") == before
    assert found.weigher()("card pin") != before


def test_a_small_database_is_offered_whole_in_the_order_of_ids() -> None:
    names = [f"ISSUE-{n}" for n in range(CANDIDATES, 0, -1)]
    _, found = known(*(sealed(name, "x") for name in names))
    assert offered(found, "lid") == names[::-1]


def test_of_a_large_database_the_likeliest_are_offered_in_the_order_of_ids() -> None:
    talks = [talk(n, f"word{n} word{n + 1} same") for n in range(1, 61)]
    _, found = known(*(sealed(f"ISSUE-{n}", f"word{n}", tickets=[n]) for n in range(1, 61)), talks=talks)
    names = offered(found, "word50 word51")
    assert len(names) == CANDIDATES
    assert {"ISSUE-50", "ISSUE-51", "ISSUE-49"} <= set(names)
    assert names == sorted(names, key=sort_key)


def test_a_ticket_does_not_find_its_issue_by_its_own_words() -> None:
    """Issue 60 is larger, so it is among those that fill up; without that it must not be found by the ticket itself."""
    talks = [talk(n, f"word{n}") for n in range(1, 62)]
    issues = [sealed(f"ISSUE-{n}", "x", tickets=[n]) for n in range(1, 60)]
    _, found = known(*issues, sealed("ISSUE-60", "y", tickets=[60, 61]), talks=talks)
    assert "ISSUE-59" in offered(found, "word59")
    assert "ISSUE-59" not in offered(found, "word59", ticket_id=59, leaving=[59])


@pytest.mark.parametrize("size", [3, 60], ids=["small", "large"])
def test_an_issue_that_is_held_back_or_all_of_whose_tickets_are_leaving_is_not_offered(size: int) -> None:
    talks = [talk(n, "lid leaks") for n in range(1, size + 1)]
    base, found = known(*(sealed(f"ISSUE-{n}", "lid", tickets=[n]) for n in range(1, size + 1)), sealed("EMPTY", "lid"), talks=talks)
    base.hold_back(base.issues["ISSUE-3"], "ISSUE-2")
    assert offered(found, "lid leaks", leaving=[n for n in range(1, size + 1) if n not in (2, 3)]) == ["ISSUE-2", "EMPTY"]


def test_the_index_is_the_same_whether_it_grew_or_was_built_at_the_end() -> None:
    """Else a resumed run would offer other issues."""
    talks = [talk(n, f"word{n % 37} word{n % 11} lid") for n in range(1, 201)]
    (base, grown), (other_base, late) = known(talks=talks), known(talks=talks)
    for conversation in talks:
        number = conversation["ticket_id"] % 30 or 30
        for kept in (base, other_base):
            if f"ISSUE-{number}" in kept.issues:
                kept.place(conversation["ticket_id"], f"ISSUE-{number}", confidence=0.9, by=By.MODEL)
            else:
                kept.found(conversation["ticket_id"], Card("Seal worn"), confidence=0.9, by=By.MODEL)
        grown.search("lid", 1)
    for kept in (base, other_base):
        kept.merge(kept.issues["ISSUE-1"], kept.issues["ISSUE-2"], by=By.MODEL)
        kept.set_card(kept.issues["ISSUE-5"], Card("Word five"), by=By.MODEL)
        kept.take_out(33, by=By.MODEL)
    for n in range(200):
        assert offered(grown, f"word{n % 37} word{n % 11}") == offered(late, f"word{n % 37} word{n % 11}")
    assert grown.weigher()("lid word1 word2") == late.weigher()("lid word1 word2")
    assert grown._words._holders == late._words._holders
    assert max(len(grown._words.held(name)) for name in base.issues) <= EXEMPLARS + 1


def test_what_is_found_does_not_depend_on_the_order_in_which_tickets_came() -> None:
    draw = random.Random(3)
    said = {n: " ".join(draw.choices([f"word{number}" for number in range(12)], k=4)) for n in range(1, 80)}
    homes: dict[str, list[int]] = {}
    for n in said:
        homes.setdefault(f"ISSUE-{n % 7 + 1}", []).append(n)
    _, one = filled(said, homes)
    _, two = filled(said, {name: homes[name][::-1] for name in reversed(homes)})
    for _ in range(30):
        query = " ".join(draw.choices([f"word{number}" for number in range(12)], k=2))
        assert one.search(query, 5) == two.search(query, 5)


def test_a_merge_moves_the_tickets_and_a_dropped_issue_is_gone() -> None:
    base, found = filled()
    assert not found.filled
    assert found.search("pending cheque", 1) == ["ISSUE-2"]
    assert found.filled
    base.merge(base.issues["ISSUE-4"], base.issues["ISSUE-2"], by=By.MODEL)
    assert found.search("pending cheque", 9) == ["ISSUE-4", "ISSUE-1"]
    base.take_out(1, by=By.MODEL)
    base.take_out(3, by=By.MODEL)
    assert found.search("card declined", 9) == ["ISSUE-4"]


def test_a_ticket_that_was_asked_about_is_not_read_from_disk() -> None:
    base = KnowledgeBase({name: sealed(name, tickets=tickets) for name, tickets in {"ISSUE-1": [1, 3, 4], "ISSUE-2": [2]}.items()})
    read: list[int] = []
    found = Candidates(base, conversation_of=lambda ticket: read.append(ticket))
    found.offered(text(7, "gasket"), leaving=())
    base.place(7, "ISSUE-2", confidence=0.9, by=By.MODEL)
    assert found.search("gasket", 1) == ["ISSUE-2"]
    assert set(read) == {1, 2, 3, 4}


def test_only_conversations_that_are_there_are_read() -> None:
    _, found = known(sealed("ISSUE-1", tickets=[1, 2]), talks=(talk(2, "x"),))
    assert [conversation["ticket_id"] for conversation in found.conversations([1, 2])] == [2]
    assert found.search("x", 1) == ["ISSUE-1"]


def test_exemplars_are_those_that_a_person_placed_and_a_fixed_draw_of_the_others() -> None:
    tickets = list(range(1, 101))
    first = exemplars(Issue("A", Card("x"), tickets=tickets, reviewed=[77, 78]))
    assert first[:2] in ([77, 78], [78, 77])
    assert len(first) == EXEMPLARS
    assert exemplars(Issue("B", Card("x"), tickets=tickets[::-1], reviewed=[78, 77])) == first
    assert exemplars(Issue("A", Card("x"), tickets=tickets), 3) != [1, 2, 3], "not just the oldest"


def test_a_tickets_text_is_what_the_customer_said() -> None:
    conversation = talk(7, "one\n\ntwo", agent="three", subject="Lid")
    assert TicketText.of(conversation) == TicketText(7, "2025-03-01", "T7 Lid\none\n\ntwo")


def test_the_index_reads_no_steps_and_no_notes_of_a_card() -> None:
    assert card_text(Card("cat", "desc", ("k1", "k2"), "cause", ("step",), "note")) == "cat\ndesc\nk1, k2\ncause"


def same_topic(texts: Sequence[str]) -> list[list[float]]:
    """One number for each tenth of issues, told by the last word that ends in it."""
    return [[1.0 if entry.split()[-1:] and entry.split()[-1].endswith(str(digit)) else 0.1 for digit in range(10)] for entry in texts]


def test_with_vectors_fewer_are_offered_and_the_nearest_is_among_them_without_a_word_in_common() -> None:
    said = {n: f"wort{n}" for n in range(1, 61)}
    base, found = filled(said, {f"ISSUE-{n}": [n] for n in said}, embed=same_topic)
    names = offered(found, "slovo7")
    assert len(names) == VECTOR_CANDIDATES
    assert {"ISSUE-7", "ISSUE-17", "ISSUE-27", "ISSUE-37", "ISSUE-47", "ISSUE-57"} <= set(names)
    base.merge(base.issues["ISSUE-1"], base.issues["ISSUE-7"], by=By.MODEL)
    assert "ISSUE-7" not in offered(found, "slovo7")


def test_where_vectors_fail_words_choose_as_many_as_without_them() -> None:
    said = {n: f"wort{n}" for n in range(1, 61)}
    _, found = filled(said, {f"ISSUE-{n}": [n] for n in said}, embed=lambda _texts: None)
    assert len(offered(found, "slovo7")) == CANDIDATES
    assert "ISSUE-7" in offered(found, "wort7")


def test_vectors_of_many_issues_are_asked_for_in_few_calls() -> None:
    calls: list[int] = []

    def counted(texts: Sequence[str]) -> list[list[float]]:
        calls.append(len(texts))
        return same_topic(texts)

    said = {n: f"wort{n}" for n in range(1, 61)}
    _, found = filled(said, {f"ISSUE-{n}": [n] for n in said}, embed=counted)
    offered(found, "slovo7")
    assert len(calls) == 2
    assert sum(calls) >= 61


@pytest.mark.parametrize("size", [3, 3_000], ids=["small", "large"])
def test_a_page_can_ask_for_the_nearest_without_a_run(size: int) -> None:
    """Of a large database the cards alone are read."""
    issues = {"ISSUE-1": sealed("ISSUE-1", "Lid", tickets=[1]), "ISSUE-2": sealed("ISSUE-2", "Box", tickets=list(range(2, size)))}
    read: list[int] = []
    nearest = nearest_issues(issues, lambda ticket: read.append(ticket))
    assert nearest("", "the lid", 99, 1) == ["ISSUE-1"]
    assert bool(read) == (size == 3)
