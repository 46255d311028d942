"""Coverage-guided fuzzing of what reads strangers' bytes: the cleaner (raw tickets) and the reader of model answers.

    pip install atheris
    python -m benchmarks.fuzz cleaner -max_total_time=300 -timeout=10
    python -m benchmarks.fuzz answers -max_total_time=300 -timeout=10 FOLDER

What comes after the target's name goes to libFuzzer; FOLDER holds inputs to begin with. Ends with the input that broke a promise, or with
the time.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore] # no dependency of the project: install it for this

from common.errors import TicketFailed

with atheris.instrument_imports(include=["answer_json", "model_answers", "conversation_utils", "html_text", "quoted_text", "redaction"]):
    import conversation_utils
    import prompts_config
    from clustering import answers as model_answers
    from clustering import suspicion
    from knowledge.issue import MAX_CATEGORY_CHARS

WHEN = "2025-07-24T18:24:46Z"
OFFERED = ("ISSUE-1", "ISSUE-22", "wifi 3")


def cleaner(data: bytes) -> None:
    """A ticket of any shape becomes a conversation that can be stored, sent and shortened, or is refused in one way."""
    feed = atheris.FuzzedDataProvider(data)
    try:
        conversation = conversation_utils.build_conversation(_ticket(feed), base_url="https://acme.freshdesk.com")
    except TicketFailed:
        return
    text = json.dumps(conversation, ensure_ascii=False)
    text.encode("utf-8")
    if any(char in text for char in "\x00\x1b\x9b"):
        raise AssertionError("a control character came through")
    short = conversation_utils.shorten(conversation, max_chars=400)
    if sum(len(message["text"]) for message in short["conversation"]) > max(600, 400 + 48 * len(short["conversation"])):
        raise AssertionError("not shortened")
    shown = prompts_config.conversation_text(short)
    suspicion.is_suspicious([shown])


def _ticket(feed: Any) -> dict[str, Any]:
    messages = [
        {
            "id": number,
            "body": _text(feed),
            "incoming": feed.ConsumeBool(),
            "private": feed.ConsumeBool(),
            "source": feed.ConsumeIntInRange(0, 12),
            "created_at": feed.PickValueInList([WHEN, "2025-07-25T01:00:00+05:30", "", None, "soon", 7]),
        }
        for number in range(feed.ConsumeIntInRange(0, 4))
    ]
    return {
        "id": 7,
        "subject": feed.PickValueInList([None, 5, _text(feed)]),
        "description": _text(feed),
        "description_text": _text(feed),
        "source": feed.ConsumeIntInRange(0, 12),
        "status": 5,
        "created_at": WHEN,
        "updated_at": WHEN,
        "conversations": messages,
        "attachments": [{"name": _text(feed)}],
        "tags": [_text(feed)],
    }


def _text(feed: Any) -> str:
    return str(feed.ConsumeUnicode(feed.ConsumeIntInRange(0, 300)))


def answers(data: bytes) -> None:
    """Whatever a model writes is read into bounded values or refused by a ValueError."""
    text = data.decode("utf-8", "surrogateescape")
    readers: tuple[Callable[[], Any], ...] = (
        lambda: model_answers.parse_decision(text, offered=OFFERED, message_count=3, fallback_title="Lid"),
        lambda: model_answers.parse_merge(text, offered=OFFERED),
        lambda: model_answers.parse_card(text, categories=("Lid leaks", "Battery")),
    )
    for read in readers:
        try:
            _check(read())
        except ValueError:
            continue


def _check(value: Any) -> None:
    if isinstance(value, model_answers.DecisionAnswer):
        if value.issue_id is not None and value.issue_id not in OFFERED:
            raise AssertionError("an id that nobody offered")
        if not 0 <= value.confidence <= 1 or not set(value.evidence) <= {1, 2, 3}:
            raise AssertionError("out of bounds")
        if len(value.card.category) > MAX_CATEGORY_CHARS or len(value.card.keywords) > model_answers.MAX_KEYWORDS:
            raise AssertionError("a card without bounds")
        json.dumps([value.card.category, *value.card.resolution_steps], ensure_ascii=False).encode("utf-8")


if __name__ == "__main__":
    TARGETS = {"cleaner": cleaner, "answers": answers}
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
