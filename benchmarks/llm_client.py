"""What the model client costs and survives, measured against servers that misbehave on loopback.

    python -m benchmarks.llm_client [kinds] [faults] [overhead]

Without a name all three. Needs no network; takes about a minute. Prints tables; decides nothing.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import Stopped
from common.pool import WorkerPool
from llm.connection import Server
from llm.protocol import AnswerUnusable, BudgetReached, ContextTooLong
from llm.store import AnswerStore
from llm_client import LlmClient
from testing.chaos_llm import Behaviour, ChaosServer, Reply, Seen, faulty, says
from testing.wild_servers import CASES, GOOD, KEY, SCHEMA, TEXT, parse, play


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


def slow(_seen: Seen) -> Reply:
    """An answer after 0.3 s."""
    return says(TEXT, delay_s=0.3)


def faults(count: int = 500, share: float = 0.3, workers: int = 8) -> None:
    """Faults on 30 % of the calls against none: failures, calls, wall clock; then the next run over the same store."""
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as kept:
        _, _, plain_s = _asked(slow, count, Path(plain), workers=workers)
        results, calls, took_s = _asked(faulty(slow, share=share, seed=1, hang_s=0.0), count, Path(kept), workers=workers)
        again, more, _ = _asked(slow, count, Path(kept), workers=workers)
    failed = sum(result != 1 for result in results)
    print(f"{count} questions, {workers} workers, {share:.0%} of calls faulty, 0.3 s a call, deadline 1.5 s")
    print(f"  failed {failed} ({failed / count:.1%}); calls {calls} ({calls / count:.2f} a question)")
    print(f"  wall clock {took_s:.1f} s against {plain_s:.1f} s without faults ({took_s / plain_s:.2f}x)")
    print(f"  next run: {sum(result == 1 for result in again)} answered, {more} calls for {failed} open questions\n")


def _asked(behave: Behaviour, count: int, folder: Path, *, workers: int) -> tuple[list[Any], int, float]:
    """Values or errors of `count` different questions, calls that arrived, seconds."""
    with ChaosServer(behave) as server:
        client = LlmClient(Server(server.base_url, KEY, "m", timeout_s=1.5), workers=workers, store=AnswerStore(folder))
        pool = WorkerPool(workers, name="bench")
        began = time.monotonic()
        futures = [pool.submit(partial(_answer, client, number)) for number in range(count)]
        results = [future.result() for future in futures]
        pool.close()
        return results, len(server.seen), time.monotonic() - began


def _answer(client: LlmClient, number: int, system: str = "Number things, in JSON.") -> Any:
    question = [{"role": "system", "content": system}, {"role": "user", "content": f"question {number}"}]
    try:
        return client.ask(question, schema=SCHEMA, parse=parse).value
    except (AnswerUnusable, ContextTooLong, Stopped, BudgetReached) as error:
        return error


def overhead(count: int = 600) -> None:
    """CPU of this process per call, server's share taken off by running the server alone on the same requests."""
    with ChaosServer(lambda _seen: GOOD) as server, tempfile.TemporaryDirectory() as folder:
        client = LlmClient(Server(server.base_url, KEY, "m"), workers=4, store=AnswerStore(Path(folder)))
        for number in range(50):
            _answer(client, -number)
        server_before, before = server.cpu_s, time.process_time()
        for number in range(count):
            _answer(client, number, system="conversation " * 500)
        spent, of_server = time.process_time() - before, server.cpu_s - server_before
    print(f"{count} calls of 6.5 KB: {1000 * (spent - of_server) / count:.2f} ms of CPU a call for the client, store included")
    print(f"  (process {1000 * spent / count:.2f} ms, of it the server's threads {1000 * of_server / count:.2f} ms)\n")


PARTS: dict[str, Callable[[], None]] = {"kinds": kinds, "faults": faults, "overhead": overhead}


def main() -> None:
    """Measure what was named, or all; argparse ends the program for a part that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llm_client", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    for name in parser.parse_args().parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
