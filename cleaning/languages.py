"""The words of mail, one table a language: what people and programs write around what they mean.

The tables are the files `languages/<code>.json`: `language` is its name, every other key a kind of words. A language is added by copying a
file and translating each list; `tests/cleaning/test_languages.py` says what is missing. Words only help: what is cut or hidden is decided
by the shape of a text together with them, elsewhere.

Kinds that cleaning reads (compared in small letters):
`greetings`: openings of a mail. `closings`: whole lines above a name.
`sent_from`: the words of lines such as "Sent from my iPhone", without the device.
`automatic`: how automatic replies call themselves. `absence`, `substitute`: parts of an absence notice.
`merged`: beginnings of words for a merge. `undelivered`: how a failed delivery is named.
`recipient`, `confidential`: beginnings of words of legal notices. `footers`: other lines that mail programs and companies add.
"""

import functools
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"


@functools.cache
def tables() -> dict[str, dict[str, tuple[str, ...]]]:
    """For each language code its words by kind, in small letters."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(FOLDER.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = {kind: tuple(word.lower() for word in words) for kind, words in raw.items() if kind != "language"}
    return found


@functools.cache
def by_language(kind: str) -> dict[str, tuple[str, ...]]:
    """The words of a kind for each language that has them."""
    return {code: table[kind] for code, table in tables().items() if kind in table}


@functools.cache
def words(kind: str) -> frozenset[str]:
    """The words of a kind in all languages.

    >>> "kind regards" in words("closings")
    True
    """
    return frozenset(word for known in by_language(kind).values() for word in known)


@functools.cache
def alternation(kind: str) -> str:
    """The words of a kind in all languages as the inside of a group of a regular expression, longest first; a blank is any white space.

    >>> bool(re.fullmatch(alternation("closings"), "kind  regards"))
    True
    """
    escaped = (re.escape(word).replace("\\ ", r"\s{1,3}") for word in sorted(words(kind), key=lambda word: (-len(word), word)))
    return "|".join(escaped)
