"""How fast, how completely and for how many credits tickets are listed and fetched, against the sample helpdesk.

    limit      use of our share of the account's limit (its window scaled down to seconds), calls made while told to wait
    parallel   gain by fetching side by side
    faults     2 000 tickets from a helpdesk that breaks replies
    listing    31 000 tickets; 2 000 of one day; 700 of which 320 changed in one second
    credits    150 and 1 000 new tickets, by list pages and by view
    weekly     a run over 10 000 known tickets at 200 credits a minute
    archive    600 archived tickets among ids that are none

Prints a line each; exits 1 if a floor is missed.

    python -m benchmarks.fetch [--only NAME]
"""

import argparse
import contextlib
import datetime
import io
import json
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import data_fetcher
import main as main_module
from cli.options import Options
from cli.source import ConversationSource, Selection, list_tickets, stream
from common.errors import TicketFailed
from common.pool import WorkerPool, at_once
from demo.labelled_files import FIRST_DAY, as_ticket
from env import Settings
from freshdesk import client as freshdesk_client
from freshdesk.client import FreshdeskClient
from knowledge.issue import Card, Issue, to_json
from testing.faults import FaultPlan
from testing.helpdesk import Helpdesk
from testing.plain_desk import raw_ticket

KEY = "benchmark-key"
SHARE = 0.8
VIEW_CREDITS = 4
MIN_USE = 0.95
MIN_GAIN = 7.5
MAX_MEMORY_MB = 150
FAULTY_REPLY_TIMEOUT_S = 1.0  # a reply that drips is given up after this instead of 30 s


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements; 0 if every floor holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch", description="Measure how tickets are fetched.")
    measurements: dict[str, Callable[[], bool]] = {
        "limit": measure_limit,
        "parallel": measure_parallel,
        "faults": measure_faults,
        "listing": measure_listing,
        "credits": measure_credits,
        "weekly": measure_weekly,
        "archive": measure_archive,
    }
    parser.add_argument("--only", choices=measurements, help="one measurement instead of all")
    args = parser.parse_args(argv)
    logging.disable(logging.INFO)
    results = [measure() for name, measure in measurements.items() if args.only in (None, name)]
    return 0 if all(results) else 1


def measure_limit(*, limit: int = 200, window_s: float = 4.0, windows: int = 6) -> bool:
    """Credits used of those that are ours, over whole windows, and calls made while told to wait."""
    tickets = int(limit * SHARE / VIEW_CREDITS * windows)
    good = True
    for others in (0, int(limit * (1 - SHARE) / 2)):
        desk = desk_of(tickets, lambda _number: 3, limit=limit, window_s=window_s, used_by_others=others, latency_s=0.02)
        with desk as url:
            fetch_all(new_client(url, rate_window_s=window_s), list(range(1, tickets + 1)), batch_size=8)
        ours = [credits for _, credits in sorted(desk.spent().items())][1:-1]
        too_soon, refused = sum(call.too_soon for call in desk.calls), sum(call.status == 429 for call in desk.calls)
        ours_to_use = limit * SHARE - others  # the part of the limit that is not ours stays free whoever used the rest
        use = sum(ours) / (len(ours) * ours_to_use)
        say(
            f"limit {limit}/{window_s:.0f} s, others use {others}: {use:.1%} of our share over {len(ours)} whole windows "
            f"(most in one: {max(ours)} of {ours_to_use:.0f}), {too_soon} calls while told to wait, {refused} refused"
        )
        good = good and use >= MIN_USE and too_soon == 0 and max(ours) <= limit * SHARE
    return good


def measure_parallel(*, tickets: int = 320, latency_ms: int = 150) -> bool:
    """How much faster eight at a time are than one at a time, when each reply takes a while."""
    seconds = {}
    with desk_of(tickets, lambda number: number % 8, latency_s=latency_ms / 1000) as url:
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
    desk = desk_of(tickets, message_count, faults=FaultPlan(share=share, seed=3))
    with desk as url:
        client = new_client(url)
        began = time.monotonic()
        listing = data_fetcher.fetch_resolved_ticket_ids(None, client=client)
        listed_s = time.monotonic() - began
        counts = fetch_all(client, list(listing), batch_size=8)
        took_s = time.monotonic() - began
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lost = sum(counts.get(number) != message_count(number) for number in range(1, tickets + 1))
    say(
        f"{tickets} tickets, {share:.0%} of replies faulty: {len(listing)} listed ({len(listing.gaps)} gaps) in {listed_s:.1f} s, "
        f"{len(counts)} fetched, {lost} with messages missing or doubled, {took_s:.1f} s, {len(desk.calls)} calls, "
        f"peak memory {memory_mb:.0f} MB, the helpdesk's among it"
    )
    return len(listing) == len(counts) == tickets and not listing.gaps and not lost and memory_mb < MAX_MEMORY_MB


def measure_listing() -> bool:
    """Whether everything is listed, and for how many calls and credits."""
    day = 86_400
    sizes = {
        "31000 tickets of three years": [number * 3000 for number in range(31_000)],
        "2000 of one day": [number * day // 2000 for number in range(2000)],
        "700, of them 320 in one second": [0 if number < 190 else day if number < 510 else day + number for number in range(700)],
    }
    good = True
    for name, seconds in sizes.items():
        desk = Helpdesk(
            [raw_ticket(number, moment(at), status=2 + number % 4) for number, at in enumerate(seconds, 1)],
            api_key=KEY,
        )
        with desk as url:
            began = time.monotonic()
            listing = data_fetcher.fetch_resolved_ticket_ids(None, client=new_client(url))
            took_s = time.monotonic() - began
        wanted = {number for number, ticket in desk.tickets.items() if ticket["status"] in (4, 5)}
        missing, doubled = len(wanted - set(listing)), len(listing) - len(set(listing))
        say(
            f"{name}: {len(listing)} resolved or closed listed, {missing} missing, {doubled} doubled, {len(listing.gaps)} gaps; "
            f"{len(desk.calls)} calls, {desk.spent().total()} credits, {took_s:.1f} s"
        )
        good = good and not (missing or doubled or listing.gaps)
    return good


def measure_credits() -> bool:
    """What new tickets cost, listing included, by list pages and by view."""
    good = True
    for count, pages in ((150, 5), (1000, None)):
        tickets = [as_ticket(conversation(number, number % 8), position=number) for number in range(1, count + 1)]
        for by_list in (True, False):
            desk = Helpdesk(tickets, api_key=KEY)
            with desk as url, tempfile.TemporaryDirectory() as folder:
                source = ConversationSource(settings_of(url), new_client(url), Path(folder), statuses=(4, 5))
                refs = list_tickets(Selection(pages=pages), source, at_once).tickets
                rows = refs if by_list else [{"ticket_id": ref["ticket_id"]} for ref in refs]
                read = sum("conversation" in item for item in stream(rows, source, at_once) if isinstance(item, dict))
            spent, each = desk.spent().total(), desk.spent().total() / count
            say(f"{count} new tickets {'by list pages' if by_list else 'by view'}: {read} read, {spent} credits, {each:.2f} a ticket")
            good = good and read == count and (each < 1.15 or not by_list)
    return good


def measure_weekly(*, tickets: int = 10_000, limit: int = 200) -> bool:
    """What a run costs that finds only tickets which the database holds."""
    raw = [raw_ticket(number, moment(number * 3000)) for number in range(1, tickets + 1)]
    desk = Helpdesk(raw, api_key=KEY, limit=limit)
    with desk as url, tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "silo_issues_db.json")
        output.write_text(json.dumps([known_issue(range(1, tickets + 1))]), encoding="utf-8")
        options = Options(pages="all", output=output, conversations=Path(folder, "conversations"), cache=Path(folder, "cache"))
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):
            _, report = main_module.run_with_report(options, settings_of(url))
        took_s = time.monotonic() - began
    calls = report.totals.calls
    say(
        f"a run over {tickets} known tickets: {report.already_known} known, {desk.spent().total()} credits, {took_s:.1f} s "
        f"at {limit} a minute, {calls} model calls"
    )
    return report.already_known == tickets and calls == 0 and desk.spent().total() <= tickets / 95


def measure_archive(*, archived: int = 600, gone: int = 200, listed: int = 400) -> bool:
    """How many archived tickets a look-up finds, and what a second one asks."""
    ids = iter(range(1, archived + gone + listed + 1))
    kinds = sorted(range(archived + gone + listed), key=lambda place: place * 7919 % 1201)
    tickets = [
        as_ticket(conversation(number, 3), position=number) | {"archived": kind < archived}
        for number, kind in zip(ids, kinds, strict=True)
        if kind < archived + listed
    ]
    tickets.append(as_ticket(conversation(archived + gone + listed + 1, 3), position=5000))
    desk = Helpdesk(tickets, api_key=KEY)
    with desk as url, tempfile.TemporaryDirectory() as folder:
        source = ConversationSource(settings_of(url), new_client(url), Path(folder), cache=Path(folder), statuses=(4, 5))
        asked = [len(desk.calls)]
        for _ in range(2):
            found = {ref["ticket_id"] for ref in list_tickets(Selection(pages=None, archived=True), source, at_once).tickets}
            asked.append(len(desk.calls))
    wanted = {ticket["id"] for ticket in tickets if ticket.get("archived")}
    say(f"{len(wanted & found)} of {len(wanted)} archived tickets found: {asked[1]} calls, a second look-up {asked[2] - asked[1]}")
    return wanted <= found and asked[2] - asked[1] < 10


def known_issue(ids: Iterable[int]) -> dict[str, Any]:
    """One issue that holds all these tickets."""
    issue = Issue("ISSUE-1", Card("Device does not answer", "It does not answer."), status="confirmed", confidence=0.9)
    issue.tickets = list(ids)
    return to_json(issue)


def settings_of(url: str) -> Settings:
    """Settings for this helpdesk and for a model that nobody can reach."""
    return Settings(url, KEY, "http://127.0.0.1:9/v1", "k", "no model", batch_size=8)


def moment(seconds: int) -> str:
    """A time in the API's form, so many seconds after the first."""
    return f"{FIRST_DAY + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


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


def desk_of(tickets: int, messages: Callable[[int], int], **options: Any) -> Helpdesk:
    """A helpdesk with tickets 1 to `tickets` of so many messages."""
    rows = (conversation(number, messages(number)) for number in range(1, tickets + 1))
    return Helpdesk([as_ticket(row, position=position) for position, row in enumerate(rows)], api_key=KEY, **options)


def conversation(number: int, messages: int) -> dict[str, Any]:
    """A labelled conversation with an opening and so many messages."""
    texts = [f"ticket {number}, message {position}: " + "the device does not answer any more. " * 6 for position in range(messages + 1)]
    speakers = ("user", "agent")
    rows = [{"speaker": speakers[position % 2], "text": text} for position, text in enumerate(texts)]
    return {"id": number, "subject": f"Ticket {number}", "messages": rows, "label": "none"}


def say(text: str) -> None:
    """One line of the result."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
