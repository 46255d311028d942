"""A database or log that was changed since the program wrote it is named, once, and by no false alarm."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common import files as safe_files
from knowledge import written
from knowledge.paths import RunFiles


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    """A database and its log, as the program wrote them in place of earlier ones."""
    files = RunFiles(tmp_path / "silo_issues_db.json")
    put(files, "old", "old log")
    expect(files)
    put(files, "new", "log")
    return files


def put(files: RunFiles, database: str, log: str) -> None:
    files.database.write_text(database, encoding="utf-8")
    files.decisions.write_text(log, encoding="utf-8")


def changed_with_digests(files: RunFiles, digests: str) -> None:
    put(files, "a", "b")
    files.digests.write_text(digests, encoding="utf-8")


def expect(files: RunFiles, database: str = "new", log: str = "log") -> None:
    written.expect(files, {files.database: iter(database), files.decisions: [log.encode()]})


def named(files: RunFiles, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    written.warn_of_changes(files)
    return [record.message.split(" is not as it was written last")[0].rsplit("/", 1)[-1] for record in caplog.records]


CHANGES: dict[str, tuple[Callable[[RunFiles], object], list[str]]] = {
    "nothing": (lambda files: None, []),
    "a letter of the database": (lambda files: files.database.write_text("now"), ["silo_issues_db.json"]),
    "a letter of the log": (lambda files: files.decisions.write_text("lag"), ["decisions.jsonl"]),
    "the log is gone": (lambda files: files.decisions.unlink(), ["decisions.jsonl"]),
    "both": (lambda files: put(files, "a", "b"), ["silo_issues_db.json", "decisions.jsonl"]),
    "the one before is put back": (lambda files: put(files, "old", "old log"), []),
    "killed between the two": (lambda files: put(files, "old", "log"), []),
    "the digests are gone": (lambda files: changed_with_digests(files, ""), []),
    "the digests are damaged": (lambda files: changed_with_digests(files, "{'"), []),
    "the digests are a list": (lambda files: changed_with_digests(files, "[]"), []),
    "a digest is another": (lambda files: files.digests.write_text(files.digests.read_text().replace("a", "b", 1)), []),
}


@pytest.mark.parametrize(("change", "wanted"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_since_is_named(
    files: RunFiles, caplog: pytest.LogCaptureFixture, change: Callable[[RunFiles], object], wanted: list[str]
) -> None:
    change(files)
    assert named(files, caplog) == wanted


def test_what_the_program_writes_next_is_known_again(files: RunFiles, caplog: pytest.LogCaptureFixture) -> None:
    put(files, "by hand", "log")
    expect(files, "newer")
    assert named(files, caplog) == [], "a run that is killed here has said it already"
    put(files, "newer", "log")
    assert named(files, caplog) == []
    put(files, "new", "log")
    assert named(files, caplog) == ["silo_issues_db.json"]


def test_the_copy_from_before_is_named_where_there_is_one(files: RunFiles, caplog: pytest.LogCaptureFixture) -> None:
    files.database.write_text("by hand", encoding="utf-8")
    written.warn_of_changes(files)
    assert ".bak" not in caplog.text
    files.backup.write_text("old", encoding="utf-8")
    written.warn_of_changes(files)
    assert "silo_issues_db.json.bak is from before the last run" in caplog.text


def test_what_is_known_already_is_not_written_again(files: RunFiles) -> None:
    expect(files)
    first = files.digests.stat().st_ino
    expect(files)
    assert files.digests.stat().st_ino == first
    put(files, "by hand", "log")
    expect(files, "by hand")
    assert files.digests.stat().st_ino != first, "a run that writes nothing takes the change as it is"


def test_a_file_that_cannot_be_read_is_left_to_whoever_reads_it(files: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(safe_files, "sha256", refused)
    written.warn_of_changes(files)
