"""A conversation cut to a length for the prompt; the stored one stays whole.

The middle of the longest messages goes first, with a marker that counts what was left out. The first customer message and the last agent
message keep the most. The number of messages stays, unless there are too many for even a marker each. Always the same for the same input.
"""

from knowledge.conversation import Conversation, Message

_PROTECTED_SHARE = 0.25  # of the budget, for each of the two messages that tell most
_MIN_MESSAGE_CHARS = 48


def shorten(conversation: Conversation, *, max_chars: int) -> Conversation:
    """The conversation with at most `max_chars` characters of message text (at least 200 are taken as given)."""
    messages = conversation["conversation"]
    budget = max(200, max_chars)
    if sum(len(message["text"]) for message in messages) <= budget:
        return conversation
    messages = _without_middle(messages, most=max(3, budget // _MIN_MESSAGE_CHARS))
    limits = _limits([len(message["text"]) for message in messages], budget, protected=_telling(messages))
    short: list[Message] = [{**message, "text": _cut(message["text"], limit)} for message, limit in zip(messages, limits, strict=True)]
    return {**conversation, "conversation": short}


def _telling(messages: list[Message]) -> list[int]:
    """Positions of the first customer message and the last agent message, public if there is one."""
    first = next((at for at, message in enumerate(messages) if message["speaker"] == "user"), None)
    answers = [at for at, message in enumerate(messages) if message["speaker"] == "agent"]
    public = [at for at in answers if not messages[at]["private"]]
    return sorted({*([] if first is None else [first]), *(public or answers)[-1:]})


def _without_middle(messages: list[Message], *, most: int) -> list[Message]:
    """At most `most` messages; those in the middle become one that counts them."""
    if len(messages) <= most:
        return messages
    head, tail = (most - 1) // 2, most - 1 - (most - 1) // 2
    gone = len(messages) - head - tail
    marker: Message = {**messages[head], "text": f"[… {gone} messages left out …]"}
    kept = [*messages[:head], marker, *messages[-tail:]]
    for at in _telling(messages):
        if head <= at < len(messages) - tail:
            kept[head - 1 if messages[at]["speaker"] == "user" else head + 1] = messages[at]
    return kept


def _limits(sizes: list[int], budget: int, *, protected: list[int]) -> list[int]:
    """How many characters each message may have: the protected take theirs, the others share the rest evenly, longest cut first."""
    limits = [0] * len(sizes)
    for at in protected:
        limits[at] = min(sizes[at], int(budget * _PROTECTED_SHARE))
    left = budget - sum(limits)
    others = sorted((at for at in range(len(sizes)) if at not in protected), key=lambda at: (sizes[at], at))
    for place, at in enumerate(others):
        limits[at] = min(sizes[at], left // (len(others) - place))
        left -= limits[at]
    for at in protected:
        more = min(sizes[at] - limits[at], left)
        limits[at] += more
        left -= more
    return limits


def _cut(text: str, limit: int) -> str:
    """`text` within `limit` characters, its middle replaced by a marker; both ends at a word where one is near."""
    if len(text) <= limit:
        return text
    marker = f"[… {len(text)} characters left out …]"
    room = limit - len(f" {marker} ")
    if room < 16:
        return marker[: max(limit, 3)] if limit < 36 else marker
    head, tail = text[: room - room // 3], text[len(text) - room // 3 :]
    head = head[: _word_end(head)]
    tail = tail[_word_start(tail) :]
    return f"{head} [… {len(text) - len(head) - len(tail)} characters left out …] {tail}"


def _word_end(head: str) -> int:
    at = max(head.rfind(" "), head.rfind("\n"))
    return at if at > len(head) * 0.8 else len(head)


def _word_start(tail: str) -> int:
    found = [at for at in (tail.find(" "), tail.find("\n")) if at >= 0]
    return min(found) + 1 if found and min(found) < len(tail) * 0.2 else 0
