"""The contract, section 6: answers, decisions, tickets that fail. Over real sockets on loopback."""

from pathlib import Path

import pytest

import main
from testing.chaos_llm import Reply, Seen, says
from testing.topic_site import RESULTS
from testing.whole_run import DATABASE, STEADY, OpenSite, answering, issues_at, refused_for_ever, report, results, rows_at, tree


class TestAnswers:
    @pytest.mark.parametrize("word", ["", "none", "NEW", "null", "None", "new", None])
    def test_that_name_no_issue_found_one(self, word: str | None, open_site: OpenSite) -> None:
        open_site(2, behave=answering({}, {"issue_id": word, "category": "Other lid leaks"}, {"issue_id": word, "category": "Other lid"}))
        assert main.main(["--no-merge"]) == 0
        assert [(row["outcome"], row["issue_id"]) for row in rows_at().values()] == [("new", "ISSUE-1001"), ("new", "ISSUE-1002")]
        assert len(Path("output/flagged_for_review.csv").read_text(encoding="utf-8").splitlines()) == 1

    @pytest.mark.parametrize("confidence", [1.7, -0.1, True, "85%", "high", None, "0.9?", [0.9], 1e400], ids=str)
    def test_without_a_confidence_are_flagged_with_none(self, confidence: object, open_site: OpenSite) -> None:
        open_site(2, behave=answering({}, *[{"issue_id": "ISSUE-1001", "confidence": confidence}] * 2))
        assert main.main(["--no-merge"]) == 0
        row = rows_at()[1002]
        assert (row["outcome"], row["issue_id"], row["confidence"]) == ("provisional", "ISSUE-1002", 0.0)
        assert "1002," in Path("output/flagged_for_review.csv").read_text(encoding="utf-8")

    def test_give_their_reasons_in_words(self, open_site: OpenSite) -> None:
        unsure = {"issue_id": "ISSUE-1001", "confidence": 0.5}
        match = {"issue_id": "ISSUE-1001"}
        open_site(5, behave=answering({}, {}, {}, unsure, match, {**match, "issue_id": "ISSUE-9"}, *[match] * 9))
        main.main(["--no-merge", "--workers", "1"])
        reasons = [row["reason"].split(":")[0] for row in rows_at().values()]
        assert reasons[:2] == ["no issue was known yet", "none of 1 issues fits"]
        assert set(reasons[2:]) <= {
            "fits ISSUE-1001",
            "may fit ISSUE-1001",
            "none of 1 issues fits",
            "the model named an issue that was not offered",
        }

    def test_with_an_id_that_was_not_offered_found_an_unsure_issue(self, open_site: OpenSite) -> None:
        open_site(2, behave=answering({}, {"issue_id": "ISSUE-9", "confidence": 1.0}, {"issue_id": "ISSUE-9", "confidence": 1.0}))
        main.main(["--no-merge"])
        row = rows_at()[1002]
        assert (row["outcome"], row["issue_id"], row["confidence"]) == ("provisional", "ISSUE-1002", 0.0)

    @pytest.mark.parametrize(("confidence", "joins"), [(0.7, True), (0.69, False), (0.6999999, False), (1, True), (0, False)])
    def test_join_an_issue_from_seven_tenths_on(self, confidence: float, joins: bool, open_site: OpenSite) -> None:
        open_site(2, behave=answering({}, *[{"issue_id": "ISSUE-1001", "confidence": confidence}] * 2))
        main.main(["--no-merge"])
        row = rows_at()[1002]
        assert row["issue_id"] == ("ISSUE-1001" if joins else "ISSUE-1002")
        assert row["suggested_issue_id"] == (None if joins else "ISSUE-1001")
        assert [issue["status"] for issue in issues_at()] == (["confirmed"] if joins else ["provisional", "provisional"])

    def test_that_are_unusable_twice_fail_their_ticket_alone(self, open_site: OpenSite) -> None:
        site = open_site(3, behave=answering({}, "no idea", "no idea", {"issue_id": "ISSUE-1001"}))
        assert main.main(["--no-merge", "--workers", "1"]) == 3
        assert rows_at()[1002]["outcome"] == "failed"
        assert [issue["tickets"] for issue in issues_at()] == [[1001, 1003]]
        assert len(site.asked()) == 4

    def test_that_are_mended_on_the_second_asking_count_less(self, open_site: OpenSite) -> None:
        open_site(1, behave=answering("no idea", {"confidence": 0.99}))
        main.main([])
        first = results()
        assert rows_at()[1001]["confidence"] == 0.9
        for name in RESULTS:
            (DATABASE.parent / name).unlink()
        main.main([])
        assert results() == first

    def test_that_are_refused_fail_their_ticket_alone(self, open_site: OpenSite) -> None:
        def behave(seen: Seen) -> Reply:
            return says(None, refusal="I cannot help with that.") if seen.number == 2 else STEADY(seen)

        open_site(3, behave=behave)
        assert main.main(["--workers", "1"]) == 3
        assert [row["outcome"] for row in rows_at().values()].count("failed") == 1


@pytest.mark.parametrize(
    "output", ["conversations/1003.json", "conversations/sub/kb.json", ".cache/kb.json", "output/../conversations/kb.json"]
)
def test_a_database_among_the_conversations_or_answers_is_refused(
    open_site: OpenSite, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site = open_site()
    assert main.main(["--ticket-ids", "1003", "--output", output]) == 2
    assert "name another place" in capsys.readouterr().err
    assert (site.helpdesk.calls, site.model.seen, tree()) == ([], [], {})


@pytest.mark.slow
def test_a_ticket_that_fails_in_the_same_words_in_three_runs_is_set_aside_with_a_word(
    open_site: OpenSite, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ticket that a filter refuses for ever would make every weekly run exit 3."""
    tickets, behave = refused_for_ever([])
    site = open_site(tickets, behave=behave)
    statuses, said = [], []
    for _ in range(5):
        site.forget()
        statuses.append(main.main(["--pages", "1"]))
        said.append(capsys.readouterr().out)
    assert statuses == [3, 3, 0, 0, 0]
    assert ["set aside after failing in the same words in 3 runs" in text for text in said] == [False, False, True, True, True]
    assert "try them again: python -m main --ticket-ids 1004\n" in said[-1]
    assert report()["set_aside"] == [1004]
    assert rows_at()[1004]["failures"] == 3
    assert not site.asked(), "it is not paid for any more"


@pytest.mark.slow
def test_a_ticket_that_is_set_aside_is_tried_again_when_somebody_names_it(open_site: OpenSite) -> None:
    allowed: list[bool] = []
    tickets, behave = refused_for_ever(allowed)
    open_site(tickets, behave=behave)
    for _ in range(4):
        main.main(["--pages", "1"])
    allowed.append(True)
    assert main.main(["--ticket-ids", "1004"]) == 0
    assert rows_at()[1004]["outcome"] in ("new", "matched")
    assert "failures" not in rows_at()[1004]
