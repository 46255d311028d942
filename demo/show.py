"""`--demo`: the ordinary run on sample tickets, against the helpdesk of this folder and the recorded answers of a language model.

Everything happens on loopback and under output/demo/ (or demo/ beside another --output). The first run brings the tickets of half a year,
the next those of the week after. Has no rules of its own: what it shows is what a real run does.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import data_fetcher
from cli import console
from cli.options import Job, Options
from demo.helpdesk import DEFAULT_KEY, SampleHelpdesk, load_tickets
from demo.model import BuiltInModel
from demo.recorded import RecordedModel, Recording
from env import Settings
from issue_clusterer import IssueClusterer
from knowledge.paths import DEFAULT_OUTPUT, command
from report.run_report import RunReport

FOLDER = "demo"
"""Beside the database that --output names, output/ unless it does."""
SECOND_WEEK = "2026-06-28T12:00:00Z"
"""Tickets from here on come with the second run."""

Run = Callable[[Options, Settings], tuple[IssueClusterer, RunReport]]


def run_demo(options: Options, run: Run) -> RunReport:
    """The report of a run on the sample tickets; prints what a person should know about what it saw."""
    there = _in_demo_folder(options)
    tickets, later = _weeks(load_tickets(), there.output)
    done = sum(ticket["status"] in data_fetcher.DONE for ticket in tickets)
    console.show(f"Sample helpdesk: {len(tickets)} invented tickets of a maker of kitchen devices. No account, no key, no network.")
    console.show(f"A run reads what is resolved or closed: {done} of them.")
    console.show("Answers: recorded from a language model that was asked the program's own questions (demo/recorded.jsonl).")
    asked = RecordedModel(Recording.load(tickets))
    with SampleHelpdesk(tickets) as helpdesk_url, BuiltInModel(answer_with=asked) as model_url:
        _, report = run(there, settings_of(helpdesk_url, model_url))
    console.show("\n" + _told(asked, report))
    if there.job is Job.DRY_RUN:
        console.show("The time is that of a real helpdesk and a real model; the demo takes a few seconds.")
    if there.job is Job.RUN and report.already_known + len(report.rows):
        console.show(_next(len(later), options.output))
    return report


def _weeks(tickets: Sequence[dict[str, Any]], database: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(the tickets that the helpdesk holds by now, those of the week to come): a first run has no database yet."""
    if database.exists():
        return list(tickets), []
    return [ticket for ticket in tickets if ticket["created_at"] < SECOND_WEEK], [t for t in tickets if t["created_at"] >= SECOND_WEEK]


def _told(asked: RecordedModel, report: RunReport) -> str:
    """Where this run's answers came from."""
    if not asked.recorded + asked.by_matcher:
        stored = report.totals.stored_answers
        return f"No question was asked: {f'{stored} answers were' if stored else 'everything was'} here already."
    others = f", {asked.by_matcher} by the built-in word matcher, which is no language model" if asked.by_matcher else ""
    return f"{asked.recorded} questions were answered from the recording{others}."


def _next(later: int, database: Path) -> str:
    by_make = "MAKELEVEL" in os.environ and database == DEFAULT_OUTPUT  # as `make demo` starts it
    same = "make demo" if by_make else command("--demo", database)
    again = f"brings the {later} tickets of the week after" if later else "finds nothing new and asks nothing"
    return "\n".join(
        [
            f"{same} again {again}; rm -r {database.parent / FOLDER} starts over.",
            "Links to tickets in the list lead to the sample helpdesk, which has ended.",
            "Your own tickets: copy .env.example to .env, then run python -m main --check",
        ]
    )


def _in_demo_folder(options: Options) -> Options:
    folder = options.output.parent / FOLDER
    return replace(options, output=folder / options.output.name, conversations=folder / "conversations", cache=folder / ".cache")


def settings_of(helpdesk_url: str, model_url: str) -> Settings:
    """Settings for a run on the sample tickets."""
    return Settings(
        freshdesk_url=helpdesk_url,
        freshdesk_api_key=DEFAULT_KEY,
        llm_base_url=model_url,
        llm_api_key="none",
        llm_model="a language model, its answers recorded",
        batch_size=8,
    )
