"""Freshdesk's search language, as far as its documentation goes: fields, `:`, `:>`, `:<`, AND, OR, parentheses and null.

Reads a query into a test for tickets; `:<'D'` covers all of day D. There is no NOT, and what the real API refuses is refused here.
"""

import datetime
import functools
import operator
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Ticket = Mapping[str, Any]
Test = Callable[[Ticket], bool]
Condition = tuple[str, str, str]
"""Field, sign and value as they stand in the query."""

NUMBERS = {"agent_id": "responder_id", "group_id": "group_id", "priority": "priority", "status": "status"}
TEXTS = {"tag": "tags", "type": "type"}
DATES = ("due_by", "fr_due_by", "created_at", "updated_at")
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {":": operator.eq, ":>": operator.ge, ":<": operator.le}
_TOKEN = re.compile(r"\s*(?:([()]|(?:AND|OR)\b)|([a-z_][a-z0-9_]*)(:[<>]?)('[^']*'|[^\s()']+))")


def parse_query(text: str) -> Test:
    """The test that a query stands for. Raises `ValueError`.

    >>> parse_query("status:4 OR (status:5 AND priority:>3)")({"status": 5, "priority": 4})
    True
    """
    tokens = _tokens(text)
    test = _any_of(tokens)
    if tokens:
        raise ValueError("unexpected end of the query")
    return test


@functools.lru_cache(maxsize=100_000)
def instant(text: str) -> datetime.datetime:
    """A ticket's time in UTC."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(datetime.timezone.utc) if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def _tokens(text: str) -> deque[str | Condition]:
    """Parentheses, AND and OR as they are, and conditions."""
    tokens: deque[str | Condition] = deque()
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"cannot read the query at {text[position : position + 20]!r}")
        tokens.append(match[1] or (match[2], match[3], match[4]))
        position = match.end()
    return tokens


def _any_of(tokens: deque[str | Condition]) -> Test:
    return _joined(tokens, "OR", _all_of, any)


def _all_of(tokens: deque[str | Condition]) -> Test:
    return _joined(tokens, "AND", _single, all)


def _joined(tokens: deque[str | Condition], mark: str, part: Callable[..., Test], combine: Callable[[Iterable[bool]], bool]) -> Test:
    parts = [part(tokens)]
    while tokens and tokens[0] == mark:
        tokens.popleft()
        parts.append(part(tokens))
    return lambda ticket: combine(test(ticket) for test in parts)


def _single(tokens: deque[str | Condition]) -> Test:
    token = tokens.popleft() if tokens else ""
    if token == "(":
        test = _any_of(tokens)
        if not tokens or tokens.popleft() != ")":
            raise ValueError("a parenthesis is not closed")
        return test
    if isinstance(token, str):
        raise ValueError("a condition is missing")
    return _condition(*token)


def _condition(field: str, sign: str, value: str) -> Test:
    if field in DATES:
        return _comparison(lambda ticket: instant(ticket[field]).date() if ticket.get(field) else None, sign, value, _day)
    if field in NUMBERS:
        return _comparison(lambda ticket: ticket.get(NUMBERS[field]), sign, value, _whole)
    if sign != ":" or not (field in TEXTS or field.startswith("cf_")):
        raise ValueError(f"{field}{sign} is not a field that can be searched so")
    if value == "null":
        return lambda ticket: not _text(ticket, field)
    wanted = value.strip("'")
    return lambda ticket: wanted in held if isinstance(held := _text(ticket, field), list) else str(held) == wanted


def _comparison(read: Callable[[Ticket], Any], sign: str, value: str, parse: Callable[[str], Any]) -> Test:
    if value == "null":
        return lambda ticket: read(ticket) is None
    wanted = parse(value)
    return lambda ticket: (held := read(ticket)) is not None and COMPARE[sign](held, wanted)


def _text(ticket: Ticket, field: str) -> Any:
    return (ticket.get("custom_fields") or {}).get(field) if field.startswith("cf_") else ticket.get(TEXTS[field])


def _day(value: str) -> datetime.date:
    try:
        if not re.fullmatch(r"'\d{4}-\d{2}-\d{2}'", value):
            raise ValueError
        return datetime.date.fromisoformat(value[1:-1])
    except ValueError:
        raise ValueError(f"{value} is not a date of the form 'YYYY-MM-DD'") from None


def _whole(value: str) -> int:
    if not re.fullmatch(r"\d{1,18}", value):
        raise ValueError(f"It should be a/an Integer: {value}")
    return int(value)
