"""Placeholders for what identifies or endangers people: addresses, phones, cards, accounts, secrets, names.

`Redactor` gives the same value the same placeholder within one ticket. Order numbers, versions, error codes, dates, models and serial
numbers stay: a shape that both may have is decided by the word before it. Works by pattern, so it misses what has none; it knows only
the names that it is told and those in greetings and introductions.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cleaning import secret_shapes as shapes
from common.text import without_hidden

_MAX_NAMES = 200


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()  # one of them stands in any text with a match, in small letters; spares most searches
    accepts: Callable[[re.Match[str]], bool] = lambda match: True
    group: int | str = 0


class Redactor:
    """Redaction of the texts of one ticket. `names` are people that the ticket's payload knows."""

    def __init__(self, *, names: Iterable[str] = ()) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._people: dict[str, str] = {}
        self._spellings: set[str] = set()
        self._name_pattern: re.Pattern[str] | None = None
        for name in names:
            self._add_person(name)
        self._compile_names()

    def learn(self, text: str, *, greets: bool) -> None:
        """Take note of people who introduce themselves in `text`, and with `greets` of those it greets, to find them elsewhere.

        `greets` is for texts of agents, who greet customers by name; a customer may as well greet the company.
        """
        known, small = len(self._people), text.lower()
        patterns = [shapes.GREETED_NAME] if greets and any(hint in small for hint in shapes.GREETING_HINTS) else []
        if any(hint in small for hint in shapes.INTRODUCTION_HINTS):
            patterns.append(shapes.INTRODUCED_NAME)
        for pattern in patterns:
            for match in pattern.finditer(text):
                self._add_person(match["name"])
        if len(self._people) > known:
            self._compile_names()

    def redact(self, text: str) -> str:
        """`text` with placeholders like `[EMAIL_1]` for what must not be stored.

        >>> Redactor(names=["Ann Lee"]).redact("Ann here, ann@example.com, order 4711. Ask ann@example.com")
        '[NAME_1] here, [EMAIL_1], order 4711. Ask [EMAIL_1]'
        """
        plain = without_hidden(text)
        if plain != text and (bare := self._redacted(plain)) != plain:
            return bare  # letters that nobody sees would hide it
        return self._redacted(text)

    def _redacted(self, text: str) -> str:
        text = self._replace_ibans(text)
        small = text.lower()
        for rule in _RULES:
            if rule.hints and not any(hint in small for hint in rule.hints):
                continue
            text = rule.pattern.sub(lambda match, rule=rule: self._replace(rule, match), text)  # type: ignore[misc]
        if self._name_pattern is not None:
            text = self._name_pattern.sub(lambda match: self._placeholder("NAME", self._people.get(match[0].casefold(), match[0])), text)
        for hints, pattern in _UNKNOWN_NAMES:
            if any(hint in small for hint in hints):
                text = pattern.sub(self._replace_said, text)
        return text

    def _replace(self, rule: _Rule, match: re.Match[str]) -> str:
        value = match[rule.group]
        if not value or value.startswith("[") or not rule.accepts(match):
            return match[0]
        start, end = match.start(rule.group) - match.start(), match.end(rule.group) - match.start()
        return match[0][:start] + self._placeholder(rule.kind, _normal(rule.kind, value)) + match[0][end:]

    def _replace_said(self, match: re.Match[str]) -> str:
        words = match["name"].split()
        if any(word.strip(".,").casefold() in shapes.NO_NAMES for word in words):
            return match[0]
        start, end = match.start("name") - match.start(), match.end("name") - match.start()
        return match[0][:start] + self._placeholder("NAME", self._people.get(words[0].casefold(), match["name"])) + match[0][end:]

    def _replace_ibans(self, text: str) -> str:
        parts, done = [], 0
        for match in shapes.IBAN_START.finditer(text):
            end = _iban_end(text, match.start())
            if match.start() >= done and end:
                parts += [text[done : match.start()], self._placeholder("IBAN", _normal("IBAN", text[match.start() : end]))]
                done = end
        return "".join([*parts, text[done:]])

    def _placeholder(self, kind: str, value: str) -> str:
        key = (kind, value.casefold() if kind in ("EMAIL", "NAME") else value)
        if key not in self._numbers:
            self._last[kind] = self._numbers[key] = self._last.get(kind, 0) + 1
        return f"[{kind}_{self._numbers[key]}]"

    def _add_person(self, name: str) -> None:
        """Full name and its parts, all standing for one person; names of roles and companies are no people."""
        words = [word for word in re.findall(r"[^\W\d_][^\s,;<>()\"]*", name) if word]
        if (
            not words
            or len(words) > 5
            or len(self._people) > _MAX_NAMES
            or any(word.strip(".").casefold() in shapes.NO_NAMES for word in words)
        ):
            return
        whole = " ".join(words)
        if len(whole) < 3:
            return
        for form in (whole, " ".join(reversed(words)) if len(words) == 2 else whole, *(word for word in words if len(word) >= 3)):
            self._people.setdefault(form.casefold(), whole)
            self._spellings.add(form.casefold())
            if not re.fullmatch(re.escape(form.casefold()), form, re.IGNORECASE):  # ß, İ and a few other letters
                self._spellings.add(form)

    def _compile_names(self) -> None:
        """Full names in any case; single parts only as they are written in names, with a capital."""
        if not self._people:
            return
        forms = sorted(self._spellings, key=lambda form: (-len(form), form))
        wholes = [f"(?i:{re.escape(form)})" for form in forms if " " in form]
        parts = [
            re.escape(variant) for form in forms if " " not in form for variant in sorted({form.title(), form.capitalize(), form.upper()})
        ]
        self._name_pattern = re.compile(rf"(?<![\w@])(?:{'|'.join(wholes + parts)})(?![\w@])")


def _normal(kind: str, value: str) -> str:
    if kind in ("PHONE", "CARD", "IBAN"):
        return re.sub(r"[^0-9A-Za-z]", "", value).upper().removeprefix("00")
    return value


def _word_before(match: re.Match[str], pattern: re.Pattern[str], *, reach: int = 32) -> bool:
    """True when `pattern` stands shortly before the match, in the same line."""
    before = match.string[max(0, match.start() - reach) : match.start()]
    return bool(pattern.search(before.rsplit("\n", 1)[-1]))


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match[0])
    if _word_before(match, shapes.CARD_WORD):
        return 13 <= len(digits) <= 19 and (_luhn(digits) or re.fullmatch(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}", match[0]) is not None)
    numbered = match[0].isdigit() and _word_before(match, shapes.NUMBER_WORD)
    return bool(shapes.CARD_PREFIX.fullmatch(digits)) and _luhn(digits) and not numbered


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_phone(match: re.Match[str]) -> bool:
    text = match[0]
    digits = re.sub(r"\D", "", text)
    if not 7 <= len(digits) <= 15 or shapes.DATE_LIKE.search(text):
        return False
    told, other = _word_before(match, shapes.PHONE_WORD), _word_before(match, shapes.NUMBER_WORD)
    if other and not told:
        return False
    if text.startswith("+"):
        return len(digits) >= 8
    if told:
        return True
    return bool(shapes.PHONE_SHAPE.fullmatch(text))


def _is_ipv4(match: re.Match[str]) -> bool:
    octets = [int(part) for part in match[0].split(".")]
    return max(octets) <= 255 and octets[0] not in (0, 127, 255) and not _word_before(match, shapes.VERSION_WORD, reach=24)


def _is_ipv6(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return match[0].count(":") >= 3 and not address.is_loopback and any(char.isdigit() for char in match[0])


def _is_secret_word(match: re.Match[str]) -> bool:
    """After "password is" stands a sentence as often as a password: it must look like one."""
    value = match["value"].strip(".,;!?\"'`")
    if value.casefold() in shapes.NO_PASSWORDS or not value:
        return False
    if match["sure"] and match["sure"].strip():
        return True
    if any(char.isdigit() for char in value) or any(not char.isalnum() for char in value[1:-1]) or not value[1:].islower():
        return True
    if value.endswith(("ed", "ing", "en", "able", "ible", "iert", "é", "ado", "ada", "ato", "ata")):
        return False  # what has been done to it, not what it is
    ends = match.string[match.end() : match.end() + 1] in ("", "\n") or match["value"][-1] in ".,;!"
    return ends and bool(shapes.OWNER.search(match.string[max(0, match.start() - 12) : match.start()]))


def _is_one_time(match: re.Match[str]) -> bool:
    """Only the words before tell a code that lets somebody in from an error code."""
    return bool(shapes.ONE_TIME_WORD.search(match.string[max(0, match.start() - 24) : match.end("word")]))


def _is_random(match: re.Match[str]) -> bool:
    """Capitals, small letters and digits mixed; a path or a list of names with a number in it has too few digits for that."""
    value = match[0]
    digits = sum(char.isdigit() for char in value)
    return digits * 16 >= len(value) and any(char.isupper() for char in value) and any(char.islower() for char in value)


def _iban_end(text: str, start: int) -> int:
    """The end of the IBAN that begins at `start`; 0 if none does."""
    length = shapes.IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    taken: list[str] = []
    at = start
    while at < len(text) and len(taken) < length:
        if text[at].isascii() and text[at].isalnum():
            taken.append(text[at].upper())
        elif text[at] not in " -\u00a0":
            break
        at += 1
    if len(taken) != length or not length or (at < len(text) and text[at].isalnum()):
        return 0
    if shapes.IBAN_WORD.search(text[max(0, start - 24) : start]):
        return at
    turned = "".join(taken[4:] + taken[:4])
    return at if int("".join(str(int(char, 36)) for char in turned)) % 97 == 1 else 0


_RULES = (
    _Rule("SECRET", shapes.PRIVATE_KEY, ("-----begin",)),
    _Rule("SECRET", shapes.URL_LOGIN, ("://",), group="value"),
    _Rule("SECRET", shapes.URL_PARAMETER, ("=",), group="value"),
    _Rule("SECRET", shapes.URL_STEP, ("/",), group="value"),
    _Rule("SECRET", shapes.URL_TOKEN, ("/",), group="value"),
    _Rule("SECRET", shapes.KNOWN_KEY, shapes.KEY_HINTS),
    _Rule("SECRET", shapes.BEARER, ("bearer", "basic", "token", "key", "secret"), group="value"),
    _Rule("SECRET", shapes.PASSWORD, shapes.PASSWORD_HINTS, accepts=_is_secret_word, group="value"),
    _Rule("SECRET", shapes.ASSIGNED_SECRET, shapes.SECRET_HINTS, accepts=_is_secret_word, group="value"),
    _Rule("SECRET", shapes.ONE_TIME_CODE, ("code", "otp", "tan", "pin", "puk", "cv"), accepts=_is_one_time, group="value"),
    _Rule("SECRET", shapes.SOCIAL_SECURITY, ("ssn", "social"), group="value"),
    _Rule("EMAIL", shapes.EMAIL, ("@", "%40", "at)", "at]", "at}")),
    _Rule("SECRET", shapes.LONG_RANDOM, accepts=_is_random),
    _Rule("CARD", shapes.CARD, accepts=_is_card),
    _Rule("IP", shapes.IPV4, (".",), accepts=_is_ipv4),
    _Rule("IP", shapes.IPV6, (":",), accepts=_is_ipv6),
    _Rule("PHONE", shapes.PHONE, accepts=_is_phone),
)
# Names that only the text knows: greeted, introduced or signed with.
_UNKNOWN_NAMES = (
    (shapes.GREETING_HINTS, shapes.GREETED_NAME),
    (shapes.CLOSING_HINTS, shapes.CLOSED_NAME),
    (("\n\n",), shapes.LAST_LINE_NAME),
    (shapes.INTRODUCTION_HINTS, shapes.INTRODUCED_NAME),
)
