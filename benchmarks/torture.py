"""What a run survives: kills at random moments until it is done, and a run so long that anything that grows would show.

    python -m benchmarks.torture kills [--kills 200] [--tickets 300] [--workers 4] [--seed 1]
    python -m benchmarks.torture long [--tickets 20000]

The program runs as a process of its own against helpdesk and model on loopback. Kills come at a moment of the clock, with a question to the
model under way, or at a change of a file. Prints what was seen; exits 1 if a promise was broken.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testing.chaos_llm import Behaviour, Reply, Seen
from testing.process import begun
from testing.topic_site import RESULTS, TopicSite, question_of, sorting, topic_tickets

GENTLE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDS = (130, -signal.SIGKILL, *(-number for number in GENTLE))  # a signal while Python still starts ends it in Python's own way


class Program:
    """The program in a folder of its own, against a site."""

    def __init__(self, site: TopicSite, folder: Path, *, workers: int) -> None:
        self.folder, self._site, self._arguments = folder, site, ("--pages", "all", "--workers", str(workers))

    def start(self, *, die_at_change: int = 0) -> "subprocess.Popen[bytes]":
        """The program under way; with `die_at_change` it ends at that change of a file."""
        how = ("-m", "testing.disk_faults", str(die_at_change)) if die_at_change else ("-m", "main")
        return begun(self.folder, {**self._site.environment, "PYTHONHASHSEED": "random"}, *self._arguments, how=how)

    def output(self, name: str) -> bytes:
        """A file beside the database, b"" if there is none."""
        path = self.folder / "output" / name
        return path.read_bytes() if path.exists() else b""

    def results(self) -> dict[str, bytes]:
        """The files whose bytes are promised."""
        return {name: self.output(name) for name in RESULTS}

    def trouble(self) -> str:
        """What is broken after a kill: a database or checkpoint that is neither old nor new; "" if nothing."""
        for name in ("silo_issues_db.json", "silo_issues_db.tmp.json"):
            try:
                json.loads(self.output(name) or b"{}")
            except ValueError as error:
                return f"{name}: {error}"
        return ""


class CountingModel:
    """The sorting model, counting questions that it had answered before; `strikes` are done at requests by their number."""

    def __init__(self, draw: random.Random) -> None:
        self.questions: set[str] = set()
        self.asked_again = self.requests = 0
        self.strikes: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._inner: Behaviour = sorting(hopeless=False, latency_s=lambda: draw.random() * 0.016)

    def __call__(self, seen: Seen) -> Reply:
        name = question_of(seen)
        with self._lock:
            self.requests += 1
            strike = self.strikes.pop(self.requests, None)
            if name is not None:
                self.asked_again += name in self.questions
                self.questions.add(name)
        if strike is not None:
            strike()
        return self._inner(seen)

    def forget(self) -> None:
        """Forget what was asked so far."""
        with self._lock:
            self.questions.clear()
            self.asked_again = self.requests = 0


@dataclass(slots=True)
class Campaigns:
    """Runs that are killed again and again until they are done, and what they came to."""

    model: CountingModel
    draw: random.Random
    changes: int
    seconds: float
    kills: Counter[str] = field(default_factory=Counter)
    again: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def one(self, program: Program, most: int) -> None:
        """Start the same command again and again, killing it up to `most` times, until it ends by itself."""
        self.model.forget()
        for left in range(most, -1, -1):
            before = self.model.asked_again
            how = self.draw.choice(("clock", "clock", "question", "write", "gentle"))
            status = self._struck(program, how) if left else program.start().wait()
            self.again.append(self.model.asked_again - before)
            self.broken += [trouble] if (trouble := program.trouble()) else []
            if status == 0:
                return
            self.kills[how] += 1
            if status not in _ENDS:
                self.broken.append(f"killed by {how}, ended with {status}: see {program.folder / 'log.txt'}")

    def _struck(self, program: Program, how: str) -> int:
        """The exit status of one start that is struck down in the way of `how`, unless it ends before."""
        if how == "write":
            return program.start(die_at_change=int(10 ** self.draw.uniform(0, len(str(self.changes)) - 0.5))).wait()
        process = program.start()
        if how == "question":
            self.model.strikes = {self.model.requests + self.draw.randint(1, 150): process.kill}
            status = process.wait()
            self.model.strikes = {}
            return status
        try:
            return process.wait(self.draw.uniform(0.2, max(1.0, self.seconds * 0.7)))
        except subprocess.TimeoutExpired:
            process.send_signal(self.draw.choice(GENTLE) if how == "gentle" else signal.SIGKILL)
            return process.wait()


def kills(args: argparse.Namespace, work: Path) -> bool:
    """Kill runs until there were enough kills; True if nothing was lost."""
    model = CountingModel(random.Random(args.seed + 1))
    equal = lost = litter = count = 0
    with TopicSite(topic_tickets(args.tickets, seed=args.seed), behave=model) as site:
        whole = Program(site, work / "undisturbed", workers=args.workers)
        began = time.monotonic()
        if whole.start().wait() != 0:
            raise SystemExit(f"the undisturbed run failed: see {whole.folder / 'log.txt'}")
        tried = Campaigns(model, random.Random(args.seed), changes=6 * args.tickets, seconds=time.monotonic() - began)
        while tried.kills.total() < args.kills:
            program, count = Program(site, work / f"campaign-{count}", workers=args.workers), count + 1
            tried.one(program, args.kills - tried.kills.total())
            same = program.results() == whole.results()
            equal, lost = equal + same, lost + args.tickets - len(program.output("decisions.jsonl").splitlines())
            litter += len(list(program.folder.glob("**/*.part")))
            print(f"campaign {count}: {tried.kills.total()} kills, {'equal' if same else 'DIFFERENT'} bytes", flush=True)
    worst = max(tried.again)
    print(
        f"{tried.kills.total()} kills {dict(tried.kills)} in {count} runs of {args.tickets} tickets, seed {args.seed}: "
        f"{equal} of {count} ended in equal bytes, {lost} tickets lost; "
        f"questions asked again after a kill: {worst} at most, {sum(tried.again) / len(tried.again):.2f} on average "
        f"({args.workers} workers); {litter} unfinished files left lying"
    )
    print("\n".join(f"BROKEN: {trouble}" for trouble in tried.broken[:20]) or "nothing was broken")
    return equal == count and worst <= args.workers and not lost and not tried.broken


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
        samples = list(_watched(process, program.folder / "conversations"))
    status = process.wait()
    report = json.loads(program.output("run_report.json"))
    warm = [sample for sample in samples if sample.tickets >= args.tickets / 4]
    deciding = [sample for sample in warm if sample.tickets <= args.tickets * 0.98]
    files = max(sample.files for sample in warm) - min(sample.files for sample in warm)
    failed = report["counts"]["failed"]
    print(
        f"{args.tickets} tickets in {report['duration_s']:.0f} s, exit {status}, {failed} failed of {len(faulty)} forbidden; memory "
        f"{warm[0].memory_mb:.0f} MB at a quarter, {deciding[-1].memory_mb:.0f} MB near the last ticket "
        f"({deciding[-1].memory_mb / warm[0].memory_mb:.2f} times), {max(sample.memory_mb for sample in warm):.0f} MB at most, "
        f"while saving; open files within {files} of each other"
    )
    return status == 3 and failed == len(faulty) and files <= 2 * args.workers


@dataclass(frozen=True, slots=True)
class Sample:
    """A running program: tickets stored, memory in MB, open files."""

    tickets: int
    memory_mb: float
    files: int


def _watched(process: "subprocess.Popen[bytes]", conversations: Path) -> Iterator[Sample]:
    """What the process uses, every two seconds; some of it is shown."""
    count = 0
    while process.poll() is None:
        time.sleep(2)
        stored = sum(1 for _ in os.scandir(conversations)) if conversations.is_dir() else 0
        try:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            files = len(os.listdir(f"/proc/{process.pid}/fd"))
            memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        except (OSError, StopIteration):
            return
        sample, count = Sample(stored, memory / 1024, files), count + 1
        yield sample
        if count % 10 == 1:
            print(f"{2 * count:6d} s {stored:6d} tickets {sample.memory_mb:7.1f} MB {files:3d} files", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one part; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("part", choices=("kills", "long"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--tickets", type=int)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--work", type=Path, help="a folder to keep for looking at; else a temporary one")
    args = parser.parse_args(argv)
    args.tickets = args.tickets or (300 if args.part == "kills" else 20_000)
    print(f"seed {args.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        return 0 if (kills if args.part == "kills" else long)(args, work) else 1


if __name__ == "__main__":
    sys.exit(main())
