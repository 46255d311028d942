"""The demo, run as its user runs it: three times, a week apart, with what a support lead is to see in it."""

import json
from pathlib import Path

import pytest

import main
from testing.scoring import scores

DEMO = Path(__file__).resolve().parents[2] / "demo"
FOLDER = Path("output/demo")
WIFI = "Kettle cannot join 5 GHz Wi-Fi"


def run(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main.main(["--demo"]) == 0
    return capsys.readouterr().out.splitlines()


def said(lines: list[str], title: str) -> str:
    return next((line for line in lines if line.startswith(title)), "")


def files() -> dict[str, bytes]:
    names = ("silo_issues_db.json", "decisions.jsonl", "flagged_for_review.csv")
    return {name: (FOLDER / name).read_bytes() for name in names}


def test_two_weeks_and_a_third_run_that_finds_nothing_new(capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys)
    assert "95 new tickets" in "\n".join(first)
    assert "Kettle heats past the set temperature (3 in the last four weeks, 1 before)" in said(first, "Growing")
    assert "E07" in said(first, "Back")
    assert said(first, "New")
    second = run(capsys)
    assert "9 new tickets: " in "\n".join(second)
    assert "App 5.6.0 signs out over night (3)" in said(second, "New")
    assert "(4 in the last four weeks, 1 before)" in said(second, "Growing")
    before = files()
    third = run(capsys)
    assert "0 new tickets" in third
    assert any("; 0 calls, 0 stored answers; " in line for line in third)
    assert files() == before


def test_issues_are_those_that_people_see(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    run(capsys)
    issues = json.loads((FOLDER / "silo_issues_db.json").read_text(encoding="utf-8"))
    gold = {int(ticket): label for ticket, label in json.loads((DEMO / "gold.json").read_text(encoding="utf-8")).items() if label}
    home = {ticket: issue["issue_id"] for issue in issues for ticket in issue["tickets"] if ticket in gold}
    found = scores([home[ticket] for ticket in sorted(home)], [gold[ticket] for ticket in sorted(home)])
    assert found.ari > 0.9
    wifi = next(issue for issue in issues if issue["category"] == WIFI)
    assert {1020, 1124, 1197} <= set(wifi["tickets"]), "English, German and Spanish in one issue"
    assert sum(bool(issue["root_cause"]) for issue in issues) > 25
    assert 4 <= sum(bool(issue["unsure"]) for issue in issues if issue.get("unsure")) <= 12


def test_a_look_at_prompts_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--demo", "--prompt-debug", "--ticket-ids", "1124"]) == 0
    assert "=> would found a new issue" in capsys.readouterr().out
    assert not (FOLDER / "silo_issues_db.json").exists()
