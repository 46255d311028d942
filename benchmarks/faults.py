"""What the files of a run survive: kills and errors at each call that changes one, two runs at once, flipped bits.

    python -m benchmarks.faults kills|errors|together|bits [--tickets 12] [--sample N] [--seed 1] [--lanes 2]

Each run is a process of its own, forked from this one, without sockets. `kills` ends it at every call in turn, in the middle of writes
too; `errors` lets every call fail, once or from then on; `together` begins two runs in one instant; `bits` flips one bit of a file. Good
is, after the same command: the bytes of a run that nobody disturbed, or a word that names the file. Prints what was seen; exits 1 if
anything else was.
"""

import argparse
import contextlib
import errno
import functools
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import main as program
from benchmarks.power import REVIEW, by_id, filled
from testing.disk_faults import Disk, die, failing
from testing.offline_site import offline
from testing.topic_site import RESULTS, topic_tickets

OUTPUT = Path("output")
DATABASE, FLAGGED, LOG = (OUTPUT / name for name in RESULTS)
CHECKPOINT = OUTPUT / "silo_issues_db.tmp.json"
REASONS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EPERM)
BITS, PAIRS = 120, 100
FORK = multiprocessing.get_context("fork")
CRASHED = 70


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit status (negative: the signal), what it said, and how many calls changed files."""

    status: int
    said: str
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial: `kind` counts it, `broken` says what must not be, "" for nothing."""

    kind: str
    broken: str = ""


def begin(folder: Path, argv: Sequence[str], log: Path, disk: Disk | None = None, *, gate: Event | None = None) -> BaseProcess:
    """A new process that runs the program in a folder, at once or when the gate is opened; what it says goes into `log`."""

    def work() -> None:
        os.chdir(folder)
        status = CRASHED
        with log.open("w", encoding="utf-8") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            if gate is not None:
                gate.wait()
            try:
                with (disk or Disk()).watched() as watched:
                    status = program.main(list(argv))
                print(f"\ncalls {len(watched.calls)}")
            except BaseException:  # noqa: BLE001 - what is said of it is looked at
                traceback.print_exc()
        sys.exit(status)

    process = FORK.Process(target=work)
    process.start()
    return process


def ended(process: BaseProcess, log: Path) -> Ended:
    """How that process ends."""
    process.join()
    said, _, calls = log.read_text(encoding="utf-8").rpartition("\ncalls ")
    return Ended(process.exitcode or 0, said or calls, int(calls) if said else 0)


def run(folder: Path, argv: Sequence[str], disk: Disk | None = None) -> Ended:
    """How the program ends in a folder, in a process of its own."""
    log = folder.with_name(f"{folder.name}.log")
    return ended(begin(folder, argv, log, disk), log)


def results(folder: Path) -> dict[str, bytes]:
    """The files whose bytes are promised."""
    return {name: (folder / OUTPUT / name).read_bytes() for name in RESULTS if (folder / OUTPUT / name).exists()}


@dataclass(frozen=True, slots=True)
class Start:
    """A folder to begin from, a command, and what it leaves there when nothing disturbs it."""

    folder: Path
    argv: tuple[str, ...]
    wanted: dict[str, bytes]
    calls: int

    @classmethod
    def of(cls, folder: Path, argv: Sequence[str]) -> "Start":
        with copied(folder) as copy:
            whole = run(copy, argv)
            if whole.status != 0:
                raise SystemExit(f"the undisturbed {argv} ended with {whole.status}: {whole.said}")
            return cls(folder, tuple(argv), results(copy), whole.calls)


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of a folder, for one trial."""
    copy = folder.with_name(f"{folder.name}-{os.getpid()}")
    shutil.copytree(folder, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


class Scene:
    """Tickets, and a folder in which a run has decided the first of them."""

    def __init__(self, work: Path, tickets: int, seed: int) -> None:
        self.raw = topic_tickets(tickets, seed=seed)
        self.ids = [ticket["id"] for ticket in self.raw]
        self.archived = self.ids[1::5]
        self.work, self.folder = work, work / "earlier"
        self.folder.mkdir(parents=True)
        self.do(self.folder, by_id(self.ids[: tickets // 2]))

    def do(self, folder: Path, argv: Sequence[str]) -> None:
        whole = run(folder, argv)
        if whole.status != 0:
            raise SystemExit(f"{argv} ended with {whole.status}: {whole.said}")

    def later(self, name: str, *commands: Sequence[str]) -> Path:
        """A copy of the folder in which more was done."""
        folder = self.work / name
        shutil.copytree(self.folder, folder)
        for argv in commands:
            self.do(folder, argv)
        return folder


Trial = Callable[[], Tried]


def kills(scene: Scene, args: argparse.Namespace) -> Iterator[Trial]:
    """Each command killed at each call that changes a file."""
    for start, number in _points(scene, args):
        yield functools.partial(_struck, start, Disk(number, die), f"{start.argv[0]} killed at call {number} of {start.calls}")


def errors(scene: Scene, args: argparse.Namespace) -> Iterator[Trial]:
    """Each command with each call failing, for the reasons in turn: once, and of every fourth call from then on."""
    for place, (start, number) in enumerate(_points(scene, args)):
        for lasting in (False, True) if place % 4 == 0 else (False,):
            reason = REASONS[place % len(REASONS)]
            where = f"{start.argv[0]}, {errno.errorcode[reason]} {'from' if lasting else 'at'} call {number} of {start.calls}"
            yield functools.partial(_struck, start, Disk(number, failing(reason), lasting), where)


def _points(scene: Scene, args: argparse.Namespace) -> list[tuple[Start, int]]:
    """Every call of a first run, of a later one, of a review and of its undo, or a sample of them."""
    empty, everything = scene.work / "empty", by_id(scene.ids)
    empty.mkdir()
    listed = scene.later("listed", everything)
    (listed / REVIEW).write_text(filled((listed / FLAGGED).read_text(encoding="utf-8"), scene.ids), encoding="utf-8")
    review = ("--apply-review", REVIEW)
    reviewed = shutil.copytree(listed, scene.work / "reviewed")
    scene.do(reviewed, review)
    starts = [Start.of(empty, everything), Start.of(scene.folder, everything)]
    starts += [Start.of(listed, review), Start.of(reviewed, ("--undo-review",))]
    every = [(start, number) for start in starts for number in range(1, start.calls + 1)]
    return random.Random(args.seed).sample(every, args.sample) if args.sample and args.sample < len(every) else every


def _struck(start: Start, disk: Disk, where: str) -> Tried:
    """A command that is struck, then the same once more undisturbed: it does what is left, or says that all is done."""
    with copied(start.folder) as folder:
        before = results(folder)
        first = run(folder, start.argv, disk)
        left = results(folder)
        second = run(folder, start.argv)
        after = results(folder)
    kind = "killed" if first.status == -signal.SIGKILL else f"exit {first.status}"
    if first.status not in (-signal.SIGKILL, 0, 1, 2) or (first.status > 0) != ("\nerror: " in f"\n{first.said}"):
        return Tried(kind, f"{where}: exit {first.status}, {first.said[-300:]!r}")
    if any(left.get(name) not in (before.get(name), start.wanted[name]) for name in RESULTS):
        return Tried(kind, f"{where}: a file is neither old nor new")
    if second.status not in (0, 2) or after != start.wanted:
        return Tried(kind, f"{where}: the same command then ended with {second.status} and other bytes, {second.said[-300:]!r}")
    return Tried(kind)


def together(scene: Scene, args: argparse.Namespace) -> Iterator[Trial]:
    """Two runs that begin in one instant: one ends as if alone, the other does too or is told that the database is in use."""
    start = Start.of(scene.folder, by_id(scene.ids))
    for number in range(args.sample or PAIRS):
        yield functools.partial(_pair, start, f"pair {number + 1}")


def _pair(start: Start, where: str) -> Tried:
    with copied(start.folder) as folder:
        gate, logs = FORK.Event(), [folder.with_name(f"{folder.name}.{name}.log") for name in ("one", "other")]
        processes = [begin(folder, start.argv, log, gate=gate) for log in logs]
        gate.set()
        both = sorted(map(ended, processes, logs), key=lambda one: one.status)
        after = results(folder)
    kind = f"exits {both[0].status} and {both[1].status}"
    refused = both[1].status == 2 and "is in use by" in both[1].said
    if both[0].status != 0 or not (refused or both[1].status == 0) or after != start.wanted:
        return Tried(kind, f"{where}: {kind}, {both[1].said[-300:]!r}, bytes equal: {after == start.wanted}")
    return Tried(kind)


def bits(scene: Scene, args: argparse.Namespace) -> Iterator[Trial]:
    """One bit of one file flipped before a command, in each kind of file that a command reads."""
    draw = random.Random(args.seed)
    for target, (start, paths) in _targets(scene).items():
        for _ in range(args.sample or BITS):
            path = draw.choice(paths)
            bit = draw.randrange(8 * (start.folder / path).stat().st_size)
            yield functools.partial(_flipped, target, start, path, bit)


def _targets(scene: Scene) -> dict[str, tuple[Start, list[Path]]]:
    """For each kind of file a folder with such files, and a command that reads them."""
    everything = by_id(scene.ids)
    run_all = Start.of(scene.folder, everything)
    fetched = scene.later("fetched", ("--fetch-only", *everything))
    conversations = [path.relative_to(fetched) for path in sorted(fetched.glob("conversations/*.json"))]
    answered = scene.later("answered", everything)
    shutil.rmtree(answered / OUTPUT)
    shutil.copytree(scene.folder / OUTPUT, answered / OUTPUT)
    stopped = scene.later("stopped")
    run(stopped, everything, Disk(run_all.calls * 2 // 3, _interrupt))
    listed = scene.later("listed", everything)
    (listed / FLAGGED).write_text(filled((listed / FLAGGED).read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(listed / FLAGGED, listed / REVIEW)
    reviewed = scene.later("reviewed", everything, ("--apply-review", str(listed / FLAGGED)))
    copies = [path.relative_to(reviewed) for path in sorted(reviewed.glob("output/before_review.1/*")) if path.stat().st_size]
    archive, full = scene.later("archive"), ("--pages", "all", "--archived")
    scene.do(noted := scene.later("noted"), full)
    shutil.copy(noted / ".cache" / "not_archived.json", archive / ".cache")
    return {
        "database": (run_all, [DATABASE]),
        "decision log": (run_all, [LOG]),
        "digests": (run_all, [OUTPUT / f".{DATABASE.name}.sha256"]),
        "key of customers": (run_all, [Path("conversations/.customers.key")]),
        "conversations": (Start.of(fetched, everything), conversations),
        "answers": (Start.of(answered, everything), [Path(".cache/answers.sqlite3")]),
        "checkpoint": (Start.of(stopped, everything), [CHECKPOINT]),
        "review list, applied": (Start.of(listed, ("--apply-review", REVIEW)), [Path(REVIEW)]),
        "review list, carried over": (Start.of(listed, ("--reprocess", *by_id(scene.ids[:2]))), [FLAGGED]),
        "kept copies": (Start.of(reviewed, ("--undo-review",)), copies),
        "ids of no ticket": (Start.of(archive, full), [Path(".cache/not_archived.json")]),
    }


def _interrupt() -> None:
    raise KeyboardInterrupt


def _flipped(target: str, start: Start, path: Path, bit: int) -> Tried:
    with copied(start.folder) as folder:
        before = results(folder)
        content = bytearray((folder / path).read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        (folder / path).write_bytes(content)
        done = run(folder, start.argv)
        after = results(folder)
    words = [line for line in done.said.splitlines() if line.startswith("error: ") or " WARNING" in line]
    names = (path.name, path.parent.name) if path.parent.name.startswith("before_review") else (path.name,)
    named = any(name in line for line in words for name in names)
    where = f"{target}, bit {bit} of {path}: exit {done.status}, {done.said[-400:]!r}"
    if done.status in (0, 1, 2) and "Traceback" not in done.said:
        if done.status == 0 and after == start.wanted:
            return Tried(f"{target}: equal")
        untouched = all(after[name] == content_of for name, content_of in before.items() if OUTPUT / name != path)
        if named and (done.status == 0 or untouched):
            return Tried(f"{target}: a word")
    return Tried(f"{target}: BROKEN", where)


def side_by_side(trials: Sequence[Trial], lanes: int) -> list[Tried]:
    """What the trials come to, done in so many processes that know nothing of each other."""
    with ProcessPoolExecutor(lanes, mp_context=FORK, initializer=_TRIALS.extend, initargs=(trials,)) as pool:
        return list(pool.map(_tried, range(len(trials))))


_TRIALS: list[Trial] = []
"""Of a lane: what it was forked with, since not every trial can be sent."""


def _tried(number: int) -> Tried:
    return _TRIALS[number]()


PARTS = {"kills": kills, "errors": errors, "together": together, "bits": bits}


def measure(part: str, work: Path, args: argparse.Namespace, *, show: Callable[[str], None] = print) -> list[str]:
    """What broke in one part; `show` is told what was seen."""
    began = time.monotonic()
    raw = topic_tickets(args.tickets, seed=args.seed)
    with offline(raw, archived=[ticket["id"] for ticket in raw[1::5]] if part == "bits" else ()):
        scene = Scene(work, args.tickets, args.seed)
        found = side_by_side(list(PARTS[part](scene, args)), args.lanes)
    kinds = Counter(tried.kind for tried in found)
    for kind, count in sorted(kinds.items()):
        show(f"  {count:4d} {kind}")
    broken = [tried.broken for tried in found if tried.broken]
    show(f"{part}: {len(found)} tried, {len(found) - len(broken)} as promised, {time.monotonic() - began:.0f} s")
    return broken


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--tickets", type=int, default=12)
    parser.add_argument("--sample", type=int, default=0, help="trials drawn: calls, pairs, or bits of each file; 0: all calls, 100, 120")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="faults-") as work:
        broken = measure(args.part, Path(work), args)
    print("\n".join(broken[:40]) or "nothing was lost")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
