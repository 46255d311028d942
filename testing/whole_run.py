"""A run over sockets as the tests of the contract begin it, and what it leaves: files, rows, calls."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from issue_clusterer import IssueClusterer
from testing.chaos_llm import Behaviour, Reply, Seen, says
from testing.process import plain_environment
from testing.topic_site import RESULTS, TopicSite, schema_of, sorting, topic_tickets

DATABASE = Path("output/silo_issues_db.json")


STEADY = sorting(jumpy=False)


JUMPY = sorting(hopeless=False)


OpenSite = Callable[..., TopicSite]


def results(folder: Path = Path("output")) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def tree() -> dict[str, bytes]:
    """Every file below the working folder."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def issues_at(path: Path = DATABASE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def rows_at(path: Path = Path("output/decisions.jsonl")) -> dict[int, dict[str, Any]]:
    return {row["ticket_id"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def conversations_shown() -> list[int]:
    """Tickets whose conversation the page holds."""
    found = re.search(r'"conversations": (\[[^\]]*\])', Path("output/report.html").read_text(encoding="utf-8"))
    assert found
    shown: list[int] = json.loads(found[1])
    return shown


def report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("output/run_report.json").read_text(encoding="utf-8"))
    return found


def targets(site: TopicSite) -> list[str]:
    """What was asked of the helpdesk, beside the names of its agents."""
    return [call.target for call in site.helpdesk.calls if "/agents?" not in call.target]


def searches(site: TopicSite) -> list[str]:
    return [target for target in targets(site) if "/search/" in target]


def answering(*decisions: dict[str, Any] | str) -> Behaviour:
    """A model that gives these answers to decisions, one after the other, and does without merges."""
    left = iter(decisions)

    def behave(seen: Seen) -> Reply:
        if schema_of(seen) != "issue_decision":
            return STEADY(seen)
        answer = next(left)
        return says(answer if isinstance(answer, str) else json.dumps({**CARD, **answer}))

    return behave


CARD = {
    "issue_id": "NEW",
    "category": "Lid leaks steam",
    "short_description": "Steam escapes at the lid.",
    "keywords": ["steam"],
    "root_cause": "The seal is worn.",
    "resolution_steps": ["Replace the seal."],
    "evidence": [1],
    "confidence": 0.95,
    "notes": "",
}


def interrupt_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run ends as by Ctrl-C, after its tickets are decided; later ones do not."""
    conclude = IssueClusterer.conclude
    left = [True]

    def interrupted(clusterer: IssueClusterer, **options: Any) -> None:
        if left:
            left.clear()
            raise KeyboardInterrupt
        conclude(clusterer, **options)

    monkeypatch.setattr(IssueClusterer, "conclude", interrupted)


def one_line_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def begun(site: TopicSite, *arguments: str, stdout: int = subprocess.PIPE, more: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    environment = plain_environment(**site.environment, **(more or {}))
    command = [sys.executable, "-m", "main", *arguments]
    return subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8")


def started(site: TopicSite, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    process = begun(site, *arguments, more=more)
    out, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def _without_urls(content: bytes) -> bytes:
    return re.sub(rb"127\.0\.0\.1:[0-9]+", b"helpdesk", content)


def refused_for_ever(allowed: list[bool]) -> tuple[list[dict[str, Any]], Behaviour]:
    """Six tickets, and a model with a filter that refuses the fourth of them until it is allowed."""
    tickets = topic_tickets(6)
    tickets[3]["description"] = tickets[3]["description_text"] = "The forbidden word is kumquat."

    def behave(seen: Seen) -> Reply:
        refused = schema_of(seen) == "issue_decision" and "kumquat" in seen.body["messages"][1]["content"] and not allowed
        return says("I cannot help with that.") if refused else STEADY(seen)

    return tickets, behave
