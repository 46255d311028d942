"""Speed and cost of the whole program, and whether its result stays the same at any speed.

    python -m benchmarks.scale speed --file banking77_longtail.s1500.jsonl.gz [--tickets 1500] [--latency-ms 300] [--workers 1,8,16]
    python -m benchmarks.scale tokens --file banking77_longtail.s1500.jsonl.gz
    python -m benchmarks.scale tokens --tickets 20000 --topics 1000
    python -m benchmarks.scale rounds --tickets 20000 --topics 1000

`speed` runs the program as a process of its own against the sample helpdesk and a model of fixed latency that answers from gold labels,
both on loopback. `tokens` and `rounds` run in one process: input tokens along the run (characters / 4), and the rounds of work by batch
file. Cost on this machine with much in place: `benchmarks.scale_local`. Numbers of a busy machine are worth nothing; it says how busy.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from cli.options import MAX_WAVE_TICKETS
from common.text import CHARS_PER_TOKEN
from demo.labelled_files import load_labelled
from issue_clusterer import WAVE_TICKETS, IssueClusterer
from knowledge import issue as issue_db
from knowledge.paths import RunFiles
from llm.protocol import Answer, Ask, JsonSchema, Messages
from prompts_config import Prompts
from testing.chaos_llm import ChaosServer, Reply, Seen, completion
from testing.helpdesk import DEFAULT_KEY, Helpdesk
from testing.labelled_run import LabelledSet, RoundCounter, asking, found_issues, load_set
from testing.process import begun
from testing.scoring import scores
from testing.simulated_models import SimulatedModel
from testing.synthetic import synthetic_set
from testing.topic_site import RESULTS, schema_of, usage_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program: its folder, seconds, calls by schema, and how well the issues agree with the labels."""

    name: str
    folder: Path
    seconds: float
    cpu_s: float
    calls: Counter[str]
    ari: float
    workers: int

    def output(self, name: str) -> bytes:
        """A file that the run wrote."""
        return (self.folder / "output" / name).read_bytes()


class Site:
    """Helpdesk and a model that knows the labels, with fixed latency on loopback; a context manager that gives itself."""

    def __init__(self, data: LabelledSet, tickets: list[dict[str, Any]], work: Path, *, latency_s: float, limit: int | None) -> None:
        self._data, self._work, self._latency_s = data, work, latency_s
        self._model = SimulatedModel.of(data, "perfect")
        self._helpdesk = Helpdesk(tickets, limit=limit)
        self._desk_url = ""

    def __enter__(self) -> "Site":
        self._desk_url = self._helpdesk.start()  # one for all runs: its address stands in the results
        return self

    def __exit__(self, *_: object) -> None:
        self._helpdesk.stop()

    def run(self, name: str, *flags: str, workers: int, seed: str = "0") -> Run:
        """The program in a folder of its own; SystemExit if it does not end well."""
        folder = self._work / name
        with ChaosServer(self._behave) as model:
            settings = {
                "FRESHDESK_DOMAIN": self._desk_url,
                "FRESHDESK_API_KEY": DEFAULT_KEY,
                "LLM_API_BASE_URL": model.base_url,
                "LLM_API_KEY": "none",
                "LLM_MODEL": "gold-labels",
                "REDACT": "0",  # the model knows a ticket by its words
                "PYTHONHASHSEED": seed,
            }
            began, before = time.monotonic(), os.times()
            status = begun(folder, settings, "--pages", "all", "--workers", str(workers), "--batch-size", "8", *flags).wait()
            seconds, after = time.monotonic() - began, os.times()
        if status != 0:
            raise SystemExit(f"{name} ended with {status}: see {folder / 'log.txt'}")
        calls = Counter(schema_of(seen) for seen in model.seen)
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return Run(name, folder, seconds, cpu_s, calls, self._ari(folder), workers)

    def _behave(self, seen: Seen) -> Reply:
        messages = seen.body["messages"]
        body = completion(json.dumps(self._model.answer(messages)), usage=usage_of(messages))
        return Reply(body=body, delay_s=max(0.0, seen.at + self._latency_s - time.monotonic()))

    def _ari(self, folder: Path) -> float:
        issues = issue_db.load(folder / "output" / RESULTS[0]).values()
        home = {ticket: issue.issue_id for issue in issues for ticket in issue.tickets}
        return scores([home.get(ticket, ticket) for ticket in self._data.labels], list(self._data.labels.values())).ari


def speed(args: argparse.Namespace, work: Path) -> None:
    """Print seconds, calls and agreement for each number of workers, and whether all outputs are the same bytes."""
    data, latency_s = load_set(args.file, first=args.tickets), args.latency_ms / 1000
    tickets = [{**ticket, "id": ticket["id"] + 1} for ticket in load_labelled(args.file)[0][: args.tickets]]  # as the set counts them
    flags = ["--wave-tickets", str(args.wave)]
    runs: list[Run] = []
    with Site(data, tickets, work, latency_s=latency_s, limit=args.limit) as site:
        for workers in args.workers:
            runs.append(site.run(f"workers-{workers}", *flags, workers=workers, seed=str(1 + len(runs))))
            _show(runs[-1], runs[0], len(tickets), latency_s)
        if args.one_by_one:
            _show(site.run("one-by-one", "--wave-tickets", "1", workers=1), runs[0], len(tickets), latency_s)
    for first, second in pairwise(runs):
        different = [name for name in RESULTS if first.output(name) != second.output(name)]
        print(f"{first.name} and {second.name} (another hash seed): {f'DIFFERENT {different}' if different else 'equal bytes'}")


def _show(run: Run, first: Run, tickets: int, latency_s: float) -> None:
    decisions, bound = run.calls["issue_decision"], run.calls.total() * latency_s / run.workers
    print(
        f"{run.name}: {run.seconds:.1f} s, {first.seconds / run.seconds:.2f} times {first.name}; {run.calls.total()} calls "
        f"({decisions / tickets:.3f} a ticket to decide, {run.calls.total() / tickets:.3f} in all); bound {bound:.1f} s, "
        f"{run.seconds / bound:.3f} times that; {run.cpu_s:.1f} s of CPU; ARI {run.ari:.4f}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


@dataclass(slots=True)
class TokensAlong:
    """Counts the input tokens of decisions in the order of tickets; a second asking counts for its ticket."""

    model: Ask
    by_ticket: dict[str, int] = field(default_factory=dict)

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The model's answer."""
        if schema["name"] == "issue_decision":
            ticket = messages[1]["content"].partition("TICKET TO DECIDE\n")[2]
            size = sum(len(message["content"]) for message in messages) // CHARS_PER_TOKEN
            self.by_ticket[ticket] = self.by_ticket.get(ticket, 0) + size
        return self.model(messages, schema=schema, parse=parse)


def tokens(args: argparse.Namespace, work: Path) -> None:
    """Print the input tokens a ticket at several places of the run, and the ratio of its end to its 300th ticket."""
    data = _set(args, work)
    meter = TokensAlong(asking(SimulatedModel.of(data, "perfect").reply))
    clusterer = _clusterer(data, meter.ask, work, wave=args.wave)
    began = time.process_time()
    clusterer.decide(data.conversations)
    sizes = list(meter.by_ticket.values())
    start, end = _mean(sizes[250:350]), _mean(sizes[-len(sizes) // 10 :])
    print(
        f"{data.name}: {len(sizes)} tickets, {len(clusterer.issues)} issues; input tokens a ticket: first 50 {_mean(sizes[:50]):.0f}, "
        f"around 300 {start:.0f}, last tenth {end:.0f} ({end / start:.3f} times); "
        f"{(time.process_time() - began) / len(sizes) * 1000:.2f} ms CPU a ticket"
    )


def rounds(args: argparse.Namespace, work: Path) -> None:
    """Print how many rounds a backfill by batch file takes, and which share of the calls is in them."""
    data = _set(args, work)
    counter = RoundCounter()
    clusterer = _clusterer(data, asking(SimulatedModel.of(data, args.model).reply), work, wave=args.wave, submit=counter.submit)
    clusterer.decide(data.conversations)
    deciding = len(counter.sizes)
    clusterer.conclude()
    total, found = sum(counter.sizes), scores(found_issues(clusterer, list(data.labels)), list(data.labels.values()))
    print(
        f"{data.name}, {args.model} model, waves to {args.wave}: "
        f"{total} calls ({total / len(data.labels):.3f} a ticket), ARI {found.ari:.4f}"
    )
    print(f"{len(counter.sizes)} rounds, {counter.sizes[:deciding]} and at the end {counter.sizes[deciding:]}")


def _clusterer(data: LabelledSet, ask: Ask, work: Path, *, wave: int, **options: Any) -> IssueClusterer:
    stored = {conversation["ticket_id"]: conversation for conversation in data.conversations}
    files = RunFiles(work / "issues.json")
    return IssueClusterer(files, ask=ask, prompts=Prompts(), conversation_of=stored.get, wave_tickets=wave, **options)


def _set(args: argparse.Namespace, work: Path) -> LabelledSet:
    if args.file:
        return load_set(args.file, first=args.tickets)
    return synthetic_set(work / f"synthetic-{args.tickets}.jsonl", args.tickets, args.topics, seed=args.seed)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else math.nan


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("part", choices=("speed", "tokens", "rounds"))
    parser.add_argument("--file", type=Path, help="labelled conversations, JSON lines, also .gz")
    parser.add_argument("--tickets", type=int, help="the first so many of the file, or as many made-up ones")
    parser.add_argument("--topics", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=300.0)
    parser.add_argument("--workers", type=_numbers, default=[1, 8, 16])
    parser.add_argument("--limit", type=int, help="the helpdesk's credits a minute")
    parser.add_argument("--wave", type=int, help="--wave-tickets")
    parser.add_argument("--one-by-one", action="store_true", help="also a run in waves of one, for the quality")
    parser.add_argument("--model", default="perfect", help="behaviour of the simulated model for rounds")
    parser.add_argument("--work", type=Path, help="a folder to keep; else a temporary one")
    args = parser.parse_args(argv)
    args.wave = args.wave or (MAX_WAVE_TICKETS if args.part == "rounds" else WAVE_TICKETS)
    if not args.file:
        args.tickets = args.tickets or 20_000
    part = {"speed": speed, "tokens": tokens, "rounds": rounds}[args.part]
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        part(args, args.work or Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
