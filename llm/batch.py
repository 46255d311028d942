"""Work by a provider's batch engine: questions out as JSON lines, results in, and a run that ends where nothing more can be answered.

The form is the one that OpenAI, Azure, Together, Groq, Mistral and vLLM's `run-batch` share. A line's name is the hash under which the
answer is kept, so it says nothing about anybody and proves what was asked. Sends nothing and knows no prompt.
"""

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from common import files
from common.errors import Unreadable
from common.text import without_secrets
from common.web import TransientError
from llm.completion import read_completion, read_usage
from llm.json_text import extract_json
from llm.protocol import Answer, AnswerUnusable, JsonSchema, Messages
from llm.refusals import error_in_answer, read_refusal, shown
from llm.store import StoredAnswer

T = TypeVar("T")

MAX_LINES = 50_000
MAX_BYTES = 100_000_000
URL = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class BatchQuestion:
    """One request of a batch: `key` is its name, `body` what the server is to be sent."""

    key: str
    body: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The request's line.

        >>> BatchQuestion("1f", {"model": "m", "messages": []}).line
        '{"custom_id": "1f", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": []}}\\n'
        """
        data = {"custom_id": self.key, "method": "POST", "url": URL, "body": self.body}
        return files.dump_json(data, indent=None) + "\n"


@dataclass(frozen=True, slots=True)
class Results:
    """What result files hold: usable answers by name; why questions have none; lines that are no result, with their place."""

    answers: Mapping[str, StoredAnswer]
    unanswered: Mapping[str, str]
    odd: tuple[str, ...]


_BEGINS = '{"custom_id": "'


def write_questions(
    path: Path, questions: Iterable[BatchQuestion], *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES
) -> list[Path]:
    """The files written: `path`, then `path`.2, `path`.3, ... within both limits; parts of an earlier export go.

    Raises `Unwritable`, also where something else than such a file stands.
    """
    written: list[Path] = []
    files.refuse_strangers(itertools.takewhile(Path.exists, _part_paths(path)), begins=_BEGINS)
    parts = _parts((question.line for question in questions), max_lines, max_bytes)
    for part, target in zip(parts, _part_paths(path), strict=False):
        files.write_text(target, "".join(part))
        written.append(target)
    for earlier in itertools.takewhile(Path.is_file, itertools.islice(_part_paths(path), len(written), None)):
        files.remove(earlier)
    return written


def read_results(paths: Sequence[Path], *, exported: Collection[str], secrets: Collection[str] = ()) -> Results:
    """The results in files of a provider, in any order, error files among them; `exported` are the names of questions that were asked.

    A success beats a failure of the same name, wherever they stand; the last success counts. Raises `Unreadable` for a file that is none.
    """
    answers: dict[str, StoredAnswer] = {}
    failed: dict[str, str] = {}
    odd: list[str] = []
    for place, line in _lines(paths):
        key = ""
        try:
            result = _result(without_secrets(line, secrets))
            key = str(result["custom_id"])
            if key not in exported:
                raise ValueError(f"the id {shown(key)[:70]!r} is unknown here")
            answers[key] = _answer(result)
        except (AnswerUnusable, TransientError) as error:
            failed[key] = str(error)
        except ValueError as error:
            odd.append(f"{place}: {error}")
    return Results(answers, {key: reason for key, reason in failed.items() if key not in answers}, tuple(odd))


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


def _part_paths(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_name(f"{path.name}.{number}") for number in itertools.count(2))


def _lines(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Place and text of each line that is not blank. Every file is read before the first is given."""
    texts = [(path, files.read_text(path)) for path in paths]
    missing = [str(path) for path, text in texts if text is None]
    if missing:
        raise Unreadable(f"there is no file {', '.join(missing)}. Nothing was imported")
    for path, text in texts:
        for number, line in enumerate((text or "").split("\n"), start=1):
            if line.strip():
                yield f"{path}, line {number}", line


def _result(line: str) -> dict[str, Any]:
    try:
        result = json.loads(line)
    except (ValueError, RecursionError):
        whole = line.rstrip().endswith("}")
        raise ValueError("not valid JSON" if whole else "cut short: download the file again") from None
    if not isinstance(result, dict) or not isinstance(result.get("custom_id"), str) or not result["custom_id"]:
        words = _complaint(None, result["error"]) if isinstance(result, dict) and result.get("error") else ""
        raise ValueError(f"no result of a batch: it has no custom_id{f' ({words})' if words else ''}")
    if not isinstance(result.get("response"), dict) and not result.get("error"):
        raise ValueError("neither a response nor an error; is this the file of questions?")
    return result


def _answer(result: Mapping[str, Any]) -> StoredAnswer:
    """The usable answer of one result. Raises `AnswerUnusable` or `TransientError` where there is none."""
    response = result.get("response")
    body = response.get("body", response) if isinstance(response, dict) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    failed = isinstance(status, int) and status >= 400
    if result.get("error") or not isinstance(body, dict) or error_in_answer(body) or failed:
        raise AnswerUnusable(_complaint(status, result.get("error") or body))
    completion = read_completion(body)
    if completion.cut:
        raise AnswerUnusable("the answer was cut by the token limit: raise LLM_MAX_TOKENS")
    try:
        extract_json(completion.text)
    except ValueError as error:
        if "two JSON objects" not in str(error):  # whoever asked knows which of them is whole
            raise AnswerUnusable(str(error)) from error
    return StoredAnswer(completion.text, read_usage(body, []))


def _complaint(status: Any, said: Any) -> str:
    """The provider's own words on why there is no answer."""
    return read_refusal(status if isinstance(status, int) else 400, json.dumps(said), {}, now=0.0).words


class QuestionsLeft(Exception):
    """A round has questions that the store does not answer; the run cannot go on without them."""

    def __init__(self, left: Mapping[str, BatchQuestion]) -> None:
        super().__init__("questions are to be answered first")
        self._left = left

    @property
    def questions(self) -> tuple[BatchQuestion, ...]:
        """All that were asked in vain by now, in the order of asking."""
        return tuple(self._left.values())


class BatchRounds:
    """`ask` for a clusterer that asks nobody; `stored` and `request` are the model client's.

    A call is made `at_once`. A round is all that is submitted before the first result is waited for: a wave's questions, its
    second askings, or those about issues. What it asks in vain stands in each of its `QuestionsLeft`, the first of which ends the run.
    """

    def __init__(self, stored: Callable[..., Answer[Any] | None], request: Callable[..., tuple[str, dict[str, Any]]]) -> None:
        self._stored, self._request = stored, request
        self._left: dict[str, BatchQuestion] = {}

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The stored answer. Raises what ends this question for now."""
        answer = self._stored(messages, schema=schema, parse=parse)
        if answer is None:
            key, body = self._request(messages, schema=schema)
            self._left[key] = BatchQuestion(key, body)
            raise QuestionsLeft(self._left)
        return answer
