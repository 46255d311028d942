"""From a chat completion's body to its text: what was said, whether it was cut, refused or filtered, and what it cost.

Pure. Takes every form in which servers put these things; judges no content, that is for whoever asked.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.web import TransientError
from llm.protocol import AnswerUnusable, Usage
from llm.refusals import shown

CHARS_PER_TOKEN = 4
_MOST_TOKENS = 10**9  # a server that counts more counts wrong
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"})
_FILTERED = frozenset({"content_filter", "safety", "SAFETY", "PROHIBITED_CONTENT", "RECITATION", "sensitive"})


@dataclass(frozen=True, slots=True)
class Completion:
    """What was said. `cut` means that the token limit ended it; `text` may then be empty."""

    text: str
    cut: bool


def read_completion(body: Mapping[str, Any]) -> Completion:
    """The answer in a chat completion's body.

    Raises `AnswerUnusable` for a refusal or a filtered answer, `TransientError` for one that is blank or broke off.
    """
    choice, message = _choice(body)
    reason = str(choice.get("finish_reason") or "")
    text = _text(body)
    if message.get("refusal"):
        raise AnswerUnusable(f"the model refuses to answer: {shown(str(message['refusal']), secret='')}")
    if reason in _FILTERED:
        raise AnswerUnusable("the server's content filter held the answer back")
    if reason == "error" or choice.get("error"):
        raise TransientError("the server broke the answer off with an error", status=200)
    if reason not in _CUT and not text.strip():
        raise TransientError("the answer is blank", status=200)
    return Completion(text, reason in _CUT)


def read_usage(body: Mapping[str, Any], messages: Sequence[Mapping[str, str]]) -> Usage:
    """The tokens that the server counted, else an estimate from the lengths, marked so."""
    usage = body.get("usage")
    if not isinstance(usage, dict) or not _count(usage.get("prompt_tokens")):
        return Usage(estimate_tokens(messages), 0, -(-len(_text(body)) // CHARS_PER_TOKEN), estimated=True)
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    prompt = _count(usage.get("prompt_tokens"))
    completion = _count(usage.get("completion_tokens")) or max(0, _count(usage.get("total_tokens")) - prompt)
    return Usage(prompt, min(prompt, cached or _count(usage.get("prompt_cache_hit_tokens"))), completion)


def estimate_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """About how many tokens the messages are: a quarter of their characters, and a few for each message's frame.

    >>> estimate_tokens([{"role": "user", "content": "x" * 400}])
    104
    """
    return sum(4 + -(-len(message["content"]) // CHARS_PER_TOKEN) for message in messages)


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0


def _choice(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise TransientError("the reply holds no choices", status=200)
    message = choice.get("message")
    return choice, message if isinstance(message, dict) else {}


def _text(body: Mapping[str, Any]) -> str:
    choice, message = _choice(body)
    return _content(message.get("content", choice.get("text")))


def _content(content: Any) -> str:
    """The text of a message's content: a string, parts (thinking parts left out), or an object that a server has parsed already.

    Half a surrogate pair, which nothing can store, becomes "?".
    """
    if isinstance(content, dict):
        return json.dumps(content)
    parts = [part.get("text") if isinstance(part, dict) else part for part in (content if isinstance(content, list) else [content])]
    text = "".join(part for part in parts if isinstance(part, str))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
