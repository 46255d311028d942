"""The contract, section 3: what a run leaves, byte for byte, whoever interrupts it. Over real sockets on loopback."""

import csv
import io
import itertools
import json
import os
import re
from pathlib import Path

import pytest

import main
from knowledge.paths import RunFiles
from testing.topic_site import RESULTS, sorting, topic_tickets
from testing.whole_run import (
    DATABASE,
    JUMPY,
    OpenSite,
    _without_urls,
    answering,
    conversations_shown,
    interrupt_the_end,
    issues_at,
    results,
    rows_at,
    searches,
    started,
    targets,
    tree,
)


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
        before = conversations_shown()
        moved = open_site(4)
        assert main.main([]) == 0
        assert conversations_shown() == before == [1001, 1002, 1003, 1004]
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

    @pytest.mark.slow
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

    @pytest.mark.slow
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

    @pytest.mark.slow
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
