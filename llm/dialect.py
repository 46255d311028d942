"""What one server and model were found to accept: how a request is worded, and what a refusal teaches about it.

A refusal that names a field, by its name or another one from a table, changes that field and is remembered, for the run by every worker
and for later runs in notes. What was guessed from a refusal that names nothing is forgotten with the run. Sends nothing itself. Never
learns anything from a refusal that is about the prompt, the key or the money.
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.web import Refusal
from llm.protocol import JsonSchema, Messages
from llm.refusals import LIMIT_NAMES, SMALLEST_ANSWER_TOKENS, limit_is_to_blame
from llm.store import AnswerStore

FORMATS = ("json_schema", "json_object")
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
NAMES: Mapping[str, tuple[str, ...]] = {
    "response_format": (
        "response_format", "json_schema", "json_object", "json mode", "json_mode", "structured output", "grammar", "requested parameters",
    ),
    "temperature": ("temperature",),
    "limit": LIMIT_NAMES,
    "system": ("role", "roles", "system message", "system prompt", "developer instruction", "chat template", "jinja"),
}  # fmt: skip
"""What servers call the parts of a request that can be left out or worded otherwise."""

_UNKNOWN_FIELD = re.compile(
    r"extra_forbidden|extra inputs|unrecogni[sz]ed|unknown (?:name|field|parameter|key|argument)|cannot find field"
    r"|not permitted|unexpected (?:keyword|field|parameter|property)|additional propert|requested parameters",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"too large|too high|at most|exceed|maximum|less than|greater than|must be <|between|up to|range|limit", re.IGNORECASE
)
_UPPER_BOUND = re.compile(
    r"(?:at most|up to|maximum[a-z ]{0,30}|<=?|less than(?: or equal to)?|limit(?: of| is)?|\[[0-9]+,|between [0-9]+ and"
    r"|range[a-z ]{0,20}[0-9]+\D{1,20})\s*[:`]*\s*([0-9]{2,7})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request to this server is worded. A new one assumes the most that a server may take.

    `avoided` are formats, limit fields, "temperature" and "system" (the role) that it was found not to take, `largest_limit` the most
    answer tokens that it allows, `needed_limit` the fewest with which its answers were not cut. `guessed`: a part of this was learnt from a
    refusal that named nothing.
    """

    avoided: frozenset[str] = frozenset()
    largest_limit: int | None = None
    needed_limit: int | None = None
    guessed: bool = False

    @property
    def format(self) -> str:
        """The kind of `response_format` that is sent, "none" for none."""
        return next((name for name in FORMATS if name not in self.avoided), "none")

    def request(self, messages: Messages, *, schema: JsonSchema | None, max_tokens: int, temperature: float | None) -> dict[str, Any]:
        """The request's fields besides `model`, in this dialect."""
        sent: dict[str, Any] = {"messages": [dict(message) for message in (_folded(messages) if "system" in self.avoided else messages)]}
        if schema is not None and self.format != "none":
            sent["response_format"] = {"type": self.format, **({"json_schema": schema} if self.format == "json_schema" else {})}
        for field in [name for name in LIMIT_FIELDS if name not in self.avoided][:1]:
            wanted = max(max_tokens, self.needed_limit or 0)
            sent[field] = min(wanted, self.largest_limit or wanted)
        if temperature is not None and "temperature" not in self.avoided:
            sent["temperature"] = temperature
        return sent

    def without(self, *names: str) -> "Dialect":
        """The same without some of what may be sent."""
        return replace(self, avoided=self.avoided | set(names))


def adapted(dialect: Dialect, refusal: Refusal, sent: Mapping[str, Any], *, guess: bool = False) -> Dialect | None:
    """The dialect that avoids what was refused; None if the refusal names nothing that could be worded otherwise.

    `sent` are the request's fields. With `guess`, a refusal that names no field takes off the most doubtful one that was sent.
    """
    if refusal.kind not in ("request", "model", "path", "transient") or refusal.status not in (400, 404, 415, 422, 500, 501):
        return None
    part = _named_part(refusal.named)
    if part is None and guess and refusal.kind == "request":
        part = next((name for name in ("response_format", "temperature") if name in sent), "limit")
        dialect = replace(dialect, guessed=True)
    field = next((name for name in LIMIT_FIELDS if name in sent), None)
    if part == "limit" and field:
        return _other_limit(dialect, refusal.named, field, int(sent[field]))
    if part == "response_format" and part in sent:
        return dialect.without(*_refused_formats(refusal.named, str(sent[part]["type"])))
    return dialect.without(part) if part == "system" or (part == "temperature" and part in sent) else None


class DialectBook:
    """The dialect of one server, shared by all workers, under a lock. `about` is what it depends on: address, key, model, settings.

    `_noted` is what the note says, `_remembered` what it said when this run began, `_kept` the last dialect in which an answer came.
    """

    def __init__(self, about: str, *, notes: AnswerStore | None) -> None:
        self._lock = threading.Lock()
        self._notes = notes
        self._name = "dialect:" + hashlib.sha256(about.encode()).hexdigest()[:32]
        self._looked_up = False
        self._remembered: Dialect | None = None
        self._noted: Dialect | None = None
        self._kept = self._dialect = Dialect()
        self._rejected = 0

    def current(self) -> Dialect:
        """The dialect to use now; the note of an earlier run is looked up when it is first wanted."""
        with self._lock:
            if not self._looked_up and self._notes is not None:
                self._noted = self._remembered = _from_note(self._notes.get_note(self._name))
                self._kept = self._dialect = self._remembered or Dialect()
            self._looked_up = True
            return self._dialect

    def has_answered(self) -> bool:
        """Whether an answer of this server is noted, of this run or an earlier one."""
        self.current()
        return self._noted is not None

    def learn(self, used: Dialect, refusal: Refusal, sent: Mapping[str, Any], *, guess: bool = False) -> bool:
        """Whether to ask again: another worker has learnt meanwhile, or this refusal has taught something.

        What an earlier run remembered is dropped at the first refusal: another server may stand at the address now.
        """
        with self._lock:
            if used != self._dialect:
                return True
            better = adapted(Dialect() if used == self._remembered else used, refusal, sent, guess=guess)
            if better is None or better == used:
                return False
            self._dialect = better
            return True

    def worked(self, used: Dialect, *, usable: bool) -> None:
        """Remember a dialect in which an answer came; of a guessed one only that there was an answer."""
        with self._lock:
            self._rejected = 0 if usable else self._rejected
            proven = Dialect() if used.guessed else used
            if used != self._dialect:
                return
            self._kept = used
            is_news, self._noted = proven != self._noted, proven
        if is_news and self._notes is not None:
            self._notes.put_notes([(self._name, _note_of(proven))])

    def need(self, limit: int) -> None:
        """Ask with this limit from now on: with a smaller one an answer was cut."""
        with self._lock:
            self._dialect = replace(self._dialect, needed_limit=max(limit, self._dialect.needed_limit or 0))

    def format_rejected(self) -> None:
        """A question ended with what the server itself calls a failed format; after the second in a row it is given up for this run."""
        with self._lock:
            self._rejected += 1
            if self._rejected >= 2:
                self._dialect = replace(self._dialect.without(*FORMATS), guessed=True)

    def forget_unproven(self) -> None:
        """Go back to the last dialect in which an answer came: nothing that was tried since has helped."""
        with self._lock:
            self._dialect = self._kept


def _named_part(named: str) -> str | None:
    """Which part of the request a refusal is about: its `param` first, else the one that the message names first."""
    param, _, message = named.lower().partition("\n")
    for text in (param, message):
        places = [(at.start(), part) for part, names in NAMES.items() for name in names if (at := re.search(rf"\b{name}\b", text))]
        if places:
            return min(places)[1]
    return "limit" if limit_is_to_blame(message) else None


def _refused_formats(said: str, sent: str) -> tuple[str, ...]:
    """The formats that a refusal rules out: the one that was sent, and the other one where the field itself is refused."""
    names_other = any(name in said for name in FORMATS if name != sent)
    of_field = _UNKNOWN_FIELD.search(said) or not re.search(r"\btype\b|schema|json_object", said, re.IGNORECASE)
    return FORMATS if of_field and not names_other else (sent,)


def _other_limit(dialect: Dialect, said: str, field: str, limit: int) -> Dialect:
    """A smaller limit if the number is too large, else the other field, at last none."""
    message = said.partition("\n")[2]
    unknown = _UNKNOWN_FIELD.search(said) or "nsupported" in said or "not supported" in said
    if unknown or not _TOO_LARGE.search(message) or limit <= SMALLEST_ANSWER_TOKENS:
        return dialect.without(field)
    exclusive = "exclusive" in message
    bounds = [int(number) - exclusive for number in _UPPER_BOUND.findall(message) if SMALLEST_ANSWER_TOKENS <= int(number) < limit]
    return replace(dialect, largest_limit=max(bounds, default=max(SMALLEST_ANSWER_TOKENS, limit // 2)))


def _folded(messages: Messages) -> list[dict[str, str]]:
    """The system message put in front of the first user message."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    rest = [dict(message) for message in messages if message["role"] != "system"]
    if rest and system:
        rest[0]["content"] = "\n\n".join([*system, rest[0]["content"]])
    return rest


def _note_of(dialect: Dialect) -> str:
    return json.dumps([sorted(dialect.avoided), dialect.largest_limit, dialect.needed_limit])


def _from_note(note: str | None) -> Dialect | None:
    try:
        avoided, *limits = json.loads(note or "")
        dialect = Dialect(frozenset(map(str, avoided)), *limits)
    except (ValueError, TypeError):
        return None
    return dialect if all(isinstance(limit, int | None) for limit in limits) else None
