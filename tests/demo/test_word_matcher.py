"""Issues are alike by the words they share; a near match is a doubt."""

from demo.model import sureness
from demo.word_matcher import DOUBTFUL, MATCHES, alike_groups, shared
from knowledge.issue import SURE, Issue
from prompts_config import issue_line
from testing.demo_questions import CODE, LID, conversation, decide


def test_groups_need_every_two_to_be_alike() -> None:
    chain = ["lid leaks vacuum seal ring", "leaks vacuum seal ring code inbox mail", "code inbox mail spam folder"]
    assert alike_groups(chain) == [[0, 1]]


def test_a_near_match_is_a_doubt_for_people() -> None:
    said = "customer: Yesterday evening I looked for the lid of my old kettle, which my neighbour's dog had carried into the garden shed."
    shares = shared([issue_line(LID), issue_line(CODE)], [said])
    found = decide(conversation(said), LID, CODE)
    assert (found.issue_id, found.confidence >= SURE) == ("ISSUE-7", False), shares
    assert [round(sureness(share), 2) for share in (MATCHES, MATCHES - 0.01, DOUBTFUL)] == [0.72, 0.6, 0.6]


def test_the_first_of_equally_alike_issues_is_taken() -> None:
    twin = Issue("ISSUE-8", LID.card)
    assert decide(conversation("customer: air under the lid, no vacuum"), LID, twin).issue_id == "ISSUE-7"
