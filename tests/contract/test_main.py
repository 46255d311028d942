"""The program from outside, by its contract: flags, exit codes, files, and what it asks of whom. Over real sockets on loopback."""

import csv
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import responses

import llm_client
import main
from issue_clusterer import IssueClusterer
from knowledge.paths import RunFiles
from testing.chaos_llm import Behaviour, Reply, Seen, completion, refuses, says
from testing.topic_site import KEY, MODEL_KEY, TopicSite, question_of, schema_of, sorting, topic_tickets

ROOT = Path(__file__).resolve().parents[2]
DATABASE = Path("output/silo_issues_db.json")
RESULTS = ("silo_issues_db.json", "flagged_for_review.csv", "decisions.jsonl")
STEADY = sorting(jumpy=False)
JUMPY = sorting(hopeless=False)

OpenSite = Callable[..., TopicSite]


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSite]:
    """A helpdesk and a model on loopback, and an environment that points at them."""
    with ExitStack() as stack:

        def opened(tickets: list[dict[str, Any]] | int = 12, **options: Any) -> TopicSite:
            found = topic_tickets(tickets) if isinstance(tickets, int) else tickets
            site = stack.enter_context(TopicSite(found, **{"behave": STEADY, **options}))
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            return site

        yield opened


def results(folder: Path = Path("output")) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def tree() -> dict[str, bytes]:
    """Every file below the working folder."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def issues_at(path: Path = DATABASE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def rows_at(path: Path = Path("output/decisions.jsonl")) -> dict[int, dict[str, Any]]:
    return {row["ticket_id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def talks_shown() -> list[int]:
    """Tickets whose conversation the page holds."""
    found = re.search(r'"talks": (\[[^\]]*\])', Path("output/report.html").read_text(encoding="utf-8"))
    assert found
    shown: list[int] = json.loads(found[1])
    return shown


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("output/run_report.json").read_text(encoding="utf-8"))
    return found


def targets(site: TopicSite) -> list[str]:
    """What was asked of the helpdesk, beside the names of its agents."""
    return [call.target for call in site.helpdesk.calls if "/agents?" not in call.target]


def searches(site: TopicSite) -> list[str]:
    return [target for target in targets(site) if "/search/" in target]


def answering(*decisions: dict[str, Any] | str) -> Behaviour:
    """A model that gives these answers to decisions, one after the other, and does without merges."""
    left = iter(decisions)

    def behave(seen: Seen) -> Reply:
        if schema_of(seen) != "issue_decision":
            return STEADY(seen)
        answer = next(left)
        return says(answer if isinstance(answer, str) else json.dumps({**CARD, **answer}))

    return behave


CARD = {
    "issue_id": "NEW",
    "category": "Lid leaks steam",
    "short_description": "Steam escapes at the lid.",
    "keywords": ["steam"],
    "root_cause": "The seal is worn.",
    "resolution_steps": ["Replace the seal."],
    "evidence": [1],
    "confidence": 0.95,
    "notes": "",
}


class TestARun:
    def test_leaves_the_files_of_the_contract_and_nothing_else(self, open_site: OpenSite) -> None:
        open_site(behave=JUMPY)
        assert main.main([]) == 0
        assert {path.name for path in Path("output").iterdir() if not path.name.startswith(".")} - {"report.html"} == {
            *RESULTS,
            "run_report.json",
            "weekly.md",
        }
        kept = [".customers.key", *(f"{number}.json" for number in range(1001, 1013))]
        assert sorted(path.name for path in Path("conversations").iterdir()) == kept

    @pytest.mark.slow
    def test_puts_every_ticket_in_exactly_one_issue(self, open_site: OpenSite) -> None:
        open_site(60, behave=JUMPY)
        main.main([])
        placed = [ticket for issue in issues_at() for ticket in issue["tickets"]]
        assert sorted(placed) == list(range(1001, 1061))
        assert set(rows_at()) == set(placed)

    @pytest.mark.slow
    def test_writes_issues_in_the_order_of_their_numbers_with_every_field(self, open_site: OpenSite) -> None:
        open_site(40)
        main.main([])
        numbers = [int(issue["issue_id"].split("-")[1]) for issue in issues_at()]
        assert numbers == sorted(numbers)
        assert set(issues_at()[0]) - {"area", "kind", "may_be_one", "step_evidence", "held_back"} == {
            "issue_id",
            "category",
            "short_description",
            "keywords",
            "root_cause",
            "resolution_steps",
            "notes",
            "status",
            "confidence",
            "tickets",
            "first_seen",
            "last_seen",
            "merged_from",
            "distinct_from",
            "unsure",
            "reviewed",
            "card_hash",
        }
        text = DATABASE.read_bytes()
        assert text.endswith(b"]\n")
        assert b"\r" not in text

    def test_writes_a_decision_row_with_every_key(self, open_site: OpenSite) -> None:
        open_site(3)
        main.main([])
        keys = [
            "ticket_id",
            "issue_id",
            "outcome",
            "confidence",
            "suggested_issue_id",
            "reason",
            "evidence",
            "candidates",
            "subject",
            "url",
            "created_at",
            "updated_at",
            "conversation_sha256",
            "model",
            "prompt_version",
        ]
        assert list(rows_at()[1001])[: len(keys)] == keys

    def test_writes_the_review_list_for_a_spreadsheet(self, open_site: OpenSite) -> None:
        open_site(2, behave=answering({"confidence": 0.5}, {"issue_id": "ISSUE-1001", "confidence": 0.69}))
        main.main(["--no-merge"])
        content = Path("output/flagged_for_review.csv").read_bytes()
        assert content.startswith(
            b"\xef\xbb\xbfticket_id,confidence,issue_id,category,suggested_issue_id,suggested_category,reason,subject,url,"
        )
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert [(row["ticket_id"], row["issue_id"], row["suggested_issue_id"]) for row in rows] == [
            ("1002", "ISSUE-1002", "ISSUE-1001"),  # what the model meant elsewhere comes first
            ("1001", "ISSUE-1001", ""),
        ]

    @pytest.mark.slow
    def test_asks_nothing_and_changes_no_byte_the_second_time(self, open_site: OpenSite) -> None:
        site = open_site(40, behave=JUMPY)
        assert main.main([]) == 0
        before, times = results(), [(DATABASE.parent / name).stat().st_mtime_ns for name in RESULTS]
        site.forget()
        assert main.main([]) == 0
        assert site.asked() == []
        assert [target for target in targets(site) if "/search/" not in target] == []
        assert results() == before
        assert [(DATABASE.parent / name).stat().st_mtime_ns for name in RESULTS] == times

    def test_shows_the_conversations_also_when_the_helpdesk_has_moved(self, open_site: OpenSite) -> None:
        open_site(4)
        main.main([])
        before = talks_shown()
        moved = open_site(4)
        assert main.main([]) == 0
        assert talks_shown() == before == [1001, 1002, 1003, 1004]
        assert moved.asked() == []

    @pytest.mark.slow
    def test_pays_nothing_when_only_the_output_is_gone(self, open_site: OpenSite) -> None:
        site = open_site(40, behave=JUMPY)
        main.main([])
        before = results()
        for name in RESULTS:
            (DATABASE.parent / name).unlink()
        site.forget()
        assert main.main([]) == 0
        assert site.asked() == []
        assert results() == before, "a stored answer must count for exactly what it counted for when it was paid"

    @pytest.mark.slow
    def test_ends_in_the_same_bytes_with_any_number_of_workers_and_batches(self, open_site: OpenSite) -> None:
        open_site(24, behave=JUMPY)
        found = []
        for workers, batch in itertools.product((1, 4, 16), (1, 3, 50)):
            output = Path(f"w{workers}b{batch}") / "silo_issues_db.json"
            main.run(
                pages=5, workers=workers, batch_size=batch, output=output, conversations=output.parent / "c", cache=output.parent / "a"
            )
            found.append(results(output.parent))
        assert all(one == found[0] for one in found)

    @pytest.mark.slow
    def test_ends_in_the_same_bytes_when_replies_overtake_each_other(self, open_site: OpenSite) -> None:
        delays = itertools.cycle((0.03, 0.0, 0.011, 0.002, 0.02))
        open_site(40, behave=sorting(hopeless=False, latency_s=lambda: next(delays)), shuffle_seed=3)
        main.main(["--workers", "8"])
        slow = results()
        open_site(40, behave=JUMPY)
        main.run(output="again/silo_issues_db.json", cache=Path("c2"), conversations=Path("v2"))
        for name, content in slow.items():  # the second helpdesk has another port
            assert _without_urls(content) == _without_urls((Path("again") / name).read_bytes())

    @pytest.mark.slow
    def test_does_not_depend_on_the_hash_seed(self, open_site: OpenSite) -> None:
        site = open_site(40, behave=JUMPY)
        found = []
        for seed in ("0", "1"):
            ended = started(site, "--output", f"seed{seed}/silo_issues_db.json", PYTHONHASHSEED=seed)
            assert ended.returncode == 0, ended.stderr
            Path(".cache/answers.sqlite3").unlink()
            found.append(results(Path(f"seed{seed}")))
        assert found[0] == found[1]

    def test_reads_only_resolved_and_closed_tickets(self, open_site: OpenSite) -> None:
        tickets = topic_tickets(6)
        for ticket, status in zip(tickets, (2, 3, 4, 5, 6, 4), strict=True):
            ticket["status"] = status
        open_site(tickets)
        assert main.main([]) == 0
        assert sorted(rows_at()) == [1003, 1004, 1006]

    def test_of_nothing_is_done(self, open_site: OpenSite) -> None:
        site = open_site([])
        assert main.main([]) == 0
        assert site.asked() == []
        assert issues_at() == []

    def test_takes_as_many_pages_as_asked_for_and_no_more(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        site = open_site(100)
        assert main.main(["--pages", "2", "--dry-run"]) == 0
        assert len(searches(site)) == 2
        assert "60 listed" in capsys.readouterr().out

    def test_of_all_pages_goes_past_the_search_limit(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        site = open_site(330)
        assert main.main(["--pages", "all", "--dry-run"]) == 0
        assert "330 listed" in capsys.readouterr().out
        assert not any("page=11" in target for target in searches(site))

    def test_since_a_day_leaves_out_older_tickets(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(100)  # one every half hour from 2025-01-01T08:00Z
        assert main.main(["--since", "2025-01-02", "--dry-run"]) == 0
        assert "68 listed" in capsys.readouterr().out

    def test_by_a_query_takes_what_that_says(self, open_site: OpenSite) -> None:
        tickets = topic_tickets(4)
        tickets[2]["status"] = 2
        site = open_site(tickets)
        assert main.main(["--query", "status:2"]) == 0
        assert sorted(rows_at()) == [1003]
        assert all("status%3A4" not in target for target in searches(site))

    def test_tells_id_status_and_subject_of_what_it_found_when_asked_for_every_detail(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_site(2)
        main.main(["--verbose"])
        assert "ticket 1001, status 5: " in capsys.readouterr().out

    def test_takes_about_ten_lines_to_tell_and_names_no_subject(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        tickets = topic_tickets(40)
        for ticket in tickets:
            ticket["subject"] = f"Private matter {ticket['id']}"
        open_site(tickets)
        main.main([])
        printed = capsys.readouterr().out
        logged = [line for line in printed.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
        assert 1 <= len(logged) <= 10
        assert not [line for line in logged if "Private matter" in line]
        assert len(printed.splitlines()) < 24


class TestTicketIds:
    def test_are_taken_in_this_order_without_a_search(self, open_site: OpenSite) -> None:
        site = open_site(12)
        assert main.main(["--ticket-ids", "1007,1003, 1007,1001", "--batch-size", "1", "--workers", "1"]) == 0
        assert [target.split("?")[0] for target in targets(site)] == [f"/api/v2/tickets/{number}" for number in (1007, 1003, 1001)]
        assert sorted(rows_at()) == [1001, 1003, 1007]

    def test_found_issues_named_after_the_first_of_them(self, open_site: OpenSite) -> None:
        tickets = topic_tickets(2)
        tickets[1]["subject"], tickets[1]["description"] = tickets[0]["subject"], tickets[0]["description"]
        open_site(tickets)
        main.main(["--ticket-ids", "1002,1001"])
        assert [(issue["issue_id"], issue["tickets"]) for issue in issues_at()] == [("ISSUE-1002", [1001, 1002])]

    def test_that_are_none_do_nothing(self, open_site: OpenSite) -> None:
        site = open_site(3)
        assert isinstance(main.run(ticket_ids=[]), IssueClusterer)
        assert targets(site) == []
        assert site.asked() == []

    def test_of_a_seed_file_do_not_touch_production(self, open_site: OpenSite) -> None:
        open_site(12)
        main.main(["--ticket-ids", "1001,1002"])
        production = results()
        assert main.main(["--ticket-ids", "1003", "--output", "output/seed.json"]) == 0
        assert results() == production
        beside = {"seed.json", "seed.flagged_for_review.csv", "seed.decisions.jsonl", "seed.run_report.json", "seed.weekly.md"}
        assert {path.name for path in Path("output").glob("seed*")} - {"seed.report.html"} == beside

    def test_of_a_renamed_seed_are_the_start_of_the_next_run(self, open_site: OpenSite) -> None:
        site = open_site(12)
        main.main(["--ticket-ids", "1001,1002", "--output", "output/seed.json"])
        Path("output/seed.json").rename(DATABASE)
        site.forget()
        assert main.main([]) == 0
        assert not any("/tickets/1001" in target or "/tickets/1002" in target for target in targets(site))
        assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == list(range(1001, 1013))

    def test_that_are_gone_or_forbidden_fail_alone(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(4, forbidden=frozenset({1002}))
        assert main.main(["--ticket-ids", "1001,4711,1002,1003"]) == 3
        assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == [1001, 1003]
        assert {entry["ticket_id"] for entry in report()["failures"]} == {4711, 1002}
        assert all(entry["reason"] for entry in report()["failures"])
        assert "--ticket-ids 4711,1002" in report()["retry"]
        assert report()["retry"] in capsys.readouterr().out
        assert {row["outcome"] for number, row in rows_at().items() if number in (4711, 1002)} == {"failed"}

    def test_that_are_forbidden_leave_nothing_of_what_the_list_says_of_them(self, open_site: OpenSite) -> None:
        tickets = topic_tickets(3)
        tickets[1]["subject"] = "Ann Smith's lid, ann@example.com"
        open_site(tickets, forbidden=frozenset({1002}))
        assert main.main(["--batch-size", "1"]) == 3
        assert rows_at()[1002]["outcome"] == "failed"
        assert not [name for name, content in tree().items() if b"ann@example.com" in content or b"Ann Smith" in content]


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


class TestPromptDebug:
    def test_prints_four_parts_and_writes_nothing(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(12)
        main.main(["--ticket-ids", "1001,1002"])
        before = {name: content for name, content in tree().items() if name.startswith("output")}
        capsys.readouterr()
        assert main.main(["--prompt-debug", "--ticket-ids", "1001,1005"]) == 0
        printed = capsys.readouterr().out
        for part, times in {"SYSTEM MESSAGE": 1, "USER MESSAGE": 2, "RAW ANSWER": 2, "PARSED ANSWER": 2}.items():
            assert printed.count(part) == times
        assert [line.split()[0] for line in printed.splitlines()[-4:-1]] == ["ticket", "1001", "1005"]
        assert "You are a support issue classifier" in printed
        assert " INFO " not in printed
        assert {name: content for name, content in tree().items() if name.startswith("output")} == before

    def test_makes_no_output_folder(self, open_site: OpenSite) -> None:
        open_site(3)
        assert main.main(["--prompt-debug", "--ticket-ids", "1001"]) == 0
        assert not Path("output").exists()

    def test_does_not_offer_an_issue_that_is_the_tickets_own(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(2, behave=answering({}, {}, {}, {}))
        main.main(["--no-merge"])
        capsys.readouterr()
        main.main(["--prompt-debug", "--ticket-ids", "1001"])
        printed = capsys.readouterr().out
        assert "ISSUE-1002 |" in printed
        assert "ISSUE-1001 |" not in printed

    def test_of_an_answer_that_does_not_parse_exits_with_1(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(2, behave=answering("what?", "what?", {}))
        assert main.main(["--prompt-debug", "--ticket-ids", "1001,1002", "--workers", "1"]) == 1
        assert "PARSED ANSWER" in capsys.readouterr().out

    def test_without_ids_or_pages_looks_at_the_first_batch(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(12)
        assert main.main(["--prompt-debug", "--batch-size", "2"]) == 0
        assert capsys.readouterr().out.count("PARSED ANSWER") == 2

    def test_leaves_a_checkpoint_alone(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        open_site(12)
        interrupt_the_end(monkeypatch)
        assert main.main([]) == 130
        before = tree()
        assert main.main(["--prompt-debug", "--ticket-ids", "1001"]) == 0
        after = tree()
        assert {name: before[name] for name in before if name.startswith("output")} == {
            name: after[name] for name in after if name.startswith("output")
        }


def interrupt_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run ends as by Ctrl-C, after its tickets are decided; later ones do not."""
    conclude = IssueClusterer.conclude
    left = [True]

    def interrupted(clusterer: IssueClusterer, **options: Any) -> None:
        if left:
            left.clear()
            raise KeyboardInterrupt
        conclude(clusterer, **options)

    monkeypatch.setattr(IssueClusterer, "conclude", interrupted)


class TestModes:
    def test_fetch_only_fills_conversations_and_asks_no_model(self, open_site: OpenSite) -> None:
        site = open_site(5, forbidden=frozenset({1002}))
        assert main.main(["--fetch-only"]) == 3
        assert sorted(path.stem for path in Path("conversations").glob("[0-9]*.json")) == ["1001", "1003", "1004", "1005"]
        assert site.asked() == []
        assert not DATABASE.exists()

    def test_after_fetch_only_no_ticket_is_fetched_again(self, open_site: OpenSite) -> None:
        site = open_site(5)
        assert main.main(["--fetch-only"]) == 0
        site.forget()
        assert main.main(["--ticket-ids", "1001,1002"]) == 0
        assert targets(site) == []

    def test_refresh_fetches_again(self, open_site: OpenSite) -> None:
        site = open_site(2)
        main.main(["--fetch-only"])
        site.forget()
        assert main.main(["--ticket-ids", "1001", "--refresh"]) == 0
        assert len(targets(site)) == 1

    def test_dry_run_writes_nothing_and_asks_no_model(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        site = open_site(5)
        before = tree()
        assert main.main(["--dry-run"]) == 0
        assert site.asked() == []
        assert {name for name in tree() if not name.startswith(".cache")} == set(before)
        assert "cost unknown" in capsys.readouterr().out

    def test_dry_run_estimates_the_cost_when_prices_are_known(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_site(5)
        monkeypatch.setenv("LLM_PRICE_IN", "1")
        monkeypatch.setenv("LLM_PRICE_OUT", "4")
        assert main.main(["--dry-run"]) == 0
        assert "USD" in capsys.readouterr().out

    def test_known_tickets_are_decided_again_only_with_reprocess(self, open_site: OpenSite) -> None:
        site = open_site(6)
        main.main([])
        before = results()
        site.forget()
        assert main.main(["--ticket-ids", "1003"]) == 0
        assert results() == before
        assert (targets(site), site.asked()) == ([], [])
        assert main.main(["--ticket-ids", "1003", "--reprocess"]) == 0
        assert [issue for issue in issues_at() if 1003 in issue["tickets"]]
        assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == list(range(1001, 1007))

    @pytest.mark.slow
    def test_without_merge_no_question_about_issues_is_asked(self, open_site: OpenSite) -> None:
        site = open_site(60, behave=JUMPY)
        main.main(["--no-merge"])
        assert {schema_of(seen) for seen in site.asked()} <= {"issue_decision", "issue_card"}

    def test_a_changed_ticket_is_named_and_costs_nothing(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        tickets = topic_tickets(3)
        site = open_site(tickets)
        main.main([])
        tickets[1]["updated_at"] = "2026-01-01T00:00:00Z"
        site.forget()
        capsys.readouterr()
        assert main.main([]) == 0
        assert report()["changed_since"] == [1002]
        assert "--ticket-ids 1002" in capsys.readouterr().out
        assert site.asked() == []

    def test_a_budget_of_tokens_ends_the_deciding_and_not_the_saving(self, open_site: OpenSite) -> None:
        site = open_site(12)
        assert main.main(["--max-tokens-total", "9000", "--workers", "1"]) == 3
        spent = report()["tokens"]
        assert 0 < spent["prompt"] + spent["completion"] <= 9000
        placed = [ticket for issue in issues_at() for ticket in issue["tickets"]]
        assert 0 < len(placed) < 12
        assert "max-tokens-total" in report()["ended"]
        site.forget()
        assert main.main([]) == 0
        assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == list(range(1001, 1013))

    def test_a_budget_of_money_needs_prices(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(12)
        assert main.main(["--max-cost", "0.01"]) == 2
        assert targets(site) == []
        monkeypatch.setenv("LLM_PRICE_IN", "1")
        monkeypatch.setenv("LLM_PRICE_OUT", "4")
        assert main.main(["--max-cost", "0.01"]) == 3
        assert 0 < report()["cost_usd"] <= 0.01

    def test_a_budget_ends_the_looking_at_prompts_without_a_traceback(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_site(3)
        assert main.main(["--prompt-debug", "--max-tokens-total", "10"]) == 1
        assert "max-tokens-total" in capsys.readouterr().err

    def test_a_budget_that_allows_nothing_asks_nothing(self, open_site: OpenSite) -> None:
        site = open_site(3)
        assert main.main(["--max-tokens-total", "10"]) == 3
        assert site.asked() == []


class TestResuming:
    @pytest.mark.slow
    def test_goes_on_after_an_interrupt_without_asking_again(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(40, behave=JUMPY)
        main.run(output="whole/silo_issues_db.json", cache=Path("other"))
        site.forget()
        interrupt_the_end(monkeypatch)
        assert main.main([]) == 130
        assert Path("output/silo_issues_db.tmp.json").exists()
        assert not DATABASE.exists()
        asked = [question.body for question in site.asked("issue_decision")]
        site.forget()
        assert main.main([]) == 0
        assert not [question for question in site.asked("issue_decision") if question.body in asked]
        assert results() == results(Path("whole"))
        assert not Path("output/silo_issues_db.tmp.json").exists()

    @pytest.mark.slow
    def test_a_helpdesk_that_came_back_at_another_address_changes_nothing(
        self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was decided at the first address is still known to the index and to the second look."""
        open_site(40, behave=JUMPY)
        main.run(output="whole/silo_issues_db.json", cache=Path("other"), conversations=Path("talks"))
        interrupt_the_end(monkeypatch)
        assert main.main([]) == 130
        open_site(40, behave=JUMPY)
        assert main.main([]) == 0
        assert DATABASE.read_bytes() == Path("whole/silo_issues_db.json").read_bytes()

    def test_takes_the_list_of_tickets_from_the_checkpoint(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(12)
        interrupt_the_end(monkeypatch)
        main.main([])
        site.forget()
        assert main.main([]) == 0
        assert targets(site) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("flags", [[], ["--reprocess"]], ids=["first time", "again"])
    def test_a_kill_between_its_last_two_steps_is_the_end_of_the_run(
        self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, flags: list[str]
    ) -> None:
        site = open_site(12)
        main.main(["--ticket-ids", "1001,1002"])

        def killed(_path: Path) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("common.files.remove", killed)
            assert main.main(flags) == 130
        before = results()
        assert Path("output/silo_issues_db.tmp.json").exists()
        site.forget()
        assert main.main(flags) == 0
        assert site.asked("issue_decision") == []
        assert results() == before
        assert not Path("output/silo_issues_db.tmp.json").exists()

    def test_keeps_the_work_of_another_command_that_was_interrupted(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        open_site(12)
        interrupt_the_end(monkeypatch)
        assert main.main(["--ticket-ids", "1001,1002,1003"]) == 130
        assert main.main(["--ticket-ids", "1007,1008"]) == 0
        assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == [1001, 1002, 1003, 1007, 1008]
        assert sorted(rows_at()) == [1001, 1002, 1003, 1007, 1008]

    def test_refuses_a_checkpoint_of_another_database(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(12)
        main.main(["--ticket-ids", "1001"])
        interrupt_the_end(monkeypatch)
        assert main.main([]) == 130
        edited = issues_at()
        edited[0]["notes"] = "by hand"
        DATABASE.write_text(json.dumps(edited), encoding="utf-8")
        before = tree()
        site.forget()
        assert main.main([]) == 2
        assert tree() == {**before, **{name: content for name, content in tree().items() if ".cache" in name}}
        assert site.asked() == []
        assert main.main(["--fresh"]) == 0
        assert issues_at()[0]["notes"] == "by hand"
        assert any(path.name.endswith(".old") for path in Path("output").iterdir())

    def test_keeps_a_backup_of_the_database_before(self, open_site: OpenSite) -> None:
        open_site(4)
        main.main(["--ticket-ids", "1001"])
        before = DATABASE.read_bytes()
        main.main([])
        assert Path("output/silo_issues_db.json.bak").read_bytes() == before

    def test_a_second_run_on_one_database_is_refused_by_name(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        site = open_site(4)
        with RunFiles(DATABASE).locked():
            assert main.main([]) == 2
        assert f"process {os.getpid()}" in capsys.readouterr().err
        assert targets(site) == []
        assert main.main([]) == 0


class TestTheOutside:
    def test_a_refused_freshdesk_key_costs_one_call(
        self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(12)
        monkeypatch.setenv("FRESHDESK_API_KEY", "wrong-key")
        assert main.main(["--ticket-ids", "1001,1002,1003,1004", "--batch-size", "1"]) == 1
        assert len(targets(site)) == 1
        assert "FRESHDESK_API_KEY" in one_line_of(capsys)

    @pytest.mark.parametrize("workers", ["1", "8"])
    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (refuses(401, "Incorrect API key provided", code="invalid_api_key"), "LLM_API_KEY"),
            (refuses(429, "You exceeded your current quota", code="insufficient_quota", type="insufficient_quota"), "credit"),
            (refuses(404, "The model `x` does not exist", code="model_not_found"), "LLM_MODEL"),
        ],
        ids=["key", "quota", "model"],
    )
    def test_a_model_server_that_will_never_answer_costs_one_call(
        self, reply: Reply, words: str, workers: str, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(12, behave=lambda _seen: reply)
        assert main.main(["--workers", workers]) == 1
        assert len(site.asked()) == 1
        assert words in one_line_of(capsys)
        assert not DATABASE.exists()

    @pytest.mark.slow
    def test_quota_that_ends_in_the_middle_keeps_the_work(self, open_site: OpenSite) -> None:
        empty = False

        def behave(seen: Seen) -> Reply:
            if empty and seen.number > 20:
                return refuses(429, "You exceeded your current quota", code="insufficient_quota")
            return JUMPY(seen)

        site = open_site(40, behave=behave)
        main.run(output="whole/silo_issues_db.json", cache=Path("other"))
        site.forget()
        empty = True
        assert main.main([]) == 1
        paid = {question_of(seen) for seen in site.asked()[:20]} - {None}
        site.forget()
        empty = False
        assert main.main([]) == 0
        assert len(paid & {question_of(seen) for seen in site.asked()}) <= 4, "at most what was under way is paid twice"
        assert results() == results(Path("whole"))

    def test_a_refused_query_exits_with_2_and_the_words_of_the_helpdesk(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_site(2)
        assert main.main(["--query", "colour:blue"]) == 2
        assert "query" in one_line_of(capsys)

    @pytest.mark.slow
    def test_a_broken_pipe_is_no_traceback(self, open_site: OpenSite) -> None:
        site = open_site(12)
        reading, writing = os.pipe()
        os.close(reading)
        process = begun(site, stdout=writing)
        os.close(writing)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors
        assert process.returncode in (0, 1)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("outside", "said"),
        [("PYTHONIOENCODING=ascii", "\\u65e5"), (">/dev/full", ""), ("2>&-", "1001"), ("<&- >&- 2>&-", "")],
        ids=["letters it cannot write", "full", "no stderr", "closed"],
    )
    def test_an_outside_that_takes_no_output_costs_the_output(self, outside: str, said: str, open_site: OpenSite) -> None:
        tickets = topic_tickets(2)
        tickets[0]["subject"] = "日本 1001"
        site = open_site(tickets)
        command = f"{outside if '=' in outside else ''} exec {sys.executable} -m main --verbose {'' if '=' in outside else outside}"
        environment = {**os.environ, **site.environment, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(command, shell=True, env=environment, capture_output=True, encoding="utf-8", timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert said in ended.stdout
        assert len(rows_at()) == 2

    @pytest.mark.slow
    def test_a_terminated_run_goes_on_where_it_was(self, open_site: OpenSite) -> None:
        site = open_site(40, behave=sorting(hopeless=False, latency_s=lambda: 0.02))
        main.run(output="whole/silo_issues_db.json", cache=Path("other"))
        site.forget()
        process = begun(site)
        while len(site.asked()) < 30:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert len([line for line in errors.splitlines() if line.startswith("error: ")]) == 1
        assert "Traceback" not in errors
        assert main.main([]) == 0
        assert results() == results(Path("whole"))


def one_line_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def begun(site: TopicSite, *arguments: str, stdout: int = subprocess.PIPE, more: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    environment = {**os.environ, **site.environment, "PYTHONPATH": str(ROOT), **(more or {})}
    return subprocess.Popen(
        [sys.executable, "-m", "main", *arguments], env=environment, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8"
    )


def started(site: TopicSite, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    process = begun(site, *arguments, more=more)
    out, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def _without_urls(content: bytes) -> bytes:
    return re.sub(rb"127\.0\.0\.1:[0-9]+", b"helpdesk", content)


class TestUsage:
    @pytest.mark.parametrize(
        "argv",
        [
            ["--pages", "0"],
            ["--pages", "-1"],
            ["--pages", "x"],
            ["--ticket-ids", "abc"],
            ["--ticket-ids", ""],
            ["--ticket-ids", "1,,x"],
            ["--ticket-ids", "0"],
            ["--pages", "5", "--ticket-ids", "1"],
            ["--batch-size", "0"],
            ["--workers", "0"],
            ["--workers", "1.5"],
            ["--since", "yesterday"],
            ["--since", "2025-02-30"],
            ["--output", "output/db.txt"],
            ["--max-tokens-total", "0"],
            ["--max-cost", "-1"],
            ["--max-cost", "nan"],
            ["--prompt-debug", "--dry-run"],
            ["--unknown"],
            ["surplus"],
            ["--page", "5"],
        ],
        ids=" ".join,
    )
    def test_errors_are_one_line_and_exit_2_before_any_call(
        self, argv: list[str], open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(2)
        before = tree()
        assert main.main(argv) == 2
        assert one_line_of(capsys).startswith("error: ")
        assert targets(site) == []
        assert tree() == before

    def test_help_names_every_flag(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main.main(["--help"]) == 0
        text = capsys.readouterr().out
        flags = [
            "pages",
            "ticket-ids",
            "since",
            "query",
            "batch-size",
            "workers",
            "output",
            "prompt-debug",
            "reprocess",
            "refresh",
            "fetch-only",
            "dry-run",
            "max-tokens-total",
            "max-cost",
            "fresh",
            "no-merge",
            "apply-review",
            "demo",
            "verbose",
        ]
        assert [flag for flag in flags if f"--{flag}" not in text] == []


class TestSettings:
    def test_that_are_missing_or_wrong_are_named_all_at_once(
        self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(2)
        for name, value in {
            "FRESHDESK_DOMAIN": "http://evil.example", "FRESHDESK_API_KEY": "", "LLM_API_KEY": "  ", "LLM_MODEL": "", "BATCH_SIZE": "many",
            "LLM_API_BASE_URL": "ftp://x", "LLM_WORKERS": "0", "LLM_TIMEOUT_S": "soon", "FRESHDESK_RATE_SHARE": "2", "LLM_PRICE_IN": "nan",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        assert main.main([]) == 2
        line = one_line_of(capsys)
        for name in (
            "FRESHDESK_DOMAIN", "FRESHDESK_API_KEY", "LLM_API_KEY", "LLM_MODEL", "BATCH_SIZE", "LLM_API_BASE_URL", "LLM_WORKERS",
            "LLM_TIMEOUT_S", "FRESHDESK_RATE_SHARE", "LLM_PRICE_IN",
        ):  # fmt: skip
            assert name in line
        assert targets(site) == []
        assert tree() == {}

    def test_may_stand_in_a_file_that_an_editor_marked(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(2)
        monkeypatch.delenv("FRESHDESK_API_KEY")
        monkeypatch.delenv("LLM_MODEL")
        lines = f"FRESHDESK_API_KEY={KEY}\r\nLLM_MODEL='from-file'\r\nLLM_API_KEY=other\r\n"
        Path(".env").write_bytes(b"\xef\xbb\xbf" + lines.encode())
        assert main.main([]) == 0
        assert {seen.body["model"] for seen in site.asked()} == {"from-file"}
        assert {seen.headers["Authorization"] for seen in site.asked()} == {f"Bearer {MODEL_KEY}"}

    @pytest.mark.slow
    def test_on_the_command_line_beat_the_environment_and_that_the_file(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(30, behave=sorting(jumpy=False, latency_s=lambda: 0.01))
        Path(".env").write_text("LLM_WORKERS=8\nLLM_MODEL=other\n", encoding="utf-8")
        monkeypatch.setenv("LLM_WORKERS", "1")
        main.main(["--ticket-ids", ",".join(str(number) for number in range(1001, 1021))])
        assert site.model.most_at_once == 1
        assert {seen.body["model"] for seen in site.asked()} == {"sorting-model"}
        main.main(["--workers", "3"])
        assert site.model.most_at_once in (2, 3)

    def test_about_product_and_categories_reach_the_model(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("product.txt").write_text("We make {kettles} for 100 $name.", encoding="utf-8")
        Path("categories.txt").write_text("Lid leaks steam\nBattery drains\n", encoding="utf-8")
        monkeypatch.setenv("PRODUCT_CONTEXT", "product.txt")
        monkeypatch.setenv("CATEGORIES", "categories.txt")
        site = open_site(1, behave=answering({"category": "lid leaks STEAM"}))
        assert main.main([]) == 0
        system = site.asked()[0].body["messages"][0]["content"]
        assert "We make {kettles} for 100 $name." in system
        assert "Battery drains" in system
        assert issues_at()[0]["category"] == "Lid leaks steam"

    @pytest.mark.parametrize("ending", ["", "/", "/chat/completions"])
    def test_of_the_model_server_may_name_the_path(self, ending: str, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(1)
        monkeypatch.setenv("LLM_API_BASE_URL", site.model.base_url + ending)
        assert main.main([]) == 0
        assert {seen.path for seen in site.asked()} == {"/v1/chat/completions"}

    @pytest.mark.slow
    @pytest.mark.parametrize("argv", [[], ["--verbose"], ["--prompt-debug"]], ids=["plain", "verbose", "prompt-debug"])
    def test_that_are_secret_are_in_no_output_and_no_file(
        self, argv: list[str], open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def leaking(seen: Seen) -> Reply:
            if seen.number == 1:
                return refuses(500, f"upstream saw {seen.headers['Authorization']}")
            return STEADY(seen)

        open_site(6, behave=leaking)
        main.main(argv)
        said = "".join(capsys.readouterr()).encode() + b"".join(tree().values())
        assert (b" DEBUG " in said and b"You are a support issue classifier" in said) == (argv == ["--verbose"]) or argv == [
            "--prompt-debug"
        ]
        for secret in (KEY, MODEL_KEY, "ZGVzay1rZXk"):
            assert secret.encode() not in said


class TestDatabase:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"   \n",
            b"42",
            b"null",
            b"{}",
            b'"text"',
            b'[{"issue_id": "ISSUE-1"',
            b"<<<<<<< HEAD\n[]\n=======\n[]\n>>>>>>> other\n",
            b'[{"category": "no id"}]',
            b'[{"issue_id": "A"}, {"issue_id": "A"}]',
            b'[{"issue_id": "A", "tickets": [1]}, {"issue_id": "B", "tickets": [1]}]',
            b'[{"issue_id": "A", "tickets": "1,2"}]',
            b'[{"issue_id": "A", "confidence": NaN}]',
            b"\xff\xfe[\x00]\x00",
            b"[" * 100_000,
        ],
        ids=lambda content: repr(content[:24]),
    )
    def test_that_is_none_is_left_alone_before_any_call(
        self, content: bytes, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(2)
        DATABASE.parent.mkdir()
        DATABASE.write_bytes(content)
        before = tree()
        assert main.main([]) == 2
        assert str(DATABASE) in one_line_of(capsys)
        assert targets(site) == []
        assert tree() == before

    def test_that_a_person_wrote_is_taken_and_kept(self, open_site: OpenSite) -> None:
        by_hand = [{"issue_id": "WIFI-2", "category": "Wi-Fi", "owner": "Ann", "tickets": [1001]}, {"issue_id": "wifi 10", "category": "B"}]
        DATABASE.parent.mkdir()
        DATABASE.write_text(json.dumps(by_hand), encoding="utf-8")
        open_site(3)
        assert main.main([]) == 0
        kept = {issue["issue_id"]: issue for issue in issues_at()}
        assert kept["WIFI-2"]["owner"] == "Ann"
        assert kept["WIFI-2"]["category"] == "Wi-Fi"
        assert 1001 in kept["WIFI-2"]["tickets"]
        assert list(kept)[-2:] == ["WIFI-2", "wifi 10"]

    @pytest.mark.parametrize("place", ["blocked/db.json", "blocked/deep/db.json"])
    def test_in_a_folder_that_cannot_be_is_refused_before_any_call(
        self, place: str, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("blocked").write_text("a file", encoding="utf-8")
        site = open_site(2)
        assert main.main(["--output", place]) == 2
        assert "blocked" in one_line_of(capsys)
        assert targets(site) == []


class TestThePlan:
    @responses.activate
    def test_run_with_one_ticket_leaves_its_entry_in_the_clusterer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "FRESHDESK_DOMAIN": "acme", "FRESHDESK_API_KEY": "k", "LLM_API_BASE_URL": "https://llm.example/v1", "LLM_API_KEY": "k",
            "LLM_MODEL": "m",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        ticket = {
            "id": 123, "subject": "Lid leaks", "description_text": "Steam escapes at the lid.", "status": 5, "source": 1,
            "created_at": "2025-07-24T18:24:46Z", "updated_at": "2025-07-24T18:24:46Z", "conversations": [],
        }  # fmt: skip
        responses.get("https://acme.freshdesk.com/api/v2/tickets/123", json=ticket)
        responses.get("https://acme.freshdesk.com/api/v2/tickets/123/conversations", json=[])
        for reply in (dict(CARD), json.dumps(CARD), completion(json.dumps(CARD))):
            monkeypatch.setattr(llm_client, "chat_completion", lambda messages, reply=reply, **kwargs: reply)
            clusterer = main.run(ticket_ids=[123], output=f"{type(reply).__name__}{len(reply)}.json")
            assert list(clusterer.issues) == ["ISSUE-123"]
            assert clusterer.issues["ISSUE-123"].card.category == "Lid leaks steam"
            assert clusterer.issues["ISSUE-123"].tickets == [123]
        assert all("search" not in str(call.request.url) for call in responses.calls)

    def test_importing_the_program_does_nothing(self) -> None:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import main; import threading, os; print(threading.active_count(), os.listdir())"
        )
        ended = subprocess.run([sys.executable, "-B", "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == "1 []"
        assert ended.stderr == ""


# --- places and tickets that are dead


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


def refused_for_ever(allowed: list[bool]) -> tuple[list[dict[str, Any]], Behaviour]:
    """Six tickets, and a model with a filter that refuses the fourth of them until it is allowed."""
    tickets = topic_tickets(6)
    tickets[3]["description"] = tickets[3]["description_text"] = "The forbidden word is kumquat."

    def behave(seen: Seen) -> Reply:
        refused = schema_of(seen) == "issue_decision" and "kumquat" in seen.body["messages"][1]["content"] and not allowed
        return says("I cannot help with that.") if refused else STEADY(seen)

    return tickets, behave


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
    assert "--ticket-ids 1004 " in said[-1]
    assert report()["set_aside"] == [1004]
    assert rows_at()[1004]["failures"] == 3
    assert not site.asked(), "it is not paid for any more"


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
