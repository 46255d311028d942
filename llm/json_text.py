"""The one JSON object in what a model wrote, whatever it wrote around it.

Takes off thinking, fences and prose, and forgives a trailing comma, a raw line break in a string, and an array of one. It does not mend:
text that is cut short, or holds two different objects, is refused, because a guess there looks like an answer. Every step is linear.
"""

import contextlib
import json
import math
import re
from collections.abc import Collection
from typing import Any

from common.text import valid

MAX_CHARS = 1_000_000
_MOST_BROKEN = 5  # objects that cannot be read; each may be looked through to its end
_LONGEST_INTEGER = 300  # digits; beyond it Python refuses the conversion, and no answer means such a number
_THINKS = re.compile(r"\s*(?:<(?:think|thinking|thought|reasoning|reflection)>|\[THINK\]|<\|channel\|>analysis)", re.IGNORECASE)
_THOUGHT = (  # how thinking ends: </think> and its kin, <|END_THINKING|>, [/THINK], <unused95>, gpt-oss's other channels
    r"<[/|][^<>\n]{0,30}(?:think|thought|reason|reflect)[^<>\n]{0,20}>|\[/THINK\]|<unused\d{1,3}>|\bassistantfinal\b"
    r"|<\|channel\|>\s*(?:final|commentary)\b[^<]{0,60}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_THOUGHT_OR_OBJECT = re.compile(rf'\{{\s*"|{_THOUGHT}', re.IGNORECASE)  # braces without a quoted key are prose, such as {name}
_STRING_OR_SPARE_COMMA = re.compile(r'"(?:[^"\\]+|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)


def extract_json(text: str, *, required: Collection[str] = ()) -> Any:
    """The one JSON object in `text`, as a dict without NaN, infinities (both read as None) and lone surrogates (as U+FFFD).

    Equal objects are one. Of several, and of one that is wrapped in another, the one that has all `required` keys. Raises `ValueError` with
    a reason that can be shown to the model: no object, two objects, cut short, not JSON, too long.

    >>> extract_json('<think>{"id": 1}?</think>Here it is: ```json\\n{"id": 2, "sure": NaN,}\\n```')
    {'id': 2, 'sure': None}
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"the answer is longer than {MAX_CHARS} characters")
    with contextlib.suppress(ValueError):  # the object once more inside a string; else prose that begins with a quotation
        text = json.loads(text) if text.lstrip()[:1] == '"' else text
    try:
        found = _objects(text)
        wrapped = [value for outer in found for value in outer.values() if len(outer) == 1]
        inner = [value for held in wrapped for value in (held if isinstance(held, list) else [held]) if isinstance(value, dict)]
        found = [value for value in [*found, *inner] if required and value.keys() >= set(required)] or found
        if not found or any(value != found[0] for value in found):
            raise ValueError("there are two JSON objects where one is expected" if found else "there is no JSON object")
        return json.loads(valid(json.dumps(found[0], ensure_ascii=False)))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _objects(text: str) -> list[dict[str, Any]]:
    """Each outermost `{...}` after the last end of thinking; what looks like such an end inside a string is none."""
    found: list[dict[str, Any]] = []
    broken: list[ValueError] = []
    place, thinking = 0, _THINKS.match(text) is not None
    while (match := _THOUGHT_OR_OBJECT.search(text, place)) and len(broken) < _MOST_BROKEN:
        place = match.end()
        if not match[0].startswith("{"):
            found, broken, thinking = [], [], False
            continue
        try:
            value, text, place = _decoded(text, match.start())
            found.append(value)
        except ValueError as error:
            broken.append(error)
    if thinking or broken:
        raise broken[0] if broken else ValueError("the thinking has no end and no answer follows it")
    return found


def _decoded(text: str, start: int) -> tuple[dict[str, Any], str, int]:
    """The object that begins at `start`, the text to go on with, spare commas taken out, and where. Raises ValueError."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        return value, text, end
    except json.JSONDecodeError as error:
        rest = _STRING_OR_SPARE_COMMA.sub(lambda match: "" if match[0] == "," else match[0], text[start:])
        if len(rest) < len(text) - start:
            return _decoded(rest, 0)
        if error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()):
            raise ValueError("the JSON object is cut short") from error
        raise ValueError(f"the JSON is not valid: {error.msg} (line {error.lineno}, column {error.colno})") from error


def _consistent(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs) and any(result[key] != value for key, value in pairs):
        raise ValueError("a key stands twice in one object with different values")
    return result


_DECODER = json.JSONDecoder(
    strict=False,
    parse_constant=lambda _word: None,  # NaN and the infinities: no JSON, and no number that anyone can use
    parse_float=lambda digits: float(digits) if math.isfinite(float(digits)) else None,
    parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else None,
    object_pairs_hook=_consistent,
)
