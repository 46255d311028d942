"""Secrets and addresses of people that are known by their shape.

A shape of a secret is a line in `token_shapes.tsv`: whose it is, the pattern, and where words tell it the hints of which one stands in any
text that holds it. Every pattern reads folded text (`cleaning.matching`): ASCII digits, blanks, dashes and quotation marks only. Each is
bounded or begins only where a word begins, so that a scan takes linear time on any text.
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from cleaning.languages import listed
from cleaning.matching import Place, Plain, Rule, before, longest_first, shape


def table(name: str) -> list[list[str]]:
    """The rows of a table in this folder, each of cells between tabs."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _is_random(match: "re.Match[str]") -> bool:
    """Capitals, small letters and digits mixed; a path or a list of names with a number in it has too few digits for that."""
    value = match[0]
    digits = sum(char.isdigit() for char in value)
    return digits * 16 >= len(value) and any(char.isupper() for char in value) and any(char.islower() for char in value)


def _is_freshdesk_key(match: "re.Match[str]") -> bool:
    kinds = [any(map(kind, match[0])) for kind in (str.isdigit, str.isupper, str.islower)]
    return sum(kinds) >= 2 and bool(_KEY_TOLD.search(before(match, reach=60)))


_KEY_TOLD = re.compile(
    r"key|freshdesk|token|secret|schlüssel|clé|clave|chave|chiave|sleutel|nyckel|nøgle|klucz|klíč|ключ|キー|密钥|키", re.I
)
_LONG_WORD = re.compile(r"[!-~]{18}")  # every token, also one of no known shape, holds so many characters without a blank


def _long(pattern: str, *, accepts: Callable[["re.Match[str]"], bool] | None = None) -> Callable[[Plain], Iterator[Place]]:
    """The places of a pattern that matches long words only, looked for where one stands."""
    places = shape(pattern, flags=0, accepts=accepts)
    return lambda plain: places(plain) if _LONG_WORD.search(plain.text) else iter(())


_SHAPES = table("token_shapes.tsv")
SECRETS = (
    *(Rule("SECRET", shape(pattern, flags=0), tuple(hints[0].split())) for _, pattern, *hints in _SHAPES if hints),
    Rule("SECRET", _long(rf"(?<![\w-])(?:{'|'.join(pattern for _, pattern, *hints in _SHAPES if not hints)})(?![\w-])")),
)

_AT_WORDS, _DOT_WORDS = listed("at_words"), longest_first(listed("dot_words"))
_AT = r"(?:@\s?|%40|\s?@\s?(?=[\w-]{2,}\.)|\s?[\[({]\s?(?:at|@|ät|arroba|chiocciola|собака)\s?[\])}]\s?)"
_DOT = r"(?:\.|\s?[\[({]\s?(?:dot|punkt|point|punto|ponto|точка)\s?[\])}]\s?)"
_LABEL = r"[^\W_][\w-]{1,62}"
# The words for @ that have no other use stand with a dot of either kind; "at" only with the word for a dot, or where the name before it is
# no word or the mail provider is known: "won't charge at all. No" and "the form at shop.example.com" are no addresses.
_IN_WORDS = (
    rf"[\w.+-]{{2,64}}\s(?:{longest_first(_AT_WORDS)})\s(?:{_LABEL}(?:\.|\s(?:{_DOT_WORDS})\s)){{1,3}}",
    rf"(?!(?:{longest_first(listed('before_at_a_place'))})\s)[\w.+-]{{2,64}}\s(?:at|ät)\s"
    rf"(?:(?!(?:the|a|this|that|each|every|which|one|www)\s){_LABEL}\s(?:dot|punkt)\s){{1,3}}",
    rf"[^\W\d_]{{2}}[\w-]{{0,40}}[._][\w.-]{{0,40}}[^\W_]\sat\s(?:{_LABEL}\.){{1,3}}",
    rf"[\w+-]{{2,64}}\sat\s(?:{longest_first(listed('mail_providers'))})\.(?:co\.)?",
)
_TOP_LEVEL = r"(?:com|net|org|info|biz|edu|gov|app|dev|example|[a-z]{2})(?![\w/-])"
ADDRESSES = (
    Rule("EMAIL", shape(r"\"[^\"\n@]{1,64}\"@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_][\w-]{1,62}"), ('"@',)),
    Rule(
        "EMAIL",
        shape(rf"(?<![\w.+%-])[\w.!#$&'*+=?^`{{|}}~-]{{0,63}}\w[-+]?{_AT}(?:[^\W_][\w-]{{0,62}}{_DOT}){{1,8}}[^\W\d_][\w-]{{1,62}}"),
        ("@", "%40", "at)", "at]", "at}", "ät)", "arroba", "собака", "chiocciola"),
    ),
    Rule(
        "EMAIL",
        shape(rf"(?<![\w.+%-])(?:{'|'.join(_IN_WORDS)}){_TOP_LEVEL}"),
        (" at ", " ät ", *(f" {word} " for word in _AT_WORDS)),
    ),
    Rule("SECRET", _long(r"(?<![\w/+.=-])(?=\S{32})[A-Za-z0-9_+/-]{32,4000}={0,2}(?![\w/+-])", accepts=_is_random)),
    Rule("SECRET", _long(r"(?<![\w-])[A-Za-z0-9]{20}(?![\w-])", accepts=_is_freshdesk_key)),
)
