"""What wants a look is counted once, in kinds that add up."""

import pytest

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report.looks import Looks, count_looks


def database() -> tuple[dict[str, Issue], dict[int, DecisionRow]]:
    """A ticket of each kind, one that is sure, and pairs: one open, one under a name of before, one told apart."""
    issues = {
        "A": Issue("A", Card("a"), tickets=[1, 2], unsure={2: 0.6}, may_be_one={"B": 0.6, "OLD": 0.7, "C": 0.5, "GONE": 0.5}),
        "B": Issue("B", Card("b"), tickets=[3], unsure={3: 0.5}, held_back="A", may_be_one={"A": 0.6}, merged_from=["OLD"]),
        "C": Issue("C", Card("c"), tickets=[4], unsure={4: 0.5}, held_back="", distinct_from=["A"]),
        "D": Issue("D", Card("d"), tickets=[5], unsure={5: 0.4}),
    }
    log = {
        1: DecisionRow(1, "A", "new", 0.9),
        2: DecisionRow(2, "A", "provisional", 0.6, suggested_issue_id="A"),
        3: DecisionRow(3, "B", "provisional", 0.5, suggested_issue_id="A"),
        4: DecisionRow(4, "C", "provisional", 0.5),
        5: DecisionRow(5, "D", "provisional", 0.4),
    }
    return issues, log


def test_every_unsure_ticket_is_of_one_kind_and_every_pair_is_told_once() -> None:
    found = count_looks(*database())
    assert (found.doubts, found.meant, found.no_problem, found.tickets) == (2, 1, 1, 4)
    assert found.pairs == (("A", "B", 0.6),)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Looks(0, 0, 0, ()), "No decision wants a look"),
        (Looks(1, 0, 0, ()), "1 decision wants a look (1 real doubt)"),
        (
            Looks(11, 3, 2, (("A", "B", 0.6),)),
            "16 decisions want a look (11 real doubts, 3 where the model meant them, 2 without a problem); 1 pair of issues may be one",
        ),
        (Looks(0, 0, 0, (("A", "B", 0.6), ("A", "C", 0.5))), "No decision wants a look; 2 pairs of issues may be one"),
    ],
)
def test_the_kinds_add_up_in_words(found: Looks, said: str) -> None:
    assert str(found) == said
