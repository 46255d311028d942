"""From a chat completion's body to its text: what was said, whether it was cut, refused or filtered, and what it cost.

Pure. Takes every form in which servers put these things; judges no content, that is for whoever asked.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.text import CHARS_PER_TOKEN, valid
from common.web import TransientError
from llm.json_text import extract_json
from llm.protocol import AnswerUnusable, Usage
from llm.refusals import first_choice, shown

_MOST_TOKENS = 10**9  # a server that counts more counts wrong
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit", "model_context_window_exceeded"})
_FILTERED = frozenset({"content_filter", "safety", "prohibited_content", "recitation", "sensitive", "blocklist", "spii"})
_BROKEN_OFF = frozenset({
    "error", "insufficient_system_resource", "network_error", "server_error", "engine_overloaded", "abort", "aborted", "cancelled",
    "timeout",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Completion:
    """What was said. `cut`: the token limit ended it; `rejected`: the server itself calls it invalid JSON. `text` may then be empty."""

    text: str
    cut: bool = False
    rejected: bool = False


def read_completion(body: Mapping[str, Any]) -> Completion:
    """The answer in a chat completion's body; where its content is blank, the one other place that holds an object.

    Raises `AnswerUnusable` for a refusal or a filtered answer, `TransientError` for one that is blank or broke off.
    """
    choice, message = _choice(body)
    reason = str(choice.get("finish_reason") or "").lower()
    text = _content(message.get("content", choice.get("text")))
    if message.get("refusal"):
        raise AnswerUnusable(f"the model refuses to answer: {shown(str(message['refusal']))}", of_content=True)
    if reason in _FILTERED:
        raise AnswerUnusable("the server's content filter held the answer back", of_content=True)
    if reason in _BROKEN_OFF or choice.get("error"):
        raise TransientError(f"the server broke the answer off ({reason or 'error'})", status=200)
    text = text if text.strip() else _elsewhere(message)
    if reason not in _CUT and not text.strip():
        raise TransientError("the answer is blank", status=200)
    return Completion(text, reason in _CUT)


def read_usage(body: Mapping[str, Any], messages: Sequence[Mapping[str, str]]) -> Usage:
    """The tokens that the server counted, hidden thinking among them, else an estimate from the lengths, marked so.

    Some servers leave thinking out of `completion_tokens` and show it only in the total or in the details.
    """
    usage = body.get("usage")
    if not isinstance(usage, dict) or not _count(usage.get("prompt_tokens")):
        choice, message = _choice(body)
        said = _content(message.get("content", choice.get("text"))) or _elsewhere(message)
        return Usage(estimate_tokens(messages), 0, -(-len(said) // CHARS_PER_TOKEN), estimated=True)
    prompt, total = _count(usage["prompt_tokens"]), _count(usage.get("total_tokens"))
    completion, thinking = _count(usage.get("completion_tokens")), _detail(usage, "completion_tokens_details", "reasoning_tokens")
    if not total and thinking > completion:
        completion += thinking
    cached = _detail(usage, "prompt_tokens_details", "cached_tokens") or _count(usage.get("prompt_cache_hit_tokens"))
    return Usage(prompt, min(prompt, cached), max(completion, total - prompt))


def estimate_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """About how many tokens the messages are: a quarter of their characters, and a few for each message's frame.

    >>> estimate_tokens([{"role": "user", "content": "x" * 400}])
    104
    """
    return sum(4 + -(-len(message["content"]) // CHARS_PER_TOKEN) for message in messages)


def from_events(text: str) -> dict[str, Any]:
    """The body that a stream of server-sent events comes to, for servers that know no other form; {} if there is nothing in it.

    >>> from_events('data: {"choices": [{"delta": {"content": "a"}}]}\\n\\ndata: [DONE]\\n')["choices"][0]["message"]["content"]
    'a'
    """
    whole: dict[str, Any] = {}
    message: dict[str, str] = {}
    reason = None
    for event in _events(text):
        whole |= {name: value for name, value in event.items() if name != "choices" and value}
        choice = first_choice(event) or {}
        delta = choice.get("delta") or choice.get("message") or {}
        for name in ("content", "reasoning_content", "reasoning", "refusal"):
            if isinstance(delta, dict) and isinstance(delta.get(name), str):
                message[name] = message.get(name, "") + delta[name]
        reason = choice.get("finish_reason") or reason
    return {**whole, "choices": [{"message": message, "finish_reason": reason}]} if whole or message else {}


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("data:"):
            try:
                event = json.loads(line[5:])
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict):
                yield event


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0


def _detail(usage: Mapping[str, Any], place: str, name: str) -> int:
    details = usage.get(place)
    return _count(details.get(name)) if isinstance(details, dict) else _count(usage.get(name))


def _choice(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    choice = first_choice(body)
    if choice is None:
        raise TransientError("the reply holds no choices", status=200)
    message = choice.get("message")
    return choice, message if isinstance(message, dict) else {}


def _content(content: Any) -> str:
    """The text of a message's content: a string, parts (those of other kinds left out), or an object that a server has parsed already."""
    if isinstance(content, dict):
        return json.dumps(content)
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text") else part for part in parts]
    return valid("".join(text for text in texts if isinstance(text, str)))


def _elsewhere(message: Mapping[str, Any]) -> str:
    """The one place beside the content that holds an object; "" if there is none, or several that differ."""
    tools = message.get("tool_calls")
    calls = [call.get("function") for call in (tools if isinstance(tools, list) else ()) if isinstance(call, dict)]
    arguments = [call.get("arguments") for call in (*calls, message.get("function_call")) if isinstance(call, dict)]
    found: dict[str, str] = {}
    for place in (message.get("parsed"), *arguments, message.get("reasoning_content"), message.get("reasoning")):
        text = _content(place)
        try:
            found.setdefault(json.dumps(extract_json(text), sort_keys=True), text)
        except ValueError:
            continue
    return next(iter(found.values())) if len(found) == 1 else ""
