"""Phone numbers, cards, bank accounts and network addresses, told from numbers of things by their shape and by the words before them.

Finds places in folded text and changes nothing.
"""

import functools
import ipaddress
import re
from collections.abc import Iterator

from stdnum import luhn, numdb
from stdnum.iso7064 import mod_97_10

from cleaning import languages
from cleaning import secret_shapes as shapes
from cleaning.keyed_secrets import IS
from cleaning.matching import WORD_END, Place, Plain, WordPattern, before

_PHONE_WORD = WordPattern(languages.words("phones"), lambda words: rf"{words}{WORD_END}[^\d\n]{{0,24}}$")
_NUMBER_WORD = WordPattern(
    languages.words("numbers"),
    lambda words: rf"{words}{WORD_END}(?:[ ._-]{{0,2}}{shapes.NUMBER_NOUN})?[ :.#=№°º\"'(-]{{0,4}}(?:{IS}[ :]{{0,2}})?$",
)
_VERSION_WORD = WordPattern(languages.words("versions"), lambda words: rf"{words}{shapes.TO_VERSION}{{0,2}}[^\w\n]{{0,3}}(?:{IS} ?)?$")
_VERSION_BEFORE = WordPattern(
    languages.words("versions"),
    lambda words: rf"{words}{WORD_END}{shapes.TO_VERSION}{{0,2}}[^\w\n]{{0,3}}(?:{IS} ?)?(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?P<between>[^\n]*)$",
)


def _is_number(match: "re.Match[str]") -> bool:
    """Whether the words before say that this is the number of a thing."""
    words = before(match)
    return bool(_NUMBER_WORD.search(words) or shapes.NUMBER_SIGN.search(words))


_FOUR_GROUPS, _FIFTH_GROUP = re.compile(r"\d{4}([ ._-])\d{4}\1\d{4}\1\d{4}"), re.compile(r"[ ._-]\d{4}(?![\d/])")


def is_card(match: "re.Match[str]") -> bool:
    """Whether a match of `CARD` is the number of a payment card."""
    digits = re.sub(r"\D", "", match[0])
    if shapes.CARD_WORD.search(before(match)):
        mistyped = _FOUR_GROUPS.fullmatch(match[0]) is not None and not _FIFTH_GROUP.match(match.string, match.end())
        return 13 <= len(digits) <= 19 and (luhn.is_valid(digits) or mistyped)
    if not (shapes.CARD_PREFIX.fullmatch(digits) and luhn.is_valid(digits)):
        return False
    return not (match[0].isdigit() and _is_number(match))


def is_phone(match: "re.Match[str]") -> bool:
    """Whether a match of `PHONE` is one: told by the words before it, or of a shape that nothing else has."""
    text = match[0]
    digits = re.sub(r"\D", "", text)
    if not 7 <= len(digits) <= 15:
        return False
    has_shape = bool(shapes.PHONE_SHAPE.fullmatch(text))
    if shapes.DATE_LIKE.search(text) and not shapes.FIVE_PAIRS.fullmatch(text):
        return False
    words = before(match)
    told = bool(_PHONE_WORD.search(words) or shapes.SHORT_PHONE_WORD.search(words))
    if not told and _is_number(match):
        return False
    if text.startswith("+"):
        return len(digits) >= 8
    return told or has_shape


def is_ipv4(match: "re.Match[str]") -> bool:
    """Whether a match of `IPV4` is an address and no version."""
    octets = [int(part) for part in match[0].split(".")]
    if max(octets) > 255 or octets[0] in (0, 127, 255):
        return False
    words = before(match, reach=24)
    if _VERSION_WORD.search(words) or shapes.BEFORE_VERSION.search(words):
        return False
    earlier = _VERSION_BEFORE.search(before(match, reach=80))  # "from 1.2.3.4 to 1.2.3.5"
    return earlier is None or shapes.OF_ADDRESS.search(earlier["between"]) is not None


def is_ipv6(match: "re.Match[str]") -> bool:
    """Whether a match of `IPV6` is an address and no time."""
    try:
        address = ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return match[0].count(":") >= 3 and not address.is_loopback and any(char.isdigit() for char in match[0])


def ibans(plain: Plain) -> Iterator[Place]:
    """Places of bank accounts."""
    for match in shapes.IBAN_START.finditer(plain.text):
        start = match.start() - 2
        end = _iban_end(plain.text, start)
        if end:
            yield start, end


@functools.cache
def _iban_length(country: str) -> int:
    """The characters of a country's IBAN, by the registry that python-stdnum brings along; 0 for a country without."""
    form = numdb.get("iban").info(country)[0][1].get("bban", "")
    return 4 + sum(map(int, re.findall(r"\d+", form))) if form else 0


def _iban_end(text: str, start: int) -> int:
    """The end of the IBAN that begins at `start`; 0 if none does."""
    length = _iban_length(text[start : start + 2].upper())
    taken: list[str] = []
    at = start
    while at < len(text) and len(taken) < length and at - start < 2 * length:
        if text[at].isascii() and text[at].isalnum():
            taken.append(text[at].upper())
        elif text[at] not in " -._":
            break
        at += 1
    if len(taken) != length or not length or (at < len(text) and text[at].isalnum()):
        return 0
    if shapes.IBAN_WORD.search(text[max(0, start - 24) : start]):
        return at
    return at if mod_97_10.is_valid("".join(taken[4:] + taken[:4])) else 0
