"""Freshdesk's search language, as far as its documentation goes: fields, `:`, `:>`, `:<`, AND, OR, parentheses and null.

Reads a query into a test for tickets. There is no NOT, and what the real API refuses is refused here.
"""

import datetime
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

Ticket = Mapping[str, Any]
Test = Callable[[Ticket], bool]

NUMBERS = {"agent_id": "responder_id", "group_id": "group_id", "priority": "priority", "status": "status"}
TEXTS = {"tag": "tags", "type": "type"}
DATES = {name: name for name in ("due_by", "fr_due_by", "created_at", "updated_at")}
_TOKEN = re.compile(r"\s*(?:(?P<mark>[()])|(?P<word>AND|OR)\b|(?P<field>[a-z_][a-z0-9_]*)(?P<sign>:[<>]?)(?P<value>'[^']*'|[^\s()']+))")


def parse_query(text: str, *, whole_day_end: bool = True) -> Test:
    """The test that a query stands for. `whole_day_end`: `:<'D'` covers all of day D, else only its first instant.

    >>> parse_query("status:4 OR (status:5 AND priority:>3)")({"status": 5, "priority": 4})
    True
    """
    parser = _Parser(_tokens(text), whole_day_end)
    test = parser.alternatives()
    if parser.position != len(parser.tokens):
        raise ValueError("unexpected end of the query")
    return test


@functools.lru_cache(maxsize=100_000)
def instant(text: str) -> datetime.datetime:
    """A ticket's time in UTC."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(datetime.timezone.utc) if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"cannot read the query at {text[position : position + 20]!r}")
        tokens.append(match)
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[re.Match[str]], whole_day_end: bool) -> None:
        self.tokens, self.position, self._whole_day_end = tokens, 0, whole_day_end

    def alternatives(self) -> Test:
        parts = [self._all_of()]
        while self._take("word", "OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda ticket: any(part(ticket) for part in parts)

    def _all_of(self) -> Test:
        parts = [self._single()]
        while self._take("word", "AND"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else lambda ticket: all(part(ticket) for part in parts)

    def _single(self) -> Test:
        if self._take("mark", "("):
            test = self.alternatives()
            if not self._take("mark", ")"):
                raise ValueError("a parenthesis is not closed")
            return test
        if self.position >= len(self.tokens) or not self.tokens[self.position]["field"]:
            raise ValueError("a condition is missing")
        token = self.tokens[self.position]
        self.position += 1
        return _condition(token["field"], token["sign"], token["value"], self._whole_day_end)

    def _take(self, group: str, text: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position][group] == text
        self.position += found
        return found


def _condition(field: str, sign: str, value: str, whole_day_end: bool) -> Test:
    text = value[1:-1] if value.startswith("'") else value
    if field in DATES:
        return _date_test(field, sign, None if value == "null" else _day(value), whole_day_end)
    if field in NUMBERS:
        return _number_test(NUMBERS[field], sign, None if value == "null" else _whole(field, value))
    if sign != ":" or not (field in TEXTS or field.startswith("cf_")):
        raise ValueError(f"{field}{sign} is not a field that can be searched so")
    if value == "null":
        return lambda ticket: not _value(ticket, field)
    return lambda ticket: text in held if isinstance(held := _value(ticket, field), list) else str(held) == text


def _value(ticket: Ticket, field: str) -> Any:
    return (ticket.get("custom_fields") or {}).get(field) if field.startswith("cf_") else ticket.get(TEXTS[field])


def _number_test(name: str, sign: str, wanted: int | None) -> Test:
    def test(ticket: Ticket) -> bool:
        held = ticket.get(name)
        if held is None or wanted is None:
            return held is wanted
        return bool(held == wanted if sign == ":" else held >= wanted if sign == ":>" else held <= wanted)

    return test


def _date_test(name: str, sign: str, day: datetime.date | None, whole_day_end: bool) -> Test:
    def test(ticket: Ticket) -> bool:
        held = instant(ticket[name]) if ticket.get(name) else None
        if held is None or day is None:
            return held is day
        if sign == ":<" and not whole_day_end:
            return held <= datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
        return held.date() == day if sign == ":" else held.date() >= day if sign == ":>" else held.date() <= day

    return test


def _day(value: str) -> datetime.date:
    try:
        if not re.fullmatch(r"'\d{4}-\d{2}-\d{2}'", value):
            raise ValueError
        return datetime.date.fromisoformat(value[1:-1])
    except ValueError:
        raise ValueError(f"{value} is not a date of the form 'YYYY-MM-DD'") from None


def _whole(field: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,18}", value):
        raise ValueError(f"It should be a/an Integer: {field}:{value}")
    return int(value)
