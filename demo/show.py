"""`--demo`: the ordinary run on sample tickets, against the helpdesk and the model of this folder, and how well that went.

Everything happens on loopback and under output/demo/. Has no rules of its own: what it shows is what a real run does.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cli.options import Options
from demo.helpdesk import Helpdesk, HelpdeskOptions, load_tickets
from demo.model import BuiltInModel
from demo.scoring import Scores, scores
from env import Settings
from issue_clusterer import IssueClusterer
from report.summary import RunReport

GOLD = Path(__file__).with_name("gold.json")
FOLDER = Path("output/demo")

Run = Callable[[Options, Settings], tuple[IssueClusterer, RunReport]]


def run_demo(options: Options, run: Run) -> int:
    """The exit status of a run on the sample tickets; prints what a person should know about what it saw."""
    tickets = load_tickets()
    print(f"Sample helpdesk: {len(tickets)} invented tickets of a maker of kitchen devices. Built-in model: a word matcher, not an LLM.")
    with Helpdesk(tickets) as helpdesk_url, BuiltInModel() as model_url:
        clusterer, report = run(_in_demo_folder(options), _settings(helpdesk_url, model_url))
    found = score_against_gold(clusterer)
    print(
        f"\nAgainst the gold labels of the samples the built-in model reached ARI {found.ari:.2f} and ACC {found.acc:.2f}: "
        f"{found.found} issues where people see {found.labels}, "
        f"and {found.pair_precision:.0%} of the pairs it put together belong together.\n"
        "It stands in for a language model so that you can see the program work; point .env at a real one for real tickets."
    )
    return 3 if report.incomplete else 0


def score_against_gold(clusterer: IssueClusterer) -> Scores:
    """Agreement of the found issues with the gold labels, over tickets that have one."""
    gold = {int(ticket): label for ticket, label in json.loads(GOLD.read_text(encoding="utf-8")).items() if label is not None}
    home = {ticket: issue.issue_id for issue in clusterer.issues.values() for ticket in issue.tickets}
    placed = [ticket for ticket in sorted(gold) if ticket in home]
    return scores([home[ticket] for ticket in placed], [gold[ticket] for ticket in placed])


def _in_demo_folder(options: Options) -> Options:
    return replace(
        options,
        output=FOLDER / options.output.name,
        conversations=FOLDER / "conversations",
        cache=FOLDER / ".cache",
    )


def _settings(helpdesk_url: str, model_url: str) -> Settings:
    return Settings(
        freshdesk_url=helpdesk_url,
        freshdesk_api_key=HelpdeskOptions().api_key,
        llm_base_url=model_url,
        llm_api_key="none",
        llm_model="built-in-matcher",
        batch_size=8,
    )
