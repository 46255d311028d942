"""What the demo says around a run: which tickets are there by now, where the answers came from, what to do next."""

from pathlib import Path

import pytest

from cli.options import Job, Options
from demo import show
from demo.helpdesk import load_tickets
from env import Settings
from issue_clusterer import IssueClusterer
from report.run_report import RunReport

FOLDER = Path("output/demo")


def said(capsys: pytest.CaptureFixture[str], options: Options, *, known: int = 0) -> list[str]:
    """What is printed around a run that asked nothing."""

    def run(there: Options, settings: Settings) -> tuple[IssueClusterer, RunReport]:
        assert there.output.is_relative_to(FOLDER)
        assert there.conversations.is_relative_to(FOLDER)
        assert there.cache.is_relative_to(FOLDER)
        assert settings.freshdesk_url.startswith("http://127.0.0.1:")
        return None, RunReport(there.output, already_known=known)  # type: ignore[return-value] # the demo looks at the report alone

    show.run_demo(options, run)
    return capsys.readouterr().out.splitlines()


def test_the_first_run_has_half_a_year_and_the_next_the_week_after(tmp_path: Path) -> None:
    tickets = load_tickets()
    first, later = show._weeks(tickets, tmp_path / "none.json")
    assert (len(first) + len(later), len(later)) == (len(tickets), 9)
    assert max(ticket["created_at"] for ticket in first) < min(ticket["created_at"] for ticket in later)
    assert show._weeks(tickets, tmp_path) == (tickets, [])


def test_it_says_how_many_tickets_a_run_reads_and_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, Options(), known=95)
    assert "A run reads what is resolved or closed: 95 of them." in lines
    assert "No question was asked: everything was here already." in lines
    assert any(line.endswith(" again brings the 9 tickets of the week after; rm -r output/demo starts over.") for line in lines)
    assert lines[-1].endswith("then run python -m main --check")


def test_the_time_that_a_dry_run_tells_is_not_the_demos(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, Options(job=Job.DRY_RUN))[-1].startswith("The time is that of a real helpdesk and a real model")


@pytest.mark.parametrize(("output", "folder"), [("output/silo_issues_db.json", "output/demo"), ("elsewhere/my.json", "elsewhere/demo")])
def test_all_that_the_demo_writes_lies_in_one_folder_beside_the_database(output: str, folder: str) -> None:
    there = show._in_demo_folder(Options(demo=True, output=Path(output)))
    assert {there.output.parent, there.conversations.parent, there.cache.parent} == {Path(folder)}
    assert there.output.name == Path(output).name


def test_starting_over_names_that_folder_and_nothing_above_it() -> None:
    assert "rm -r somewhere/demo starts over" in show._next(9, Path("somewhere/x.json"))


@pytest.mark.parametrize(
    ("database", "make", "said"),
    [
        ("output/silo_issues_db.json", True, "make demo again"),
        ("output/silo_issues_db.json", False, "python -m main --demo again"),
        ("x/y.json", True, "python -m main --demo --output x/y.json again"),
    ],
)
def test_the_next_command_is_the_one_that_this_was_started_with(
    database: str, make: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKELEVEL", "1") if make else monkeypatch.delenv("MAKELEVEL", raising=False)
    assert show._next(9, Path(database)).startswith(f"{said} brings the 9 tickets")
