"""Placeholders for what identifies or endangers people: addresses, phones, cards, accounts, secrets, names.

`Redactor` gives the same value the same placeholder within one ticket. Order numbers, versions, error codes, dates, models and serial
numbers stay: a shape that both may have is decided by the words before it, in the languages of `languages/`. Works by pattern, so it misses
what has none; it knows only the names that it is told and those in greetings, closings, labels and introductions.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cleaning import keyed_secrets, names, personal_numbers
from cleaning import secret_shapes as shapes
from cleaning.keyed_secrets import is_mixed
from cleaning.matching import Place, Plain, before, folded
from cleaning.names import People
from common.text import without_hidden

_MAX_SECRETS = 100
_MAX_PIECE = 1_000_000  # characters
_LAST_CHARS = 200  # in which an agent's last line must stand


class Redactor:
    """Redaction of the texts of one ticket. `names` are people that its payload knows, `agents` those of the whole helpdesk."""

    def __init__(self, *, names: Iterable[str] = (), agents: People | None = None) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._people = People()
        self._agents = agents
        self._last_lines: set[str] = set()
        self._secrets: dict[str, None] = {}
        self._learnt: dict[str, Plain] = {}  # each text made comparable once
        for name in names:
            self._people.add(name)

    def learn(self, text: str, *, greets: bool) -> None:
        """Take note of people who introduce themselves in `text`, and with `greets` of those it greets, to find them elsewhere.

        `greets` is for texts of agents, who greet customers by name and sign; a customer may as well greet the company.
        """
        for piece in _pieces(text):
            plain = self._learnt[piece] = Plain(folded(piece))
            found = {*names.introduced(plain), *(names.greeted(plain) if greets else ())}
            for start, end in sorted(found):
                self._people.add(piece[start:end])
        match = names.last_line(folded(text[-_LAST_CHARS:])) if greets else None
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
        page = _Page(text, self._learnt.get(text) or Plain(folded(text)))
        has_long_word = shapes.LONG_WORD.search(page.plain.text) is not None
        for rule in _RULES:
            if rule.long_word and not has_long_word:
                continue
            if rule.hints and not page.plain.holds(rule.hints):
                continue
            page.replace(rule.places(page.plain), lambda value, kind=rule.kind: self._placeholder(kind, value))  # type: ignore[misc]
        page.replace(self._known_secrets(page.plain.text), lambda value: self._placeholder("SECRET", value))
        for people in (self._people, self._agents):
            if people is not None:
                found = people.find(page.text, heads=page.plain.heads if page.text.isascii() else None)
                page.replace_as({(place.start, place.end): place.person for place in found}, self._name)
        page.replace(names.told(page.plain), self._said_name)
        page.replace(self._signed(page.plain.text), self._said_name)
        return page.text

    def _known_secrets(self, plain: str) -> Iterator[Place]:
        """Where a secret that was found behind a key word, in this text or an earlier one, stands without it."""
        for value in self._secrets:
            at = plain.find(value)
            while at >= 0:
                yield at, at + len(value)
                at = plain.find(value, at + len(value))

    def _name(self, person: str) -> str:
        return self._placeholder("NAME", person)

    def _said_name(self, value: str) -> str:
        return self._placeholder("NAME", self._people.person(" ".join(value.split())))

    def _signed(self, plain: str) -> Iterator[Place]:
        """The last line of an agent's message that is a name alone."""
        if not self._last_lines:
            return
        offset = max(0, len(plain) - _LAST_CHARS)
        match = names.last_line(plain[offset:])
        if match is not None and match["name"] in self._last_lines:
            yield from ((offset + start, offset + end) for start, end in names.written_as_name(match))

    def _placeholder(self, kind: str, value: str) -> str:
        value = _normal(kind, value)
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


class _Page:
    """A text and the same made comparable, in which places are replaced at once."""

    def __init__(self, text: str, plain: Plain) -> None:
        self.text, self.plain = text, plain

    def replace(self, places: Iterable[Place], placeholder: Callable[[str], str]) -> None:
        """Put placeholders for the values at `places`; of two that overlap the first one counts, and none inside a placeholder."""
        self.replace_as({place: self.plain.text[place[0] : place[1]] for place in places}, placeholder)

    def replace_as(self, values: dict[Place, str], placeholder: Callable[[str], str]) -> None:
        """The same with the values to be replaced given."""
        if not values:
            return
        text: list[str] = []
        plain: list[str] = []
        done = 0
        for start, end in sorted(values):
            if start < done or end <= start or self._is_placeholder(start):
                continue
            instead = placeholder(values[start, end])
            text += (self.text[done:start], instead)
            plain += (self.plain.text[done:start], instead)
            done = end
        if done:
            self.text = "".join([*text, self.text[done:]])
            self.plain = self.plain.replaced("".join([*plain, self.plain.text[done:]]))

    def _is_placeholder(self, start: int) -> bool:
        return any(_PLACEHOLDER.match(self.plain.text, at) for at in (start, max(0, start - 1)))


_PLACEHOLDER = re.compile(r"\[(?:EMAIL|NAME|PHONE|CARD|IBAN|IP|SECRET)_\d{1,6}\]")


def _normal(kind: str, value: str) -> str:
    if kind in ("PHONE", "CARD", "IBAN"):
        return re.sub(r"[^0-9A-Za-z]", "", value).upper().removeprefix("00")
    return value


def _is_random(match: "re.Match[str]") -> bool:
    """Capitals, small letters and digits mixed; a path or a list of names with a number in it has too few digits for that."""
    value = match[0]
    digits = sum(char.isdigit() for char in value)
    return digits * 16 >= len(value) and any(char.isupper() for char in value) and any(char.islower() for char in value)


def _is_freshdesk_key(match: "re.Match[str]") -> bool:
    value = match[0]
    mixed = sum((any(map(str.isdigit, value)), any(map(str.isupper, value)), any(map(str.islower, value)))) >= 2
    return mixed and bool(_KEY_TOLD.search(before(match, reach=60)))


_KEY_TOLD = re.compile(
    r"key|freshdesk|token|secret|schlüssel|clé|clave|chave|chiave|sleutel|nyckel|nøgle|klucz|klíč|ключ|キー|密钥|키", re.I
)


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    places: Callable[[Plain], Iterable[Place]]
    hints: tuple[str, ...] = ()  # one of them stands in any text with a match, in small letters; spares most searches
    long_word: bool = False  # so does a word of many characters


def _shape(
    pattern: "re.Pattern[str]", *, accepts: Callable[["re.Match[str]"], bool] = lambda match: True, group: int | str = 0
) -> Callable[[Plain], Iterator[Place]]:
    """The places of a pattern that `accepts` takes."""
    return lambda plain: (match.span(group) for match in pattern.finditer(plain.text) if accepts(match))


_RULES = (
    _Rule("SECRET", _shape(shapes.KEY_BLOCK), ("-----begin",)),
    _Rule("SECRET", _shape(shapes.URL_LOGIN, group="value"), ("://",)),
    _Rule("SECRET", _shape(shapes.URL_HOOK, group="value"), ("slack.com/", "webhooks/")),
    _Rule("SECRET", _shape(shapes.URL_PARAMETER, group="value"), ("=",)),
    _Rule("SECRET", _shape(shapes.URL_STEP, group="value"), ("/",)),
    _Rule("SECRET", _shape(shapes.URL_TOKEN, group="value"), ("/",)),
    _Rule("SECRET", _shape(shapes.TOKEN), long_word=True),
    _Rule("SECRET", keyed_secrets.client_logins, (" -u", " -a", " --user", " --proxy-user", " --auth")),
    _Rule("SECRET", keyed_secrets.command_passwords, ("mysql", "mariadb", "sshpass", "redis-cli")),
    _Rule("SECRET", _shape(shapes.BEARER, group="value"), ("bearer", "basic", "token", "key", "secret")),
    _Rule("SECRET", keyed_secrets.pairs),
    _Rule("SECRET", keyed_secrets.keyed),
    _Rule("SECRET", keyed_secrets.one_time_codes),
    _Rule("SECRET", _shape(shapes.SOCIAL_SECURITY, group="value"), ("ssn", "social")),
    _Rule("EMAIL", _shape(shapes.EMAIL_QUOTED), ('"@',)),
    _Rule("EMAIL", _shape(shapes.EMAIL), ("@", "%40", "at)", "at]", "at}", "ät)", "arroba", "собака", "chiocciola")),
    _Rule("EMAIL", _shape(shapes.EMAIL_IN_WORDS), shapes.AT_WORDS),
    _Rule("SECRET", _shape(shapes.LONG_RANDOM, accepts=_is_random), long_word=True),
    _Rule("SECRET", _shape(shapes.FRESHDESK_KEY, accepts=_is_freshdesk_key), long_word=True),
    _Rule("IBAN", personal_numbers.ibans),
    _Rule("CARD", _shape(shapes.CARD, accepts=personal_numbers.is_card)),
    _Rule("IP", _shape(shapes.IPV4, accepts=personal_numbers.is_ipv4), (".",)),
    _Rule("IP", _shape(shapes.IPV6, accepts=personal_numbers.is_ipv6), (":",)),
    _Rule(
        "PHONE", _shape(shapes.URL_PHONE, group="value"), ("wa.me", "phone=", "tel:", "sms:", "callto:", "whatsapp:", "signal.me", "t.me")
    ),
    _Rule("PHONE", _shape(shapes.PHONE_WITH_EXTENSION, accepts=personal_numbers.is_phone), ("x",)),
    _Rule("PHONE", _shape(shapes.PHONE, accepts=personal_numbers.is_phone)),
)
