"""How fast and how completely tickets are fetched, against the sample helpdesk in a process of its own.

Three measurements: use of the account's limit (window scaled down to seconds), gain by fetching side by side, and 2 000 tickets from a
helpdesk that breaks replies. Prints a table; exits 1 if a floor is missed.

    python -m benchmarks.fetch [--only limit|parallel|faults]
"""

import argparse
import contextlib
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import data_fetcher
from common.errors import TicketFailed
from common.pool import WorkerPool
from data_fetcher import FreshdeskClient
from freshdesk import client as freshdesk_client

ROOT = Path(__file__).resolve().parent.parent
KEY = "benchmark-key"
SHARE = 0.8
MIN_USE = 0.95
MIN_GAIN = 6.5
MAX_MEMORY_MB = 150
FAULTY_REPLY_TIMEOUT_S = 1.0  # a reply that drips is given up after this instead of 30 s


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements; 0 if every floor holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch", description="Measure how tickets are fetched.")
    measurements: dict[str, Callable[[], bool]] = {"limit": measure_limit, "parallel": measure_parallel, "faults": measure_faults}
    parser.add_argument("--only", choices=measurements, help="one measurement instead of all")
    args = parser.parse_args(argv)
    logging.disable(logging.INFO)
    results = [measure() for name, measure in measurements.items() if args.only in (None, name)]
    return 0 if all(results) else 1


def measure_limit(*, limit: int = 200, window_s: float = 4.0, windows: int = 6) -> bool:
    """Credits used of those that are ours, over whole windows, and calls made while told to wait."""
    tickets = int(limit * SHARE / 2 * windows)
    good = True
    for others in (0, int(limit * (1 - SHARE) / 2)):
        options = ("--limit", str(limit), "--window-s", str(window_s), "--used-by-others", str(others), "--latency-ms", "20")
        with helpdesk(tickets, *options, messages=lambda _number: 3) as url:
            client = new_client(url, rate_window_s=window_s)
            fetch_all(client, list(range(1, tickets + 1)), batch_size=8)
            stats = read_stats(url)
        ours = [credits for _, credits in sorted((int(window), credits) for window, credits in stats["windows"].items())][1:-1]
        use = sum(ours) / (len(ours) * limit * SHARE)
        say(
            f"limit {limit}/{window_s:.0f} s, others use {others}: {use:.1%} of our share over {len(ours)} whole windows "
            f"(most in one: {max(ours)} of {limit * SHARE:.0f}), {stats['too_soon']} calls while told to wait, {stats['refused']} refused"
        )
        good = good and use >= MIN_USE and stats["too_soon"] == 0 and max(ours) <= limit * SHARE
    return good


def measure_parallel(*, tickets: int = 600, latency_ms: int = 50) -> bool:
    """How much faster eight at a time are than one at a time, when each reply takes a while."""
    seconds = {}
    with helpdesk(tickets, "--latency-ms", str(latency_ms), messages=lambda number: number % 8) as url:
        for batch_size in (1, 8):
            began = time.monotonic()
            fetch_all(new_client(url), list(range(1, tickets + 1)), batch_size=batch_size)
            seconds[batch_size] = time.monotonic() - began
    gain = seconds[1] / seconds[8]
    say(f"{tickets} tickets at {latency_ms} ms: {seconds[1]:.1f} s one at a time, {seconds[8]:.2f} s eight at a time: {gain:.2f} times")
    return gain >= MIN_GAIN


def measure_faults(*, tickets: int = 2000, share: float = 0.05) -> bool:
    """Whether every ticket and message arrives from a helpdesk that breaks replies, and the memory that it takes."""
    freshdesk_client.REPLY_TIMEOUT_S = FAULTY_REPLY_TIMEOUT_S
    with helpdesk(tickets, "--faults", str(share), "--seed", "3", messages=message_count) as url:
        client = new_client(url)
        began = time.monotonic()
        listing = data_fetcher.fetch_resolved_ticket_ids(None, client=client)
        listed_s = time.monotonic() - began
        counts = fetch_all(client, list(listing), batch_size=8)
        took_s = time.monotonic() - began
        calls = read_stats(url)["calls"]
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lost = sum(counts.get(number) != message_count(number) for number in range(1, tickets + 1))
    say(
        f"{tickets} tickets, {share:.0%} of replies faulty: {len(listing)} listed ({len(listing.gaps)} gaps) in {listed_s:.1f} s, "
        f"{len(counts)} fetched, {lost} with messages missing or doubled, {took_s:.1f} s, {calls} calls, peak memory {memory_mb:.0f} MB"
    )
    return len(listing) == len(counts) == tickets and not listing.gaps and not lost and memory_mb < MAX_MEMORY_MB


def message_count(number: int) -> int:
    """How many messages ticket `number` has: mostly few, around every page border some, now and then very many."""
    return {0: 130, 1: 100, 2: 101, 3: 30, 4: 31, 5: 10, 6: 11, 7: 9}.get(number % 50, number % 7)


def fetch_all(client: FreshdeskClient, ids: list[int], *, batch_size: int) -> dict[int, int]:
    """Number of messages of each ticket that could be had, `batch_size` at a time; no ticket is kept."""
    pool = WorkerPool(batch_size, name="fetch")

    def count(ticket_id: int) -> int:
        return len(data_fetcher.fetch_ticket(ticket_id, client=client)["conversations"])

    futures = {ticket_id: pool.submit(partial(count, ticket_id)) for ticket_id in ids}
    counts = {}
    for ticket_id, future in futures.items():
        with contextlib.suppress(TicketFailed):
            counts[ticket_id] = future.result()
    pool.close()
    return counts


def new_client(url: str, *, rate_window_s: float = 60.0) -> FreshdeskClient:
    """A client as the program makes it."""
    return FreshdeskClient(base_url=url, api_key=KEY, pool_size=8, rate_share=SHARE, rate_window_s=rate_window_s)


@contextlib.contextmanager
def helpdesk(tickets: int, *options: str, messages: Callable[[int], int]) -> Iterator[str]:
    """The base URL of a helpdesk in another process, with tickets 1 to `tickets` of so many messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tickets.jsonl")
        with path.open("w", encoding="utf-8") as out:
            out.writelines(f"{json.dumps(conversation(number, messages(number)))}\n" for number in range(1, tickets + 1))
        command = [sys.executable, "-m", "demo.helpdesk", "--load", str(path), "--key", KEY, *options]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                yield server.stdout.readline().strip()
            finally:
                server.terminate()


def conversation(number: int, messages: int) -> dict[str, Any]:
    """A labelled conversation with an opening and so many messages."""
    texts = [f"ticket {number}, message {position}: " + "the device does not answer any more. " * 6 for position in range(messages + 1)]
    speakers = ("user", "agent")
    rows = [{"speaker": speakers[position % 2], "text": text} for position, text in enumerate(texts)]
    return {"id": number, "subject": f"Ticket {number}", "messages": rows, "label": "none"}


def read_stats(url: str) -> dict[str, Any]:
    """What the helpdesk counted."""
    with urlopen(f"{url}/demo/stats", timeout=10) as reply:
        stats: dict[str, Any] = json.load(reply)
    return stats


def say(text: str) -> None:
    """One line of the result."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
