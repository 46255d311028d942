"""The words of mail, one table a language: what people and programs write around what they mean.

The tables are the files `languages/<code>.json`: `language` is its name, every other key a kind of words. A language is added by copying a
file and translating each list; `tests/cleaning/test_languages.py` says what is missing. Words only help: what is cut or hidden is decided
by the shape of a text together with them, elsewhere.

Kinds that cleaning reads (compared in small letters):
`greetings`: openings of a mail. `closings`: whole lines above a name.
`sent_from`: the words of lines such as "Sent from my iPhone", without the device; `sent`: those of them that say "sent".
`automatic`: how automatic replies call themselves. `absence`, `substitute`: parts of an absence notice.
`reply_above`: how a line asks for an answer above it.
`merged`: beginnings of words for a merge. `undelivered`: how a failed delivery is named.
`common`: small words that tell a language.
`recipient`, `confidential`: beginnings of words of legal notices; `mine`: how a writer speaks of himself, which no notice does. `footers`:
other lines that mail programs and companies add.
`chat_agents`, `chat_customers`: under which words they speak in a chat. `offers_help`: what only an agent says there.

Kinds that redaction reads (a longer word that begins with one counts where that is how a language builds words):
`passwords`, `one_time_codes`, `phones`: what stands before such a value. `numbers`, `versions`: what stands before a number that stays.
`is`: the word between a label and its value. `titles`: before a name, in Japanese, Chinese and Korean behind it. `name_labels`: labels
of form fields that hold a name. `introductions`: "my name is"; `i_am`: "I am", which says as much of other things.
`thanks`: further lines that stand above a name. `from`: between a person and a company. `addressed`: forms of address, with `{}` for the
name.
"""

import functools
import json
from collections import Counter, defaultdict
from pathlib import Path

from cleaning.history import words_of

_KEY = 3  # characters by which words that may go on are filed
FOLDER = Path(__file__).parent / "languages"
_LISTS = Path(__file__).parent / "words.json"


@functools.cache
def tables() -> dict[str, dict[str, tuple[str, ...]]]:
    """For each language code its words by kind, in small letters."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(FOLDER.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = {kind: tuple(word.lower() for word in words) for kind, words in raw.items() if kind != "language"}
    return found


@functools.cache
def _lists() -> dict[str, frozenset[str]]:
    raw: dict[str, list[str]] = json.loads(_LISTS.read_text(encoding="utf-8"))
    return {name: frozenset(word for row in rows for word in row.split(", ")) for name, rows in raw.items()}


def listed(name: str) -> frozenset[str]:
    """The words of a list of `words.json`, which belong to no language: what is never a name or a password, how programs call secrets."""
    return _lists()[name]


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


def spaced(text: str) -> str:
    """The words of a text in small letters, a blank after each: the form in which phrases are looked for.

    >>> spaced("Mit freundlichen Grüßen,")
    'mit freundlichen grüßen '
    """
    said = words_of(text)
    return " ".join((*said, "")) if said else ""


@functools.cache
def exact(kind: str) -> frozenset[str]:
    """The words of a kind in all languages, each in the form of `spaced`."""
    return frozenset(spaced(word) for word in words(kind)) - {""}


@functools.cache
def _phrases(kind: str) -> tuple[str, ...]:
    """The phrases of a kind; the last word of a phrase may go on, unless the phrase is shorter than `_KEY`."""
    return tuple(phrase if len(phrase) <= _KEY else phrase.rstrip() for phrase in sorted(exact(kind)))


@functools.cache
def _filed(kind: str) -> dict[str, list[str]]:
    """The phrases of a kind, a blank before each, by how their first word begins."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for phrase in _phrases(kind):
        found[phrase.split()[0][:_KEY]].append(f" {phrase}")
    return found


@functools.lru_cache(maxsize=8)  # a text is asked for several kinds of words, one after the other
def _keys(text: str) -> frozenset[str]:
    return frozenset(word[:_KEY] for word in text.split())


def says(kind: str, text: str) -> bool:
    """True if a text, in the form of `spaced`, holds a phrase of a kind; the phrase's last word may be the beginning of a longer one.

    >>> says("confidential", spaced("Diese vertraulichen Daten"))
    True
    """
    filed, whole = _filed(kind), f" {text}"
    return any(phrase in whole for key in filed.keys() & _keys(text) for phrase in filed[key])


def begins_with(kind: str, text: str) -> bool:
    """True if a text, in the form of `spaced`, begins with a phrase of a kind."""
    return text.startswith(_phrases(kind))


def greets(text: str) -> bool:
    """True for at most four words of which the first greet."""
    return 0 < len(text.split()) <= 4 and len(text) <= 60 and begins_with("greetings", spaced(text))


def closes(text: str) -> bool:
    """True for a line that is a closing, also with the place it comes from ("Viele Grüße aus Bonn")."""
    if not 0 < len(text) <= 60 or text.rstrip().endswith(("?", "？", ":", "：")):
        return False
    words = words_of(text)
    return any("".join(f"{word} " for word in part) in exact("closings") for part in (words, words[: max(2, len(words) - 2)]))


_SCRIPTS = (("ja", "\u3041", "\u30ff"), ("ko", "\uac00", "\ud7a3"), ("zh", "\u4e00", "\u9fff"), ("th", "\u0e01", "\u0e5b"))
_MAX_LOOK = 2000  # characters


def language_of(text: str) -> str:
    """The code of the language that a text is most likely in, by its script and small words; "?" if neither tells.

    >>> language_of("Die Lampe ist seit gestern dunkel und ich bitte um Hilfe."), language_of("E1107")
    ('de', '?')
    """
    head = text[:_MAX_LOOK]
    for code, first, last in _SCRIPTS:
        if sum(first <= char <= last for char in head) > len(head) / 10:
            return code
    said = Counter(words_of(head))
    counts = {code: sum(said[word] for word in common) for code, common in by_language("common").items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] >= max(2, said.total() / 10) else "?"


@functools.cache
def name_of(code: str) -> str:
    """What a language calls itself; "" for "?".

    >>> name_of("de"), name_of("?")
    ('Deutsch', '')
    """
    return "" if code == "?" else str(json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8"))["language"])
