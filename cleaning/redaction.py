"""Placeholders for what identifies or endangers people: addresses, phones, cards, accounts, secrets, names.

`Redactor` gives the same value the same placeholder within one ticket. Order numbers, versions, error codes, dates, models and serial
numbers stay: a shape that both may have is decided by the words before it, in the languages of `languages/`. Works by pattern, so it misses
what has none; it knows only the names that it is told and those in greetings, closings, labels and introductions.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from cleaning import keyed_secrets, names, personal_numbers, secret_shapes
from cleaning.keyed_secrets import is_mixed
from cleaning.matching import Place, Plain, longest_first
from cleaning.names import People, people_of
from common.text import without_hidden

_RULES = (*secret_shapes.SECRETS, *keyed_secrets.RULES, *secret_shapes.ADDRESSES, *personal_numbers.RULES)
_MAX_SECRETS = 100
_MAX_PIECE = 1_000_000  # characters
_LAST_CHARS = 200  # in which an agent's last line must stand


class Redactor:
    """Redaction of the texts of one ticket. `names` are people that its payload knows, `agents` those of the whole helpdesk."""

    def __init__(self, *, names: Iterable[str] = (), agents: Iterable[str] = ()) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._people, self._agents = People(names), people_of(tuple(agents))
        self._last_lines: set[str] = set()
        self._secrets: dict[str, None] = {}

    def learn(self, text: str, *, greets: bool) -> None:
        """Take note of people who introduce themselves in `text`, and with `greets` of those it greets, to find them elsewhere.

        `greets` is for texts of agents, who greet customers by name and sign; a customer may as well greet the company.
        """
        for piece in _pieces(text):
            plain = Plain(piece)
            found = {*names.introduced(plain), *(names.greeted(plain) if greets else ())}
            for start, end in sorted(found):
                self._people.add(piece[start:end])
        match = names.last_line(Plain(text[-_LAST_CHARS:]).text) if greets else None
        if match is not None:
            self._last_lines.add(match["name"])

    def redact(self, text: str) -> str:
        """`text` with placeholders like `[EMAIL_1]` for what must not be stored.

        >>> Redactor(names=["Ann Lee"]).redact("Ann here, ann@example.com, order 4711. Ask ann@example.com")
        '[NAME_1] here, [EMAIL_1], order 4711. Ask [EMAIL_1]'
        """
        return "".join(self._redacted_piece(piece) for piece in _pieces(text))

    def _redacted_piece(self, text: str) -> str:
        plain = without_hidden(text)
        if plain != text and (bare := self._redacted(plain)) != plain:
            return bare  # letters that nobody sees would hide it
        return self._redacted(text)

    def _redacted(self, text: str) -> str:
        page = _Page(text)
        for rule in _RULES:
            if not rule.hints or any(map(page.small.__contains__, rule.hints)):
                self._hide(page, rule.kind, page.values(rule.places(page)))
        self._hide(page, "SECRET", page.values(self._known_secrets(page.text)))
        for people in (self._people, self._agents):
            self._hide(page, "NAME", people.find(page))
        said = page.values([*names.told(page), *self._signed(page.text)])
        self._hide(page, "NAME", {place: self._people.person(name) for place, name in said.items()})
        return page.shown()

    def _hide(self, page: "_Page", kind: str, values: Mapping[Place, str]) -> None:
        if values:
            page.hide(values, functools.partial(self._placeholder, kind))

    def _known_secrets(self, text: str) -> Iterator[Place]:
        """Where a secret that was found behind a key word, in this text or an earlier one, stands without it."""
        if self._secrets:
            yield from (match.span() for match in re.finditer(longest_first(self._secrets), text))

    def _signed(self, text: str) -> Iterator[Place]:
        """The last line of an agent's message that is a name alone."""
        if not self._last_lines:
            return
        offset = max(0, len(text) - _LAST_CHARS)
        match = names.last_line(text[offset:])
        if match is not None and match["name"] in self._last_lines and (place := names.written_as_name(match)):
            yield offset + place[0], offset + place[1]

    def _placeholder(self, kind: str, value: str) -> str:
        if kind in ("PHONE", "CARD", "IBAN"):
            value = re.sub(r"[^0-9A-Za-z]", "", value).upper().removeprefix("00")
        if kind == "SECRET" and 6 <= len(value) <= 128 and len(self._secrets) < _MAX_SECRETS and is_mixed(value) and not value.isdigit():
            self._secrets.setdefault(value)
        key = (kind, value.casefold() if kind in ("EMAIL", "NAME") else value)
        if key not in self._numbers:
            self._last[kind] = self._numbers[key] = self._last.get(kind, 0) + 1
        return f"[{kind}_{self._numbers[key]}]"


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of bounded length that end at a line's end if there is one: what is looked at takes many times its memory."""
    start = 0
    while len(text) - start > _MAX_PIECE:
        end = text.rfind("\n", start + _MAX_PIECE // 2, start + _MAX_PIECE) + 1 or start + _MAX_PIECE
        yield text[start:end]
        start = end
    yield text[start:] if start else text


_PLACEHOLDER = re.compile(r"\[(?:EMAIL|NAME|PHONE|CARD|IBAN|IP|SECRET)_\d{1,6}\]")


class _Page(Plain):
    """A text in which values are hidden: from then on brackets stand in the place of each, so that all others stay where they are."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._original = text
        self._placeholders: dict[Place, str] = {}
        self._hidden = bytearray(len(text))  # 1 for each character that is

    def values(self, places: Iterable[Place]) -> dict[Place, str]:
        """What stands at the places."""
        return {(start, end): self.text[start:end] for start, end in places}

    def hide(self, values: Mapping[Place, str], placeholder: Callable[[str], str]) -> None:
        """Put placeholders for values; of two that overlap the first counts, and none that begins in what is hidden already."""
        parts: list[str] = []
        done = 0
        for start, end in sorted(values):
            if start < done or end <= start or self._hidden[start] or self._is_placeholder(start):
                continue
            self._placeholders[start, end] = placeholder(values[start, end])
            self._hidden[start:end] = b"\1" * (end - start)
            parts += (self.text[done:start], "[" * (end - start))
            done = end
        self.text = "".join((*parts, self.text[done:]))

    def _is_placeholder(self, start: int) -> bool:
        return any(_PLACEHOLDER.match(self.text, at) for at in (start, max(0, start - 1)))

    def shown(self) -> str:
        """The text with the placeholders."""
        parts: list[str] = []
        done = 0
        for (start, end), placeholder in sorted(self._placeholders.items()):
            if start >= done:
                parts += (self._original[done:start], placeholder)
                done = end
        return "".join((*parts, self._original[done:]))
