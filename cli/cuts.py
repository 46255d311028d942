"""What cleaning cut from the conversations of a run, counted by reason and language, for the end of `--fetch-only`."""

from collections import Counter, defaultdict

from cleaning.languages import language_of
from common.text import thousands
from knowledge.conversation import Conversation, customer_text

_SHOWN = 6  # languages of one reason


class Cuts:
    """Counts as conversations go by; holds none of their words."""

    def __init__(self) -> None:
        self._characters: Counter[str] = Counter()
        self._messages: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._left_out: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._ignored: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, conversation: Conversation) -> None:
        """Count one conversation."""
        language = language_of(customer_text(conversation))
        for message in conversation["conversation"]:
            for reason, size in message.get("dropped", {}).items():
                self._characters[reason] += size
                self._messages[reason][language] += 1
        for reason, count in conversation.get("dropped", {}).items():
            self._left_out[reason][language] += count
        if conversation["ignored"]:
            self._ignored[conversation["ignored"].split(" into ")[0]][language] += 1

    def lines(self) -> list[str]:
        """A line for what was cut inside messages, for messages left out, for tickets ignored; none for what never happened.

        >>> cuts = Cuts()
        >>> cuts.lines()
        []
        """
        sizes = {reason: thousands(size) for reason, size in self._characters.items()}
        cut = [f"{reason} {sizes[reason]} characters in {_counts(found)}" for reason, found in sorted(self._messages.items())]
        left_out = [f"{reason} {_counts(found)}" for reason, found in sorted(self._left_out.items())]
        ignored = [f"{reason} {_counts(found)}" for reason, found in sorted(self._ignored.items())]
        groups = (("cut from messages", cut), ("messages left out", left_out), ("tickets ignored", ignored))
        return [f"{title} (by language): {'; '.join(parts)}" for title, parts in groups if parts]


def _counts(found: Counter[str]) -> str:
    """A number and what of it is in which language, the most frequent first."""
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    more = ", …" if len(most) > _SHOWN else ""
    return f"{found.total()} ({', '.join(f'{code} {count}' for code, count in most[:_SHOWN])}{more})"
