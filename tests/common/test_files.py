"""Files are written whole or not at all, durable, with the permissions that were there; what cannot be read is named."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common import files
from common.errors import Unreadable, Unusable, Unwritable


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_are_made_on_the_way() -> None:
    files.write_text(Path("a/b/c.txt"), "ü\n")
    assert Path("a/b/c.txt").read_bytes() == b"\xc3\xbc\n"
    assert names(Path("a/b")) == ["c.txt"]


def test_line_ends_stay_as_given() -> None:
    files.write_text(Path("x"), "a\r\nb\n")
    assert Path("x").read_bytes() == b"a\r\nb\n"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("disk on fire")], ids=["full", "without a number"]
)
def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_beside_it(
    monkeypatch: pytest.MonkeyPatch, step: str, error: OSError
) -> None:
    Path("x.json").write_text("old")

    def fail(*_args: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(Unwritable, match=r"cannot write x.json: (No space left|disk on fire)"):
        files.write_text(Path("x.json"), "new")
    assert names(Path()) == ["x.json"]
    assert Path("x.json").read_text() == "old"


def test_an_interrupt_while_writing_leaves_the_old_file_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.json").write_text("old")

    def interrupt(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(Path("x.json"), "new")
    assert names(Path()) == ["x.json"]
    assert Path("x.json").read_text() == "old"


def test_the_data_is_on_the_disk_before_it_takes_the_name_and_the_folder_after(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(handle: int) -> None:
        steps.append("sync folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "sync file")
        sync(handle)

    def watched_replace(old: Any, new: Any) -> None:
        steps.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)
    files.write_text(Path("x"), "new")
    assert steps == ["sync file", "rename", "sync folder"]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: files.write_text(path, "x"), id="write"),
        pytest.param(lambda path: files.write_if_changed(path, lambda: ["x"]), id="write if changed"),
        pytest.param(files.remove, id="remove"),
        pytest.param(lambda path: files.rename(path, path.with_name("y")), id="rename"),
    ],
)
def test_a_path_below_a_file_is_said_to_be_unwritable(write: Callable[[Path], None]) -> None:
    Path("file").write_text("")
    with pytest.raises(Unwritable, match="file"):
        write(Path("file/x"))


def test_a_folder_in_the_place_of_the_file_is_said_to_be_unwritable() -> None:
    Path("x").mkdir()
    with pytest.raises(Unwritable, match="cannot write x"):
        files.write_text(Path("x"), "new")
    with pytest.raises(Unwritable, match="cannot write x"):
        files.write_if_changed(Path("x"), lambda: ["new"])
    assert names(Path()) == ["x"]


def test_the_permissions_of_the_file_that_is_replaced_stay() -> None:
    Path("x").write_text("old")
    Path("x").chmod(0o640)
    files.write_text(Path("x"), "new")
    assert Path("x").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mask", [0o022, 0o000, 0o077])
def test_what_is_made_is_for_its_owner_alone(mask: int) -> None:
    Path("open").mkdir()
    Path("open").chmod(0o755)
    before = os.umask(mask)
    try:
        files.write_text(Path("open/a/b/x"), "new")
    finally:
        os.umask(before)
    assert Path("open/a/b/x").stat().st_mode & 0o777 == 0o600
    assert [Path(folder).stat().st_mode & 0o777 for folder in ("open", "open/a", "open/a/b")] == [0o755, 0o700, 0o700]


def test_a_file_that_others_fill_is_made_for_its_owner_alone_and_one_that_is_there_is_left() -> None:
    files.make_private(Path("a/x"))
    assert (Path("a/x").stat().st_mode & 0o777, Path("a").stat().st_mode & 0o777) == (0o600, 0o700)
    Path("a/x").write_text("mine")
    Path("a/x").chmod(0o640)
    files.make_private(Path("a/x"))
    assert (Path("a/x").read_text(), Path("a/x").stat().st_mode & 0o777) == ("mine", 0o640)


@pytest.mark.parametrize("path", ["pipe", "link to a pipe", "/dev/null"])
def test_only_regular_files_are_read_and_written(path: str) -> None:
    """Opening a pipe may wait for ever; a device takes everything and keeps nothing."""
    os.mkfifo("pipe")
    Path("link to a pipe").symlink_to("pipe")
    before = Path(path).stat()
    writes: list[Callable[[], None]] = [
        lambda: files.write_text(Path(path), "x"),
        lambda: files.write_if_changed(Path(path), lambda: ["x"], backup=Path("x.bak")),
        lambda: files.write_over(Path(path), "x", begins="x"),
    ]
    for write in writes:
        with pytest.raises((Unusable, Unwritable), match="no regular file"):
            write()
    with pytest.raises(Unreadable, match="no regular file"):
        files.read_text(Path(path))
    assert (Path(path).stat().st_mode, Path(path).stat().st_rdev) == (before.st_mode, before.st_rdev)
    assert names(Path()) == ["link to a pipe", "pipe"]


def test_an_export_goes_only_over_nothing_or_over_its_own_kind() -> None:
    for content in (b"", b"mark, and more", b"mark"):
        Path("x").write_bytes(content)
        files.write_over(Path("x"), "mark: new", begins="mark")
        assert Path("x").read_text() == "mark: new"
    files.write_over(Path("y"), "mark: new", begins="mark")
    for content in (b"mar", b"SECRET=1\n", b" mark", b"\xff\xfe"):
        Path("x").write_bytes(content)
        with pytest.raises(Unusable, match="x was not made by this kind of export"):
            files.write_over(Path("x"), "mark: new", begins="mark")
        assert Path("x").read_bytes() == content


@pytest.mark.parametrize("what", ["a folder's fsync", "a file's fsync", "fchmod", "opening a folder"])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EPERM, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_file_systems_that_cannot_all_of_it_are_written_to(what: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFS, 9p, shared folders of virtual machines and Windows' drives seen from Linux refuse one or the other; the write stands."""
    if what == "a file's fsync" and number == errno.EPERM:
        pytest.skip("no file system says that")
    Path("x").write_text("old")
    sync, opened = os.fsync, os.open

    def fail(*_args: Any) -> None:
        raise OSError(number, os.strerror(number))

    def syncing(handle: int) -> None:
        (fail if os.path.isdir(f"/proc/self/fd/{handle}") == (what == "a folder's fsync") else sync)(handle)

    def opening(path: Any, *args: Any) -> int:
        if os.path.isdir(path):
            fail()
        return opened(path, *args)

    if "fsync" in what:
        monkeypatch.setattr(os, "fsync", syncing)
    else:
        monkeypatch.setattr(os, *(("fchmod", fail) if what == "fchmod" else ("open", opening)))
    for text in ("new", "newer"):
        files.write_text(Path("x"), text)
        files.rename(Path("x"), Path("y"))
        files.rename(Path("y"), Path("x"))
        assert Path("x").read_text() == text
    files.remove(Path("x"))
    assert names(Path()) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
def test_data_that_is_not_on_the_disk_is_no_write(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x").write_text("old")

    def fail(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unwritable, match="cannot write x"):
        files.write_text(Path("x"), "new")
    assert Path("x").read_text() == "old"


def test_new_folders_are_on_the_disk_before_what_is_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{handle}")))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    files.write_text(Path("a/b/x"), "new")
    assert [name if ".part" not in name else "data" for name in synced] == [".", "a", "data", "a/b"]


def test_a_folder_is_removed_and_renamed_with_all_that_is_in_it() -> None:
    files.write_text(Path("a/b/x"), "new")
    files.rename(Path("a"), Path("c"))
    assert Path("c/b/x").read_text() == "new"
    Path("link").symlink_to("c")
    files.remove(Path("link"))
    assert Path("c/b/x").exists(), "a link is removed, not what it leads to"
    files.remove(Path("c"))
    assert names(Path()) == []


def test_many_writers_at_once_leave_the_process_umask_alone() -> None:
    before = os.umask(0o077)
    try:
        threads = [threading.Thread(target=files.write_text, args=(Path(f"file-{n % 8}"), "x" * n)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = os.umask(0o077)
    finally:
        os.umask(before)
    assert after == 0o077
    assert {path.stat().st_mode & 0o777 for path in Path().iterdir()} == {0o600}
    assert names(Path()) == [f"file-{n}" for n in range(8)]


def test_the_umask_is_never_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the whole process: another thread would write with the wrong one."""
    monkeypatch.setattr(os, "umask", None)
    files.write_text(Path("x"), "new")
    assert Path("x").read_text() == "new"


def test_a_system_without_such_permissions_is_written_to_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x").write_text("old")
    monkeypatch.delattr(os, "fchmod")
    files.write_text(Path("x"), "new")
    assert Path("x").read_text() == "new"


def test_what_killed_runs_left_half_written_is_taken_away_but_not_what_may_be_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """One write is cut in the middle as a kill would cut it; an hour later its rest goes, and nothing else."""

    def killed(_old: Any, _new: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        patched.setattr(Path, "unlink", lambda _path: None)
        with pytest.raises(Unwritable):
            files.write_text(Path("7.json"), "half")
    others = ["7.json", ".7.json.lock", "notes.part", ".hidden.part"]
    for name in others:
        Path(name).write_text("mine")
    left = set(names(Path())) - set(others)
    assert len(left) == 1
    files.remove_unfinished(Path())
    assert set(names(Path())) == {*others, *left}
    for path in Path().iterdir():
        os.utime(path, (0, 0))
    files.remove_unfinished(Path())
    assert names(Path()) == sorted(others)
    files.remove_unfinished(Path("no/such/folder"))


def test_a_link_stays_a_link_and_its_target_is_written() -> None:
    Path("real").mkdir()
    Path("real/x").write_text("old")
    Path("x").symlink_to("real/x")
    files.write_text(Path("x"), "new")
    assert Path("x").is_symlink()
    assert Path("real/x").read_text() == "new"


def test_what_stands_there_already_is_not_written_again() -> None:
    files.write_text(Path("x"), "same")
    before = Path("x").stat().st_ino
    files.write_if_changed(Path("x"), lambda: ["same"], backup=Path("x.bak"))
    assert Path("x").stat().st_ino == before
    assert not Path("x.bak").exists()


@pytest.mark.parametrize("texts", [["sa", "me"], ["same", "s"], ["sam"], ["Same"], [], ["same", ""]], ids=repr)
def test_a_file_in_parts_is_compared_and_written_as_a_whole(texts: list[str]) -> None:
    files.write_text(Path("x"), "same")
    before = Path("x").stat().st_ino
    files.write_if_changed(Path("x"), lambda: iter(texts))
    assert Path("x").read_text() == "".join(texts)
    assert (Path("x").stat().st_ino == before) == ("".join(texts) == "same")


def test_what_is_replaced_goes_to_the_backup_first() -> None:
    files.write_if_changed(Path("x"), lambda: ["one"], backup=Path("x.bak"))
    assert not Path("x.bak").exists()
    files.write_if_changed(Path("x"), lambda: ["two"], backup=Path("x.bak"))
    files.write_if_changed(Path("x"), lambda: ["three"], backup=Path("x.bak"))
    assert (Path("x").read_text(), Path("x.bak").read_text()) == ("three", "two")
    files.write_if_changed(Path("x"), lambda: ["four"])
    assert Path("x.bak").read_text() == "two"


def test_removing_and_renaming_are_for_good_and_removing_nothing_is_fine() -> None:
    files.write_text(Path("x"), "1")
    files.rename(Path("x"), Path("y"))
    assert names(Path()) == ["y"]
    files.remove(Path("y"))
    files.remove(Path("y"))
    assert names(Path()) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [pytest.param(b"\xef\xbb\xbf[]", "[]", id="BOM"), pytest.param(b"", "", id="empty"), pytest.param("ü".encode(), "ü", id="umlaut")],
)
def test_text_is_read_with_and_without_a_mark(content: bytes, expected: str) -> None:
    Path("x").write_bytes(content)
    assert files.read_text(Path("x")) == expected


def test_a_file_that_is_not_there_is_none() -> None:
    assert files.read_text(Path("x")) is None


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        pytest.param(lambda path: path.write_bytes(b"[\xff]"), r"x is not UTF-8 text \(byte 1\)", id="another encoding"),
        pytest.param(lambda path: path.write_bytes(b"1" * 11), "larger than 10 bytes", id="too large"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(prepare: Callable[[Path], None], message: str) -> None:
    prepare(Path("x"))
    with pytest.raises(Unreadable, match=message):
        files.read_text(Path("x"), max_bytes=10)


def test_a_folder_cannot_be_read_as_a_file() -> None:
    Path("x").mkdir()
    with pytest.raises(Unreadable, match="cannot read x"):
        files.read_text(Path("x"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not valid JSON"),
        ("[1", "not valid JSON"),
        ("<<<<<<< HEAD\n[]", "not valid JSON"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("[1e400]", "too large a number"),
        ("[-1e999]", "too large a number"),
        ("[" + "9" * 5000 + "]", "not valid JSON"),
        ('{"a": 1, "a": 1}', "a key stands twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=["empty", "cut", "conflict", "NaN", "infinity", "1e400", "-1e999", "endless digits", "key twice", "too deep"],
)
def test_json_that_could_not_be_kept_as_it_is_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=f"^db.json .*{reason}"):
        files.parse_json(text, name="db.json")


@pytest.mark.parametrize("value", [{"b": 1, "a": [1.5, -0.25, None, True]}, "\ud83d", "\u2028 ü \U0001f600", 12345678901234567890])
def test_what_was_dumped_is_read_back_the_same(value: Any) -> None:
    text = files.dump_json(value)
    assert files.parse_json(text.encode().decode(), name="x") == value


def test_keys_stand_in_the_given_order() -> None:
    assert files.dump_json({"b": 1, "a": 2}, indent=None) == '{"b": 1, "a": 2}'


@pytest.mark.parametrize("indent", [None, 2])
def test_json_has_real_characters_and_no_number_that_is_none(indent: int | None) -> None:
    assert "ü" in files.dump_json({"a": "ü"}, indent=indent)
    with pytest.raises(ValueError, match="JSON compliant"):
        files.dump_json({"a": float("nan")}, indent=indent)


def test_a_removal_and_a_rename_are_made_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "_sync_folder", synced.append)
    Path("x").write_text("1")
    files.rename(Path("x"), Path("y"))
    files.remove(Path("y"))
    assert synced == [Path(), Path()]


def test_a_failure_is_said_in_the_words_of_the_system() -> None:
    Path("folder").mkdir()
    with pytest.raises(Unreadable, match=r"^cannot read folder: it is a folder$"):
        files.read_text(Path("folder"))
    with pytest.raises(Unwritable, match=r"^cannot rename x: No such file or directory$"):
        files.rename(Path("x"), Path("y"))


def test_what_cannot_be_read_whole_is_kept_once_under_a_name_that_says_so() -> None:
    path = Path("log.jsonl")
    for content in ("first", "second", "first"):
        path.write_text(content)
        files.keep_aside(path)
    assert [kept.read_text() for kept in files.kept_aside(path)] == ["first", "second"]
    assert path.exists()
    path.unlink()
    path.mkdir()
    assert files.keep_aside(path) == Path("log.jsonl.3.unreadable")
    assert (path.exists(), len(files.kept_aside(path)), files.kept_aside(Path("log"))) == (False, 3, [])
    Path("log.jsonl.unreadable").unlink()  # mended and gone: what is behind the gap is still known
    assert [kept.name for kept in files.kept_aside(path)] == ["log.jsonl.2.unreadable", "log.jsonl.3.unreadable"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_and_a_device_are_refused_and_not_waited_for() -> None:
    os.mkfifo("pipe")
    for path in (Path("pipe"), Path("/dev/null")):
        with pytest.raises(Unreadable, match="no regular file"):
            files.read_bytes(path)


def test_a_digest_is_that_of_the_file_and_no_file_has_that_of_no_bytes(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert files.sha256(tmp_path / "nothing") == files.digest([]) == empty
    (tmp_path / "x").write_bytes("ü\n".encode())
    assert files.sha256(tmp_path / "x") == files.digest(["ü", b"\n"]) != empty
