"""What a run would cost, said before it does anything: no call, no write, and more where there is more to do."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import env
from cli import estimate
from cli.source import ConversationSource
from common import files
from freshdesk.client import FreshdeskClient
from issue_clusterer import IssueClusterer
from knowledge.conversation import save_conversation
from knowledge.issue import Card, Issue, render
from knowledge.paths import RunFiles
from prompts_config import Prompts
from testing.scripted_model import ScriptedModel, by_ticket, talk

SETTINGS = env.Settings("https://acme.freshdesk.com", "k", "https://m", "k", "model")
PRICED = replace(SETTINGS, llm_price_in=1.0, llm_price_out=4.0)


def describe(count: int, *, settings: env.Settings = SETTINGS, issues: int = 0, **prompts: Any) -> str:
    database = Path("db.json")
    files.write_text(database, render(Issue(f"ISSUE-{n}", Card("x"), tickets=[n]) for n in range(1, issues + 1)))
    source = ConversationSource(settings, FreshdeskClient(base_url=settings.freshdesk_url, api_key="k"), Path("conversations"))
    clusterer = IssueClusterer(RunFiles(database), ask=ScriptedModel(by_ticket({})).ask, prompts=Prompts(**prompts))
    return estimate.describe([{"ticket_id": 1_000 + n} for n in range(count)], source, clusterer, settings)


def tokens_in(text: str) -> int:
    found = re.search(r"(\d+) tokens in", text)
    assert found
    return int(found[1])


def test_nothing_to_do_costs_nothing() -> None:
    text = describe(0, settings=PRICED)
    assert text.startswith("0 listed, 0 known (free), 0 to decide, less than a minute, 0.00 USD\n0 conversations to fetch, 0 stored")
    assert "about 0 model calls, 0 tokens in, 0 out" in text
    assert "nothing was asked and nothing was written (--dry-run)" in text


def test_tickets_that_are_stored_are_told_from_those_to_fetch_and_ignored_ones_do_not_count() -> None:
    save_conversation(talk(1_000, "x"), Path("conversations"))
    save_conversation(talk(1_001, "x", ignored="a survey"), Path("conversations"))
    stored = {number: Path(f"conversations/{number}.json").read_text() for number in (1_000, 1_001)}
    text = describe(10)
    assert text.startswith("10 listed, 0 known (free), 9 to decide, ")
    assert "8 conversations to fetch, 2 stored in conversations" in text
    assert {number: Path(f"conversations/{number}.json").read_text() for number in (1_000, 1_001)} == stored


def test_without_prices_the_cost_is_unknown_and_says_what_to_set() -> None:
    assert "set LLM_PRICE_IN and LLM_PRICE_OUT" in describe(5)
    assert "set LLM_PRICE_IN" in describe(5, settings=replace(PRICED, llm_price_out=None))


def test_the_cost_is_tokens_times_prices() -> None:
    text = describe(1_000, settings=PRICED)
    tokens, cost = re.search(r"(\d+) tokens in, (\d+) out", text), re.search(r"([\d.]+) USD", text)
    assert tokens
    assert cost
    assert float(cost[1]) == pytest.approx((int(tokens[1]) + 4 * int(tokens[2])) / 1e6, abs=0.01)


def test_the_time_is_that_of_the_last_run_where_there_was_one() -> None:
    assert "about 21 minutes" in describe(1_000)  # 1 250 calls of 4 seconds, four at a time
    report = RunFiles(Path("db.json")).run_report
    report.write_text('{"duration_s": 100, "model_calls": {"calls": 20}}')
    assert "about 1.7 hours" in describe(1_000)  # 5 seconds a call, as it was
    report.write_text("[]")
    assert "about 21 minutes" in describe(1_000)


def test_more_tickets_longer_tickets_more_issues_and_a_longer_prompt_cost_more() -> None:
    base = tokens_in(describe(100))
    assert 1.9 < tokens_in(describe(200)) / base < 2.1
    assert tokens_in(describe(100, issues=8)) > base
    assert tokens_in(describe(100, issues=30)) == tokens_in(describe(100, issues=20)), "at most so many are offered"
    assert tokens_in(describe(100, product_context="word " * 2_000)) > base + 100 * 2_000
    save_conversation(talk(1_000, "word " * 4_000), Path("conversations"))
    assert tokens_in(describe(100)) > base + 100 * 4_000
