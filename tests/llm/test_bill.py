"""The bill: what was spent adds up, and no call is made that would pass a limit."""

from typing import Any

import pytest

from llm.connection import Server
from llm.protocol import BudgetReached
from llm_client import LlmClient
from testing.chaos_llm import ChaosServer, Reply, completion
from tests.test_llm_client import KEY, SCHEMA, ask_many, client_of, messages, parse, takes_all


def test_tokens_and_cost_add_up() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
    with ChaosServer(lambda _seen: Reply(body=completion('{"id": 1}', usage=usage))) as server:
        client = client_of(server, price_in=1.0, price_cached=0.1, price_out=2.0)
        ask_many(client, 3)
    totals = client.totals()
    assert (totals.calls, totals.answers, totals.usage.prompt, totals.usage.cached, totals.usage.completion) == (3, 3, 3000, 1200, 300)
    assert totals.cost == pytest.approx(3 * (600 * 1.0 + 400 * 0.1 + 100 * 2.0) / 1e6)
    assert not totals.usage.estimated


def test_tokens_that_the_server_does_not_count_are_estimated_and_marked() -> None:
    with ChaosServer(lambda _seen: Reply(body=completion('{"id": 1}', usage={}))) as server:
        answer = client_of(server).ask(messages("x" * 400), schema=SCHEMA, parse=parse)
    assert answer.usage.estimated
    assert 100 <= answer.usage.prompt <= 125


@pytest.mark.parametrize("limit", [{"max_tokens_total": 1000}, {"max_cost": 0.001}], ids=["tokens", "money"])
def test_the_call_that_would_pass_the_limit_is_not_made(limit: dict[str, Any]) -> None:
    with ChaosServer(takes_all) as server:  # 120 tokens a call, 0.00012 USD
        client = client_of(server, price_in=1.0, price_out=1.0, **limit)
        results = ask_many(client, 12)
        assert len(server.seen) == 8
    assert sum(result == 1 for result in results) == 8
    assert sum(isinstance(result, BudgetReached) for result in results) == 4
    assert client.totals().usage.prompt + client.totals().usage.completion <= 1000


def test_a_limit_in_money_needs_prices() -> None:
    with pytest.raises(ValueError, match="LLM_PRICE_IN"):
        LlmClient(Server("http://127.0.0.1:9/v1", KEY, "a-model"), max_cost=1.0)
