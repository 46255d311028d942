"""Sentences with planted secrets, and sentences with look-alikes that must stay; the same ones for the same seed.

The sentences stand in `redaction_corpus.json`, by what is planted: `frames` with a gap each, and for the gap `shapes` (9 a digit, 8 a digit
but 0 and 1, X a capital, h a hex digit) or `words`; the rest is made here, so that no line of any file looks like a real key to those who
scan for such. Says nothing about what redaction does: it is written from how people write these things.
"""

import json
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stdnum import iban, luhn

from testing.secret_tokens import drawn

SEED = 20250724
FRAMES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
Maker = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A sentence with a value in it; `kind` says what the value is, `secret` whether it must go."""

    kind: str
    text: str
    value: str
    secret: bool

    def is_right(self, redacted: str) -> bool:
        """True when no piece of four or more characters of a secret is left, or a look-alike stands there whole."""
        if not self.secret:
            return self.value in redacted
        around = self.text.replace(self.value, " ")
        pieces = [piece for piece in re.findall(r"\w{4,}", self.value) if piece not in around] or [self.value]
        return not any(piece in redacted for piece in pieces)


def corpus(*, per_frame: int = 3, seed: int = SEED) -> list[Planted]:
    """All cases, secrets first; at least 300 of each sort."""
    draw = random.Random(seed)
    return [*_planted("secrets", draw, per_frame), *_planted("look_alikes", draw, per_frame)]


def _planted(sort: str, draw: random.Random, per_frame: int) -> Iterator[Planted]:
    for kind, known in FRAMES[sort].items():
        makers = [_shape(shape) for shape in known.get("shapes", ())] + [partial(_word, words) for words in known.get("words", ())]
        makers = makers or _MAKERS[kind]
        for number, frame in enumerate(known["frames"]):
            for turn in range(per_frame):
                value = makers[(number * per_frame + turn) % len(makers)](draw)
                yield Planted(kind, frame.replace("{}", value), value, sort == "secrets")


def _word(words: list[str], draw: random.Random) -> str:
    return draw.choice(words)


def _shape(pattern: str) -> Maker:
    alphabets = {"9": string.digits, "8": "23456789", "X": string.ascii_uppercase, "h": "0123456789abcdef"}
    return lambda draw: "".join(draw.choice(alphabets.get(char, char)) for char in pattern)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice(string.digits) for _ in range(count))


def _chars(draw: random.Random, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Random characters that hold a digit, a small and a capital letter."""
    must = [draw.choice([char for char in alphabet if test(char)]) for test in (str.isdigit, str.islower, str.isupper)]
    chars = must + [draw.choice(alphabet) for _ in range(count - len(must))]
    draw.shuffle(chars)
    return "".join(chars)


def _card(prefix: str, length: int, groups: str = "") -> Maker:
    def make(draw: random.Random) -> str:
        body = prefix + _digits(draw, length - len(prefix) - 1)
        number = body + luhn.calc_check_digit(body)
        parts = [number[:4], number[4:10], number[10:]] if length == 15 else [number[at : at + 4] for at in range(0, length, 4)]
        return groups.join(parts)

    return make


def _iban(country: str, length: int, *, spaced: bool, bank: str = "") -> Maker:
    def make(draw: random.Random) -> str:
        body = bank + _digits(draw, length - 4 - len(bank))
        number = f"{country}{iban.calc_check_digits(f'{country}00{body}')}{body}"
        return " ".join(number[at : at + 4] for at in range(0, length, 4)) if spaced else number

    return make


def _ip(draw: random.Random) -> str:
    return f"{draw.choice((10, 31, 84, 172, 192, 203))}.{draw.randrange(1, 255)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"


def _ip6(draw: random.Random) -> str:
    return f"2001:db8:{draw.randrange(4096):x}:{draw.randrange(4096):x}::{draw.randrange(1, 4096):x}"


_FIRST = ["anna", "ben", "carla", "dmitri", "elif", "farid", "greta", "hugo", "ines", "jonas", "kemal", "lena", "mateo", "nora"]
_LAST = ["arnold", "baptiste", "castro", "dvorak", "eriksen", "fontaine", "garcia", "huber", "ivanova", "jensen", "keller", "lopez"]


def _email(form: str) -> Maker:
    def make(draw: random.Random) -> str:
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        return form.format(first=first, last=last, f=first[0], n=draw.randrange(10, 99), First=first.title(), Last=last.title())

    return make


_EMAILS = (
    "{first}.{last}@example.com",
    "{f}{last}{n}@mail.example.org",
    "{First}.{Last}@Example.COM",
    "{first}_{last}+shop@sub.example.co.uk",
    "{first}-{last}@example-firma.de",
    "{last}{n}@münchen.example",
    "{first}.{last} (at) example.net",
    "{first}%40example.com",
)
_KEYS = ("OpenAI", "Stripe", "GitHub", "AWS", "Google", "Slack", "GitLab", "JSON Web Token", "SendGrid", "Hugging Face")
_MAKERS: dict[str, list[Maker]] = {
    "EMAIL": [_email(form) for form in _EMAILS],
    "CARD": [
        _card("4", 16, " "),
        _card("4", 16),
        _card("52", 16, "-"),
        _card("55", 16, " "),
        _card("37", 15, " "),
        _card("34", 15),
        _card("6011", 16, " "),
        _card("2221", 16),
    ],
    "IBAN": [
        _iban("DE", 22, spaced=True),
        _iban("DE", 22, spaced=False),
        _iban("FR", 27, spaced=True),
        _iban("NL", 18, spaced=True, bank="INGB"),
        _iban("GB", 22, spaced=False, bank="WEST"),
        _iban("ES", 24, spaced=True),
        _iban("AT", 20, spaced=True),
        _iban("CH", 21, spaced=False),
    ],
    "IP": [_ip, _ip, _ip, _ip6],
    "KEY": [partial(drawn, name) for name in _KEYS],
    "PASSWORD": [
        lambda draw: _chars(draw, 10),
        lambda draw: draw.choice(_FIRST).title() + _digits(draw, 4) + "!",
        lambda draw: "".join(draw.choice(string.ascii_lowercase) for _ in range(9)),
        lambda draw: f"{draw.choice(_LAST)}#{_digits(draw, 2)}${_chars(draw, 3)}",
    ],
    "LINK": [
        lambda draw: _chars(draw, 32),
        _shape("h" * 40),
        lambda draw: _chars(draw, 43, string.ascii_letters + string.digits + "-_"),
    ],
    "NAME": [
        lambda draw: f"{draw.choice(_FIRST).title()} {draw.choice(_LAST).title()}",
        lambda draw: draw.choice(_FIRST).title(),
    ],
}
