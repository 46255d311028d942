"""The files of a provider's batch engine: questions out as JSON lines, results in, checked whole before anything is taken.

The form is the one that OpenAI, Azure, Together, Groq, Mistral and vLLM's `run-batch` share. A line's name is the hash under which the
answer is kept, so it says nothing about anybody. Sends nothing and knows no prompt.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import files
from common.errors import Unreadable
from common.web import TransientError
from llm.completion import read_completion, read_usage
from llm.json_text import extract_json
from llm.protocol import AnswerUnusable, Usage

MAX_LINES = 50_000
MAX_BYTES = 100_000_000
URL = "/v1/chat/completions"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class BatchQuestion:
    """One request of a batch: `key` is its name, `body` what the server is to be sent, `schema` the name of the answer's schema."""

    key: str
    body: Mapping[str, Any]
    schema: str

    @property
    def line(self) -> str:
        """The request's line.

        >>> BatchQuestion("1f", {"model": "m", "messages": []}, "issue_card").line
        '{"custom_id": "1f", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": []}}\\n'
        """
        data = {"custom_id": self.key, "method": "POST", "url": URL, "body": self.body}
        return files.dump_json(data, indent=None) + "\n"


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """A usable answer: the model's text and what it cost."""

    key: str
    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Results:
    """What result files hold: usable answers, and for other questions the reason why they have none."""

    answers: tuple[BatchAnswer, ...]
    unanswered: tuple[tuple[str, str], ...]


_BEGINS = '{"custom_id": "'


def write_questions(
    path: Path, questions: Iterable[BatchQuestion], *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES
) -> list[Path]:
    """The files written: `path`, then `path`.2, `path`.3, ... within both limits; parts of an earlier export go.

    Raises `Unwritable`, also where something else than such a file stands.
    """
    written: list[Path] = []
    files.refuse_strangers(itertools.takewhile(Path.exists, (_part_path(path, number) for number in itertools.count(1))), begins=_BEGINS)
    for part in _parts((question.line for question in questions), max_lines, max_bytes):
        target = _part_path(path, len(written) + 1)
        files.write_text(target, "".join(part))
        written.append(target)
    number = len(written) + 1
    while _part_path(path, number).is_file():
        files.remove(_part_path(path, number))
        number += 1
    return written


def read_results(paths: Sequence[Path], *, exported: Mapping[str, str], model: str) -> Results:
    """The results in files of a provider, in any order, error files among them. `exported` gives the model asked by question name.

    Raises `Unreadable` for a line that is cut short or no result, a name that is unknown or stands twice, another model's answer.
    """
    problems: list[str] = []
    seen: dict[str, str] = {}
    answers: list[BatchAnswer] = []
    unanswered: list[tuple[str, str]] = []
    for place, line in _lines(paths, problems):
        try:
            result = _result(line)
            key = _known_key(result, exported, seen, model)
            seen[key] = place
            answers.append(_answer(key, result, model))
        except (AnswerUnusable, TransientError) as error:
            unanswered.append((key, str(error)))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise Unreadable(f"{'; '.join(problems[:_SHOWN])}{more}. Nothing was imported")
    return Results(tuple(answers), tuple(unanswered))


def _parts(lines: Iterable[str], max_lines: int, max_bytes: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode())
        if part and (len(part) >= max_lines or size + length > max_bytes):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def _part_path(path: Path, number: int) -> Path:
    return path if number == 1 else path.with_name(f"{path.name}.{number}")


def _lines(paths: Sequence[Path], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Place and text of each line that is not blank. A file that cannot be read is a problem."""
    for path in paths:
        try:
            text = files.read_text(path)
        except Unreadable as error:
            problems.append(str(error))
            continue
        if text is None:
            problems.append(f"there is no file {path}")
        for number, line in enumerate((text or "").split("\n"), start=1):
            if line.strip():
                yield f"{path}, line {number}", line


def _result(line: str) -> dict[str, Any]:
    try:
        result = json.loads(line)
    except (ValueError, RecursionError):
        whole = line.rstrip().endswith("}")
        raise ValueError("not valid JSON" if whole else "cut short: download the file again") from None
    if not isinstance(result, dict) or not isinstance(result.get("custom_id"), str):
        raise ValueError("no result of a batch: it has no custom_id")
    if not isinstance(result.get("response"), dict) and not result.get("error"):
        raise ValueError("neither a response nor an error; is this the file of questions?")
    return result


def _known_key(result: Mapping[str, Any], exported: Mapping[str, str], seen: Mapping[str, str], model: str) -> str:
    key = str(result["custom_id"])
    if key not in exported:
        raise ValueError(f"the id {key[:70]!r} is unknown: no question of that name was exported into this cache")
    if key in seen:
        raise ValueError(f"the id {key} stands twice, first at {seen[key]}")
    if exported[key] != model:
        raise ValueError(f"this question was exported for the model {exported[key]!r}, but LLM_MODEL is {model!r}")
    return key


def _answer(key: str, result: Mapping[str, Any], model: str) -> BatchAnswer:
    """The usable answer of one result. Raises ValueError for another model's, `AnswerUnusable` or `TransientError` for none."""
    response = result.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    if result.get("error") or not isinstance(body, dict) or body.get("error") or _status(response) >= 400:
        raise AnswerUnusable(_complaint(result, body))
    named = body.get("model")
    if isinstance(named, str) and not same_model(model, named):
        raise ValueError(f"answered by the model {named[:80]!r}, but LLM_MODEL is {model!r}")
    completion = read_completion(body)
    if completion.cut:
        raise AnswerUnusable("the answer was cut by the token limit: raise LLM_MAX_TOKENS")
    try:
        extract_json(completion.text)
    except ValueError as error:
        raise AnswerUnusable(str(error)) from error
    return BatchAnswer(key, completion.text, read_usage(body, []))


def same_model(asked: str, answered: str) -> bool:
    """Whether a server's name for its model may be the one that was asked for: dated versions and folders in front do not count.

    >>> same_model("gpt-5-mini", "gpt-5-mini-2025-08-07"), same_model("openai/gpt-oss-20b", "gpt-oss-20b"), same_model("a", "b")
    (True, True, False)
    """
    first, second = (name.strip().lower().rpartition("/")[2] for name in (asked, answered))
    return first == second or second.startswith(f"{first}-") or first.startswith(f"{second}-")


def _status(response: Any) -> int:
    status = response.get("status_code") if isinstance(response, dict) else None
    return status if isinstance(status, int) else 200


def _complaint(result: Mapping[str, Any], body: Any) -> str:
    """The provider's own words on why there is no answer."""
    error = result.get("error") or (body.get("error") if isinstance(body, dict) else None) or body
    words = error.get("message") or error.get("code") if isinstance(error, dict) else error
    return " ".join(str(words or f"no answer, status {_status(result.get('response'))}").split())[:200]
