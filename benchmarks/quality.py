"""How good the clustering is: scores of runs over labelled conversations, or of a database, as a table and as JSON.

    python -m benchmarks.quality --model built-in star.s300.jsonl.gz banking77_longtail.s250.jsonl.gz
    python -m benchmarks.quality --model splitter --orders 3 --json scores.json star.s300.jsonl.gz
    python -m benchmarks.quality --database output/silo_issues_db.json labels.jsonl

Each file is JSON lines of `{"id", "subject", "messages": [{"speaker", "text"}], "label"}`, gzip or not. Runs are in one process, without
fetching and cleaning (see benchmarks.end_to_end for the whole program). Simulated models answer from the labels: what they lose is lost
by the pipeline. Tokens are characters / 4.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import files
from common.errors import Unreadable
from demo.model import answer
from knowledge import issue as issue_db
from llm.protocol import Ask
from testing.labelled_run import LabelledSet, LabelsUnusable, Meter, asking, cluster, found_issues, load_set, recall_at_offer
from testing.scoring import scores
from testing.simulated_models import BEHAVIOURS, SimulatedModel

MODELS = ("built-in", *BEHAVIOURS)
COLUMNS = {
    "ari": "ARI",
    "acc": "ACC",
    "nmi": "NMI",
    "b_cubed_precision": "B3 P",
    "b_cubed_recall": "B3 R",
    "pair_precision": "pair P",
    "pair_recall": "pair R",
    "found": "found",
    "labels": "labels",
    "recall_at_offer": "recall@k",
    "calls_a_ticket": "calls",
    "tokens_a_ticket": "tokens",
    "uncached_a_ticket": "uncached",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; 2 for files that cannot be used."""
    args = _parser().parse_args(argv)
    try:
        sets = [load_set(path, first=args.first) for path in args.files]
        results = [_of_database(data, args.database) for data in sets] if args.database else _of_runs(sets, args)
    except (LabelsUnusable, Unreadable) as error:
        print(f"quality: {error}", file=sys.stderr)
        return 2
    print(_table(results))
    if args.json:
        files.write_text(args.json, files.dump_json(results) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description="Score the clustering against labels.")
    parser.add_argument("files", nargs="+", type=Path, help="labelled conversations, JSON lines")
    parser.add_argument("--model", choices=MODELS, action="append", help="whom to ask; may be given several times (default: built-in)")
    parser.add_argument("--orders", type=int, default=1, help="how many orders of the tickets; the first is the file's")
    parser.add_argument("--first", type=int, help="only the first N conversations of each file")
    parser.add_argument("--no-merge", action="store_true", help="leave out the consolidation")
    parser.add_argument("--database", type=Path, help="score this database instead of a run; its ticket ids are those of the file")
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


def _of_runs(sets: Sequence[LabelledSet], args: argparse.Namespace) -> list[dict[str, object]]:
    return [
        _summary(data, model, [_run(data.shuffled(seed), model, consolidate=not args.no_merge) for seed in range(args.orders)])
        for model in args.model or ["built-in"]
        for data in sets
    ]


def _run(data: LabelledSet, model: str, *, consolidate: bool) -> dict[str, float]:
    """The figures of one run."""
    meter = Meter(_ask(data, model))
    with tempfile.TemporaryDirectory() as folder:
        clusterer = cluster(data, meter.ask, folder=Path(folder), consolidate=consolidate)
    tickets = [conversation["ticket_id"] for conversation in data.conversations]
    total = meter.input_tokens.total()
    return {
        **dataclasses.asdict(scores(found_issues(clusterer, tickets), [data.labels[ticket] for ticket in tickets])),
        "recall_at_offer": recall_at_offer(clusterer, data.labels),
        "calls_a_ticket": meter.calls.total() / len(tickets),
        "tokens_a_ticket": total / len(tickets),
        "uncached_a_ticket": (total - meter.cached_tokens.total()) / len(tickets),
        **{f"calls_{name}": float(count) for name, count in sorted(meter.calls.items())},
    }


def _ask(data: LabelledSet, model: str) -> Ask:
    if model == "built-in":
        return asking(lambda messages, _schema: json.dumps(answer(messages)))
    return asking(SimulatedModel.of(data, model).reply)


def _summary(data: LabelledSet, model: str, runs: Sequence[dict[str, float]]) -> dict[str, object]:
    """Means over the orders, and the spread (highest less lowest) where there are several."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    means = {name: round(statistics.fmean(run.get(name, 0.0) for run in runs), 4) for name in names}
    spread = {name: round(max(run.get(name, 0.0) for run in runs) - min(run.get(name, 0.0) for run in runs), 4) for name in names}
    return {"set": data.name, "model": model, "orders": len(runs), **means, "spread": spread}


def _of_database(data: LabelledSet, path: Path) -> dict[str, object]:
    """The scores of a database, which must hold none but the file's tickets. Raises `LabelsUnusable` naming ids without a label."""
    issues = issue_db.load(path)
    home = {ticket: issue.issue_id for issue in issues.values() for ticket in issue.tickets}
    labels = {ticket - 1: label for ticket, label in data.labels.items()}  # a run counts from one, a file's ids are the database's
    unknown = sorted(home.keys() - labels.keys())
    if unknown:
        raise LabelsUnusable(f"{path} holds tickets that {data.name} has no label for: {', '.join(map(str, unknown[:10]))}")
    found = [home.get(ticket, f"none-{ticket}") for ticket in labels]
    return {"set": data.name, "model": str(path), "orders": 1, **dataclasses.asdict(scores(found, list(labels.values()))), "spread": {}}


def _table(results: Sequence[dict[str, object]]) -> str:
    """One line a result; the spread of ARI and ACC over the orders stands behind them."""
    head = ["set", "model", *COLUMNS.values()]
    lines = [head]
    for result in results:
        lines.append([str(result["set"]), str(result["model"]), *(_cell(result, name) for name in COLUMNS)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _cell(result: dict[str, object], name: str) -> str:
    value, spread = result.get(name), result["spread"]
    if not isinstance(value, float | int) or not isinstance(spread, dict):
        return "-"
    text = f"{value:.0f}" if name in ("found", "labels") or value > 20 else f"{value:.3f}"
    return f"{text} ±{spread[name] / 2:.3f}" if spread.get(name) and name in ("ari", "acc") else text


if __name__ == "__main__":
    raise SystemExit(main())
