"""The whole program on labelled conversations, against a model server that answers by itself, scored against the labels.

    python -m benchmarks.end_to_end --file star.s300.jsonl.gz                       with the built-in model
    python -m benchmarks.end_to_end --file star.s300.jsonl.gz --tickets 20 --model-url http://127.0.0.1:8091/v1 --model NAME

Tickets go through the sample helpdesk, so fetching and cleaning are part of what is measured. Then the same command runs a second time:
it must make no call and change no byte. With `--work FOLDER` the files stay, and stored answers make the next measurement free.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import main
from cli.options import Options
from demo.labelled_files import load_labelled
from demo.model import BuiltInModel
from env import Settings
from issue_clusterer import IssueClusterer
from report.run_report import RunReport
from testing.helpdesk import DEFAULT_KEY, Helpdesk
from testing.scoring import Scores, scores

RESULTS = ("silo_issues_db.json", "flagged_for_review.csv", "decisions.jsonl")


def measure(args: argparse.Namespace, work: Path, model_url: str) -> dict[str, object]:
    """Scores and counts of a first run, and what a second one did."""
    tickets, labels = load_labelled(args.file)
    tickets = tickets[: args.tickets]
    ids = [ticket["id"] for ticket in tickets]
    with Helpdesk(tickets) as url:
        settings = _settings(args, url, model_url)
        options = Options(
            ticket_ids=tuple(ids),
            output=work / "output" / "silo_issues_db.json",
            conversations=work / "conversations",
            cache=work / "cache",
            merge=not args.no_merge,
        )
        began = time.monotonic()
        clusterer, report = _quiet_run(options, settings)
        seconds = time.monotonic() - began
        before = [(options.output.parent / name).read_bytes() for name in RESULTS]
        _, second = _quiet_run(options, settings)
        after = [(options.output.parent / name).read_bytes() for name in RESULTS]
    return {
        **_scores(clusterer, ids, labels),
        **_counts(clusterer, report, ids),
        "seconds": round(seconds, 1),
        "second_run_calls": second.totals.calls,
        "second_run_same_bytes": before == after,
    }


def _quiet_run(options: Options, settings: Settings) -> tuple[IssueClusterer, RunReport]:
    with contextlib.redirect_stdout(io.StringIO()):
        return main.run_with_report(options, settings)


def _settings(args: argparse.Namespace, url: str, model_url: str) -> Settings:
    return Settings(
        freshdesk_url=url,
        freshdesk_api_key=DEFAULT_KEY,
        llm_base_url=model_url,
        llm_api_key=args.key,
        llm_model=args.model,
        llm_workers=args.workers,
        llm_timeout_s=600.0,
        llm_max_tokens=args.max_tokens,
        llm_temperature=args.temperature,
        batch_size=8,
    )


def _scores(clusterer: IssueClusterer, ids: list[int], labels: dict[int, str]) -> dict[str, object]:
    """Agreement over the tickets that stand in an issue."""
    found = {ticket: issue.issue_id for issue in clusterer.issues.values() for ticket in issue.tickets}
    placed = [ticket for ticket in ids if ticket in found]
    result: Scores = scores([found[ticket] for ticket in placed], [labels[ticket] for ticket in placed])
    return {name: round(value, 3) for name, value in dataclasses.asdict(result).items()}


def _counts(clusterer: IssueClusterer, report: RunReport, ids: list[int]) -> dict[str, object]:
    data = report.to_json()
    homes = [ticket for issue in clusterer.issues.values() for ticket in issue.tickets]
    return {
        "tickets": len(ids),
        "one_decision_each": sorted(clusterer.rows) == sorted(ids) and len(homes) == len(set(homes)),
        "unusable": len(report.failures),
        "ignored": data["counts"]["ignored"],
        "flagged": data["counts"]["flagged"],
        "merged": data["counts"]["merged_issues"],
        "calls": data["model_calls"]["calls"],
        "tokens_in": data["tokens"]["prompt"],
        "prompt_version": report.prompt_version,
    }


@contextlib.contextmanager
def _model(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with BuiltInModel() as built_in:
        yield built_in


def run(argv: list[str] | None = None) -> int:
    """Print what was measured as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--tickets", type=int, help="only the first so many")
    parser.add_argument("--model-url", help="default: the built-in model")
    parser.add_argument("--model", default="built-in-matcher")
    parser.add_argument("--key", default="none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--max-tokens", type=int, default=600, help="small models sometimes do not stop")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--no-merge", action="store_true")
    parser.add_argument("--work", type=Path, help="folder for the run's files (default: a temporary one)")
    args = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(json.dumps(measure(args, work, stack.enter_context(_model(args.model_url))), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(run())
