"""What a ticket costs on this machine with many tickets and issues in place: processor time, memory, loading and saving.

    python -m benchmarks.scale_local [--sizes 1000:100,10000:1000,100000:10000] [--more 640]

Each size runs in a process of its own. The database, its decision log and the conversations on disk are made up; further tickets are then
decided by a model that answers from labels, whose own time is not counted. Nothing is sent anywhere.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from common import files
from conversation_utils import CleaningOptions, Conversation, load_conversation
from issue_clusterer import IssueClusterer, Plan
from knowledge import decision
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from knowledge.paths import RunFiles
from llm.protocol import Answer, Ask, JsonSchema, Messages
from prompts_config import Prompts
from testing.labelled_run import asking, load_set
from testing.simulated_models import SimulatedModel
from testing.synthetic import placed_set

T = TypeVar("T")
HOST = "https://example.invalid"


@dataclass(slots=True)
class Stopwatch:
    """Processor seconds of this process, less those of the model."""

    model: Ask
    model_s: float = 0.0
    _began: float = field(default_factory=time.process_time)

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The model's answer; parsing it is our work."""
        began = time.process_time()
        answer = self.model(messages, schema=schema, parse=str)
        self.model_s += time.process_time() - began
        return Answer(parse(answer.text), answer.text, answer.usage)

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.process_time() - self.model_s
        seconds, self._began = now - self._began, now
        return seconds


def place(folder: Path, tickets: int, topics: int, more: int) -> None:
    """Put a database with `tickets` placed under issues by label, its decision log and all conversations into a folder, and what is new."""
    data = placed_set(folder / "set.jsonl", tickets + more, topics)
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "new.jsonl").write_text("".join(lines[tickets:]), encoding="utf-8")
    (folder / "conversations").mkdir()
    issues: dict[str, Issue] = {}
    rows: list[DecisionRow] = []
    for place, conversation in enumerate(data.conversations):
        path = folder / "conversations" / f"{conversation['ticket_id']}.json"
        path.write_text(files.dump_json(conversation) + "\n", encoding="utf-8")
        if place < tickets:
            issue = issues.setdefault(data.labels[conversation["ticket_id"]], _issue(conversation))
            issue.tickets.append(conversation["ticket_id"])
            rows.append(_row(conversation, issue, tuple(known.issue_id for known in islice(issues.values(), 20))))
    files.write_text(folder / "silo_issues_db.json", issue_db.render(issues.values()))
    files.write_text(folder / "decisions.jsonl", decision.render(rows))


def _issue(conversation: Conversation) -> Issue:
    said = conversation["conversation"][0]["text"].split()
    card = Card(" ".join(said[:5]), " ".join(said)[:110], tuple(sorted(said[:5])), "It was old.", ("Replace it.",))
    issue = Issue(f"ISSUE-{conversation['ticket_id']}", card, status="confirmed", confidence=0.95)
    issue.seal_card()
    issue.first_seen = issue.last_seen = conversation["created_at"][:10]
    return issue


def _row(conversation: Conversation, issue: Issue, offered: tuple[str, ...]) -> DecisionRow:
    return DecisionRow(
        ticket_id=conversation["ticket_id"],
        issue_id=issue.issue_id,
        outcome="matched",
        confidence=0.95,
        reason=f"fits {issue.issue_id}: {issue.card.short_description}",
        evidence=(1,),
        candidates=offered,
        subject=conversation["subject"],
        url=conversation["url"],
        created_at=conversation["created_at"],
        updated_at=conversation["updated_at"],
        conversation_sha256="0" * 64,
        model="m",
        prompt_version="00000000",
        decided_by="model",
    )


def measure(folder: Path, tickets: int) -> dict[str, Any]:
    """Seconds, milliseconds a ticket and megabytes of deciding what comes after the first `tickets` of the set, which are in place."""
    empty_mb = _memory_mb()
    watch = Stopwatch(_no_model)
    clusterer, load = _timed(lambda: _opened(folder, watch.ask))
    _, index = _timed(lambda: clusterer._known.search("", 1))
    loaded_mb = _memory_mb()
    new = load_set(folder / "new.jsonl")
    watch.model = asking(SimulatedModel.of(load_set(folder / "set.jsonl"), "perfect").reply)
    labels_mb = _memory_mb() - loaded_mb
    listed = tuple({"ticket_id": conversation["ticket_id"], "subject": "", "updated_at": ""} for conversation in new.conversations)
    clusterer.begin(Plan(files.sha256(clusterer.files.database), {}, listed))
    per_ticket = _decide(clusterer, new.conversations, watch)
    _, checkpoint = _timed(clusterer.write_checkpoint)
    _, save = _timed(clusterer.save)
    return {
        "tickets": tickets,
        "issues": len(clusterer.issues),
        "decided": len(per_ticket),
        "median_ms": round(median(per_ticket) * 1000, 2),
        "mean_ms": round(sum(per_ticket) / len(per_ticket) * 1000, 2),
        "checkpoint": checkpoint,
        "load": load,
        "index": index,
        "save": save,
        "empty_mb": round(empty_mb),
        "loaded_mb": round(loaded_mb),
        "peak_mb": round(_memory_mb()),
        "labels_mb": round(labels_mb),
    }


def _no_model(messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
    raise NotImplementedError("loading asks nothing")


def _timed(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """What `work` gives, and its seconds on the clock and of the processor."""
    began, before = time.perf_counter(), time.process_time()
    result = work()
    return result, {"s": round(time.perf_counter() - began, 3), "cpu_s": round(time.process_time() - before, 3)}


def _opened(folder: Path, ask: Ask) -> IssueClusterer:
    return IssueClusterer(
        RunFiles(folder / "silo_issues_db.json"),
        ask=ask,
        prompts=Prompts(),
        conversation_of=lambda ticket: load_conversation(ticket, folder / "conversations", options=CleaningOptions(HOST)),
    )


def _decide(clusterer: IssueClusterer, new: Sequence[Conversation], watch: Stopwatch) -> list[float]:
    """Processor seconds of each ticket: its share of its wave, checkpoints included."""
    laps: list[float] = []
    while len(laps) < len(new):
        wave = new[len(laps) : len(laps) + clusterer.wave_size()]
        watch.lap()
        clusterer.decide(wave)
        laps += [watch.lap() / len(wave)] * len(wave)
    return laps


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line of JSON for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_local", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", default="1000:100,10000:1000,100000:10000", help="tickets:issues in place, several with commas")
    parser.add_argument("--more", type=int, default=640, help="tickets decided then")
    args = parser.parse_args(argv)
    for size in args.sizes.split(","):
        tickets, topics = (int(part) for part in size.split(":"))
        with tempfile.TemporaryDirectory(prefix="scale-") as name:
            _apart(place, Path(name), tickets, topics, args.more)
            print(json.dumps(_apart(measure, Path(name), tickets)), flush=True)
    return 0


def _apart(step: Callable[..., T], *args: Any) -> T:
    """One step in a process of its own, so that making the data does not count as memory of the work."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(step, *args).result()


if __name__ == "__main__":
    sys.exit(main())
