"""Answers that were paid for, kept by content hash in one SQLite file, and notes about servers beside them.

Safe for threads, for two processes, and for a kill at any byte. A damaged file is set aside with a warning. Where an answer cannot be kept
the run ends: nobody pays for what is lost at once. Knows no server and holds no key; deleting the folder costs nothing but money.
"""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from common import files
from common.errors import Stopped
from llm.protocol import Usage

log = logging.getLogger(__name__)

FILE_NAME = "answers.sqlite3"
LOCKED_S = 5.0  # how long another process may write before this one gives up
SYNCHRONOUS = "FULL"  # an answer that was paid for survives a power cut too
_JOURNALS = ("WAL", "TRUNCATE", "DELETE")  # the first that the file system bears
_OUTSIDE = ("locked", "full", "readonly", "read-only", "disk i/o", "unable to open", "locking protocol", "busy")
_FORM = 1
_TABLES = """
    CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL, prompt INTEGER NOT NULL, cached INTEGER NOT NULL,
        completion INTEGER NOT NULL, estimated INTEGER NOT NULL, asked_again INTEGER NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_PUT_ANSWER = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


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
    """The answers in `folder`; one connection, opened when first wanted, used by all threads in turn.

    Every method that reads or writes raises `Stopped` where the file cannot be used: locked for long, read-only, on a full disk.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.RLock()
        self._asking: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._db: sqlite3.Connection | None = None

    def get(self, key: str) -> StoredAnswer | None:
        """The answer kept under `key`; None if there is none, or none that is whole."""
        rows = self._do("SELECT text, prompt, cached, completion, estimated, asked_again, digest FROM answers WHERE key = ?", [(key,)])
        if not rows or rows[0][6] != _digest(key, rows[0][0]):
            return None
        text, prompt, cached, completion, estimated, asked_again, _ = rows[0]
        return StoredAnswer(text, Usage(prompt, cached, completion, bool(estimated)), bool(asked_again))

    def put(self, key: str, text: str, usage: Usage, *, asked_again: bool = False) -> None:
        """Keep an answer, in place of an older one."""
        self._do(_PUT_ANSWER, [_row(key, text, usage, asked_again)])

    def put_all(self, answers: Iterable[tuple[str, str, Usage]]) -> None:
        """Keep many answers (key, text, usage), all or none."""
        self._do(_PUT_ANSWER, [_row(key, text, usage, False) for key, text, usage in answers])

    def get_note(self, name: str) -> str | None:
        """The note of that name, None if there is none."""
        rows = self._do("SELECT value FROM notes WHERE name = ?", [(name,)])
        return str(rows[0][0]) if rows else None

    def put_notes(self, notes: Iterable[tuple[str, str]]) -> None:
        """Keep notes (name, value) in place of older ones, all or none."""
        self._do("INSERT OR REPLACE INTO notes VALUES (?, ?)", list(notes))

    def notes(self, prefix: str) -> dict[str, str]:
        """The notes whose names begin with `prefix`, by name."""
        return dict(self._do("SELECT name, value FROM notes WHERE substr(name, 1, ?) = ?", [(len(prefix), prefix)]))

    def forget_all(self) -> int:
        """Take away every answer and note, overwritten on the disk, and the files that were set aside; how many answers it were."""
        count = int(self._do("SELECT COUNT(*) FROM answers", [()])[0][0])
        for statement in ("DELETE FROM answers", "DELETE FROM notes"):
            self._do(statement, [()])
        for aside in self._path.parent.glob(f"{FILE_NAME}.damaged-*"):
            files.remove(aside)
        return count

    def asking(self, key: str) -> threading.Lock:
        """The lock of whoever gets the answer to `key`; others with the same question wait for it, and find the answer kept."""
        with self._lock:
            return self._asking.setdefault(key, threading.Lock())

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            db, self._db = self._db, None
            if db is not None:
                db.close()

    def __del__(self) -> None:
        """A store that nobody has closed ends with its last user."""
        self.close()

    def _do(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """What a statement gives for these rows, all or none of them; done again in a new file if this one is damaged."""
        with self._lock:
            for attempt in (1, 2):
                try:
                    return self._run(statement, rows)
                except (OSError, sqlite3.Error) as error:
                    self.close()
                    if attempt == 2 or not _is_damage(error):
                        raise Stopped(f"answers cannot be kept in {self._path}: {_why(error)}") from error
                    self._set_aside(error)
        return []

    def _run(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if self._db is None:
            files.make_private(self._path)  # answers hold what tickets say; the database's own files take its mode
            self._db = _connect(self._path)
        if statement.startswith("SELECT"):
            return self._db.execute(statement, rows[0]).fetchall()
        with self._db:  # commits, or takes all back
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(statement, rows)
        return []

    def _set_aside(self, error: Exception) -> None:
        number = 1
        while (aside := self._path.with_name(f"{FILE_NAME}.damaged-{number}")).exists():
            number += 1
        for ending in ("-wal", "-shm", "-journal", ""):  # a journal must not be played into the new file
            with contextlib.suppress(OSError):
                os.replace(f"{self._path}{ending}", f"{aside}{ending}")
        log.warning("%s is damaged (%s) and set aside as %s; its answers have to be paid for again", self._path, error, aside.name)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=LOCKED_S, isolation_level=None, check_same_thread=False)
    deadline, journals = time.monotonic() + LOCKED_S, list(_JOURNALS)
    try:
        while True:
            try:
                db.execute(f"PRAGMA journal_mode = {journals[0]}").fetchone()
                db.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
                db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
                db.executescript(_TABLES)
                return db
            except sqlite3.OperationalError as error:
                locked = "database is locked" in str(error)  # SQLite's own waiting does not cover two that open it at one moment
                if (locked and time.monotonic() > deadline) or (not locked and len(journals) == 1):
                    raise
                journals = journals if locked else journals[1:]
                time.sleep(0.02 if locked else 0)
    except BaseException:
        db.close()
        raise


def _is_damage(error: Exception) -> bool:
    """True unless the trouble lies outside the file: what SQLite cannot make sense of was changed by somebody else or by the disk."""
    if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, sqlite3.ProgrammingError | sqlite3.DataError):
        return False
    return not any(word in str(error).lower() for word in _OUTSIDE)


def _why(error: Exception) -> str:
    if "locked" in str(error):
        return f"another process holds it for more than {LOCKED_S:.0f} s; end that one, or name another folder in CACHE_DIR"
    return f"{getattr(error, 'strerror', None) or error}; free or unlock the folder, or name another one in CACHE_DIR, then run again"


def _row(key: str, text: str, usage: Usage, asked_again: bool) -> tuple[Any, ...]:
    return key, text, usage.prompt, usage.cached, usage.completion, int(usage.estimated), int(asked_again), _digest(key, text)


def _digest(key: str, text: str) -> str:
    """Tells a text that was changed on disk; SQLite does not."""
    return hashlib.sha256(f"{key}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
