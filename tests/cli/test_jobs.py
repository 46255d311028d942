"""Reviews and exports from the command line: nothing of the program's own is overwritten, and what is applied is never called failed."""

import contextlib
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import main
from common import files as safe_files
from common.errors import Ended, Unwritable
from knowledge import checkpoint, decision, written
from knowledge.conversation import save_conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue, load, render
from knowledge.paths import RunFiles
from report import page
from review import apply
from review import list as review_list
from testing.reviews import files_in, page_export, sheet
from testing.scripted_model import talk

FILES = RunFiles(Path("output/silo_issues_db.json"))


@pytest.fixture
def files() -> RunFiles:
    """A database with its files where the program looks for them."""
    FILES.database.parent.mkdir()
    return files_in(FILES.database.parent)


def tree() -> dict[str, bytes]:
    """Every file but locks, which stay where a database was once held."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file() and path.suffix != ".lock"}


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_args: object, **_options: object) -> None:
        raise error

    return fail


def flagged(files: RunFiles) -> list[str]:
    return [row.cells["ticket_id"] for row in review_list.parse(files.flagged.read_bytes(), name="list")]


def told_command(said: str) -> list[str]:
    """The arguments of the command that a warning tells."""
    found = re.search(r"run python -m main (.*) to write", said)
    assert found, said
    return shlex.split(found[1])


# Export


@pytest.mark.parametrize(
    "name",
    [
        "silo_issues_db.json",
        "flagged_for_review.csv",
        "decisions.jsonl",
        "run_report.json",
        "report.html",
        "silo_issues_db.tmp.json",
        "silo_issues_db.json.bak",
        ".silo_issues_db.json.lock",
        "../output/flagged_for_review.csv",
        "link.csv",
    ],
)
@pytest.mark.usefixtures("files")
def test_an_export_never_overwrites_a_file_of_the_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("output/link.csv").symlink_to("flagged_for_review.csv")
    before = tree()
    assert main.main(["--export", "csv", f"output/{name}"]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "name another" in err) == (1, True)
    assert tree() == before


@pytest.mark.parametrize(("kind", "output"), [("csv", []), ("markdown", []), ("csv", ["--output", "seed.json"])], ids=str)
def test_an_export_without_a_database_is_refused(kind: str, output: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--export", kind, "kb.csv", *output]) == 2
    assert f"there is no database at {(output or ['', str(FILES.database)])[1]}; run python -m main" in capsys.readouterr().err
    assert tree() == {}


@pytest.mark.usefixtures("files")
def test_an_export_elsewhere_is_written() -> None:
    assert main.main(["--export", "csv", "kb.csv"]) == 0
    assert "ISSUE-1" in Path("kb.csv").read_text(encoding="utf-8")


# A review is applied, whatever becomes of list and page


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), Unwritable("no space"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("kind", ["another list", "the list itself", "page"])
def test_a_list_that_cannot_follow_is_a_warning_whose_command_writes_it(
    kind: str, error: BaseException, files: RunFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(Path(), (5, "confirm"))
    if kind == "page":
        path = page_export(Path(), {"action": "confirm", "ticket_id": 5, "issue_id": "ISSUE-5"})
    elif kind == "the list itself":
        path = path.replace(files.flagged)
    with monkeypatch.context() as patched:
        patched.setattr(review_list, "write", failing(error))
        assert main.main(["--apply-review", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "warning: the review is applied; the list and the page could not be rewritten" in out
    assert err == ""
    applied = (files.database.read_bytes(), files.decisions.read_bytes())
    assert "5" in flagged(files)
    if kind == "the list itself":  # as a spreadsheet saves it again
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    assert main.main(told_command(out)) == 0
    assert "warning" not in capsys.readouterr().out
    assert (files.database.read_bytes(), files.decisions.read_bytes()) == applied
    assert flagged(files) == ["6", "7"]
    assert files.report_page.exists()
    assert main.main(["--undo-review"]) == 0
    assert main.main(["--undo-review"]) == 2, "it was one review"


@pytest.mark.parametrize("error", [Unwritable("no space"), KeyboardInterrupt()], ids=repr)
def test_a_page_that_cannot_follow_is_a_warning_whose_command_writes_it(
    error: BaseException, files: RunFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(Path(), (5, "confirm"))
    with monkeypatch.context() as patched:
        patched.setattr(page, "write", failing(error))
        assert main.main(["--apply-review", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "the page could not be rewritten" in out
    assert (err, files.report_page.exists()) == ("", False)
    after = files.database.read_bytes()
    assert main.main(told_command(out)) == 0
    assert (files.report_page.exists(), files.database.read_bytes() == after) == (True, True)


@pytest.mark.parametrize("error", [Unwritable("no space"), KeyboardInterrupt()], ids=repr)
def test_an_undone_review_is_undone_whatever_becomes_of_the_page(
    error: BaseException, files: RunFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files.database.read_bytes()
    main.main(["--apply-review", str(sheet(Path(), (5, "confirm")))])
    monkeypatch.setattr(page, "write", failing(error))
    assert main.main(["--undo-review"]) == 0
    assert "the next run or review writes it again" in capsys.readouterr().out
    assert files.database.read_bytes() == before


@pytest.mark.parametrize("error", [Unwritable("no space"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("stopped_at", ["silo_issues_db.json", "decisions.jsonl"])
def test_a_review_that_is_stopped_before_it_is_whole_changes_nothing_and_may_be_applied_again(
    stopped_at: str, error: BaseException, files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sheet(Path(), (5, "accept"))
    before = (files.database.read_bytes(), files.decisions.read_bytes(), files.flagged.read_bytes())
    write = safe_files.write_parts

    def stop(target: Path, parts: Iterable[bytes]) -> None:
        if target == files.database.with_name(stopped_at):
            raise error
        write(target, parts)

    with monkeypatch.context() as patched:
        patched.setattr(safe_files, "write_parts", stop)
        assert main.main(["--apply-review", str(path)]) == (1 if isinstance(error, Unwritable) else 130)
    assert (files.database.read_bytes(), files.decisions.read_bytes(), files.flagged.read_bytes()) == before
    assert not list(files.database.parent.glob("before_review*"))
    assert main.main(["--apply-review", str(path)]) == 0


def test_a_review_killed_between_log_and_database_is_finished_by_the_same_command(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log, database = sheet(Path(), (5, "accept")), files.decisions.read_bytes(), files.database.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(review_list, "write", failing(KeyboardInterrupt()))
        main.main(["--apply-review", str(path)])
    whole = files.decisions.read_bytes()
    files.database.write_bytes(database)
    assert main.main(["--apply-review", str(path)]) == 0
    assert files.decisions.read_bytes() == whole != log
    assert main.main(["--undo-review"]) == 0
    assert files.decisions.read_bytes() == log


def test_an_undo_that_a_held_list_stops_has_changed_nothing(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    main.main(["--apply-review", str(sheet(Path(), (5, "confirm")))])
    applied = (files.database.read_bytes(), files.decisions.read_bytes())
    with monkeypatch.context() as patched:
        patched.setattr(safe_files, "write_parts", failing(Unwritable("cannot write the list: in use")))
        assert main.main(["--undo-review"]) == 1
    assert (files.database.read_bytes(), files.decisions.read_bytes()) == applied
    apply.undo(files)


# The page shows the conversations that belong to the database


@pytest.mark.parametrize("folder", ["conversations", "output/conversations"])
def test_the_page_after_a_review_shows_the_stored_conversations(folder: str, files: RunFiles) -> None:
    save_conversation(talk(5, "The kettle is pink."), Path(folder))
    assert main.main(["--apply-review", str(sheet(Path(), (6, "confirm")))]) == 0
    assert "The kettle is pink." in files.report_page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("setting", "value"), [("INCLUDE_PRIVATE_NOTES", "0"), ("REDACT", "1")])
def test_the_page_after_a_review_hides_what_the_settings_of_today_hide(
    setting: str, value: str, files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = talk(5, "The kettle is pink.", agent="Call jo@example.com back.", redacted=False)
    told["conversation"][-1]["private"] = True
    save_conversation(told, Path("conversations"))
    monkeypatch.setenv("REDACT", "0")
    for given, seen in ((None, True), (value, False)):
        if given is not None:
            monkeypatch.setenv(setting, given)
        ticket = flagged(files)[0]
        assert main.main(["--apply-review", str(sheet(Path(), (int(ticket), "confirm")))]) == 0
        page = files.report_page.read_text(encoding="utf-8")
        assert "The kettle is pink." in page
        assert ("jo@example.com" in page) is seen


# What lies beside the database


def fill_list(files: RunFiles, ticket: str) -> None:
    """Confirm one ticket in the list where the program looks for it."""
    sheet(files.database.parent, (int(ticket), "confirm")).replace(files.flagged)


def test_a_review_without_a_file_takes_the_list_and_the_newest_export(files: RunFiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--apply-review"]) == 0
    assert "nothing to apply" in capsys.readouterr().out
    first, second = flagged(files)[:2]
    fill_list(files, first)
    assert main.main(["--apply-review"]) == 0
    assert "1 decisions applied" in capsys.readouterr().out
    home = next(issue.issue_id for issue in load(files.database).values() if int(second) in issue.tickets)
    export = page_export(files.database.parent, {"action": "confirm", "ticket_id": int(second), "issue_id": home})
    os.utime(export, (1, 1))  # whatever was written since, a run or another review
    assert main.main(["--apply-review"]) == 0
    assert "1 decisions applied" in capsys.readouterr().out
    assert not {first, second} & set(flagged(files))
    later = files.database.stat().st_mtime + 10
    os.utime(export, (later, later))
    assert main.main(["--apply-review"]) == 0
    assert "nothing was changed: only what holds already in output/review.json" in capsys.readouterr().out
    assert main.main(["--undo-review"]) == 0
    assert "output/review.json lies there still" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"action": "confirm", "ticket_id": 900}, "review.json, action 1: ticket 900 is in no issue"),
        ({"action": "ignore", "ticket_id": 6}, "row 2, review.json, action 1: ticket 6 is decided more than once"),
        ({"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-99"]}, "'ISSUE-99' is no issue"),
    ],
    ids=["no such ticket", "decided otherwise", "no such issue"],
)
def test_list_and_export_are_applied_together_or_not_at_all(
    action: dict[str, Any], named: str, files: RunFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_list(files, "6")
    export = page_export(files.database.parent, action)
    before = tree()
    assert main.main(["--apply-review"]) == 2
    said = capsys.readouterr().err
    assert ("output/flagged_for_review.csv and output/review.json: 1 row to mend; nothing was applied" in said, named in said) == (
        True,
        True,
    )
    assert tree() == before
    page_export(files.database.parent, {"action": "confirm", "ticket_id": 6}, {"action": "merge", "issue_ids": ["ISSUE-1", "ISSUE-5"]})
    assert main.main(["--apply-review"]) == 0
    assert "2 decisions applied" in capsys.readouterr().out
    assert main.main(["--undo-review"]) == 0
    export.unlink()
    assert {name: content for name, content in tree().items() if name in before and not name.endswith(".html")} == {
        name: content for name, content in before.items() if name != str(export)
    }


def test_of_several_exports_the_newest_is_taken_and_the_others_are_named(files: RunFiles, capsys: pytest.CaptureFixture[str]) -> None:
    older = page_export(files.database.parent, {"action": "confirm", "ticket_id": 5}).rename(files.database.parent / "review (1).json")
    os.utime(older, (1, 1))
    page_export(files.database.parent, {"action": "confirm", "ticket_id": 6})
    assert main.main(["--apply-review"]) == 0
    said = capsys.readouterr().out
    assert "output/review.json is taken, for it is the newest; not taken: output/review (1).json. Give --apply-review the file" in said
    assert ("ticket 6: stays" in said, "ticket 5: stays" in said) == (True, False)
    older.unlink()
    assert main.main(["--apply-review"]) == 0
    assert "not taken" not in capsys.readouterr().out


@pytest.mark.parametrize("stem", ["review", "review_db", "silo_issues_db"])
def test_no_file_of_any_database_is_taken_for_a_review(stem: str, files: RunFiles, capsys: pytest.CaptureFixture[str]) -> None:
    other = RunFiles(files.database.with_name("review_two.json"))
    for mine in (RunFiles(files.database.with_name(f"{stem}.json")), other):
        issues, rows = load(files.database), decision.load(files.decisions)
        written.expect(mine, {mine.database: [render(issues.values())]})
        mine.database.write_text(render(issues.values()), encoding="utf-8")
        mine.run_report.write_text("{}", encoding="utf-8")
        review_list.write(mine.flagged, issues, rows)
    assert main.main(["--apply-review", "--output", f"output/{stem}.json"]) == 0
    assert "nothing to apply" in capsys.readouterr().out


def test_tables_have_the_separator_that_is_set(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSV_SEPARATOR", ";")
    fill_list(files, flagged(files)[0])
    assert main.main(["--apply-review"]) == 0
    assert files.flagged.read_text(encoding="utf-8-sig").startswith("ticket_id;confidence;")
    monkeypatch.setenv("CSV_SEPARATOR", "|")
    assert main.main(["--apply-review"]) == 2


# Seeds


def test_a_seed_is_joined_whole_with_its_log_and_the_old_database_is_kept(files: RunFiles, tmp_path: Path) -> None:
    before = files.database.read_bytes()
    seed = RunFiles(tmp_path / "seed" / "seed.json")
    seed.database.parent.mkdir()
    issue = Issue("ISSUE-9001", Card("Pump dead"), tickets=[9001], unsure={9001: 0.5})
    seed.database.write_text(render([issue]), encoding="utf-8")
    seed.decisions.write_text(decision.render([DecisionRow(9001, "ISSUE-9001", "provisional", 0.5, subject="Pump")]), encoding="utf-8")
    assert main.main(["--add-seed", str(seed.database)]) == 0
    assert load(files.database)["ISSUE-9001"].tickets == [9001]
    assert decision.load(files.decisions)[9001].subject == "Pump"
    assert "9001" in flagged(files)
    assert files.backup.read_bytes() == before
    again = tree()
    assert main.main(["--add-seed", str(seed.database)]) == 0
    assert {name: content for name, content in tree().items() if "report" not in name} == {
        name: content for name, content in again.items() if "report" not in name
    }


def test_a_seed_that_clashes_changes_nothing(files: RunFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = next(iter(load(files.database).values()))
    path = tmp_path / "seed.json"
    path.write_text(render([Issue("ISSUE-9001", Card("x"), tickets=[9001]), Issue(taken.issue_id, Card("other"))]), encoding="utf-8")
    before = tree()
    assert main.main(["--add-seed", str(path)]) == 2
    assert taken.issue_id in capsys.readouterr().err
    assert tree() == before


def test_a_seed_is_joined_with_what_stands_there_once_it_holds_the_database(
    files: RunFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, locked = [sheet(tmp_path, (5, "ignore"))], RunFiles.locked

    @contextlib.contextmanager
    def late(self: RunFiles) -> Iterator[None]:
        if waiting:  # a review that ends while the seed is on its way
            assert main.main(["--apply-review", str(waiting.pop())]) == 0
        with locked(self):
            yield

    monkeypatch.setattr(RunFiles, "locked", late)
    path = tmp_path / "seed.json"
    path.write_text(render([Issue("ISSUE-9", Card("Pump dead"))]), encoding="utf-8")
    assert main.main(["--add-seed", str(path)]) == 0
    issues = load(files.database)
    assert ("ISSUE-9" in issues, [name for name, one in issues.items() if 5 in one.tickets]) == (True, [])
    assert decision.load(files.decisions)[5].decided_by == "person"


def test_a_seed_starts_a_database_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text("title,description\nPump dead,No light.\n", encoding="utf-8")
    assert main.main(["--add-seed", str(path), "--output", str(tmp_path / "db.json")]) == 0
    assert [issue.card.category for issue in load(tmp_path / "db.json").values()] == ["Pump dead"]


@pytest.mark.parametrize("kind", ["evidence", "tickets"])
def test_the_other_exports_write_too(kind: str, files: RunFiles, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--export", kind, f"out-{kind}"]) == 0
    assert "in out-" in capsys.readouterr().out
    assert main.main(["--export", "pdf", "x"]) == 2


def test_whoever_writes_the_page_writes_the_letter_and_says_where_to_look(files: RunFiles, capsys: pytest.CaptureFixture[str]) -> None:
    path = sheet(Path(), (5, "confirm"))
    assert main.main(["--apply-review", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("reload the page where it is open")
    assert "2 decisions want a look" in files.weekly.read_text(encoding="utf-8")
    assert main.main(["--undo-review"]) == 0
    assert "3 decisions want a look" in files.weekly.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "target"), [("markdown", "theirs"), ("csv", "theirs"), ("csv", "theirs/notes.txt"), ("markdown", "theirs/notes.txt")]
)
@pytest.mark.usefixtures("files")
def test_a_place_that_an_export_cannot_use_is_a_wrong_flag(kind: str, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("theirs").mkdir()
    Path("theirs/notes.txt").write_text("mine", encoding="utf-8")
    before = tree()
    assert main.main(["--export", kind, target]) == 2
    assert "name a" in capsys.readouterr().err
    assert tree() == before


@pytest.mark.parametrize(("ended", "said"), [(Ended.INTERRUPTED, "was interrupted"), (Ended.WAITING, "waits for a batch engine")], ids=str)
def test_a_run_that_has_to_end_first_is_named_with_its_command(
    ended: Ended, said: str, files: RunFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    selection = {"ticket_ids": None, "pages": None, "since": None, "query": None, "archived": False, "reprocess": False}
    plan = checkpoint.Plan(safe_files.sha256(files.database), selection, ())
    safe_files.write_parts(files.checkpoint, checkpoint.parts(checkpoint.Checkpoint(plan)))
    safe_files.write_text(files.run_report, safe_files.dump_json({"ended": ended.value}))
    assert main.main(["--undo-review"]) == 2
    err = capsys.readouterr().err
    assert f"a run on output/silo_issues_db.json {said} (" in err
    assert "finish it with python -m main --pages all, or begin it anew with --fresh" in err


@pytest.mark.usefixtures("files")
def test_whoever_has_nothing_beside_the_database_is_sent_to_the_downloads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--apply-review"]) == 0
    assert "the page's export is in your downloads: python -m main --apply-review PATH" in capsys.readouterr().out
