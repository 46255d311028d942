"""Where a run's files stand: beside the database, named after it. Names and the lock only; reads and writes no content."""

import contextlib
import json
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from common import files
from common.errors import Unreadable, Unusable, Unwritable

DEFAULT_OUTPUT = Path("output/silo_issues_db.json")


def command(flags: str, database: Path) -> str:
    """The command line that a person types about a database.

    >>> command("--check", DEFAULT_OUTPUT), command("", Path("my db.json"))
    ('python -m main --check', "python -m main --output 'my db.json'")
    """
    output = "" if database == DEFAULT_OUTPUT else f"--output {shlex.quote(str(database))}"
    return " ".join(part for part in ("python -m main", flags, output) if part)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Paths of one database's files. For a stem other than `silo_issues_db` each carries the stem in front.

    `separator` stands between the columns of the tables among them.
    """

    database: Path
    separator: str = ","

    def beside(self, name: str) -> Path:
        """The path of a companion file, such as `run_report.json`."""
        stem = self.database.stem
        return self.database.with_name(name if stem == DEFAULT_OUTPUT.stem else f"{stem}.{name}")

    @property
    def checkpoint(self) -> Path:
        return self.database.with_name(f"{self.database.stem}.tmp.json")

    @property
    def backup(self) -> Path:
        return self.database.with_name(f"{self.database.name}.bak")

    @property
    def flagged(self) -> Path:
        return self.beside("flagged_for_review.csv")

    @property
    def decisions(self) -> Path:
        return self.beside("decisions.jsonl")

    @property
    def run_report(self) -> Path:
        return self.beside("run_report.json")

    @property
    def report_page(self) -> Path:
        return self.beside("report.html")

    @property
    def weekly(self) -> Path:
        return self.beside("weekly.md")

    @property
    def lock(self) -> Path:
        """Beside the file that a link leads to, so that no name of a database is a way round its lock."""
        real = Path(os.path.realpath(self.database))
        return real.with_name(f".{real.name}.lock")

    @property
    def digests(self) -> Path:
        """What the program wrote last (see `knowledge.written`)."""
        return self.database.with_name(f".{self.database.name}.sha256")

    @property
    def holder(self) -> Path:
        return self.lock.with_suffix(".holder")

    @property
    def _companions(self) -> tuple[Path, ...]:
        """What a run writes beside the database at its end."""
        return (self.backup, self.flagged, self.decisions, self.run_report, self.report_page, self.weekly, self.digests)

    def own(self, path: Path) -> bool:
        """True if a path leads, under whatever name, to one of these files."""
        return any(_same_file(path, mine) for mine in (self.database, self.checkpoint, self.lock, self.holder, *self._companions))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database for this process. The operating system frees it when the holder dies.

        Raises `Unusable` when another run holds it or nothing can be written there.
        """
        folder, holder = self.database.parent, self.holder
        try:
            made = files.make_folder(folder)
            files.make_private(self.lock)
            self._refuse_special()
            lock = FileLock(self.lock)
            lock.acquire(timeout=0)
        except Timeout:
            raise Unusable(f"{self.database} is in use by {_read_holder(holder)}; wait for it to end, or stop it") from None
        except (OSError, NotImplementedError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise Unusable(f"cannot write to {folder}: {reason or error}. Choose another --output or mend the folder") from error
        self._remove_unfinished()
        try:
            with contextlib.suppress(OSError):
                holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink()
            self._remove_empty(made)
            lock.release()

    def _remove_unfinished(self) -> None:
        """Take away what killed runs and reviews left half written of these files: nobody else writes them while the lock is held."""
        real = Path(os.path.realpath(self.database))
        ours = (self.database, real, self.checkpoint, *self._companions, self.beside("before_review"))
        starts = tuple(f".{path.name}." for path in ours)
        for left in [left for place in {self.database.parent, real.parent} for left in place.glob(".*.part")]:
            if left.name.startswith(starts):
                with contextlib.suppress(Unwritable):
                    files.remove(left)

    def _remove_empty(self, folders: Sequence[Path]) -> None:
        """Take folders away that were made for this holder, the innermost first, where it wrote nothing into them."""
        with contextlib.suppress(OSError):
            if folders and os.listdir(folders[0]) == [self.lock.name]:
                self.lock.unlink()
            for folder in folders:
                folder.rmdir()

    def _refuse_special(self) -> None:
        """A run that cannot end is not begun: nothing is paid for before the files' places are seen to be free."""
        for path in (self.lock, *self._companions):
            words = files.special(path)
            if words:
                raise Unusable(f"{path} is {words} where a file has to be; move it away or choose another --output")


def _same_file(path: Path, other: Path) -> bool:
    if os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other)):
        return True
    try:
        return os.path.samefile(path, other)  # another spelling where case does not count, or a hard link
    except OSError:
        return False


def _read_holder(path: Path) -> str:
    try:
        data = files.parse_json(files.read_text(path) or "", name=path.name)
        return f"process {int(data['pid'])} on {str(data['host'])[:80]}"
    except (Unreadable, ValueError, KeyError, TypeError, OverflowError):
        return "another run"
