"""The one JSON object in what a model wrote, whatever it wrote around it.

Takes off thinking, fences and prose, and forgives a trailing comma, a raw line break in a string, and an array of one. It does not
mend: text that is cut short, or holds two objects, is refused, because a guess there looks like an answer. Every step is linear.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MAX_CHARS = 1_000_000
_LONGEST_INTEGER = 300  # digits; beyond it Python refuses the conversion, and no answer means such a number
_THINKING_OPENS = re.compile(
    r"\s*(?:<(?:think|thinking|thought|reasoning|reflection)>|\[THINK\]|<\|channel\|>(?:analysis|commentary))", re.IGNORECASE
)
_THINKING_ENDS = re.compile(r"</(?:think|thinking|thought|reasoning|reflection)>|\[/THINK\]|<\|channel\|>final<\|message\|>", re.IGNORECASE)
_STRING_OR_BRACE = re.compile(r'"(?:[^"\\]+|\\.)*"?|[{}]', re.DOTALL)
_STRING_OR_SPARE_COMMA = re.compile(r'"(?:[^"\\]+|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udfff]")


def extract_json(text: str) -> Any:
    """The one JSON object in `text`, as a dict without NaN, infinities (both read as None) and lone surrogates (as U+FFFD).

    Raises `ValueError` with a reason that can be shown to the model: no object, two objects, cut short, not JSON, too long.

    >>> extract_json('<think>{"id": 1}?</think>Here it is: ```json\\n{"id": 2, "sure": NaN,}\\n```')
    {'id': 2, 'sure': None}
    >>> extract_json('{"id": 1} or {"id": 2}')
    Traceback (most recent call last):
    ValueError: there are two JSON objects where one is expected
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"the answer is longer than {MAX_CHARS} characters")
    whole = _whole_object(text)
    try:
        return _without_surrogates(whole if whole is not None else _only_object(strip_thinking(text)))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def strip_thinking(text: str) -> str:
    """`text` after its last thinking block. Raises `ValueError` for thinking that never ends.

    >>> strip_thinking("<think>hm</think> yes")
    ' yes'
    """
    ends = [match.end() for match in _THINKING_ENDS.finditer(text)]
    if not ends and _THINKING_OPENS.match(text):
        raise ValueError("the thinking has no end and no answer follows it")
    return text[ends[-1] :] if ends else text


def _whole_object(text: str) -> dict[str, Any] | None:
    """The value if the text is nothing but JSON: an object, an array of one, or either once more inside a string."""
    for _ in range(2):
        try:
            value = _loads(text)
        except ValueError:
            return None
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            return None
        text = value
    return None


def _only_object(text: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    broken: list[ValueError] = []
    for span in _spans(text):
        try:
            found.append(_loads_forgiving(span))
        except ValueError as error:
            if '"' in span:  # braces without a quoted key are prose, such as {name}
                broken.append(error)
        if len(found) + len(broken) > 1:
            raise ValueError("there are two JSON objects where one is expected")
    if found:
        return found[0]
    raise broken[0] if broken else ValueError("there is no JSON object")


def _spans(text: str) -> Iterator[str]:
    """Each outermost `{...}`; braces inside strings do not count."""
    start = text.find("{")
    while start >= 0:
        end = _closing(text, start)
        yield text[start:end]
        start = text.find("{", end)


def _closing(text: str, start: int) -> int:
    depth = 0
    for match in _STRING_OR_BRACE.finditer(text, start):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    raise ValueError("the JSON object is cut short")


def _loads_forgiving(span: str) -> dict[str, Any]:
    try:
        value = _loads(span)
    except ValueError:
        value = _loads(_STRING_OR_SPARE_COMMA.sub(lambda match: "" if match[0] == "," else match[0], span))
    assert isinstance(value, dict)
    return value


def _loads(text: str) -> Any:
    try:
        return json.loads(
            text, strict=False, parse_constant=_nothing, parse_float=_finite, parse_int=_short_integer, object_pairs_hook=_consistent
        )
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"the JSON is not valid: {error.msg} (line {error.lineno}, column {error.colno})") from error


def _nothing(_word: str) -> None:
    """NaN and the infinities: no JSON, and no number that anyone can use."""


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _short_integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


def _consistent(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs) and any(result[key] != value for key, value in pairs):
        raise ValueError("a key stands twice in one object with different values")
    return result


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
