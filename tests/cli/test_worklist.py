"""Which listed tickets a run works on: what the database has settled is left alone unless it is asked for."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import worklist
from cli.options import Job, Options
from cli.worklist import sort_out
from common import files
from common.errors import Unusable
from issue_clusterer import IssueClusterer
from knowledge import decision
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Card, Issue, render
from knowledge.paths import RunFiles
from prompts_config import Prompts
from report.run_report import RunReport
from testing.scripted_model import ScriptedModel, by_ticket

OLD, NEW = "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"
ROWS = (
    DecisionRow(1, "A", "matched", 0.9, updated_at=OLD),
    DecisionRow(2, "A", "reviewed", 0.9, updated_at=OLD, decided_by="person"),
    DecisionRow(3, None, "ignored", reason="a survey", updated_at=OLD),
    DecisionRow(4, None, "failed", reason="filtered", updated_at=OLD, failures=FAILURES_TO_SET_ASIDE),
    DecisionRow(5, None, "failed", reason="gone", updated_at=OLD, failures=1),
)
"""In an issue, reviewed, ignored, tried no more, failed once; 6 was never seen."""
RUN = Options()


@pytest.mark.parametrize(
    ("options", "seen", "wanted", "known", "changed", "aside"),
    [
        pytest.param(RUN, OLD, [5, 6], 3, [], [4], id="nothing changed since"),
        pytest.param(RUN, NEW, [3, 4, 5, 6], 2, [1, 2], [], id="all changed since"),
        pytest.param(replace(RUN, ticket_ids=(1, 2, 3, 4, 5, 6)), OLD, [4, 5, 6], 3, [], [], id="named"),
        pytest.param(replace(RUN, reprocess=True), OLD, [1, 3, 4, 5, 6], 1, [], [], id="decided again, reviewed ones not"),
        pytest.param(replace(RUN, reprocess=True, ticket_ids=(2,)), OLD, [1, 2, 3, 4, 5, 6], 0, [], [], id="decided again by name"),
        pytest.param(replace(RUN, job=Job.PROMPT_DEBUG), OLD, [1, 2, 3, 5, 6], 0, [], [4], id="looked at only"),
    ],
)
def test_what_is_settled_is_left_alone(
    options: Options, seen: str, wanted: list[int], known: int, changed: list[int], aside: list[int]
) -> None:
    paths = RunFiles(Path("db.json"))
    files.write_text(paths.database, render([Issue("A", Card("Lid leaks"), tickets=[1, 2], reviewed=[2])]))
    files.write_text(paths.decisions, "".join(decision.lines(ROWS)))
    clusterer = IssueClusterer(paths, ask=ScriptedModel(by_ticket({})).ask, prompts=Prompts())
    report = RunReport(paths.database, "1", "m", "p")
    found = sort_out([{"ticket_id": number, "updated_at": seen} for number in range(1, 7)], clusterer, options, report)
    assert [ticket["ticket_id"] for ticket in found] == wanted
    assert (report.already_known, report.changed, report.aside) == (known, changed, aside)


def decided(*urls: str) -> Any:
    """What a run works with, on a database whose tickets 1, 2 … were decided at these addresses; the account is acme."""
    rows = {number: DecisionRow(number, "A", "matched", 0.9, url=url and f"{url}/a/tickets/{number}") for number, url in enumerate(urls, 1)}
    clusterer = SimpleNamespace(decisions=rows, files=RunFiles(Path("output/db.json")))
    return SimpleNamespace(settings=SimpleNamespace(freshdesk_url=ACME), clusterer=clusterer)


ACME, OTHER, HERE = "https://acme.freshdesk.com", "https://other.freshdesk.com", "http://127.0.0.1:4711"


@pytest.mark.parametrize("urls", [(), ("", ""), (ACME, ACME, OTHER), (HERE, HERE), (HERE, ACME), (OTHER, ACME), (ACME, OTHER)], ids=str)
def test_a_database_of_this_account_is_worked_on(urls: tuple[str, ...]) -> None:
    worklist._stop_at_another_account(decided(*urls))


def test_another_account_s_database_is_left_alone_with_the_way_out() -> None:
    with pytest.raises(Unusable, match=r"db.json holds tickets of https://other\.freshdesk\.com, and .* says https://acme") as caught:
        worklist._stop_at_another_account(decided(OTHER, OTHER, ACME, HERE))
    assert "--output" in str(caught.value)
    assert "only renamed" in str(caught.value)
