"""A `.env` file: what it sets, and which of its lines set nothing though they are neither blank nor comment.

Reads what editors, shells and secret managers make of such a file: BOMs, UTF-16, a named pipe. Shows no value and knows no setting's
meaning.
"""

import functools
import io
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from common.errors import Unusable
from common.text import one_letter_off

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LINE_NAME = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,99})\s*=")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file sets, and what is wrong with it: for people, without any value."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read(path: Path, *, known: Collection[str]) -> EnvFile:
    """The settings of a file, nothing if there is none; `known` are the names that a line may not miss by a letter.

    Raises `Unusable` for what is there and cannot be read.
    """
    values: dict[str, str] = {}
    problems: list[str] = []
    for binding in parse_stream(io.StringIO(_text(path))):
        problem = _problem(binding, known)
        if problem:
            problems.append(f"line {_line_of(binding)} of {path.name} {problem}")
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return EnvFile(values, tuple(problems))


def meant(name: str, known: Collection[str]) -> str | None:
    """The known name that another name misses by its case, by hyphens, points or underscores, or by one letter; None if there is none.

    >>> [meant(name, ["REDACT"]) for name in ("redact", "REDCAT", "REACT", "REDACT", "OTHER")]
    ['REDACT', 'REDACT', 'REDACT', None, None]
    """
    if name in known:
        return None
    bare = _bare(name)
    return next((ours for ours in known if bare == _bare(ours) or one_letter_off(bare, _bare(ours))), None)


def unquoted(value: str) -> str:
    """A value without the equal quotes about it, which `docker --env-file` leaves there.

    >>> unquoted('"gpt"'), unquoted("'a"), unquoted('"')
    ('gpt', "'a", '"')
    """
    wrapped = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if wrapped else value


def _problem(binding: Binding, known: Collection[str]) -> str:
    """What is wrong with one line, or lines if a quote is left open; "" for what sets something, is blank or a comment."""
    if not binding.error and binding.key is None:
        return ""
    if binding.error or binding.value is None or _NAME.fullmatch(binding.key or "") is None:
        words = re.findall(r"[A-Za-z_][A-Za-z0-9_-]{2,99}", binding.original.string[:500])
        named = next((ours for word in words for ours in [word if word in known else meant(word, known)] if ours), None)
        return "is neither blank, nor a comment, nor NAME=value" + (f"; is {named}=... meant?" if named else "")
    if "\n" in binding.value and (binding.key in known or _swallowed(binding.value, known)):
        return f"({binding.key}) has a value of several lines; is a quotation mark missing?"
    ours = meant(binding.key or "", known)
    return f"sets {binding.key}, which is no setting; is {ours} meant?" if ours else ""


def _swallowed(value: str, known: Collection[str]) -> bool:
    """True for a value that holds the line of another setting."""
    names = (found[1] for line in value.split("\n")[1:] if (found := _LINE_NAME.match(line)))
    return any(name in known or meant(name, known) for name in names)


def _line_of(binding: Binding) -> int:
    """The number of the line on which the words stand: the parser counts from the blank lines before."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _bare(name: str) -> str:
    return name.upper().replace("_", "").replace("-", "").replace(".", "")


def _text(path: Path) -> str:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            docker = "docker makes one where a mounted file is missing"
            raise Unusable(f"{path.name} is a folder and should be a file with the settings ({docker})")
        return _decoded(_pipe_content(path, found.st_ino) if stat.S_ISFIFO(found.st_mode) else path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise Unusable(f"cannot read {path.name}: byte {error.start} is no UTF-8. Save it as UTF-8 text.") from error
    except OSError as error:
        raise Unusable(f"cannot read {path.name}: {error.strerror or error}") from error


@functools.lru_cache(maxsize=4)  # what a secret manager hands through a pipe is there once
def _pipe_content(path: Path, _inode: int) -> bytes:
    """What comes out of a named pipe until it is closed. Raises OSError."""
    with open(path, "rb") as pipe:
        content = pipe.read(_MAX_BYTES)
    if not content:
        raise OSError("it is a pipe out of which nothing came; is what fills it running?")
    return content


def _decoded(content: bytes) -> str:
    encoding = _BOMS.get(content[:2], "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in content[:2]:  # UTF-16 whose BOM is missing
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    return content.decode(encoding)
