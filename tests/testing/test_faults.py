"""Broken replies are broken as they say, by a seed and by no order of calls."""

import http.client
import threading

import pytest

from testing.faults import KINDS, FaultPlan
from testing.raw_calls import desk, get, ticket


def broken(kind: str, url: str) -> str:
    """How a caller sees the next reply."""
    try:
        reply = get(url, "tickets/1?include=conversations")
        return f"{reply.status} {'JSON' if reply.body.endswith(b'}') else 'no JSON'}"
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__


SEEN = {
    "reset": {"ConnectionResetError", "IncompleteRead", "RemoteDisconnected"},
    "cut": {"IncompleteRead"},
    "cut_chunk": {"IncompleteRead"},
    "html": {"200 no JSON"},
    "truncated": {"200 no JSON"},
    "500": {"500 no JSON"},
    "502": {"502 no JSON"},
    "503": {"503 no JSON"},
    "504": {"504 no JSON"},
}


@pytest.mark.parametrize(("kind", "seen"), SEEN.items(), ids=SEEN)
def test_each_fault_is_what_it_says(kind: str, seen: set[str]) -> None:
    with desk([ticket(1, messages=3)], faults=FaultPlan(share=1.0, kinds=(kind,))) as (_, url):
        assert broken(kind, url) in seen


@pytest.mark.slow
def test_a_dripping_reply_goes_on_until_the_caller_has_enough() -> None:
    with desk([ticket(1)], faults=FaultPlan(share=1.0, kinds=("drip",))) as (_, url):
        outcome: list[str] = []
        caller = threading.Thread(target=lambda: outcome.append(broken("drip", url)), daemon=True)
        caller.start()
        caller.join(0.3)
        assert caller.is_alive()
    caller.join(5)
    assert outcome
    assert "200 JSON" not in outcome


def test_the_same_seed_breaks_the_same_replies_in_any_order() -> None:
    targets = [f"/{number}" for number in range(400)]
    one, other = FaultPlan(share=0.1, seed=7), FaultPlan(share=0.1, seed=7)
    faults = {target: one.next_fault(target) for target in targets}
    assert {target: other.next_fault(target) for target in reversed(targets)} == faults
    assert 20 < sum(fault is not None for fault in faults.values()) < 60
    assert set(faults.values()) - {None} <= set(KINDS)


def test_no_path_is_broken_for_ever() -> None:
    plan = FaultPlan(share=1.0, most=3)
    assert [plan.next_fault("/x") is None for _ in range(5)] == [False, False, False, True, False]
