"""What the model client costs and survives, measured against the chaos server on loopback.

    python -m benchmarks.llm_client [behaviours] [kinds] [faults] [overhead] [gate]

Without a name all five. Needs no network; takes about a minute. Prints tables; decides nothing.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import Stopped
from common.pool import WorkerPool
from llm import json_text
from llm.connection import Server
from llm.protocol import AnswerUnusable, BudgetReached, ContextTooLong
from llm.store import AnswerStore
from llm_client import LlmClient
from testing.chaos_llm import Behaviour, ChaosServer, Reply, Seen, completion, faulty, refuses, says
from testing.wild_servers import CASES, play

SCHEMA = {"name": "number", "strict": True, "schema": {"type": "object"}}
GOOD = says('{"id": 1}')
QUESTIONS = 16
OWN_FAILURES = (AnswerUnusable, ContextTooLong)


def parse(text: str) -> int:
    """The id of an answer. Raises ValueError if it has none."""
    answer = json_text.extract_json(text)
    if not isinstance(answer.get("id"), int):
        raise ValueError("id must be a whole number")
    return int(answer["id"])


def ask_all(client: LlmClient, count: int, *, workers: int) -> list[Any]:
    """Values or errors of `count` different questions."""
    pool = WorkerPool(workers, name="bench")

    def ask(number: int) -> Any:
        messages = [{"role": "system", "content": "Number things, in JSON."}, {"role": "user", "content": f"question {number}"}]
        try:
            return client.ask(messages, schema=SCHEMA, parse=parse).value
        except (*OWN_FAILURES, Stopped, BudgetReached) as error:
            return error

    futures = [pool.submit(partial(ask, number)) for number in range(count)]
    results = [future.result() for future in futures]
    pool.close()
    return results


def refuse_field(*fields: str, reply: Callable[[str], Reply]) -> Behaviour:
    """A server that does not know these request fields."""

    def behave(seen: Seen) -> Reply:
        field = next((name for name in fields if name in seen.body), None)
        return reply(field) if field else GOOD

    return behave


def refuse_format(*kinds: str, said: str) -> Behaviour:
    """A server that does not take these types of response_format."""

    def behave(seen: Seen) -> Reply:
        kind = seen.body.get("response_format", {}).get("type", "none")
        return Reply(400, {"error": {"message": said}}) if kind in kinds else GOOD

    return behave


def first_time(reply: Reply) -> Behaviour:
    """A server that answers every question's first call with `reply`, and well after that."""
    asked: set[str] = set()
    lock = threading.Lock()

    def behave(seen: Seen) -> Reply:
        with lock:
            known = seen.body["messages"][1]["content"] in asked
            asked.add(seen.body["messages"][1]["content"])
        return GOOD if known else reply

    return behave


def openai_style(field: str) -> Reply:
    """A refused field as OpenAI words it."""
    return refuses(400, f"Unsupported parameter: '{field}' is not supported with this model.", param=field, code="unsupported_parameter")


def forbidden(field: str) -> Reply:
    """A refused field as Mistral words it."""
    return Reply(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted"}]})


LIMITS = ("max_tokens", "max_completion_tokens")
ALL_RIGHT, FAILED, STOPPED = "all answered", "each question's failure", "run stopped"
BEHAVIOURS: dict[str, tuple[Behaviour, str, int]] = {
    "takes everything": (lambda _seen: GOOD, ALL_RIGHT, 0),
    "json_object only (DeepSeek)": (refuse_format("json_schema", said="This response_format type is unavailable now"), ALL_RIGHT, 1),
    "json_schema only (LM Studio)": (refuse_format("json_object", said="'response_format.type' must be 'json_schema'"), ALL_RIGHT, 0),
    "no response_format": (refuse_field("response_format", reply=forbidden), ALL_RIGHT, 1),
    "only max_completion_tokens, no temperature": (refuse_field("max_tokens", "temperature", reply=openai_style), ALL_RIGHT, 2),
    "only max_tokens (Mistral, Ollama)": (refuse_field("max_completion_tokens", reply=forbidden), ALL_RIGHT, 0),
    "no token limit at all": (refuse_field(*LIMITS, reply=openai_style), ALL_RIGHT, 2),
    "nothing but model and messages": (refuse_field("response_format", "temperature", *LIMITS, reply=forbidden), ALL_RIGHT, 4),
    "fenced": (lambda _seen: says('```json\n{"id": 1}\n```'), ALL_RIGHT, 0),
    "prose around": (lambda _seen: says('Sure: {"id": 1} Anything else?'), ALL_RIGHT, 0),
    "a wrong object in <think>": (lambda _seen: says('<think>{"id": 2}</think>{"id": 1}'), ALL_RIGHT, 0),
    "content in parts": (lambda _seen: Reply(body=parts_body()), ALL_RIGHT, 0),
    "no usage": (lambda _seen: Reply(body=completion('{"id": 1}', usage={})), ALL_RIGHT, 0),
    "two objects, then one": (first_time(says('{"id": 1} {"id": 2}')), ALL_RIGHT, 0),
    "blank, then an answer": (first_time(says("  ")), ALL_RIGHT, 0),
    "all reasoning, cut": (lambda seen: says(None, finish="length") if seen.body["max_tokens"] < 8000 else GOOD, ALL_RIGHT, 0),
    "error inside a 200, then an answer": (first_time(Reply(body={"error": {"message": "x", "code": 502}})), ALL_RIGHT, 0),
    "null choices, then an answer": (first_time(Reply(body={"id": "1", "choices": None})), ALL_RIGHT, 0),
    "generation refused, then an answer": (first_time(refuses(400, "x", code="json_validate_failed")), ALL_RIGHT, 0),
    "429 with Retry-After, then an answer": (first_time(refuses(429, "x", headers={"Retry-After": "0.1"})), ALL_RIGHT, 0),
    "refusal of every question": (lambda _seen: says(None, refusal="I cannot."), STOPPED, 0),
    "content filter for every question": (lambda _seen: says("", finish="content_filter"), STOPPED, 0),
    "context too long": (lambda _seen: refuses(400, "x", code="context_length_exceeded"), FAILED, 0),
    "no quota": (lambda _seen: refuses(429, "x", code="insufficient_quota"), STOPPED, 0),
    "wrong key": (lambda _seen: refuses(401, "x"), STOPPED, 0),
    "a web page": (lambda _seen: Reply(body=b"<html>"), STOPPED, 0),
}


def parts_body() -> dict[str, Any]:
    """An answer whose content is a list of parts, one of them thinking."""
    body = completion("")
    body["choices"][0]["message"]["content"] = [{"type": "thinking", "thinking": []}, {"type": "text", "text": '{"id": 1}'}]
    return body


def outcome(results: list[Any]) -> str:
    """What became of all questions, in a word."""
    if all(result == 1 for result in results):
        return ALL_RIGHT
    if all(isinstance(result, OWN_FAILURES) for result in results):
        return FAILED
    own = sum(isinstance(result, OWN_FAILURES) for result in results)
    return STOPPED if own + sum(isinstance(result, Stopped) for result in results) == len(results) else "mixed"


def behaviours() -> None:
    """Server behaviour x outcome, with the calls spent on learning; eight workers."""
    print(f"{'server behaviour':46}{'outcome':26}{'calls for ' + str(QUESTIONS):>14}{'learning':>10}  as expected")
    right = 0
    for name, (behave, expected, learning) in BEHAVIOURS.items():
        with ChaosServer(behave) as server:
            client = LlmClient(Server(server.base_url, "sk-bench-123", "m", timeout_s=10, temperature=0.0), workers=8)
            became = outcome(ask_all(client, QUESTIONS, workers=8))
            spent = client.totals().learning_calls
            fine = became == expected and spent == learning and (expected != STOPPED or len(server.seen) <= 3)
            right += fine
            print(f"{name:46}{became:26}{len(server.seen):14}{spent:10}  {'yes' if fine else 'NO'}")
    print(f"{right} of {len(BEHAVIOURS)} as expected\n")


def kinds() -> None:
    """Servers of the wild by kind: how many end as they should, with the calls and tokens that were paid; then those that do not."""
    wrong: list[str] = []
    print(f"{'kind':42}{'held':>9}{'calls':>8}{'answered':>10}{'tokens paid':>13}  most calls without an answer")
    for kind in dict.fromkeys(wild.kind for wild in CASES):
        played = [(wild, play(wild)) for wild in CASES if wild.kind == kind]
        held = [wild.holds(outcome) for wild, outcome in played]
        wrong += [f"{wild.kind}: {wild.name}" for (wild, _), fine in zip(played, held, strict=True) if not fine]
        calls, answered = sum(len(outcome.seen) for _, outcome in played), sum(outcome.answered for _, outcome in played)
        paid = sum(outcome.totals.usage.prompt + outcome.totals.usage.completion for _, outcome in played)
        vain = max(len(outcome.seen) - outcome.answered for _, outcome in played)
        print(f"{kind:42}{f'{sum(held)}/{len(held)}':>9}{calls:8}{answered:10}{paid:13}  {vain}")
    print("\n".join(wrong) or "all held", end="\n\n")


def run_once(behave: Behaviour, count: int, folder: Path, *, workers: int, timeout_s: float) -> tuple[list[Any], int, float]:
    """(results, calls that arrived, seconds)."""
    with ChaosServer(behave) as server:
        client = LlmClient(Server(server.base_url, "sk-bench-123", "m", timeout_s=timeout_s), workers=workers, store=AnswerStore(folder))
        started = time.monotonic()
        results = ask_all(client, count, workers=workers)
        return results, len(server.seen), time.monotonic() - started


def slow(seen: Seen) -> Reply:
    """An answer after 0.3 s."""
    return says('{"id": 1}', delay_s=0.3)


def faults(count: int = 500, share: float = 0.3, workers: int = 8) -> None:
    """Faults on 30 % of the calls against none: failures, calls, wall clock; then the next run over the same store."""
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as kept:
        _, _, plain_s = run_once(slow, count, Path(plain), workers=workers, timeout_s=1.5)
        bad = faulty(slow, share=share, seed=1, hang_s=0.0)
        results, calls, took_s = run_once(bad, count, Path(kept), workers=workers, timeout_s=1.5)
        failed = sum(result != 1 for result in results)
        again, more, _ = run_once(slow, count, Path(kept), workers=workers, timeout_s=1.5)
    print(f"{count} questions, {workers} workers, {share:.0%} of calls faulty, 0.3 s a call, deadline 1.5 s")
    print(f"  failed {failed} ({failed / count:.1%}); calls {calls} ({calls / count:.2f} a question)")
    print(f"  wall clock {took_s:.1f} s against {plain_s:.1f} s without faults ({took_s / plain_s:.2f}x)")
    print(f"  next run: {sum(result == 1 for result in again)} answered, {more} calls for {failed} open questions\n")


def overhead(count: int = 600) -> None:
    """CPU of this process per call, server's share taken off by running the server alone on the same requests."""
    with ChaosServer(lambda _seen: GOOD) as server, tempfile.TemporaryDirectory() as folder:
        client = LlmClient(Server(server.base_url, "sk-bench-123", "m"), workers=4, store=AnswerStore(Path(folder)))
        ask_all(client, 50, workers=4)
        server_before, before = server.cpu_s, time.process_time()
        long = "conversation " * 500
        for number in range(count):
            client.ask([{"role": "system", "content": long}, {"role": "user", "content": f"{number}"}], schema=SCHEMA, parse=parse)
        spent, of_server = time.process_time() - before, server.cpu_s - server_before
    print(f"{count} calls of 6.5 KB: {1000 * (spent - of_server) / count:.2f} ms of CPU a call for the client, store included")
    print(f"  (process {1000 * spent / count:.2f} ms, of it the server's threads {1000 * of_server / count:.2f} ms)\n")


def gate(count: int = 300) -> None:
    """How 16 workers get on with a server that serves all at once, two or one at a time: it queues, none is turned away."""
    for name, slots in (("serves all at once", 64), ("serves two at a time", 2), ("serves one at a time", 1)):
        room = threading.Semaphore(slots)

        def behave(_seen: Seen, room: threading.Semaphore = room) -> Reply:
            with room:
                threading.Event().wait(0.05)
            return GOOD

        with ChaosServer(behave) as server, tempfile.TemporaryDirectory() as folder:
            client = LlmClient(Server(server.base_url, "sk-bench-123", "m"), workers=16, store=AnswerStore(Path(folder)))
            started = time.monotonic()
            ask_all(client, count, workers=16)
            took = time.monotonic() - started
            best = count * 0.05 / min(slots, 16)
            print(f"{name:24}{took:6.1f} s for {count} calls (least possible {best:.1f} s), at most {server.most_at_once} under way")
    print()


PARTS: dict[str, Callable[[], None]] = {"behaviours": behaviours, "kinds": kinds, "faults": faults, "overhead": overhead, "gate": gate}


def main(names: list[str]) -> int:
    """Exit status 2 for a part that does not exist."""
    if unknown := [name for name in names if name not in PARTS]:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in names or list(PARTS):
        PARTS[name]()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
