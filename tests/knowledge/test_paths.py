"""Files stand beside the database under names that never mix two databases up, and one run at a time holds it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import Unusable
from knowledge.paths import RunFiles

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("database", "names"),
    [
        pytest.param(
            "output/silo_issues_db.json",
            ["silo_issues_db.tmp.json", "flagged_for_review.csv", "decisions.jsonl", "run_report.json", "report.html"],
            id="the plan's name",
        ),
        pytest.param(
            "output/seed.json",
            ["seed.tmp.json", "seed.flagged_for_review.csv", "seed.decisions.jsonl", "seed.run_report.json", "seed.report.html"],
            id="a seed",
        ),
        pytest.param(
            "output/v1.2.json",
            ["v1.2.tmp.json", "v1.2.flagged_for_review.csv", "v1.2.decisions.jsonl", "v1.2.run_report.json", "v1.2.report.html"],
            id="a dot in the name",
        ),
    ],
)
def test_files_stand_beside_the_database_under_its_name(database: str, names: list[str]) -> None:
    files = RunFiles(Path(database))
    found = [files.checkpoint, files.flagged, files.decisions, files.run_report, files.report_page]
    assert [path.name for path in found] == names
    assert {path.parent for path in [*found, files.backup]} == {Path("output")}
    assert files.backup.name == f"{Path(database).name}.bak"


def test_two_databases_in_one_folder_share_no_file() -> None:
    def all_of(files: RunFiles) -> set[Path]:
        return {files.database, files.checkpoint, files.backup, files.flagged, files.decisions, files.run_report, files.report_page}

    assert not all_of(RunFiles(Path("silo_issues_db.json"))) & all_of(RunFiles(Path("seed.json")))


def test_a_second_run_on_the_same_database_is_refused_and_told_who_holds_it() -> None:
    files = RunFiles(Path("output/db.json"))
    with files.locked(), pytest.raises(Unusable, match=r"output/db.json is in use by process \d+ on \S+; wait"), files.locked():
        pytest.fail("two runs at once")
    with files.locked(), RunFiles(Path("output/other.json")).locked():
        pass


def test_a_link_is_no_way_round_the_lock() -> None:
    Path("output").mkdir()
    Path("output/live.json").symlink_to("silo_issues_db.json")
    Path("other").symlink_to("output")
    names = [Path("output/silo_issues_db.json"), Path("output/live.json"), Path("other/silo_issues_db.json")]
    for first in names:
        for second in names:
            with RunFiles(first).locked(), pytest.raises(Unusable, match="in use by process"), RunFiles(second).locked():
                pytest.fail("two runs at once")


def test_another_process_is_refused_too_and_a_dead_one_holds_nothing() -> None:
    program = """
import sys, pathlib, os
from knowledge import paths
from common.errors import Unusable
try:
    with paths.RunFiles(pathlib.Path("output/db.json")).locked():
        os._exit(7)
except Unusable as error:
    print(error)
"""

    def other_process() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False)

    files = RunFiles(Path("output/db.json"))
    with files.locked():
        assert "in use by process" in other_process().stdout
    assert other_process().returncode == 7, "it died with the database in its hands"
    with files.locked():
        pass


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "host": 1}', '{"pid": 1e999, "host": "h"}', "\x00"])
def test_a_damaged_note_about_the_holder_does_not_hide_the_refusal(content: str) -> None:
    files = RunFiles(Path("db.json"))
    with files.locked():
        Path(".db.json.holder").write_text(content)
        with pytest.raises(Unusable, match="in use by another run"), files.locked():
            pytest.fail("two runs at once")


def test_the_note_about_the_holder_goes_with_it() -> None:
    with RunFiles(Path("db.json")).locked():
        assert json.loads(Path(".db.json.holder").read_text())["pid"] > 0
    assert not Path(".db.json.holder").exists()
    with pytest.raises(ZeroDivisionError), RunFiles(Path("db.json")).locked():
        print(1 / 0)
    assert not Path(".db.json.holder").exists()


@pytest.mark.parametrize("blocked", ["file/db.json", "file/deeper/db.json"])
def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(blocked: str) -> None:
    Path("file").write_text("")
    with pytest.raises(Unusable, match=r"cannot write to file.*Choose another --output"), RunFiles(Path(blocked)).locked():
        pytest.fail("it was locked")


@pytest.mark.parametrize("name", ["db.flagged_for_review.csv", "db.decisions.jsonl", "db.json.bak", "db.run_report.json", "db.report.html"])
def test_a_folder_where_a_file_has_to_be_is_said_before_anything_is_paid_for(name: str) -> None:
    Path(name).mkdir()
    with pytest.raises(Unusable, match=f"{name} is a folder"), RunFiles(Path("db.json")).locked():
        pytest.fail("it was locked")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
@pytest.mark.parametrize("name", ["db.flagged_for_review.csv", "db.decisions.jsonl"])
def test_a_pipe_where_a_file_has_to_be_is_said_before_anything_is_paid_for(name: str) -> None:
    os.mkfifo(name)
    with pytest.raises(Unusable, match=f"{name} is no regular file"), RunFiles(Path("db.json")).locked():
        pytest.fail("it was locked")


def test_a_file_system_without_locks_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_args: object, **_options: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("knowledge.paths.FileLock.acquire", unsupported)
    with pytest.raises(Unusable, match="does not appear to support flock"), RunFiles(Path("db.json")).locked():
        pytest.fail("it was locked")


def test_folders_made_for_a_holder_that_writes_nothing_go_with_it() -> None:
    Path("here").mkdir()
    with RunFiles(Path("here/deep/deeper/db.json")).locked():
        assert Path("here/deep/deeper").is_dir()
    assert sorted(Path("here").iterdir()) == []
    with RunFiles(Path("here/deep/db.json")).locked():
        Path("here/deep/db.json").write_text("[]")
    assert Path("here/deep/db.json").read_text() == "[]"
    with RunFiles(Path("here/db.json")).locked():
        pass
    assert Path("here").is_dir(), "it was there before"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such file system here")
def test_a_place_that_takes_no_file_is_not_called_in_use() -> None:
    with pytest.raises(Unusable, match=r"cannot write to /proc.*Choose another --output"), RunFiles(Path("/proc/db.json")).locked():
        pytest.fail("it was locked")


def test_what_a_killed_writer_left_half_written_goes_with_the_next_lock_and_nothing_else_does() -> None:
    Path("real").mkdir()
    Path("real/issues.json").write_text("[]", encoding="utf-8")
    Path("link.json").symlink_to("real/issues.json")
    half = "0123456789abcdef.part"
    left = [f".link.tmp.json.{half}", f".link.flagged_for_review.csv.{half}", ".link.before_review.7.part", f"real/.issues.json.{half}"]
    others = [f".other.json.{half}", f".5.json.{half}", "real/.other.before_review.1.part", "link.part"]
    for name in (*left, *others):
        Path(name).write_text("x", encoding="utf-8")
    with RunFiles(Path("link.json")).locked():
        assert ([name for name in left if Path(name).exists()], [name for name in others if not Path(name).exists()]) == ([], [])
