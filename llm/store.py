"""Answers that were paid for, kept by content hash in one SQLite file, and notes about servers beside them.

Safe for threads, for two processes, and for a kill at any byte. A damaged file is set aside with a warning; where nothing can be written
the run goes on without keeping. Knows no server and holds no key; deleting the folder costs nothing but money.
"""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import times
from llm.protocol import Usage

log = logging.getLogger(__name__)

FILE_NAME = "answers.sqlite3"
_BUSY_TIMEOUT_S = 30.0
_JOURNAL_TRIES = 100
_JOURNAL_WAIT_S = 0.02
_FORM = 1
_TABLES = """
    CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL, prompt INTEGER NOT NULL, cached INTEGER NOT NULL,
        completion INTEGER NOT NULL, estimated INTEGER NOT NULL, asked_again INTEGER NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The text of an answer, what it cost when it was paid, and whether it came only on a second asking."""

    text: str
    usage: Usage
    asked_again: bool = False


def question_key(model: str, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """The name under which an answer is kept: SHA-256 over all that may change it and that the user or the caller chose."""
    question = {"form": _FORM, "model": model, "messages": list(messages), "schema": schema, "parameters": parameters}
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=dict).encode()).hexdigest()


class AnswerStore:
    """The answers in `folder`; one connection, used by all threads in turn."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._asking: dict[str, tuple[threading.Lock, int]] = {}
        self._warned = False
        self._file: int | None = None
        self._db = self._open()

    def get(self, key: str) -> StoredAnswer | None:
        """The answer kept under `key`; None if there is none, or none that is whole."""
        row = self._one("SELECT text, prompt, cached, completion, estimated, asked_again, digest FROM answers WHERE key = ?", key)
        if row is None or row[6] != _digest(key, row[0]):
            return None
        return StoredAnswer(row[0], Usage(row[1], row[2], row[3], bool(row[4])), bool(row[5]))

    def put(self, key: str, text: str, usage: Usage, *, asked_again: bool = False) -> None:
        """Keep an answer, in place of an older one."""
        counts = (usage.prompt, usage.cached, usage.completion, int(usage.estimated), int(asked_again))
        self._write("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (key, text, *counts, _digest(key, text)))

    def get_note(self, name: str) -> str | None:
        """The note of that name, None if there is none."""
        row = self._one("SELECT value FROM notes WHERE name = ?", name)
        return None if row is None else str(row[0])

    def put_note(self, name: str, value: str) -> None:
        """Keep a note, in place of an older one."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def put_notes(self, notes: Iterable[tuple[str, str]]) -> None:
        """Keep many notes (name, value), all or none."""
        self._write_all("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes)

    def notes(self, prefix: str) -> dict[str, str]:
        """The notes whose names begin with `prefix`, by name."""
        with self._lock:
            try:
                return dict(
                    self._db.execute("SELECT name, value FROM notes WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)).fetchall()
                )
            except sqlite3.Error as error:
                self._mend(error)
                return {}

    def put_all(self, answers: Iterable[tuple[str, str, Usage]]) -> bool:
        """Keep many answers (key, text, usage), all or none; False if they could not be kept on disk."""
        rows = ((key, text, u.prompt, u.cached, u.completion, int(u.estimated), 0, _digest(key, text)) for key, text, u in answers)
        return self._write_all("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows) and self._path.is_file()

    @contextlib.contextmanager
    def asking(self, key: str) -> Iterator[None]:
        """The time in which one thread gets the answer to `key`; others with the same question wait, and find it kept."""
        with self._lock:
            lock, users = self._asking.get(key, (threading.Lock(), 0))
            self._asking[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._asking.pop(key)
                if users > 1:
                    self._asking[key] = (lock, users - 1)

    def close(self) -> None:
        """Close the file; the store must not be used after."""
        with self._lock:
            self._db.close()

    def _one(self, query: str, name: str) -> tuple[Any, ...] | None:
        with self._lock:
            try:
                row: tuple[Any, ...] | None = self._db.execute(query, (name,)).fetchone()
            except sqlite3.Error as error:
                self._mend(error)
                return None
        return row

    def _write(self, statement: str, row: tuple[Any, ...]) -> None:
        with self._lock:
            try:
                self._db.execute(statement, row)
            except sqlite3.Error as error:
                if self._mend(error):
                    with contextlib.suppress(sqlite3.Error):
                        self._db.execute(statement, row)

    def _write_all(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> bool:
        rows = list(rows)
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                self._mend(error)
                return False
        return True

    def _mend(self, error: sqlite3.Error) -> bool:
        """Whether to write again, into a new file: the old one was found damaged. Else a warning, once."""
        if _is_damage(error):
            self._db.close()
            with contextlib.suppress(OSError):
                self._set_aside(error)
            self._db = self._open()
            return True
        if not self._warned:
            self._warned = True
            log.warning("answers cannot be kept in %s (%s); a later run will pay for them again", self._path, error)
        return False

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return self._connected()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
                return self._connected()
        except (OSError, sqlite3.Error) as error:
            log.warning("answers cannot be kept in %s (%s); a later run will pay for them again", self._path, error)
            self._warned = True
            return _connect(Path(":memory:"))

    def _connected(self) -> sqlite3.Connection:
        self._file = _file_number(self._path)
        return _connect(self._path)

    def _set_aside(self, error: Exception) -> None:
        if self._file is not None and _file_number(self._path) != self._file:
            return  # another process has set it aside already; what stands there now is its new one
        number = 1
        while (aside := self._path.with_name(f"{FILE_NAME}.damaged-{number}")).exists():
            number += 1
        for ending in ("-wal", "-shm"):  # a journal must not be played into the new file
            with contextlib.suppress(OSError):
                os.replace(f"{self._path}{ending}", f"{aside}{ending}")
        os.replace(self._path, aside)
        log.warning("%s is damaged (%s) and set aside as %s; its answers have to be paid for again", self._path, error, aside.name)


def _file_number(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _use_journal(db)
        db.execute("PRAGMA synchronous = FULL")  # an answer that was paid for survives a power cut too
        db.executescript(_TABLES)
        damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(f"malformed: {damage}")
    except BaseException:
        db.close()
        raise
    return db


def _use_journal(db: sqlite3.Connection) -> None:
    """Switch to the write-ahead journal; SQLite's own waiting does not cover two processes that do so at the same moment."""
    for _ in range(_JOURNAL_TRIES):
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            times.sleep(_JOURNAL_WAIT_S)
        else:
            return


def _is_damage(error: sqlite3.Error) -> bool:
    words = str(error).lower()
    return any(
        word in words
        for word in ("malformed", "not a database", "corrupt", "no such column", "has no column", "no such table", "columns but")
    )


def _digest(key: str, text: str) -> str:
    """Tells a text that was changed on disk; SQLite does not."""
    return hashlib.sha256(f"{key}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
