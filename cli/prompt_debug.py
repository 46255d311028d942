"""Looking at prompts: an asking that prints what is sent, what comes back, and what was read from it. Changes and writes nothing."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from common.text import for_terminal
from llm.protocol import Answer, Ask, JsonSchema, Messages

T = TypeVar("T")
RULE = "=" * 78


def shown(ask: Ask) -> Ask:
    """The same asking, with the four parts printed: system message, user message, raw answer, parsed answer."""

    def asking(messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        for message in messages:
            _print_part(f"{message['role']} message", message["content"])

        def parse_shown(text: str) -> T:
            _print_part("raw answer", text)
            value = parse(text)
            _print_part("parsed answer", _as_lines(value))
            return value

        return ask(messages, schema=schema, parse=parse_shown)

    return asking


def _print_part(title: str, text: str) -> None:
    lines = "\n".join(for_terminal(line) for line in text.splitlines())
    print(f"{RULE}\n{title.upper()}\n{RULE}\n{lines}\n")


def _as_lines(value: Any) -> str:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return str(value)
    return "\n".join(f"{name}: {entry!r}" for name, entry in dataclasses.asdict(value).items())
