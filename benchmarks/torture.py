"""What a run survives: kills at random moments until it is done, and a run so long that anything that grows would show.

    python -m benchmarks.torture kills [--kills 200] [--tickets 300] [--workers 4] [--seed 1] [--reprocess]
    python -m benchmarks.torture long [--tickets 20000]

The program runs as a process of its own against helpdesk and model on loopback. Kills come at a moment of the clock, with a question to the
model under way, or just before or after a write reaches the disk. Prints what was seen; exits 1 if a promise was broken.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testing.chaos_llm import Behaviour, Reply, Seen
from testing.topic_site import RESULTS, TopicSite, question_of, sorting, topic_tickets

ROOT = Path(__file__).resolve().parent.parent
GENTLE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDS = (130, -signal.SIGKILL, *(-number for number in GENTLE))  # a signal while Python still starts ends it in Python's own way
_DIE_AT_WRITE = """
import os, runpy, signal, sys
left = int(sys.argv.pop(1))
def dying(call):
    def at(*args, **kwargs):
        global left
        result = call(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return at
for name in ("fsync", "replace", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
sys.argv[0] = "main"
runpy.run_module("main", run_name="__main__")
"""
"""Runs the program and kills it right after its nth fsync, rename or removal."""


@dataclass(slots=True)
class Tally:
    """What a campaign of kills came to."""

    kills: Counter[str] = field(default_factory=Counter)
    again: list[int] = field(default_factory=list)
    campaigns: int = 0
    equal: int = 0
    lost_tickets: int = 0
    broken: list[str] = field(default_factory=list)
    litter: int = 0

    @property
    def total(self) -> int:
        return sum(self.kills.values())


class Program:
    """The program in a folder of its own, against a site."""

    def __init__(self, site: TopicSite, work: Path, *, workers: int, arguments: Sequence[str] = ()) -> None:
        self.work = work
        self._environment = {**_plain_environment(), **site.environment, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "random"}
        self._arguments = ["--pages", "all", *arguments, "--workers", str(workers)]
        work.mkdir(parents=True, exist_ok=True)

    def start(self, *, die_at_write: int = 0, instead: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        """The program under way; with `die_at_write` it ends itself after that write. `instead`: other arguments, this once."""
        how = ["-c", _DIE_AT_WRITE, str(die_at_write)] if die_at_write else ["-m", "main"]
        with (self.work / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *how, *(instead or self._arguments)], cwd=self.work, env=self._environment, stdout=log, stderr=log
            )

    def output(self, name: str) -> Path:
        """A file beside the database."""
        return self.work / "output" / name

    def digest(self) -> str:
        """One name for the bytes of all results."""
        parts = [self.output(name).read_bytes() if self.output(name).exists() else b"none" for name in RESULTS]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

    def trouble(self) -> str:
        """What is broken after a kill: a database or checkpoint that is neither old nor new; "" if nothing."""
        for name in ("silo_issues_db.json", "silo_issues_db.tmp.json"):
            if self.output(name).exists():
                try:
                    json.loads(self.output(name).read_bytes())
                except ValueError as error:
                    return f"{name}: {error}"
        return ""


class CountingModel:
    """The sorting model, counting questions that it had answered before."""

    def __init__(self, draw: random.Random) -> None:
        self.questions: Counter[str] = Counter()
        self.asked_again = 0
        self.requests = 0
        self.at_request: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._inner: Behaviour = sorting(hopeless=False, latency_s=lambda: draw.random() * 0.016)

    def __call__(self, seen: Seen) -> Reply:
        name = question_of(seen)
        with self._lock:
            self.requests += 1
            strike = self.at_request.pop(self.requests, None)
            if name is not None:
                self.asked_again += name in self.questions
                self.questions[name] += 1
        if strike is not None:
            strike()
        return self._inner(seen)

    def forget(self) -> None:
        with self._lock:
            self.questions.clear()
            self.asked_again = self.requests = 0


def kills(args: argparse.Namespace, work: Path) -> bool:
    """Kill runs until there were enough kills; True if nothing was lost."""
    draw = random.Random(args.seed)
    model = CountingModel(random.Random(args.seed + 1))
    tally = Tally()
    with TopicSite(topic_tickets(args.tickets, seed=args.seed), behave=model) as site:
        wanted, writes, seconds = _reference(site, model, work, args)
        print(f"undisturbed: {wanted}, {model.requests} requests, about {writes} writes, {seconds:.1f} s", flush=True)
        while tally.total < args.kills:
            model.forget()
            program = _prepared(site, work, f"campaign-{tally.campaigns}", args)
            _campaign(program, model, draw, tally, writes=writes, seconds=seconds, most=args.kills - tally.total)
            equal = program.digest() == wanted
            tally.campaigns += 1
            tally.equal += equal
            tally.lost_tickets += args.tickets - len(program.output("decisions.jsonl").read_bytes().splitlines())
            tally.litter += len(list(program.work.glob("**/*.part")))
            print(f"campaign {tally.campaigns}: {tally.total} kills, {'equal' if equal else 'DIFFERENT'} bytes", flush=True)
    return _verdict(tally, args)


def _reference(site: TopicSite, model: CountingModel, work: Path, args: argparse.Namespace) -> tuple[str, int, float]:
    """Digest, writes and seconds of a run that nobody disturbs."""
    program = _prepared(site, work, "undisturbed", args)
    model.forget()
    began = time.monotonic()
    status = program.start().wait()
    if status != 0:
        raise SystemExit(f"the undisturbed run ended with {status}: see {program.work / 'log.txt'}")
    writes = 3 * (args.tickets + args.tickets // 5)
    return program.digest(), writes, time.monotonic() - began


def _prepared(site: TopicSite, work: Path, name: str, args: argparse.Namespace) -> Program:
    """The program in a new folder; with --reprocess one that holds what an earlier run made of half of the tickets."""
    if not args.reprocess:
        return Program(site, work / name, workers=args.workers)
    earlier = work / "earlier"
    if not earlier.exists():
        half = sorted(site.helpdesk.tickets)[: args.tickets // 2]
        ids = ",".join(str(ticket_id) for ticket_id in half)
        if Program(site, earlier, workers=args.workers).start(instead=["--ticket-ids", ids]).wait() != 0:
            raise SystemExit(f"the earlier run failed: see {earlier / 'log.txt'}")
        shutil.rmtree(earlier / ".cache")
    shutil.copytree(earlier, work / name)
    return Program(site, work / name, workers=args.workers, arguments=["--reprocess"])


def _campaign(program: Program, model: CountingModel, draw: random.Random, tally: Tally, *, writes: int, seconds: float, most: int) -> None:
    """Start the same command again and again, killing it up to `most` times, until it ends by itself."""
    for _ in range(most + 1):
        before = model.asked_again
        how = draw.choice(("clock", "clock", "question", "write", "gentle"))
        status = _struck(program, model, draw, how, writes=writes, seconds=seconds) if _ < most else program.start().wait()
        tally.again.append(model.asked_again - before)
        if trouble := program.trouble():
            tally.broken.append(trouble)
        if status == 0:
            return
        tally.kills[how] += 1
        if status not in _ENDS:
            tally.broken.append(f"killed by {how}, ended with {status}: see {program.work / 'log.txt'}")


def _struck(program: Program, model: CountingModel, draw: random.Random, how: str, *, writes: int, seconds: float) -> int:
    """The exit status of one start that is struck down in the way of `how`, unless it ends before."""
    if how == "write":
        return program.start(die_at_write=int(10 ** draw.uniform(0, len(str(writes)) - 0.5))).wait()
    process = program.start()
    if how == "question":
        model.at_request = {model.requests + draw.randint(1, 150): process.kill}
        status = process.wait()
        model.at_request = {}
        return status
    try:
        return process.wait(draw.uniform(0.2, max(1.0, seconds * 0.7)))
    except subprocess.TimeoutExpired:
        process.send_signal(draw.choice(GENTLE) if how == "gentle" else signal.SIGKILL)
        return process.wait()


def _verdict(tally: Tally, args: argparse.Namespace) -> bool:
    worst = max(tally.again)
    print(
        f"{tally.total} kills {dict(tally.kills)} in {tally.campaigns} runs of {args.tickets} tickets, seed {args.seed}: "
        f"{tally.equal} of {tally.campaigns} ended in equal bytes, {tally.lost_tickets} tickets lost; "
        f"questions asked again after a kill: {worst} at most, {sum(tally.again) / len(tally.again):.2f} on average "
        f"({args.workers} workers); {tally.litter} unfinished files left lying"
    )
    for trouble in tally.broken[:20]:
        print(f"BROKEN: {trouble}")
    return tally.equal == tally.campaigns and worst <= args.workers and not tally.lost_tickets and not tally.broken


def long(args: argparse.Namespace, work: Path) -> bool:
    """One long run, every hundredth ticket forbidden; True if memory and open files stay flat after the first quarter."""
    tickets = topic_tickets(args.tickets, seed=args.seed)
    faulty = frozenset(ticket["id"] for ticket in tickets[::100])
    inner = sorting(jumpy=False)

    def behave(seen: Seen) -> Reply:
        if seen.number > 1000:
            site.forget()
        return inner(seen)

    with TopicSite(tickets, behave=behave, forbidden=faulty) as site:
        program = Program(site, work / "long", workers=args.workers)
        process = program.start()
        samples = list(_watched(process, program.work / "conversations", args.tickets))
    status = process.wait()
    return _flat(samples, status, program, expected_failures=len(faulty), args=args)


@dataclass(frozen=True, slots=True)
class Sample:
    """A running program: seconds since its start, tickets stored, memory in MB, open files."""

    seconds: float
    tickets: int
    memory_mb: float
    files: int


def _watched(process: "subprocess.Popen[bytes]", conversations: Path, total: int) -> Iterator[Sample]:
    """What the process uses, at each further twentieth of the tickets and every ten seconds."""
    began, shown = time.monotonic(), -1.0
    while process.poll() is None:
        time.sleep(2)
        stored = sum(1 for _ in os.scandir(conversations)) if conversations.is_dir() else 0
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            files = len(os.listdir(f"/proc/{process.pid}/fd"))
            memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        except (OSError, StopIteration):
            return
        sample = Sample(time.monotonic() - began, stored, memory / 1024, files)
        yield sample
        if sample.seconds - shown >= 20:
            shown = sample.seconds
            print(f"{sample.seconds:6.0f} s {stored:6d}/{total} tickets {sample.memory_mb:7.1f} MB {files:3d} files", flush=True)


def _flat(samples: Sequence[Sample], status: int, program: Program, *, expected_failures: int, args: argparse.Namespace) -> bool:
    report = json.loads(program.output("run_report.json").read_bytes())
    warm = [sample for sample in samples if sample.tickets >= args.tickets / 4]
    deciding = [sample for sample in warm if sample.tickets <= args.tickets * 0.98]
    growth = deciding[-1].memory_mb / warm[0].memory_mb
    files = max(sample.files for sample in warm) - min(sample.files for sample in warm)
    failed = report["counts"]["failed"]
    print(
        f"{args.tickets} tickets in {report['duration_s']:.0f} s, exit {status}, {failed} failed of {expected_failures} forbidden; memory "
        f"{warm[0].memory_mb:.0f} MB at a quarter, {deciding[-1].memory_mb:.0f} MB near the last ticket ({growth:.2f} times), "
        f"{max(sample.memory_mb for sample in warm):.0f} MB at most, while saving; "
        f"open files within {files} of each other"
    )
    return status == 3 and failed == expected_failures and files <= 2 * args.workers


def _plain_environment() -> Mapping[str, str]:
    ours = ("FRESHDESK_", "LLM_", "EMBEDDING_", "SILO_", "BATCH_SIZE", "PRODUCT_", "CATEGORIES", "INCLUDE_", "REDACT", "IGNORE_", "KB_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def _folder(path: Path | None) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        yield Path(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one part; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("part", choices=("kills", "long"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--tickets", type=int)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--reprocess", action="store_true", help="kill runs that decide again what an earlier run had decided")
    parser.add_argument("--work", type=Path, help="a folder to keep for looking at; else a temporary one")
    args = parser.parse_args(argv)
    args.tickets = args.tickets or (300 if args.part == "kills" else 20_000)
    print(f"seed {args.seed}", flush=True)
    with _folder(args.work) as work:
        return 0 if (kills if args.part == "kills" else long)(args, work) else 1


if __name__ == "__main__":
    sys.exit(main())
