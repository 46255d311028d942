"""The index finds issues by what their tickets said, the same whatever the order in which they came, and takes any text."""

import random
from collections.abc import Sequence

import pytest

from clustering import candidates
from clustering.candidates import CandidateIndex

TICKETS = [
    (1, "ISSUE-1", "Card declined", "My card was declined in a shop."),
    (2, "ISSUE-2", "Top up pending", "My top up by cheque is still pending."),
    (3, "ISSUE-1", "", "The terminal declines the card every time."),
    (4, "ISSUE-4", "PIN blocked", "I typed a wrong PIN and it is blocked."),
    (5, "ISSUE-2", "", "When does a pending cheque arrive?"),
]


def filled(tickets: Sequence[tuple[int, str, str, str]] = TICKETS) -> CandidateIndex:
    index = CandidateIndex()
    for ticket_id, issue_id, subject, text in tickets:
        index.put_ticket(ticket_id, issue_id, subject=subject, text=text)
    return index


def search(index: CandidateIndex, text: str, *, subject: str = "", k: int = 3, exclude_ticket: int | None = None) -> list[str]:
    return index.search(subject=subject, text=text, k=k, exclude_ticket=exclude_ticket)


@pytest.mark.parametrize(
    ("text", "best"),
    [
        pytest.param("why are cards declined", "ISSUE-1", id="words of two tickets, in other forms"),
        pytest.param("cheques pending", "ISSUE-2", id="plural"),
        pytest.param("blocked after a wrong pin", "ISSUE-4", id="one ticket"),
    ],
)
def test_the_issue_whose_tickets_said_it_comes_first(text: str, best: str) -> None:
    assert search(filled(), text)[0] == best


def test_a_card_makes_an_issue_findable_until_it_is_replaced() -> None:
    index = filled()
    index.put_card("ISSUE-4", "Passcode reset")
    assert search(index, "passcode")[0] == "ISSUE-4"
    index.put_card("ISSUE-4", "Something else")
    index.put_card("ISSUE-2", "Passcode")
    assert search(index, "passcode")[0] == "ISSUE-2"


def test_the_subject_weighs_more_than_the_text() -> None:
    index = filled([(1, "ISSUE-1", "refund", "invoice"), (2, "ISSUE-2", "invoice", "refund")])
    assert search(index, "", subject="refund")[0] == "ISSUE-1"
    assert search(index, "", subject="invoice")[0] == "ISSUE-2"


def test_what_words_do_not_find_is_filled_up_with_the_largest_issues() -> None:
    assert search(filled(), "blocked") == ["ISSUE-4", "ISSUE-1", "ISSUE-2"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "how do I do this?",
        "😀😀",
        "\x00\ud800",
        '" OR NEAR( * ) -x AND "',
        "[EMAIL_1]",
        "x" * 100_000,
        "card (a b) " * 10_000,
        "退款 ไม่",
    ],
    ids=[
        "empty",
        "blank",
        "stop words",
        "emoji",
        "control and surrogate",
        "operators",
        "placeholder",
        "one long word",
        "100 KB",
        "no spaces",
    ],
)
def test_any_text_is_answered_and_can_be_stored(text: str) -> None:
    index = filled()
    index.put_ticket(9, "ISSUE-9", subject=text, text=text)
    assert len(search(index, text, subject=text, k=4)) == 4
    assert 0 <= index.resemblance(text, text) <= 1.0
    index.lookalikes(["ISSUE-9"])


def test_an_empty_index_finds_nothing() -> None:
    index = CandidateIndex()
    assert search(index, "card") == []
    assert index.lookalikes(["ISSUE-1"]) == []
    assert index.resemblance("card declined", "card declined") == pytest.approx(1)


def test_scripts_without_spaces_are_found_by_pairs_of_characters() -> None:
    index = filled([(1, "ISSUE-1", "", "信用卡被拒绝"), (2, "ISSUE-2", "", "密码被锁定")])
    assert search(index, "我的信用卡")[0] == "ISSUE-1"


def test_the_ticket_that_is_asked_about_does_not_count() -> None:
    index = filled()
    assert search(index, "wrong pin blocked", k=1) == ["ISSUE-4"]
    assert search(index, "wrong pin blocked", k=1, exclude_ticket=4) == ["ISSUE-1"]


def test_a_ticket_that_is_put_again_moves() -> None:
    index = filled()
    index.put_ticket(4, "ISSUE-1", subject="PIN blocked", text="I typed a wrong PIN and it is blocked.")
    assert search(index, "pin blocked")[0] == "ISSUE-1"


def test_a_merge_moves_all_tickets_and_forgets_the_card() -> None:
    index = filled()
    index.put_card("ISSUE-2", "Passcode")
    index.move_issue("ISSUE-2", "ISSUE-4")
    assert search(index, "pending cheque passcode", k=9) == ["ISSUE-4", "ISSUE-1"]
    assert (index.tickets_of("ISSUE-4"), index.tickets_of("ISSUE-2")) == ({2, 4, 5}, set())


def test_a_dropped_issue_is_gone_and_the_rest_is_as_if_it_had_never_been() -> None:
    index = filled()
    index.put_card("ISSUE-2", "Passcode")
    index.drop_issue("ISSUE-2")
    rest = filled([row for row in TICKETS if row[1] != "ISSUE-2"])
    assert search(index, "pending card", k=9) == search(rest, "pending card", k=9) == ["ISSUE-1", "ISSUE-4"]
    assert index.resemblance("card pin", "card") == rest.resemblance("card pin", "card")


def test_answers_do_not_depend_on_the_order_in_which_tickets_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_ROWS_WEIGHED", 5)
    draw = random.Random(3)
    vocabulary = [f"word{number}" for number in range(12)]
    tickets = [(n, f"ISSUE-{n % 7 + 1}", "", " ".join(draw.choices(vocabulary, k=4))) for n in range(1, 80)]
    one = filled(tickets)
    two = filled(list(reversed(tickets)))
    two.put_ticket(3, "ISSUE-1", subject="", text="elsewhere")
    two.put_ticket(*tickets[2][:2], subject="", text=tickets[2][3])
    ids = [f"ISSUE-{n}" for n in range(1, 8)]
    for _ in range(30):
        text = " ".join(draw.choices(vocabulary, k=2))
        assert search(one, text, k=5) == search(two, text, k=5)
    assert one.lookalikes(ids) == two.lookalikes(list(reversed(ids)))


def test_ties_go_by_the_order_of_issues() -> None:
    index = filled([(1, "ISSUE-10", "", "card"), (2, "ISSUE-9", "", "card"), (3, "ISSUE-9-2", "", "card")])
    assert search(index, "card") == ["ISSUE-9", "ISSUE-9-2", "ISSUE-10"]


def test_lookalikes_are_pairs_of_issues_that_were_asked_for_each_once_and_best_first() -> None:
    index = filled(
        [*TICKETS, (6, "ISSUE-6", "", "Card declined by the shop's terminal"), (7, "ISSUE-7", "", "cheque pending since a top up")]
    )
    pairs = index.lookalikes(["ISSUE-6", "ISSUE-1", "ISSUE-99"])
    assert {pairs[0][0], pairs[0][1]} == {"ISSUE-1", "ISSUE-6"}
    assert len({frozenset(pair[:2]) for pair in pairs}) == len(pairs)
    assert [pair[2] for pair in pairs] == sorted((pair[2] for pair in pairs), reverse=True)
    assert all({"ISSUE-6", "ISSUE-1"} & set(pair[:2]) for pair in pairs)


def test_resemblance_is_highest_for_rare_words_in_common() -> None:
    index = filled()
    assert index.resemblance("blocked pin", "pin blocked again") > index.resemblance("pin of a card", "terminal of a card") > 0
    assert index.resemblance("cheque", "terminal") == 0


def likeness(index: CandidateIndex, text: str, *ids: str, without: int | None = None) -> list[float]:
    return list(index.likeness(subject="", text=text, issue_ids=ids, exclude_ticket=without).values())


def test_a_ticket_is_most_like_the_issue_whose_tickets_said_the_same() -> None:
    index = filled([(1, "ISSUE-1", "", "blocked pin"), (2, "ISSUE-1", "", "terminal beeps"), (3, "ISSUE-3", "", "cheque bounced")])
    both, other, unknown = likeness(index, "blocked pin", "ISSUE-1", "ISSUE-3", "ISSUE-99")
    assert 0.5 < both < 1
    assert (other, unknown) == (0, 0)
    assert likeness(index, "cheque bounced", "ISSUE-3") == [1.0]


def test_related_words_count_as_something_in_common() -> None:
    index = filled([(1, "ISSUE-1", "", "shipment vanished"), (2, "ISSUE-2", "", "kettle hums")])
    assert likeness(index, "parcel lost", "ISSUE-1")[0] > 0.2 > likeness(index, "parcel lost", "ISSUE-2")[0]


def test_a_ticket_is_not_like_an_issue_for_its_own_words() -> None:
    index = filled([(1, "ISSUE-1", "", "blocked pin"), (2, "ISSUE-1", "", "terminal beeps")])
    assert likeness(index, "blocked pin", "ISSUE-1", without=1) == [0.0]


@pytest.mark.parametrize("change", ["put", "drop", "move", "card", "forget"])
def test_likeness_follows_every_change_at_once(change: str) -> None:
    index = filled([(1, "ISSUE-1", "", "blocked pin"), (2, "ISSUE-2", "", "terminal beeps"), (3, "ISSUE-3", "", "cheque bounced")])
    before = likeness(index, "terminal cheque pin", "ISSUE-1")
    changes = {
        "put": lambda: index.put_ticket(4, "ISSUE-1", subject="", text="terminal cheque"),
        "drop": lambda: index.drop_ticket(1),
        "move": lambda: index.move_issue("ISSUE-2", "ISSUE-1"),
        "card": lambda: index.put_card("ISSUE-1", "terminal cheque"),
        "forget": lambda: index.drop_issue("ISSUE-1"),
    }
    changes[change]()
    assert likeness(index, "terminal cheque pin", "ISSUE-1") != before


def test_a_search_touches_no_more_postings_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MAX_POSTINGS", 3)
    index = filled([(n, f"ISSUE-{n}", "", "common" + (" rare" if n == 40 else "")) for n in range(1, 41)])
    assert search(index, "common rare", k=1) == ["ISSUE-40"]


def test_kinship_is_what_the_tickets_of_two_issues_have_in_common() -> None:
    index = CandidateIndex()
    index.put_ticket(1, "ISSUE-1", subject="", text="card declined at the shop")
    index.put_ticket(2, "ISSUE-2", subject="", text="my card was declined")
    index.put_ticket(3, "ISSUE-3", subject="", text="parcel lost")
    assert index.kinship("ISSUE-1", "ISSUE-2") == index.kinship("ISSUE-2", "ISSUE-1") > 0.3
    assert index.kinship("ISSUE-1", "ISSUE-1") == pytest.approx(1)
    assert index.kinship("ISSUE-1", "ISSUE-3") == index.kinship("ISSUE-1", "ISSUE-9") == 0
