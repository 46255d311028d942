"""Answers stay whole: through threads, processes, kills and damaged files; nothing else about the program depends on them."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from common.errors import Stopped
from llm import store as answer_store
from llm.protocol import Usage
from llm.store import FILE_NAME, AnswerStore, question_key

PAID = Usage(prompt=100, cached=60, completion=20, estimated=True)
ROOT = Path(__file__).parents[2]
SYNCHRONOUS = answer_store.SYNCHRONOUS  # as it is outside of tests, which wait for no disk


def test_an_answer_is_kept_for_the_next_run(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put("k", "an answer with ü, \0 and \n", PAID)
    store.put_notes([("n", "value")])
    store.close()
    again = AnswerStore(tmp_path)
    kept = again.get("k")
    assert kept is not None
    assert (kept.text, kept.usage) == ("an answer with ü, \0 and \n", PAID)
    assert (again.get_note("n"), again.get_note("other"), again.get("other")) == ("value", None, None)


def test_what_is_kept_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_store, "SYNCHRONOUS", SYNCHRONOUS)
    store = AnswerStore(tmp_path)
    store.put("k", "an answer", PAID)
    assert store._db is not None
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,), "2 is FULL"


def test_the_last_answer_put_under_a_key_stands(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put("k", "first", PAID)
    store.put("k", "second", PAID)
    kept = store.get("k")
    assert kept is not None
    assert kept.text == "second"


KEYS = {
    "the model": ("other", "hi", {"name": "a"}, {}),
    "a message": ("model", "hi!", {"name": "a"}, {}),
    "the schema": ("model", "hi", {"name": "b"}, {}),
    "a parameter": ("model", "hi", {"name": "a"}, {"temperature": 0.0}),
}


@pytest.mark.parametrize(("model", "text", "schema", "parameters"), KEYS.values(), ids=KEYS.keys())
def test_all_that_may_change_an_answer_changes_its_key(model: str, text: str, schema: dict[str, str], parameters: dict[str, float]) -> None:
    plain = question_key("model", [{"role": "user", "content": "hi"}], {"name": "a"}, {})
    assert plain == question_key("model", [{"content": "hi", "role": "user"}], {"name": "a"}, {})
    assert question_key(model, [{"role": "user", "content": text}], schema, parameters) != plain


def test_a_lone_surrogate_has_a_key() -> None:
    assert len(question_key("model", [{"role": "user", "content": "\ud800"}], {}, {})) == 64


DAMAGE = {
    "no database": b"this is not a database, whatever its name says" * 100,
    "cut short": None,
    "zeros behind the head": b"",
}


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_set_aside_with_a_warning(content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = AnswerStore(tmp_path)
    for number in range(200):
        store.put(f"k{number}", "x" * 500, PAID)
    store.close()
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    damaged = whole[:20_000] if content is None else content or whole[:4096] + b"\0" * (len(whole) - 4096)
    path.write_bytes(damaged)
    again = AnswerStore(tmp_path)
    again.put("new", "answer", PAID)
    assert again.get("new") is not None
    assert (tmp_path / f"{FILE_NAME}.damaged-1").read_bytes()[:20_000] == damaged[:20_000]
    assert "set aside" in caplog.text


def test_damage_that_shows_only_later_is_mended_on_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = AnswerStore(tmp_path)
    store.put("old", "answer", PAID)
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("ALTER TABLE answers RENAME COLUMN text TO words")
    other.close()
    assert store.get("old") is None
    store.put("new", "answer", PAID)
    assert store.get("new") is not None
    assert "set aside" in caplog.text


def test_a_text_that_was_changed_on_disk_is_no_answer(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put("k", "an answer", PAID)
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("UPDATE answers SET text = 'another'")
    other.close()
    assert store.get("k") is None


def test_where_nothing_can_be_written_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(Stopped, match=r"answers cannot be kept in .*CACHE_DIR"):
        AnswerStore(tmp_path / "file").get("k")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may do everything is refused nothing")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(Stopped, match="unable to open"):
        AnswerStore(tmp_path / "cache").get("k")


def test_an_answer_that_cannot_be_kept_ends_the_run(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put("before", "whole", PAID)
    assert store._db is not None
    store._db.execute("PRAGMA max_page_count = 5")
    with pytest.raises(Stopped, match=r"full.*CACHE_DIR"):
        store.put("k", "x" * 100_000, PAID)
    assert store.get("before") is not None


@pytest.mark.slow
def test_a_store_that_another_process_holds_is_said_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_store, "LOCKED_S", 0.2)
    store = AnswerStore(tmp_path)
    store.put("k", "answer", PAID)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store.close()
    for held in (AnswerStore(tmp_path), store):
        began = time.monotonic()
        with pytest.raises(Stopped, match=r"another process holds it.*CACHE_DIR"):
            held.put("k", "another", PAID)
        assert time.monotonic() - began < 10
    other.close()
    kept = store.get("k")
    assert kept is not None
    assert kept.text == "answer"


class NoWal(sqlite3.Connection):
    """A connection on a file system that cannot share memory."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if "WAL" in sql:
            raise sqlite3.OperationalError(WAL_TROUBLE[0])
        return super().execute(sql, *args)


WAL_TROUBLE = [""]


@pytest.mark.parametrize("trouble", ["locking protocol", "disk I/O error", "unable to open database file"])
def test_a_file_system_without_wal_keeps_answers_all_the_same(trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WAL_TROUBLE[0] = trouble
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, factory=NoWal, **options))
    store = AnswerStore(tmp_path)
    store.put("k", "answer", PAID)
    store.close()
    monkeypatch.undo()
    again = sqlite3.connect(tmp_path / FILE_NAME)
    assert again.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    again.close()
    assert AnswerStore(tmp_path).get("k") is not None


@pytest.mark.slow
def test_many_threads_share_a_store(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)

    def work(number: int) -> None:
        for step in range(50):
            store.put(f"{number}-{step}", f"text {number} {step}", PAID)
            assert store.get(f"{number}-{step}") is not None

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store._db is not None
    assert store._db.execute("SELECT count(*) FROM answers").fetchone() == (400,)


def test_one_question_is_answered_by_one_thread_at_a_time(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    paid = []

    def ask() -> None:
        with store.asking("k"):
            if store.get("k") is None:
                paid.append(1)
                store.put("k", "answer", PAID)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paid) == 1
    assert store._asking == {}


WRITER = """
import sys
from pathlib import Path
from llm.store import AnswerStore
from llm.protocol import Usage
store = AnswerStore(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    store.put(f"{sys.argv[2]}-{number}", f"text {number} " * 50, Usage(number))
    print(number, flush=True)
"""


def writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.slow
def test_two_processes_share_a_store(tmp_path: Path) -> None:
    with writer(tmp_path, "a", 300) as first, writer(tmp_path, "b", 300) as second:
        first.communicate(timeout=30)
        second.communicate(timeout=30)
    assert (first.returncode, second.returncode) == (0, 0)
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        assert file.execute("SELECT count(*) FROM answers").fetchone() == (600,)
    file.close()


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03])
def test_a_kill_at_any_moment_loses_no_answer_that_was_put(after_s: float, tmp_path: Path) -> None:
    with writer(tmp_path, "a", 1_000_000) as process:
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(after_s)
        process.send_signal(signal.SIGKILL)
        said = [line for line in process.stdout.read().split("\n") if line]
    put = int(said[-2]) if len(said) > 1 else 0
    store = AnswerStore(tmp_path)
    assert store.get(f"a-{put}") is not None
    assert not list(tmp_path.glob("*.damaged*"))


@pytest.mark.slow
def test_a_store_of_many_answers_opens_and_answers_fast(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put_all((f"k{number}", "x" * 1000, PAID) for number in range(5000))
    store.close()
    started = time.process_time()
    again = AnswerStore(tmp_path)
    for number in range(0, 5000, 10):
        assert again.get(f"k{number}") is not None
    assert time.process_time() - started < 1.0
    assert answer_store.FILE_NAME == FILE_NAME
