"""The one way in which the program writes and reads files that it owns.

A write is whole or not at all (temporary file in the same folder, fsync of file and folder, rename) and meets regular files only; a read
is bounded and says what is wrong. What is made here is for its owner alone (0600, folders 0700); what stood there keeps its mode.
Knows no file's meaning.
"""

import contextlib
import csv
import errno
import hashlib
import io
import itertools
import json
import math
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from common.errors import Unreadable, Unusable, Unwritable

MAX_FILE_BYTES = 2_000_000_000
_BLOCK_BYTES = 1_000_000
_LEFTOVER_AFTER_S = 3600.0
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{16}\.part", re.DOTALL)
_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)  # made once: the decision log has a line for each ticket
_SURROGATES = re.compile("[\ud800-\udfff]")
_SEAL = "sha256"
_NO_SUCH_CALL = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system says that cannot do a thing at all, as CIFS, 9p and shared folders of virtual machines do."""


def dump_json(value: Any, *, indent: int | None = 2) -> str:
    """JSON text with real characters; only lone surrogates, which UTF-8 cannot hold, are escaped.

    >>> dump_json({"a": "ü"}, indent=None)
    '{"a": "ü"}'
    """
    text = _COMPACT.encode(value) if indent is None else json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    return text if text.isascii() else _SURROGATES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with a digest of it as its last key, by which `unseal` knows whether it was changed since."""
    return {**data, _SEAL: _seal_of(data)}


def unseal(data: dict[str, Any]) -> bool:
    """Take the seal off JSON data as it was read; False where the data is not as it was sealed. What has no seal is as it was.

    >>> data = sealed({"a": 1})
    >>> unseal(data), data, unseal(data), unseal(sealed({"a": 1}) | {"a": 2})
    (True, {'a': 1}, True, False)
    """
    seal = data.pop(_SEAL, None)
    return seal is None or seal == _seal_of(data)


def _seal_of(data: Mapping[str, Any]) -> str:
    return digest((json.dumps(data),))


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path`, whole or not at all and durable; line ends stay as given. Raises `Unwritable`."""
    write_parts(path, (text.encode(),))


def write_over(path: Path, text: str, *, begins: str) -> None:
    """Put `text` at `path` if nothing stands there, or nothing in it, or what begins with `begins`. Raises `Unusable`, `Unwritable`."""
    refuse_strangers((path,), begins=begins)
    write_text(path, text)


def refuse_strangers(paths: Iterable[Path], *, begins: str) -> None:
    """Raises `Unusable` naming the first of `paths` with a file that is not empty and does not begin with `begins`, or with no file."""
    mark = begins.encode()
    for path in paths:
        with _or_unwritable("write", path):
            words = special(path)
            if words:
                raise Unusable(f"{path} is {words} where a file has to be; name another place")
            start = next(blocks(path), b"")[: len(mark)] if path.exists() else b""
        if start and start != mark:
            raise Unusable(f"{path} was not made by this kind of export and is left as it is; name another place, or move it away")


def write_if_changed(path: Path, texts: Callable[[], Iterable[str]], *, backup: Path | None = None) -> None:
    """Put what `texts` gives, one after another, at `path` unless it stands there already; what stood there goes to `backup` first.

    `texts` is called again for the writing, so that a large file is never in memory as a whole. Raises `Unwritable`.
    """
    with _or_unwritable("write", path):
        _refuse_special(path)
        there = path.exists()
        if there and _holds(path, texts()):
            return
        if there and backup is not None:
            write_parts(backup, blocks(path))
    write_parts(path, (text.encode() for text in texts()))


def keep_aside(path: Path, *, ending: str = "unreadable") -> Path:
    """Where a file is kept before it is written anew or goes: under its name with the ending, and a number where there are several.

    The same content is kept once; what cannot be read at all gets that name itself. Raises `Unwritable`.
    """
    try:
        content = read_bytes(path)
    except Unreadable:
        content = None
    for number in itertools.count(1):
        kept = path.with_name(f"{path.name}.{number}.{ending}" if number > 1 else f"{path.name}.{ending}")
        if not os.path.lexists(kept):
            rename(path, kept) if content is None else write_parts(kept, (content,))
            return kept
        if content is not None and kept.is_file() and kept.read_bytes() == content:
            return kept
    raise AssertionError("names never end")


def kept_aside(path: Path, *, ending: str = "unreadable") -> list[Path]:
    """What `keep_aside` has kept of a file."""
    name = re.compile(rf"{re.escape(path.name)}(?:\.[0-9]{{1,9}})?\.{ending}")
    found = [kept for kept in path.parent.glob(f"*.{ending}") if name.fullmatch(kept.name)]
    return sorted(found, key=lambda kept: (len(kept.name), kept))


def sha256(path: Path) -> str:
    """The digest of a file's bytes, as 64 hex digits; that of no bytes if there is no file. Raises OSError."""
    return digest(blocks(path) if path.is_file() else ())


def digest(parts: Iterable[str | bytes]) -> str:
    """The SHA-256 of texts or bytes, one after another, as 64 hex digits."""
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(part.encode() if isinstance(part, str) else part)
    return sha256.hexdigest()


def blocks(path: Path, *, start: int = 0) -> Iterator[bytes]:
    """The bytes of a file from place `start`, a block at a time. Raises OSError."""
    with open(path, "rb") as content:
        content.seek(start)
        while block := content.read(_BLOCK_BYTES):
            yield block


def _holds(path: Path, texts: Iterable[str]) -> bool:
    """True if a file is just these texts, one after another."""
    with open(path, "rb") as content:
        same = all(content.read(len(part)) == part for part in (text.encode() for text in texts))
        return same and not content.read(1)


def remove(path: Path) -> None:
    """Take a file, or a folder with all that is in it, away for good; nothing happens if it is not there. Raises `Unwritable`."""
    with _or_unwritable("remove", path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def rename(path: Path, target: Path) -> None:
    """Give a file or folder another name in its folder, for good. Raises `Unwritable`."""
    with _or_unwritable("rename", path):
        os.replace(path, target)
        _sync_folder(target.parent)


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Put `parts`, one after another, at `path`, whole or not at all and durable. Raises `Unwritable`."""
    target = Path(os.path.realpath(path))
    with _or_unwritable("write", path):
        make_folder(target.parent)
        _refuse_special(target)
        part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
        try:
            with open(part, "xb", opener=_private) as out:
                _take_permissions(out.fileno(), target)
                out.writelines(parts)
                out.flush()
                _sync_file(out.fileno())
            os.replace(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        _sync_folder(target.parent)


@contextlib.contextmanager
def _or_unwritable(doing: str, path: Path) -> Iterator[None]:
    """What the system refuses as `Unwritable`, with what it most likely means for a table that a spreadsheet may hold."""
    try:
        yield
    except OSError as error:
        held = path.suffix == ".csv" and error.errno in (errno.EACCES, errno.EPERM, errno.EBUSY)
        advice = ". Is it open in Excel? Close it and run the same command again" if held else ""
        raise Unwritable(f"cannot {doing} {path}: {error.strerror or error}{advice}") from error


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it, as far as they are missing, for the owner alone and for good; returns these, it first.

    Raises OSError.
    """
    if folder.is_dir():
        return []
    above = make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):  # made meanwhile; what else stands there is seen when it is written into
        os.mkdir(folder, 0o700)
    _sync_folder(folder.parent)
    return [folder, *above]


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone where there is none, its folder too; for files that others fill. Raises OSError."""
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def is_unfinished(name: str) -> bool:
    """True for the name of a file that is being written, or was when its writer ended."""
    return _UNFINISHED.fullmatch(name) is not None


def remove_unfinished(folder: Path) -> None:
    """Take away what killed runs left half written; what is younger may be another run's, under way. Never raises."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_unfinished(entry.name) and entry.stat(follow_symlinks=False).st_mtime < time.time() - _LEFTOVER_AFTER_S:
                os.unlink(entry.path)


def read_bytes(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes | None:
    """The bytes of a regular file, None if there is no such file. Raises `Unreadable`."""
    try:
        _refuse_special(path)
        if path.stat().st_size > max_bytes:
            raise Unreadable(f"{path} is larger than {max_bytes} bytes")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error


def read_text(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> str | None:
    """The text of a UTF-8 file (BOM or not), None if there is no such file. Raises `Unreadable`."""
    content = read_bytes(path, max_bytes=max_bytes)
    return None if content is None else decoded(content, name=str(path))


def decoded(content: bytes, *, name: str) -> str:
    """The text of UTF-8 bytes (BOM or not). Raises `Unreadable` naming `name`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not UTF-8 text (byte {error.start})") from error


def parse_json(text: str, *, name: str) -> Any:
    """The value of a JSON text; refuses NaN, numbers without end and a key that stands twice. Raises `Unreadable` naming `name`."""
    try:
        return _STRICT.decode(text)
    except RecursionError as error:
        raise Unreadable(f"{name} is nested too deeply") from error
    except ValueError as error:
        raise Unreadable(f"{name} is not valid JSON: {error}") from error


def parse_csv(text: str, *, separator: str, name: str) -> list[list[str]]:
    """The rows of a table. Raises `Unreadable` naming `name` and a line, also where a quotation mark leaves its end open."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
    except csv.Error as error:
        near = f"below line {len(rows) or reader.line_num}"
        raise Unreadable(f"{name} is not a readable CSV file {near}: {error}; is a quotation mark missing, or one too many?") from error
    return rows


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique_keys)


def _refuse_special(path: Path) -> None:
    """Raises OSError for a folder, device, pipe or socket: opening one may wait for ever, writing one may do anything."""
    words = special(path)
    if words:
        raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, f"it is {words}")


def special(path: Path) -> str:
    """What stands at `path` in a file's place, in words; "" for a regular file, or nothing. Raises OSError."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISDIR(mode):
        return "a folder"
    return "" if stat.S_ISREG(mode) else "no regular file but a device, pipe or socket"


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _take_permissions(handle: int, target: Path) -> None:
    """Give the new file the permission bits of the one that it replaces, if there is one and the file system has such bits."""
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(handle, target.stat().st_mode & 0o777)


def _sync_file(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def _sync_folder(folder: Path) -> None:
    """Best effort: not every file system can, and the data itself is safe by then."""
    if os.name == "nt":  # Windows opens no folders; its rename is durable by itself
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
