"""Phone numbers, cards, bank accounts and network addresses, told from numbers of things by their shape and by the words before them.

Finds places in folded text and changes nothing. A country's shape of phone numbers is a line in `phone_shapes.tsv`. The patterns begin with
the digit itself and look back from there: so a scan passes over everything else at once.
"""

import ipaddress
import re
from collections.abc import Iterator

from stdnum import iban, luhn, numdb

from cleaning import languages
from cleaning.keyed_secrets import DATE_LIKE, IS
from cleaning.matching import WORD_END, Place, Plain, Rule, WordPattern, before, shape
from cleaning.secret_shapes import table

_NUMBER_NOUN = r"(?:number|numbers|num|no|nr|n|id|code|nummer|numéro|número|numero|n°|nº|номер|č|sz|αρ|رقم)"
_PHONE_WORD = WordPattern(languages.words("phones"), lambda words: rf"{words}{WORD_END}[^\d\n]{{0,24}}$")
_SHORT_PHONE_WORD = re.compile(r"(?<![^\W\d_])[tmpfhгтм]\s?[.:]\s?[^\d\n]{0,3}$", re.I)
_NUMBER_WORD = WordPattern(
    languages.words("numbers"),
    lambda words: rf"{words}{WORD_END}(?:[ ._-]{{0,2}}{_NUMBER_NOUN})?[ :.#=№°º\"'(-]{{0,4}}(?:{IS}[ :]{{0,2}})?$",
)
_NUMBER_SIGN = re.compile(r"[#№]\s?$")


def _is_number(words: str) -> bool:
    """Whether the words before say that this is the number of a thing."""
    return bool(_NUMBER_WORD.search(words) or _NUMBER_SIGN.search(words))


_CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|"
    r"6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12}|35\d{14}|62\d{17}"
)
_CARD_WORD = re.compile(
    r"(?:\b(?:card|visa|mastercard|amex|american express|maestro|kreditkarte|karte|carte|tarjeta|cartão|carta|kaart|cc|kort|karta|kártya|"
    r"kortti|kart|карта|карты|κάρτα|kartica)\b|カード|卡号|信用卡|카드)[^\d]{0,30}$",
    re.I,
)
_FOUR_GROUPS, _FIFTH_GROUP = re.compile(r"\d{4}([ ._-])\d{4}\1\d{4}\1\d{4}"), re.compile(r"[ ._-]\d{4}(?![\d/])")


def _is_card(match: "re.Match[str]") -> bool:
    digits, words = re.sub(r"\D", "", match[0]), before(match)
    if _CARD_WORD.search(words):
        mistyped = _FOUR_GROUPS.fullmatch(match[0]) is not None and not _FIFTH_GROUP.match(match.string, match.end())
        return luhn.is_valid(digits) or mistyped
    is_one = _CARD_PREFIX.fullmatch(digits) is not None and luhn.is_valid(digits)
    return is_one and not (match[0].isdigit() and _is_number(words))


_PHONE = (
    r"[+(\d](?<![\w.#/,+%$€£_-][+(\d])(?<!\d [+(\d])(?:(?<=\+)\s?\d|(?<=\()\+?\d|(?<=\d))(?:[ ().\-/]{0,3}\d){6,14}"
    r"(?:(?= ?(?:x|ext)\.? ?\d{1,6}\b)|(?![\w%]|[-.,:/]\d))"
)
_PHONE_SHAPE = re.compile("|".join(pattern for _, pattern in table("phone_shapes.tsv")))
_FIVE_PAIRS = re.compile(r"0\d([ .-])\d\d(?:\1\d\d){3}")  # no date has five numbers with one sign between


def _is_phone(match: "re.Match[str]") -> bool:
    """Whether a number is told by the words before it to be a phone's, or of a shape that nothing else has."""
    text, words = match[0], before(match)
    digits = sum(map(str.isdigit, text))
    if not 7 <= digits <= 15 or (DATE_LIKE.search(text) and not _FIVE_PAIRS.fullmatch(text)):
        return False
    if _PHONE_WORD.search(words) or _SHORT_PHONE_WORD.search(words):
        return True
    return not _is_number(words) and (digits >= 8 if text.startswith("+") else _PHONE_SHAPE.fullmatch(text) is not None)


_TO_VERSION = (
    r"(?:[ ,.:]{1,2}(?:from|to|number|is|nr|von|auf|de|du|a|à|vers|da|van|naar|z|ze|do|na|para|с|на|до|з|din|la|fra|til|från|till|dan|ke))"
)
_OF_ADDRESS = re.compile(r"\b(?:ip|address|adresse|dirección|indirizzo|endereço|адрес|host|server|ping)\b", re.I)
_BEFORE_VERSION = re.compile(r"(?:\b(?:(?:up|down)grad\w{1,4} (?:to|from)|updat\w{1,4} (?:to|from)|v) ?|\w/|\bv)$", re.I)
_VERSION_WORD = WordPattern(languages.words("versions"), lambda words: rf"{words}{_TO_VERSION}{{0,2}}[^\w\n]{{0,3}}(?:{IS} ?)?$")
_VERSION_BEFORE = WordPattern(
    languages.words("versions"),
    lambda words: rf"{words}{WORD_END}{_TO_VERSION}{{0,2}}[^\w\n]{{0,3}}(?:{IS} ?)?(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?P<between>[^\n]*)$",
)


def _is_ipv4(match: "re.Match[str]") -> bool:
    """Whether four numbers are an address and no version."""
    octets = [int(part) for part in match[0].split(".")]
    if max(octets) > 255 or octets[0] in (0, 127, 255):
        return False
    words = before(match, reach=24)
    if _VERSION_WORD.search(words) or _BEFORE_VERSION.search(words):
        return False
    earlier = _VERSION_BEFORE.search(before(match, reach=80))  # "from 1.2.3.4 to 1.2.3.5"
    return earlier is None or _OF_ADDRESS.search(earlier["between"]) is not None


def _is_ipv6(match: "re.Match[str]") -> bool:
    """Whether groups between colons are an address and no time."""
    try:
        address = ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return match[0].count(":") >= 3 and not address.is_loopback and any(char.isdigit() for char in match[0])


_IBAN_WORD = re.compile(r"\biban\b\W{0,3}(?:is |ist |lautet )?\W{0,2}$", re.I)


def _iban_of_any_country() -> re.Pattern[str]:
    """Accounts without the letters of their country before them, by the registry that python-stdnum brings along."""
    sizes = {country: sum(map(int, re.findall(r"\d+", form["bban"]))) for _, country, _, form, _ in numdb.get("iban").prefixes}
    rests = "|".join(rf"(?<={country}\d\d)(?:[ ._-]{{0,3}}[A-Z0-9]){{{size}}}" for country, size in sizes.items())
    return re.compile(rf"\d\d(?<=[A-Z]{{2}}\d\d)(?<![A-Z0-9][A-Z]{{2}}\d\d)(?:{rests})(?![A-Z0-9])", re.I)


_IBAN = _iban_of_any_country()


def _ibans(plain: Plain) -> Iterator[Place]:
    """Places of bank accounts: with right check digits, or called one."""
    for match in _IBAN.finditer(plain.text):
        start, end = match.start() - 2, match.end()
        called = _IBAN_WORD.search(plain.text[max(0, start - 24) : start])
        if called or iban.is_valid(plain.text[start:end].replace("_", " "), check_country=False):
            yield start, end


RULES = (
    Rule("IBAN", _ibans),
    Rule("CARD", shape(r"\d(?<![\w.,-]\d)(?:[ ._-]?\d){12,18}(?![\w-]|[.,]\d)", accepts=_is_card)),
    Rule("IP", shape(r"\d(?<![\w.-]\d)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![\w-]|\.\d)", accepts=_is_ipv4), (".",)),
    Rule(
        "IP",
        shape(r"(?<![\w:.])(?=[0-9a-f:])[0-9a-f]{0,4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}(?![\w:])", accepts=_is_ipv6),
        (":",),
    ),
    Rule(
        "PHONE",
        shape(
            r"(?:\bwa\.me/|\bphone=|\b(?:tel|sms|callto|whatsapp):(?://)?|signal\.me/#p/|\bt\.me/)"
            r"(?P<value>(?:\+|%2B)?\d[\d().-]{6,18}\d)"
        ),
        ("wa.me", "phone=", "tel:", "sms:", "callto:", "whatsapp:", "signal.me", "t.me"),
    ),
    Rule("PHONE", shape(_PHONE, accepts=_is_phone)),
)
