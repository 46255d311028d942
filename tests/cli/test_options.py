"""Flags: what may stand together, what is refused in one line, and what comes out."""

import dataclasses
import io
import re
import sys
from pathlib import Path

import pytest

import env
from cli import options as command_line
from cli.options import Job, Options
from common import files as safe_files
from common.errors import Unusable
from knowledge.paths import DEFAULT_OUTPUT, RunFiles

SETTINGS = env.Settings("https://acme.freshdesk.com", "k", "https://m", "k", "model", batch_size=3, llm_workers=4)


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        command_line.parse(argv)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_no_flags_give_the_contracts_defaults() -> None:
    options = command_line.parse([])
    assert options == Options()
    assert options.output == DEFAULT_OUTPUT == Path("output/silo_issues_db.json")
    assert (options.merge, options.reads_only, options.job) == (True, False, Job.RUN)
    selection = options.selection()
    assert (selection.pages, selection.ticket_ids, selection.since, selection.query) == (5, None, None, None)


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["--pages", "7"], "pages", 7),
        (["--pages", "all"], "pages", "all"),
        (["--ticket-ids", "169,167,169, 166,"], "ticket_ids", (169, 167, 166)),
        (["--since", "2026-01-31"], "since", "2026-01-31"),
        (["--query", " tag:'kettle' "], "query", "tag:'kettle'"),
        (["--batch-size", "50"], "batch_size", 50),
        (["--workers", "16"], "workers", 16),
        (["--output", "x/seed.json"], "output", Path("x/seed.json")),
        (["--prompt-debug"], "job", Job.PROMPT_DEBUG),
        (["--reprocess"], "reprocess", True),
        (["--refresh"], "refresh", True),
        (["--fetch-only"], "job", Job.FETCH),
        (["--dry-run"], "job", Job.DRY_RUN),
        (["--max-tokens-total", "1000"], "max_tokens_total", 1000),
        (["--max-cost", "0.5"], "max_cost", 0.5),
        (["--fresh"], "fresh", True),
        (["--no-merge"], "merge", False),
        (["--apply-review", "r.csv"], "apply_review", Path("r.csv")),
        (["--demo"], "demo", True),
        (["--verbose"], "verbose", True),
        (["--export", "csv", "kb.csv"], "export", ("csv", "kb.csv")),
        (["--wave-tickets", "500"], "wave_tickets", 500),
        (["--batch-export", "questions.jsonl"], "batch_export", Path("questions.jsonl")),
        (["--batch-import", "a.jsonl", "b.jsonl"], "batch_import", (Path("a.jsonl"), Path("b.jsonl"))),
    ],
)
def test_a_flag_sets_its_option_and_no_other(argv: list[str], field: str, value: object) -> None:
    options = command_line.parse(argv)
    assert getattr(options, field) == value
    assert dataclasses.replace(options, **{"job": Job.RUN, field: getattr(Options(), field)}) == Options()


@pytest.mark.parametrize(
    "argv",
    [
        ["--ticket-ids", "abc"],
        ["--ticket-ids", ""],
        ["--ticket-ids", ","],
        ["--ticket-ids", "1;2"],
        ["--ticket-ids", "0"],
        ["--ticket-ids", "1.5"],
        ["--ticket-ids=-1"],
        ["--ticket-ids", "١٢"],
        ["--ticket-ids", "9" * 19],
        ["--pages", "0"],
        ["--pages", "-1"],
        ["--pages", "ALL"],
        ["--pages", "1e3"],
        ["--pages", ""],
        ["--since", "2026-02-30"],
        ["--since", "yesterday"],
        ["--since", "2026-1-1"],
        ["--since", "0000-01-01"],
        ["--since", "0001-01-01"],
        ["--since", "1999-12-31"],
        ["--query", "tag:'\udcff'"],
        ["--query", "  "],
        ["--query", "x" * 501],
        ["--batch-size", "0"],
        ["--batch-size", "51"],
        ["--workers", "0"],
        ["--workers", "1000"],
        ["--max-tokens-total", "0"],
        ["--max-tokens-total", "lots"],
        ["--max-cost", "0"],
        ["--max-cost", "-1"],
        ["--max-cost", "nan"],
        ["--max-cost", "inf"],
        ["--max-cost", "five"],
        ["--output", "db.txt"],
        ["--output", "seed.tmp.json"],
        ["--output", "run_report.json"],
        ["--output", "output/seed.run_report.json"],
        ["--output", "x/.tmp.json"],
        ["--output", "."],
        ["--output", f"{'x' * 151}.json"],
        ["--output", f"{'ü' * 76}.json"],
        ["--output", f"{'x' * 300}.json"],
        ["--batch-export", f"{'x' * 300}.jsonl"],
        ["--batch-export", f"{'x' * 196}.jsonl"],
        ["--nonsense"],
        ["--page", "5"],
        ["169"],
        ["--pages"],
        ["--export", "pdf", "x"],
        ["--batch-export", "output/decisions.jsonl"],
        ["--batch-export", "questions.txt"],
        ["--wave-tickets", "0"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_in_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "--help" in refused(argv, capsys)


def test_a_folder_cannot_be_the_database(capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder.json").mkdir()
    assert "must be the path of a .json file" in refused(["--output", "folder.json"], capsys)


def test_the_longest_name_of_a_database_leaves_room_for_its_files() -> None:
    files = RunFiles(command_line.parse(["--output", f"{'x' * 150}.json"]).output)
    with files.locked():
        safe_files.write_text(files.flagged, "")


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--ticket-ids", "1", "--pages", "5"], "--pages"),
        (["--pages", "5", "--ticket-ids", "1"], "--pages"),
        (["--ticket-ids", "1", "--since", "2026-01-01", "--query", "x"], "--since, --query"),
        (["--ticket-ids", "1", "--archived"], "leave out --archived"),
        (["--since", "2026-01-01", "--query", "x"], "--query says all that is searched for"),
        (["--archived", "--since", "2026-01-01"], "--archived looks up what --pages all does not list"),
        (["--archived", "--pages", "5"], "--archived looks up what --pages all does not list"),
        (["--dry-run", "--prompt-debug"], "--prompt-debug, --dry-run"),
        (["--undo-review", "--demo"], "--demo cannot be had with --undo-review"),
        (["--apply-review", "x", "--prompt-debug"], "--prompt-debug, --apply-review"),
    ],
)
def test_what_cannot_stand_together_is_named(argv: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(argv, capsys)


def test_help_shows_every_flag_of_the_contract_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.parse(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    flags = (
        "--pages --ticket-ids --since --query --archived --batch-size --workers --output --prompt-debug --reprocess --refresh --fetch-only "
        "--dry-run --max-tokens-total --max-cost --fresh --no-merge --apply-review --demo --verbose"
    )
    assert [flag for flag in re.split(" ", flags) if flag not in shown] == []


@pytest.mark.parametrize(
    ("argv", "job"),
    [
        (["--apply-review", "r.csv"], Job.APPLY_REVIEW),
        (["--undo-review"], Job.UNDO_REVIEW),
        (["--export", "csv", "kb.csv"], Job.EXPORT),
        (["--batch-export", "questions.jsonl"], Job.BATCH_EXPORT),
        (["--batch-import", "a.jsonl"], Job.BATCH_IMPORT),
        (["--pages", "all"], Job.RUN),
    ],
)
def test_a_flag_that_names_a_job_is_the_job(argv: list[str], job: Job) -> None:
    assert command_line.parse(argv).job is job


@pytest.mark.parametrize(
    ("options", "pages", "ticket_ids"),
    [
        (Options(), 5, None),
        (Options(pages="all"), None, None),
        (Options(pages=400), 400, None),
        (Options(since="2026-01-01"), None, None),
        (Options(since="2026-01-01", pages=3), 3, None),
        (Options(query="x"), 5, None),
        (Options(archived=True), None, None),
        (Options(job=Job.PROMPT_DEBUG), 1, None),
        (Options(job=Job.PROMPT_DEBUG, pages=3), 3, None),
        (Options(ticket_ids=(3, 1, 3)), 5, (3, 1)),
        (Options(ticket_ids=()), 5, ()),
        (Options(job=Job.PROMPT_DEBUG, ticket_ids=(3,)), 5, (3,)),
    ],
)
def test_what_is_asked_for(options: Options, pages: int | None, ticket_ids: tuple[int, ...] | None) -> None:
    selection = options.selection()
    assert (selection.pages, selection.ticket_ids) == (pages, ticket_ids)


def test_a_selection_survives_the_checkpoint_and_tells_two_commands_apart() -> None:
    one = command_line.parse(["--ticket-ids", "1,2"]).selection().to_json()
    assert one["ticket_ids"] == [1, 2]
    others = [
        ["--ticket-ids", "2,1"],
        ["--pages", "5"],
        ["--ticket-ids", "1,2", "--reprocess"],
        ["--since", "2026-01-01"],
        ["--query", "x"],
    ]
    assert all(command_line.parse(argv).selection().to_json() != one for argv in others)


@pytest.mark.parametrize("job", [Job.PROMPT_DEBUG, Job.DRY_RUN, Job.FETCH])
def test_three_jobs_write_nothing_beside_the_database(job: Job) -> None:
    assert Options(job=job).reads_only


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(job=Job.PROMPT_DEBUG), True),
        (Options(job=Job.FETCH, refresh=True), True),
        (Options(job=Job.FETCH), False),
        (Options(), False),
    ],
)
def test_tickets_of_the_database_are_read_again_to_look_at_prompts_or_to_refresh(options: Options, expected: bool) -> None:
    assert options.looks_again is expected


def test_the_command_line_beats_the_environment() -> None:
    settings = command_line.with_overrides(Options(batch_size=9, workers=1), SETTINGS)
    assert (settings.batch_size, settings.llm_workers) == (9, 1)
    assert command_line.with_overrides(Options(), SETTINGS) == SETTINGS


def test_a_limit_in_money_needs_prices() -> None:
    with pytest.raises(Unusable, match="LLM_PRICE_IN and LLM_PRICE_OUT"):
        command_line.with_overrides(Options(max_cost=1.0), dataclasses.replace(SETTINGS, llm_price_in=1.0))
    priced = dataclasses.replace(SETTINGS, llm_price_in=1.0, llm_price_out=2.0)
    assert command_line.with_overrides(Options(max_cost=1.0), priced) == priced


def test_options_take_a_path_as_text() -> None:
    assert Options(output="x.json").output == Path("x.json")  # type: ignore[arg-type] # run() is called by people


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--page", "5"], "there is no '--page' (did you mean --pages?)"),
        (["--tickets-id=4"], "there is no '--tickets-id' (did you mean --ticket-ids?)"),
        (["-output", "x.json"], "did you mean --output?"),
        (["--zzz"], "there is no '--zzz'; see"),
        (["169"], "there is no '169'"),
    ],
)
def test_an_unknown_flag_names_the_nearest(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.parse(argv)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_version_is_that_of_the_project_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.parse(["--version"])
    assert ended.value.code == 0
    stated = re.search(r'^version = "(.+)"', command_line.PYPROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    assert stated
    assert capsys.readouterr().out.strip().endswith(f" {stated[1]}")


def test_what_is_needed_often_stands_in_front(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.parse(["--help"])
    front, _, behind = capsys.readouterr().out.partition("rarely needed:")
    assert front.count("\n  --") <= 12
    assert "--max-cost" in front
    assert "--wave-tickets" in behind


@pytest.mark.parametrize("flag", ["--prompt-debug", "--dry-run", "--fetch-only"])
def test_the_demo_can_be_looked_at_too(flag: str) -> None:
    options = command_line.parse(["--demo", flag])
    assert (options.demo, options.job.value) == (True, flag)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--pages", "al"], "or the word all"),
        (["--ticket-ids", "1178,", "1020"], "without blanks, such as 169,167"),
        (["--ticket-ids", "1178", "1020,7"], "without blanks, such as 169,167"),
    ],
    ids=str,
)
def test_a_near_miss_is_told_how_it_is_written(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(argv, capsys)


def test_what_is_wrong_is_told_between_words_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit, match="2"):
        command_line.parse(["--pages", "a-wrong-number"])
    lines = screen.getvalue().splitlines()
    assert len(lines) > 2
    assert all(len(line) <= 40 for line in lines)
    assert lines[-1].endswith("--help")


def test_what_deletes_is_never_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--forge", "--forgett", "-forget", "--foo"):
        with pytest.raises(SystemExit, match="2"):
            command_line.parse([flag])
    assert "mean --forget" not in capsys.readouterr().err
