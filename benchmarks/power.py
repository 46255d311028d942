"""What a power cut costs: the file changes of a run, a review, an undo and exports are recorded, the folder is rebuilt at each of them.

    python -m benchmarks.power [--tickets 12] [--job run --job review …] [--points N] [--seed 1]

At each point four states are tried: what was not synced gone; names there but without their data; random halves; and all of it, as after a
kill. The same command is given again in each. Good is: the bytes of a run that nobody disturbed, or a word on what is wrong and every
file of people as it was. Prints what was seen; exits 1 if anything else was.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import main as program
from common.files import is_unfinished
from testing.offline_site import offline
from testing.power_cut import VARIANTS, Disk, Event, Recorder
from testing.topic_site import RESULTS, topic_tickets

OUTPUT = Path("output")
REVIEW = "review.csv"
JOBS = ("run", "review", "undo", "export")


@dataclass(slots=True)
class Tally:
    """What a job's points came to."""

    points: int = 0
    tried: int = 0
    equal: int = 0
    words: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def line(self, job: str) -> str:
        """One line on it."""
        said = "; ".join(f"{count} x {word}" for word, count in self.words.most_common())
        return f"{job}: {self.points} points, {self.tried} states tried, {self.equal} equal" + (f", a word in: {said}" if said else "")


@dataclass(frozen=True, slots=True)
class Job:
    """A command, the folder it starts from, and the files that it is to leave, by name; `start` has those from before."""

    name: str
    argv: tuple[str, ...]
    before: Path
    start: dict[str, bytes]
    wanted: dict[str, bytes]
    cache: Path


def prepared(work: Path, ids: Sequence[int]) -> Iterator[tuple[Job, list[Event]]]:
    """Each job with the changes that it makes, in order: a run, a review of what it flagged, its undo, two exports."""
    earlier = ids[: max(2, len(ids) // 6)]
    folder = work / "state"
    folder.mkdir()
    assert _call(folder, by_id(earlier))[0] == 0
    yield from _recorded(work, folder, "run", by_id(ids))
    (folder / REVIEW).write_text(filled((folder / OUTPUT / RESULTS[1]).read_text(encoding="utf-8"), ids), encoding="utf-8")
    yield from _recorded(work, folder, "review", ("--apply-review", REVIEW))
    yield from _recorded(work, folder, "undo", ("--undo-review",))
    yield from _recorded(work, folder, "export", ("--export", "markdown", "articles"))
    yield from _recorded(work, folder, "export", ("--export", "csv", "table.csv"))


def _recorded(work: Path, folder: Path, name: str, argv: tuple[str, ...]) -> Iterator[tuple[Job, list[Event]]]:
    before = work / f"before-{len(list(work.glob('before-*')))}"
    shutil.copytree(folder, before, ignore=shutil.ignore_patterns(".cache"))
    recorder = Recorder(folder)
    with recorder.watching():
        status, said = _call(folder, argv)
    assert status == 0, said
    start, wanted = ({path: content for path, content in _files(root).items() if _counts(name, path)} for root in (before, folder))
    yield Job(name, argv, before, start, wanted, folder / ".cache"), list(recorder.events)


def _counts(job: str, path: str) -> bool:
    """True for the files whose bytes are promised."""
    if job == "export":
        return path.startswith(("articles", "table.csv"))
    return path in {str(OUTPUT / name) for name in RESULTS}


def _files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts and not is_unfinished(path.name))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def by_id(ids: Sequence[int]) -> tuple[str, ...]:
    """The arguments that name tickets."""
    return ("--ticket-ids", ",".join(map(str, ids)))


def filled(text: str, ids: Sequence[int] = ()) -> str:
    """The review list with a decision in each row, and with one on the last of `ids` that it does not hold."""
    listed = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    out, rows = io.StringIO(), list(listed)
    writer = csv.DictWriter(out, listed.fieldnames or ())
    writer.writeheader()
    sure = [{"ticket_id": str(ticket)} for ticket in ids if str(ticket) not in {row["ticket_id"] for row in rows}]
    for number, row in enumerate([*rows, *sure[-1:]]):
        decision = ("confirm", "accept" if row.get("suggested_issue_id") else "new", "ignore")[number % 3]
        writer.writerow(row | {"decision": decision})
    return out.getvalue()


def _call(folder: Path, argv: Sequence[str]) -> tuple[int, str]:
    """Exit status of the program in a folder, and what it said on stderr."""
    here, said = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            return program.main(list(argv)), said.getvalue()
    finally:
        os.chdir(here)


def cut(job: Job, events: Sequence[Event], work: Path, draw: random.Random, tally: Tally, *, points: int = 0) -> None:
    """Try the states that a power cut may leave, at every point of a job or at `points` drawn ones."""
    chosen = set(range(len(events) + 1)) if not points or points > len(events) else set(draw.sample(range(len(events) + 1), points))
    disk, seen = Disk(job.before), set[str]()
    tally.points += len(chosen)
    for place in range(len(events) + 1):
        for variant in VARIANTS if place in chosen else ():
            folder = work / "cut"
            shutil.rmtree(folder, ignore_errors=True)
            disk.write(folder, variant, draw)
            digest = hashlib.sha256(repr(sorted(_files(folder).items())).encode()).hexdigest()
            if digest not in seen:
                seen.add(digest)
                _give_cache(job.cache, folder / ".cache", draw)
                tally.tried += 1
                _judge(job, folder, tally, f"{job.name}, point {place} of {len(events)}, {variant}")
        if place < len(events):
            disk.apply(events[place])


def _give_cache(cache: Path, target: Path, draw: random.Random) -> None:
    """What is left of the cache: nothing, all, or a file whose end is missing."""
    kind = draw.choice(("none", "all", "all", "cut"))
    if kind == "none" or not cache.is_dir():
        return
    shutil.copytree(cache, target)
    if kind == "cut":
        for path in target.iterdir():
            path.write_bytes(path.read_bytes()[: draw.randint(0, path.stat().st_size)])


def _judge(job: Job, folder: Path, tally: Tally, where: str) -> None:
    """Give the same command again and look at what stands there then."""
    status, said = _call(folder, job.argv)
    left = {path: content for path, content in _files(folder).items() if _counts(job.name, path)}
    if status == 0 and left == job.wanted:
        tally.equal += 1
        return
    whole = all(left.get(path) in (job.start.get(path), content) for path, content in job.wanted.items())
    if status != 0 and said.startswith("error: ") and whole and _people_lost_nothing(job, folder, left):
        state = "done" if left == job.wanted else "as before" if left == job.start else "BETWEEN"
        tally.words[f"{said.splitlines()[0][7:70]!r} ({state})"] += 1
        return
    changed = [path for path in job.wanted if left.get(path) != job.wanted[path]]
    tally.broken.append(f"{where}: exit {status}, {said.strip()[:200]!r}, not as wanted: {changed}")


def _people_lost_nothing(job: Job, folder: Path, left: dict[str, bytes]) -> bool:
    """True if the decisions are in the database, or still in the file that a person wrote."""
    database = str(OUTPUT / RESULTS[0])
    return job.name != "review" or left.get(database) == job.wanted[database] or (folder / REVIEW).is_file()


def measure(work: Path, *, tickets: int, jobs: Sequence[str], points: int, seed: int, show: Callable[[str], None] = print) -> list[str]:
    """What broke, at every point of each job or at `points` drawn ones; `show` is told a line a job."""
    draw, broken = random.Random(seed), list[str]()
    raw = topic_tickets(tickets, seed=seed)
    with offline(raw):
        for job, events in prepared(work, [ticket["id"] for ticket in raw]):
            if job.name in jobs:
                tally = Tally()
                cut(job, events, work, draw, tally, points=points)
                show(tally.line(" ".join((job.name, *job.argv[:2]))[:40]))
                broken += tally.broken
    return broken


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 1 if a state led to anything but the same bytes or a word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=12)
    parser.add_argument("--job", action="append", choices=JOBS, default=None)
    parser.add_argument("--points", type=int, default=0, help="points drawn of each job; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as work:
        broken = measure(Path(work), tickets=args.tickets, jobs=args.job or JOBS, points=args.points, seed=args.seed)
    print("\n".join(broken[:40]) or "nothing was lost")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
