"""What one server and model were found to accept: how a request is worded, and what a refusal teaches about it.

A refusal is answered once per field and then remembered, for the run by every worker and for later runs in notes. Sends nothing itself.
Never learns anything from a refusal that is about the prompt, the key or the money.
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from llm.protocol import JsonSchema
from llm.refusals import SMALLEST_ANSWER_TOKENS, Refusal, limit_is_to_blame

Messages = Sequence[Mapping[str, str]]

FORMATS = ("json_schema", "json_object", "none")
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens", "none")
_UNKNOWN_FIELD = re.compile(
    r"extra_forbidden|extra inputs|unrecogni[sz]ed|unknown (?:name|field|parameter|key|argument)|cannot find field"
    r"|not permitted|unexpected (?:keyword|field|parameter|property)|additional propert",
    re.IGNORECASE,
)
_ABOUT_A_TYPE = re.compile(r"\btype\b|json_schema|json_object|schema", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"too large|too high|at most|exceed|maximum|less than or equal|greater than|must be (?:<|between)|up to", re.IGNORECASE
)
_UPPER_BOUND = re.compile(
    r"(?:at most|maximum(?: (?:allowed|value))?(?: is| of)?|less than or equal to|<=|up to|limit(?: is| of)?)\s*:?\s*`?(\d{2,7})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request to this server is worded. A new one assumes the most that a server may take."""

    format: str = FORMATS[0]
    limit_field: str = LIMIT_FIELDS[0]
    temperature: bool = True
    system_role: bool = True
    largest_limit: int | None = None
    refused: tuple[str, ...] = ()

    def request(self, messages: Messages, *, schema: JsonSchema | None, max_tokens: int, temperature: float | None) -> dict[str, Any]:
        """The request's fields besides `model`, in this dialect."""
        sent: dict[str, Any] = {"messages": [dict(message) for message in (messages if self.system_role else _folded(messages))]}
        if schema is not None and self.format == "json_schema":
            sent["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif schema is not None and self.format == "json_object":
            sent["response_format"] = {"type": "json_object"}
        if self.limit_field != "none":
            sent[self.limit_field] = min(max_tokens, self.largest_limit or max_tokens)
        if temperature is not None and self.temperature:
            sent["temperature"] = temperature
        return sent


def adapted(dialect: Dialect, refusal: Refusal, sent: Mapping[str, Any], *, guess: bool = True) -> Dialect | None:
    """The dialect that avoids what was refused; None if the refusal names nothing that could be worded otherwise.

    `sent` are the request's fields. With `guess`, a refusal that names no field takes off the most doubtful one that was sent.
    """
    if refusal.kind not in ("request", "model", "transient") or (refusal.kind == "transient" and refusal.status not in (500, 501)):
        return None
    named = _named_field(refusal.named, sent)
    if named is None and guess and refusal.kind == "request":
        named = next((field for field in ("response_format", "temperature", *LIMIT_FIELDS) if field in sent), None)
    if named == "response_format":
        return _other_format(dialect, refusal.named, str(sent[named]["type"]))
    if named == "temperature":
        return replace(dialect, temperature=False)
    if named == "system":
        return replace(dialect, system_role=False) if dialect.system_role else None
    if named in LIMIT_FIELDS:
        return _other_limit(dialect, refusal.named, named, int(sent[named]))
    return None


class Notes(Protocol):
    """Where what was learnt outlives the run."""

    def get_note(self, name: str) -> str | None:
        """The note, None if there is none."""

    def put_note(self, name: str, value: str) -> None:
        """Keep the note."""


class DialectBook:
    """The dialect of one base URL and model, shared by all workers, under a lock."""

    def __init__(self, base_url: str, model: str, *, notes: Notes | None) -> None:
        self._lock = threading.Lock()
        self._notes = notes
        self._name = "dialect:" + hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()[:32]
        remembered = _from_note(notes.get_note(self._name) if notes is not None else None)
        self._remembered = remembered is not None
        self._proven = False
        self._kept = self._dialect = remembered or Dialect()

    def current(self) -> Dialect:
        """The dialect to use now."""
        with self._lock:
            return self._dialect

    def learn(self, used: Dialect, refusal: Refusal, sent: Mapping[str, Any]) -> bool:
        """Whether to ask again: another worker has learnt meanwhile, or this refusal has taught something.

        What an earlier run remembered is dropped at the first refusal: another server may stand at the address now. Once an answer has
        come, a refusal that names no field is about its prompt and teaches nothing.
        """
        with self._lock:
            if used != self._dialect:
                return True
            better = adapted(Dialect() if self._remembered else used, refusal, sent, guess=not self._proven)
            self._remembered = False
            if better is None or better == used:
                return False
            self._dialect = better
            return True

    def worked(self, used: Dialect) -> None:
        """Remember a dialect in which an answer came."""
        with self._lock:
            self._proven = True
            if used != self._dialect or used == self._kept:
                return
            self._kept = used
        if self._notes is not None:
            self._notes.put_note(self._name, json.dumps(asdict(used), sort_keys=True))

    def forget_unproven(self) -> None:
        """Go back to the last dialect in which an answer came: nothing that was tried since has helped."""
        with self._lock:
            self._dialect = self._kept


def _named_field(named: str, sent: Mapping[str, Any]) -> str | None:
    """Which sent field the refusal is about: its `param` first, else the one that the message names first."""
    param, _, message = named.partition("\n")
    if re.search(r"messages\W+\d+\W+role|\bsystem\b", param) or re.search(
        r"\bsystem\b.{0,40}\brole\b|\brole\b.{0,60}\bsystem\b", message, re.IGNORECASE
    ):
        return "system"
    if limit_is_to_blame(message):
        return next((field for field in LIMIT_FIELDS if field in sent), None)
    optional = [field for field in sent if field not in ("messages", "model")]
    for text in (param, message):
        places = [(match.start(), field) for field in optional if (match := re.search(rf"\b{field}\b", text))]
        if places:
            return min(places)[1]
    if any(re.search(rf"\b{field}\b", f"{param} {message}") for field in LIMIT_FIELDS[:2]):
        return next((field for field in LIMIT_FIELDS if field in sent), None)  # it names the field that it wants instead
    if "response_format" in sent and re.search(r"json_schema|json_object|json[ _]mode|structured output|grammar", message, re.IGNORECASE):
        return "response_format"
    return None


def _other_format(dialect: Dialect, said: str, sent: str) -> Dialect:
    refused = tuple(sorted({*dialect.refused, sent}))
    left = [name for name in FORMATS if name not in refused]
    if _UNKNOWN_FIELD.search(said) or not _ABOUT_A_TYPE.search(said):
        left = ["none"]  # the field itself is refused, not this kind of it
    wanted = [name for name in left if name in said] or left
    return replace(dialect, format=wanted[0] if wanted else "none", refused=refused)


def _other_limit(dialect: Dialect, said: str, sent: str, limit: int) -> Dialect:
    """A smaller limit if the number is too large, else the other field, at last none."""
    too_large = limit_is_to_blame(said.partition("\n")[2]) or _TOO_LARGE.search(said)
    if too_large and not _UNKNOWN_FIELD.search(said) and "nsupported" not in said and limit > SMALLEST_ANSWER_TOKENS:
        bounds = [int(number) for number in _UPPER_BOUND.findall(said) if SMALLEST_ANSWER_TOKENS <= int(number) < limit]
        return replace(dialect, largest_limit=bounds[0] if bounds else max(SMALLEST_ANSWER_TOKENS, limit // 2))
    refused = tuple(sorted({*dialect.refused, sent}))
    return replace(dialect, limit_field=next(name for name in LIMIT_FIELDS if name not in refused), refused=refused)


def _folded(messages: Messages) -> list[dict[str, str]]:
    """The system message put in front of the first user message."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [dict(message) for message in messages if message["role"] != "system"]
    if rest and system:
        rest[0]["content"] = "\n\n".join([*system, rest[0]["content"]])
    return rest


def _from_note(note: str | None) -> Dialect | None:
    try:
        kept = json.loads(note) if note else None
        if not isinstance(kept, dict) or set(kept) != {field.name for field in fields(Dialect)}:
            return None
        dialect = Dialect(**{**kept, "refused": tuple(kept["refused"])})
    except (ValueError, TypeError):
        return None
    known = dialect.format in FORMATS and dialect.limit_field in LIMIT_FIELDS
    return dialect if known and isinstance(dialect.largest_limit, int | None) else None
