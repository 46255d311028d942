"""How good the clustering is: scores of runs over labelled conversations, or of a database, as a table and as JSON.

    python -m benchmarks.quality --model built-in star.s300.jsonl.gz banking77_longtail.s250.jsonl.gz
    python -m benchmarks.quality --model splitter --orders 3 --order drawn --order burst --json scores.json star.s300.jsonl.gz
    python -m benchmarks.quality --database output/silo_issues_db.json labels.jsonl
    python -m benchmarks.quality --by-hand BOX star.s300.jsonl.gz

Each file is JSON lines of `{"id", "subject", "messages": [{"speaker", "text"}], "label"}`, gzip or not. Runs are in one process, without
fetching and cleaning (see benchmarks.end_to_end for the whole program). Simulated models answer from the labels: what they lose is lost
by the pipeline. Tokens are characters / 4. A folder that was answered by hand holds `output/silo_issues_db.json`, whose ticket ids are
the file's plus one, and `box.json` with `asked`, `round` and `tokens` in all.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from clustering.vectors import Embed
from common import files
from common.errors import Unreadable
from common.text import aligned
from demo.model import answer
from knowledge import issue as issue_db
from llm.embeddings import LocalModel
from llm.protocol import Ask
from testing.labelled_run import (
    LabelledSet,
    LabelsUnusable,
    Meter,
    RoundCounter,
    asking,
    cluster,
    found_issues,
    load_set,
    recall_at_offer,
)
from testing.scoring import scores
from testing.simulated_models import BEHAVIOURS, SimulatedModel

MODELS = ("built-in", *BEHAVIOURS)
ORDERS: dict[str, Callable[[LabelledSet, int], LabelledSet]] = {
    "drawn": LabelledSet.shuffled,
    "burst": lambda data, _seed: data.in_bursts(),
    "new-labels-first": lambda data, _seed: data.new_labels_first(),
}
KINDS = ("decision", "card", "overview", "merge")
COLUMNS = {
    "ari": "ARI",
    "acc": "ACC",
    "nmi": "NMI",
    "pair_precision": "pair P",
    "pair_recall": "pair R",
    "found": "found",
    "labels": "labels",
    "recall_at_offer": "recall@k",
    "calls_a_ticket": "calls",
    **{f"calls_issue_{kind}": kind for kind in KINDS},
    "rounds": "rounds",
    "tokens_a_ticket": "tokens",
    "uncached_a_ticket": "uncached",
}
_COUNTS = ("found", "labels", "rounds", *(f"calls_issue_{kind}" for kind in KINDS))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; 2 for files that cannot be used."""
    args = _parser().parse_args(argv)
    try:
        sets = [load_set(path, first=args.first) for path in args.files]
        results = _results(sets, args)
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
    parser.add_argument("--orders", type=int, default=1, help="how many drawn orders of the tickets; the first is the file's")
    parser.add_argument("--order", choices=ORDERS, action="append", help="kind of order; may be given several times (default: drawn)")
    parser.add_argument("--vectors", action="store_true", help="candidates by vectors of the model of requirements-local.txt as well")
    parser.add_argument("--by-hand", type=Path, help="score what was answered by hand in this folder instead of a run")
    parser.add_argument("--first", type=int, help="only the first N conversations of each file")
    parser.add_argument("--no-merge", action="store_true", help="leave out the consolidation")
    parser.add_argument("--database", type=Path, help="score this database instead of a run; its ticket ids are those of the file")
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


def _results(sets: Sequence[LabelledSet], args: argparse.Namespace) -> list[dict[str, object]]:
    if args.database:
        return [_of_database(data, args.database) for data in sets]
    return [_of_box(data, args.by_hand) for data in sets] if args.by_hand else _of_runs(sets, args)


def _of_runs(sets: Sequence[LabelledSet], args: argparse.Namespace) -> list[dict[str, object]]:
    embed = _made_once(LocalModel().embed) if args.vectors else None
    return [
        _summary(
            data,
            model,
            [
                _run(ORDERS[order](data, seed), model, consolidate=not args.no_merge, embed=embed)
                for seed in range(args.orders if order == "drawn" else 1)
            ],
            order=order,
        )
        for model in args.model or ["built-in"]
        for data in sets
        for order in args.order or ["drawn"]
    ]


def _made_once(embed: Embed) -> Embed:
    """The same vectors, each made in one run and kept for the others."""
    held: dict[str, Sequence[float]] = {}

    def made(texts: Sequence[str]) -> list[Sequence[float]]:
        missing = [text for text in texts if text not in held]
        held.update(zip(missing, embed(missing) or [], strict=True))
        return [held[text] for text in texts]

    return made


def _run(data: LabelledSet, model: str, *, consolidate: bool, embed: Embed | None) -> dict[str, float]:
    """The figures of one run."""
    meter, counter = Meter(_ask(data, model)), RoundCounter()
    with tempfile.TemporaryDirectory() as folder:
        clusterer = cluster(data, meter.ask, folder=Path(folder), consolidate=consolidate, embed=embed, submit=counter.submit)
    tickets = [conversation["ticket_id"] for conversation in data.conversations]
    total = meter.input_tokens.total()
    return {
        **dataclasses.asdict(scores(found_issues(clusterer, tickets), [data.labels[ticket] for ticket in tickets])),
        "recall_at_offer": recall_at_offer(clusterer, data.labels),
        "calls_a_ticket": meter.calls.total() / len(tickets),
        "rounds": len(counter.sizes),
        "tokens_a_ticket": total / len(tickets),
        "uncached_a_ticket": (total - meter.cached_tokens.total()) / len(tickets),
        **{f"calls_{name}": float(count) for name, count in sorted(meter.calls.items())},
    }


def _ask(data: LabelledSet, model: str) -> Ask:
    if model == "built-in":
        return asking(lambda messages, _schema: json.dumps(answer(messages)))
    return asking(SimulatedModel.of(data, model).reply)


def _summary(data: LabelledSet, model: str, runs: Sequence[dict[str, float]], *, order: str) -> dict[str, object]:
    """Means over the orders, and the spread (highest less lowest) where there are several."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    means = {name: round(statistics.fmean(run.get(name, 0.0) for run in runs), 4) for name in names}
    spread = {name: round(max(run.get(name, 0.0) for run in runs) - min(run.get(name, 0.0) for run in runs), 4) for name in names}
    return {"set": data.name, "model": model, "order": order, "orders": len(runs), **means, "spread": spread}


def _of_box(data: LabelledSet, folder: Path) -> dict[str, object]:
    """The scores of a run that was answered by hand, over the tickets that its database holds. Raises `LabelsUnusable`."""
    path = folder / "output" / "silo_issues_db.json"
    placed = {ticket for issue in issue_db.load(path).values() for ticket in issue.tickets}
    labels = {ticket: label for ticket, label in data.labels.items() if ticket in placed}
    try:
        box = json.loads((folder / "box.json").read_bytes())
        counts = {"calls_a_ticket": box["asked"] / len(labels), "rounds": box["round"], "tokens_a_ticket": box["tokens"] / len(labels)}
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise LabelsUnusable(f"{folder / 'box.json'} does not say how much was asked: {error!r}") from error
    return {**_scored(data.name, path, labels), "model": "by hand", **counts}


def _of_database(data: LabelledSet, path: Path) -> dict[str, object]:
    """The scores of a database, whose ticket ids are the file's; a run of this benchmark counts from one."""
    return _scored(data.name, path, {ticket - 1: label for ticket, label in data.labels.items()})


def _scored(name: str, path: Path, labels: Mapping[int, str]) -> dict[str, object]:
    """A database against labels by ticket id; it must hold no other tickets. Raises `LabelsUnusable` naming ids without a label."""
    issues = issue_db.load(path)
    home = {ticket: issue.issue_id for issue in issues.values() for ticket in issue.tickets}
    unknown = sorted(home.keys() - labels.keys())
    if unknown:
        raise LabelsUnusable(f"{path} holds tickets that {name} has no label for: {', '.join(map(str, unknown[:10]))}")
    found = [home.get(ticket, f"none-{ticket}") for ticket in labels]
    agreement = dataclasses.asdict(scores(found, list(labels.values())))
    return {"set": name, "model": str(path), "order": "-", "orders": 1, **agreement, "spread": {}}


def _table(results: Sequence[dict[str, object]]) -> str:
    """One line a result; the spread of ARI and ACC over the orders stands behind them."""
    head = ["set", "model", "order", *COLUMNS.values()]
    cells = ([*(str(result[name]) for name in head[:3]), *(_cell(result, name) for name in COLUMNS)] for result in results)
    return "\n".join(aligned([head, *cells]))


def _cell(result: dict[str, object], name: str) -> str:
    value, spread = result.get(name), result["spread"]
    if not isinstance(value, float | int) or not isinstance(spread, dict):
        return "-"
    text = f"{value:.0f}" if name in _COUNTS or value > 20 else f"{value:.3f}"
    return f"{text} ±{spread[name] / 2:.3f}" if spread.get(name) and name in ("ari", "acc") else text


if __name__ == "__main__":
    raise SystemExit(main())
