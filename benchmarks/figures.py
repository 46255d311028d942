"""Whether docs/quality.md still says what the program does: runs what takes under ten minutes in all and compares, figure by figure.

    python -m benchmarks.figures --data FOLDER [--only WORDS]

Each figure is taken from what its command prints now, and must stand in the row of docs/quality.md that begins with the named words, within
its slack (seconds and processor time differ from machine to machine, counts and scores do not). FOLDER holds the labelled files that
docs/quality.md names; without it, figures that need them are left out and said so. Prints a line each; exits 1 if one does not stand there.
It writes nothing: what changed is written into the document by whoever knows why.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "quality.md"
NUMBER = re.compile(r"\d+(?: \d{3})*(?:\.\d+)?")
SPAN = re.compile(rf"({NUMBER.pattern})(?: – ({NUMBER.pattern}))?")
COMMAND = re.compile(r"`[^`]*`")
LABELLED = ".jsonl.gz"
SAME, TIMED = 0.0, 0.5  # how far a figure may be from the document's, as a share of it


class Figure(NamedTuple):
    """One figure: the beginning of its row, the command that makes it, what it stands between in what the command prints."""

    row: str
    command: str
    shown: str  # a pattern; each of its groups is a figure, the last match counts
    slack: float = SAME


SCORED = "natcs_banking.s200.jsonl.gz star.s300.jsonl.gz banking77_longtail.s250.jsonl.gz"
FIGURES = (
    Figure("Cleaning: words", "benchmarks.cleaning --only words", r"this project\s+([\d.]+)%\s+([\d.]+)%"),
    Figure("Redaction: planted", "benchmarks.cleaning --only redaction", r"secrets gone\s+100.00% of (\d+)"),
    Figure("Redaction: planted", "benchmarks.cleaning --only redaction", r"look-alikes kept\s+100.00% of (\d+)"),
    Figure("1 000 tickets of 20", "benchmarks.cleaning --only speed", r"([\d.]+) s of one core", TIMED),
    Figure("31 000 tickets", "benchmarks.fetch --only listing", r"31000 tickets.* (\d+) credits"),
    Figure("Weekly run", "benchmarks.fetch --only weekly", r"(\d+) credits"),
    Figure("New tickets", "benchmarks.fetch --only credits", r"\n150 new tickets by list pages.* ([\d.]+) a ticket"),
    Figure("New tickets", "benchmarks.fetch --only credits", r"1000 new tickets by list pages.* ([\d.]+) a ticket"),
    Figure("Archived tickets", "benchmarks.fetch --only archive", r"(\d+) of (\d+) archived"),
    Figure("2 000 tickets, 5 %", "benchmarks.fetch --only faults", r"(\d+) fetched, 0 with messages"),
    Figure("`--batch-size` 8", "benchmarks.fetch --only parallel", r"([\d.]+) times", 0.03),
    Figure("Model servers of the wild", "benchmarks.llm_client kinds", r"(all held)"),
    Figure("The client's own work", "benchmarks.llm_client overhead", r"([\d.]+) ms of CPU", TIMED),
    Figure("500 questions, 30 %", "benchmarks.llm_client faults", r"calls \d+ \(([\d.]+) a question", 0.05),
    Figure("*perfect*, 5 sets", f"benchmarks.quality --model perfect {SCORED}", r"perfect\s+drawn\s+([\d.]+)"),
    Figure("*splitter*", f"benchmarks.quality --model splitter {SCORED}", r"banking77_longtail.s250\s+splitter\s+drawn\s+([\d.]+)"),
    Figure("*paraphraser* (", f"benchmarks.quality --model paraphraser {SCORED}", r"paraphraser\s+drawn\s+([\d.]+)"),
    Figure("Right issue among", "benchmarks.recall banking77_longtail.s250.jsonl.gz", r"s250\s+\S+\s+\S+\s+\S+\s+([\d.]+)", 0.0006),
    Figure("A power cut", "benchmarks.power --tickets 12 --job run", r"(\d+) states tried", 0.05),
    Figure("A power cut", "benchmarks.power --tickets 12 --job run", r"(\d+) equal", 0.05),
)


@cache
def printed(command: str, data: str) -> str:
    """What the command prints, run once however many figures it makes; its error instead, if it fails without a word."""
    words = [f"{data}/{word}" if word.endswith(LABELLED) else word for word in command.split()]
    run = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    return "\n" + (run.stdout or run.stderr)


def documented() -> dict[str, str]:
    """Every row of the document's tables: its first cell, and what stands in the others without the commands."""
    rows = (line.strip("|").split("|") for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("|"))
    return {cells[0].strip(): COMMAND.sub("", " ".join(cells[1:])) for cells in rows}


def spans(text: str) -> list[tuple[float, float]]:
    """The numbers in a text, each as the least and the most that it says: `0.9 – 1` is one; a blank may part thousands."""
    found = [(low.replace(" ", ""), (high or low).replace(" ", "")) for low, high in SPAN.findall(text)]
    return [(float(low), float(high)) for low, high in found]


def stands(shown: str, text: str, slack: float) -> bool:
    """Whether a figure stands in a row's text: within its slack of a number or a span of two, or in the very words."""
    if not NUMBER.fullmatch(shown):
        return shown in text
    value = float(shown)
    return any(low * (1 - slack) <= value <= high * (1 + slack) for low, high in spans(text))


def compared(figure: Figure, rows: dict[str, str], data: str) -> Iterator[tuple[bool, str]]:
    """For each value of a figure whether it stands in its row, and a line that says so."""
    row = next((text for name, text in rows.items() if name.startswith(figure.row)), "")
    found = re.findall(figure.shown, printed(figure.command, data))
    if not found:
        yield False, f"not printed by {figure.command}"
        return
    last = found[-1]
    for shown in (last,) if isinstance(last, str) else last:
        good = stands(shown, row, figure.slack)
        yield good, f"{shown} stands there" if good else f"{shown} does not stand in: {row.strip() or 'no such row'}"


def main(arguments: list[str] | None = None) -> int:
    """Compare the chosen figures; 1 if one does not stand in the document."""
    parser = argparse.ArgumentParser(prog="benchmarks.figures", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="", help="folder of the labelled files")
    parser.add_argument("--only", default="", help="only rows or commands that hold these words")
    args = parser.parse_args(arguments)
    rows, bad = documented(), 0
    for figure in FIGURES:
        if args.only not in f"{figure.row} {figure.command}":
            continue
        if figure.command.endswith(LABELLED) and not args.data:
            print(f"{figure.row}: left out, it needs --data", flush=True)
            continue
        for good, line in compared(figure, rows, args.data):
            bad += not good
            print(f"{figure.row}: {line}", flush=True)
    print(
        "all of them stand in the document" if not bad else f"{bad} do not stand in {DOCUMENT.name}: find out why, then write what is true"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
