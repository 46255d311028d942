"""The contract, section 1: the command line, its jobs and exit statuses. Over real sockets on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import responses

import llm_client
import main
from issue_clusterer import IssueClusterer
from testing.chaos_llm import Reply, Seen, completion, refuses
from testing.process import ROOT
from testing.topic_site import question_of, schema_of, sorting, topic_tickets
from testing.whole_run import (
    CARD,
    DATABASE,
    JUMPY,
    OpenSite,
    answering,
    begun,
    interrupt_the_end,
    issues_at,
    one_line_of,
    report,
    results,
    rows_at,
    targets,
    tree,
)


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

    @pytest.mark.slow
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

    @pytest.mark.slow
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


class TestModes:
    def test_fetch_only_fills_conversations_and_asks_no_model(self, open_site: OpenSite) -> None:
        site = open_site(5, forbidden=frozenset({1002}))
        assert main.main(["--fetch-only"]) == 3
        assert sorted(path.stem for path in Path("conversations").glob("[0-9]*.json")) == ["1001", "1003", "1004", "1005"]
        assert site.asked() == []
        assert not DATABASE.exists()

    def test_fetch_only_says_what_it_left_alone(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(3)
        assert main.main(["--ticket-ids", "1001,1002"]) == 0
        capsys.readouterr()
        assert main.main(["--fetch-only"]) == 0
        said = capsys.readouterr().out
        assert "1 conversation in conversations, 1 fetched now" in said
        assert "2 more tickets in the database already: left alone (--reprocess looks at them too)" in said

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

    @pytest.mark.slow
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
        assert len([line for line in errors.splitlines() if line.startswith("interrupted: ")]) == 1
        assert "Traceback" not in errors
        assert main.main([]) == 0
        assert results() == results(Path("whole"))


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
        responses.get("https://acme.freshdesk.com/api/v2/agents", json=[])
        for reply in (dict(CARD), json.dumps(CARD), completion(json.dumps(CARD))):
            monkeypatch.setattr(llm_client, "chat_completion", lambda messages, reply=reply, **kwargs: reply)
            clusterer = main.run(ticket_ids=[123], output=f"{type(reply).__name__}{len(reply)}.json")
            assert list(clusterer.issues) == ["ISSUE-123"]
            assert clusterer.issues["ISSUE-123"].card.category == "Lid leaks steam"
            assert clusterer.issues["ISSUE-123"].tickets == [123]
        assert all("search" not in str(call.request.url) for call in responses.calls)

    @pytest.mark.slow
    def test_importing_the_program_does_nothing(self) -> None:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import main; import threading, os; print(threading.active_count(), os.listdir())"
        )
        ended = subprocess.run([sys.executable, "-B", "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == "1 []"
        assert ended.stderr == ""
