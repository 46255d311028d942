"""The whole program on labelled conversations, with a model server that answers by itself, scored against the labels.

    python -m benchmarks.end_to_end --file star.s300.jsonl.gz --tickets 20 --model-url http://127.0.0.1:8091/v1 --model NAME

Tickets go through the sample helpdesk, so fetching and cleaning are part of what is measured. Files in a folder that is kept with
`--work`, so that stored answers make a second measurement free.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import main
from benchmarks.scoring import scores
from command_line import Options
from demo.helpdesk import Helpdesk, HelpdeskOptions
from demo.labelled_files import load_labelled
from env import Settings


def measure(args: argparse.Namespace, work: Path) -> dict[str, object]:
    """Scores and counts of one run."""
    tickets, labels = load_labelled(args.file)
    tickets = tickets[: args.tickets]
    with Helpdesk(tickets) as url:
        settings = Settings(
            freshdesk_url=url,
            freshdesk_api_key=HelpdeskOptions().api_key,
            llm_base_url=args.model_url,
            llm_api_key=args.key,
            llm_model=args.model,
            llm_workers=args.workers,
            llm_timeout_s=600.0,
            llm_max_tokens=args.max_tokens,
            llm_temperature=args.temperature,
            batch_size=8,
        )
        options = Options(
            ticket_ids=tuple(ticket["id"] for ticket in tickets),
            output=work / "output" / "silo_issues_db.json",
            conversations=work / "conversations",
            cache=work / "cache",
            merge=not args.no_merge,
        )
        began = time.monotonic()
        with contextlib.redirect_stdout(io.StringIO()):
            clusterer, report = main.run_with_report(options, settings)
    found = {ticket: issue.issue_id for issue in clusterer.issues.values() for ticket in issue.tickets}
    placed = [ticket["id"] for ticket in tickets if ticket["id"] in found]
    result = scores([found[ticket] for ticket in placed], [labels[ticket] for ticket in placed])
    counts = report.to_json()
    return {
        "tickets": len(tickets),
        "labels": len({labels[ticket] for ticket in placed}),
        "issues": len(clusterer.issues),
        **{name: round(value, 3) for name, value in dataclasses.asdict(result).items()},
        "unusable": len(report.failures),
        "flagged": counts["counts"]["flagged"],
        "merged": counts["counts"]["merged_issues"],
        "calls": counts["model_calls"]["calls"],
        "tokens_in": counts["tokens"]["prompt"],
        "seconds": round(time.monotonic() - began, 1),
        "prompt_version": report.prompt_version,
    }


def run(argv: list[str] | None = None) -> int:
    """Print one line of JSON with what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--tickets", type=int, default=20)
    parser.add_argument("--model-url", required=True)
    parser.add_argument("--model", default="model")
    parser.add_argument("--key", default="none")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--max-tokens", type=int, default=600, help="small models sometimes do not stop")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--no-merge", action="store_true")
    parser.add_argument("--work", type=Path, help="folder for the run's files (default: a temporary one)")
    args = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(json.dumps(measure(args, work)))
    return 0


if __name__ == "__main__":
    sys.exit(run())
