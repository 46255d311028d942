"""The whole program against model servers that would cost without end, and where answers cannot be kept."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import main
from llm import store
from llm.store import AnswerStore
from testing.chaos_llm import Behaviour, Reply, Seen, completion, refuses, says
from testing.topic_site import TopicSite, sorting, topic_tickets

Open = Callable[[int, Behaviour], TopicSite]
RUN = ["--pages", "all"]


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(tickets: int, behave: Behaviour) -> TopicSite:
            site = stack.enter_context(TopicSite(topic_tickets(tickets), behave=behave))
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            return site

        yield opened


NEVER: dict[str, Reply] = {
    "blank": says(" "),
    "prose": says("It is about the lid, I think."),
    "cut": says('{"issue_id": "N', finish="length"),
    "no choices": Reply(body={"id": "1", "object": "chat.completion", "choices": []}),
    "the same refusal": refuses(400, "Invalid request."),
    "a filter for everything": says("", finish="content_filter"),
}


@pytest.mark.parametrize("reply", NEVER.values(), ids=NEVER.keys())
def test_a_server_that_is_never_usable_ends_the_run_in_few_calls(
    reply: Reply, open_site: Open, capsys: pytest.CaptureFixture[str], no_sleep: list[float]
) -> None:
    site = open_site(60, lambda _seen: reply)
    assert main.main(RUN) == 1
    assert len(site.model.seen) <= 20
    assert "3 questions in a row" in capsys.readouterr().err


def test_a_server_that_stops_being_usable_ends_the_run_and_loses_no_ticket(open_site: Open, capsys: pytest.CaptureFixture[str]) -> None:
    good, broken = sorting(jumpy=False), [True]

    def behave(seen: Seen) -> Reply:
        return says("I have no idea any more.") if broken[0] and seen.number > 12 else good(seen)

    site = open_site(60, behave)
    assert main.main(RUN) == 1
    assert "no usable answer about 10 tickets in a row" in capsys.readouterr().err
    assert len(site.model.seen) < 12 + 2 * 64
    broken[0] = False
    assert main.main(RUN) in (0, 3)
    assert main.main(RUN) == 0  # what had failed before the end was seen is decided now
    issues = json.loads(Path("output/silo_issues_db.json").read_text(encoding="utf-8"))
    assert sorted(ticket for issue in issues for ticket in issue["tickets"]) == list(range(1001, 1061))


def test_hidden_tokens_keep_to_the_limit(open_site: Open) -> None:
    good = sorting(jumpy=False)
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 4100}

    def behave(seen: Seen) -> Reply:
        body = good(seen).body
        return Reply(body={**body, "usage": usage})

    site = open_site(60, behave)
    assert main.main([*RUN, "--max-tokens-total", "50000"]) == 3
    assert len(site.model.seen) * 4100 <= 50_000


def test_a_disk_that_is_full_ends_the_run_after_what_is_in_flight(
    open_site: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site, run = open_site(60, sorting(jumpy=False)), AnswerStore._run

    def full(self: AnswerStore, statement: str, rows: object) -> object:
        if "INTO answers" in statement and len(site.model.seen) > 5:
            raise sqlite3.OperationalError("database or disk is full")
        return run(self, statement, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(AnswerStore, "_run", full)
    monkeypatch.setenv("LLM_WORKERS", "4")
    assert main.main(RUN) == 1
    assert "answers cannot be kept" in capsys.readouterr().err
    assert len(site.model.seen) <= 5 + 4 + 1


def test_a_store_that_another_process_holds_costs_seconds_and_no_call(
    open_site: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "LOCKED_S", 0.3)
    site = open_site(3, sorting(jumpy=False))
    AnswerStore(Path(".cache")).put_notes([("n", "v")])
    holder = sqlite3.connect(".cache/answers.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert main.main(RUN) == 1
    assert "another process holds it" in capsys.readouterr().err
    holder.close()
    assert len(site.model.seen) <= 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may do everything is refused nothing")
def test_a_folder_of_answers_that_is_read_only_costs_no_call(open_site: Open, capsys: pytest.CaptureFixture[str]) -> None:
    site = open_site(3, sorting(jumpy=False))
    Path(".cache").mkdir(mode=0o500)
    assert main.main(RUN) == 1
    assert "CACHE_DIR" in capsys.readouterr().err
    assert site.model.seen == []


def test_conversations_and_answers_stand_where_the_settings_say(open_site: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    open_site(3, sorting(jumpy=False))
    monkeypatch.setenv("CONVERSATIONS_DIR", "kept/talks")
    monkeypatch.setenv("CACHE_DIR", "kept/answers")
    assert main.main(RUN) == 0
    assert not Path("conversations").exists()
    assert not Path(".cache").exists()
    assert list(Path("kept/talks").glob("*.json"))
    assert Path("kept/answers/answers.sqlite3").is_file()


def test_the_key_is_in_no_file_that_a_run_leaves(
    open_site: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, good = "sk-echo-77aa88bb99cc", sorting(jumpy=False)

    def echo(seen: Seen) -> Reply:
        body = good(seen).body
        text = body["choices"][0]["message"]["content"]
        return Reply(body=completion(text.replace('"short_description": "', f'"short_description": "{key} {key[5:]} ')))

    open_site(6, echo)
    monkeypatch.setenv("LLM_API_KEY", key)
    main.main([*RUN, "--verbose"])
    said = capsys.readouterr()
    left = [path for path in Path().rglob("*") if path.is_file() and key[5:].encode() in path.read_bytes()]
    assert left == []
    assert key[5:] not in said.out + said.err
