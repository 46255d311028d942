"""Chats that came as one message of a ticket that came by chat: who said what in them.

A transcript is known by its shape, in any language: lines that begin with a name (and mostly a time), two names or more that take turns.
Logs, forms and lists of steps have that shape too, so it counts only where one of the names can be told: a word for a customer or an agent,
a person whom the ticket names, somebody who offers help. All else stays the words of whoever wrote the message.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cleaning import languages
from cleaning.markup import MEDIA_MARKER
from cleaning.matching import folded, word_set
from knowledge.conversation import Speaker

_MIN_TURNS, _MAX_SPEAKERS = 3, 6
_MIN_UNTIMED_SHARE = 1 / 3  # of the lines of a chat without times that begin with a name
_MIN_WORDS = 1.5  # that a turn has in the mean
_MAX_HEAD = 160  # characters of a line in which its head must stand
_TIME = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:,? |T)|[^\W\d_]{3,9}\.? \d{1,2},? (?:\d{4},? )?)?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\.\d{1,6})?Z?"
    r"(?i: ?[ap]\.?m\b\.?)?(?: [A-Z]{3,4}\b)?"
)
_NAME = r"(?P<name>[^\W\d_](?:[^\n:|<>\[\]()]{0,40}?[^\s:|<>\[\](),-])?(?: ?\((?!\d)[^()\n:]{1,30}\))?)"
_START = r"[ \t>*-]{0,4}"
_BOLD = r"\*{0,2}"
_TEXT = r"(?=[ ]|$|[^\x00-\x7f])"
_TIMED = tuple(
    re.compile(_START + shape)
    for shape in (
        rf"[\[(]?{_TIME}[\])]?(?: ?[-|,] ?| ){_BOLD}<?{_NAME}(?:{_BOLD} ?:{_BOLD}|>:?| \|){_TEXT}",
        rf"{_BOLD}{_NAME}{_BOLD}(?: ?[\[(]{_TIME}[\])]|(?:,| ?[|-]| [^\W\d_]{{2,4}})? {_TIME})(?: ?:{_BOLD}| \|){_TEXT}",
        rf"{_BOLD}{_NAME}{_BOLD}(?: ?[\[(]{_TIME}[\])]|(?:,| ?[|-]| [^\W\d_]{{2,4}})? {_TIME})$",
        rf"[\[(]?{_TIME}[\])]?(?: ?[-|,] ?| ){_BOLD}<?{_NAME}>?{_BOLD}$",
    )
)
_UNTIMED = (re.compile(rf"{_START}{_BOLD}<?{_NAME}(?:{_BOLD} ?:{_BOLD}|>:?| \|){_TEXT}"),)
_SIGNS = (":", "：", "|", ">")  # one of them stands in each head
_NUMBER_BEHIND = re.compile(r"[ #]*\d+$")
_MACHINES = word_set(
    "server kernel driver daemon system info warn warning error debug trace fatal notice step expected actual result note q a"
)
_NO_SPEAKERS = languages.exact("phones") | languages.exact("numbers") | languages.exact("passwords") | languages.exact("versions")


class Turn(NamedTuple):
    """What was said by one speaker; by None what stands around the chat: the words of whoever wrote the message."""

    speaker: Speaker | None
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of a chat in order, and the names of those who speak in it."""

    turns: list[Turn]
    names: list[str]


class _Head(NamedTuple):
    at: int  # the line
    name: str
    end: int  # of the head in it


def transcript(text: str, *, known: Callable[[str], Speaker | None] = lambda name: None) -> Transcript | None:
    """The chat that a message holds; None if it holds none. `known` says who a person of the ticket is.

    >>> [tuple(turn) for turn in transcript("[9:02] Ann: It hums\\n[9:03] Support: Wipe it\\n[9:04] Ann: No change").turns]
    [('user', 'It hums'), ('agent', 'Wipe it'), ('user', 'No change')]
    """
    if sum(map(text.count, _SIGNS)) < _MIN_TURNS:
        return None
    lines = text.split("\n")
    plain = [folded(line[:_MAX_HEAD]).rstrip() for line in lines]
    for shapes, timed in ((_TIMED, True), (_UNTIMED, False)):
        for shape in shapes:
            heads = [_Head(at, _tidy(found["name"]), found.end()) for at, line in enumerate(plain) if (found := shape.match(line))]
            if not _take_turns(heads):
                continue
            said = _said(lines, heads)
            roles = _roles(heads, said, known, guess=timed) if _is_talk(heads, said, timed=timed) else None
            if roles is not None:
                people = dict.fromkeys(_person(head.name) for head in heads)
                return Transcript(_turns(lines, heads, said, roles), [person for person in people if person])
    return None


def _tidy(name: str) -> str:
    return name.strip(" *<>,-")


def _key(name: str) -> str:
    return name.casefold()


def _take_turns(heads: Sequence[_Head]) -> bool:
    """True for two or more names of which at least one speaks again after another."""
    order = [key for key, _ in itertools.groupby(_key(head.name) for head in heads)]
    return len(order) >= _MIN_TURNS and 2 <= len(set(order)) <= _MAX_SPEAKERS and len(order) > len(set(order))


def _is_talk(heads: Sequence[_Head], said: Sequence[str], *, timed: bool) -> bool:
    """True if the names may be speakers', and what they say is more than values."""
    if any(_names_a_thing(name) for name in {head.name for head in heads}):
        return False
    if sum(len(languages.spaced(text).split()) for text in said) < _MIN_WORDS * len(said):
        return False
    return timed or len(heads) >= _MIN_UNTIMED_SHARE * sum(1 + text.count("\n") for text in said)


def _names_a_thing(name: str) -> bool:
    words = languages.spaced(name)
    return _role(name) is None and (words in _NO_SPEAKERS or not _MACHINES.isdisjoint(words.split()) or len(words.split()) > 5)


def _said(lines: Sequence[str], heads: Sequence[_Head]) -> list[str]:
    """What stands behind each head and below it, up to the next."""
    ends = [*(head.at for head in heads[1:]), len(lines)]
    return ["\n".join([lines[head.at][head.end :], *lines[head.at + 1 : end]]).strip() for head, end in zip(heads, ends, strict=True)]


def _role(name: str) -> Speaker | None:
    """Who speaks under this name, by a word for customers or agents in it."""
    said = f" {languages.spaced(_NUMBER_BEHIND.sub('', name))}"
    for kind, speaker in _ROLES:
        if any(f" {phrase}" in said for phrase in languages.exact(kind) if len(phrase) <= len(said)):
            return speaker
    return None


_ROLES: tuple[tuple[str, Speaker], ...] = (("chat_agents", "agent"), ("chat_customers", "user"))


def _roles(
    heads: Sequence[_Head], said: Sequence[str], known: Callable[[str], Speaker | None], *, guess: bool
) -> dict[str, Speaker] | None:
    """Who each name is; None if no name tells. Of two names one tells the other; of a guess the first to speak is the customer."""
    names = {_key(head.name): head.name for head in heads}
    roles = {key: role for key, name in names.items() if (role := _role(name) or known(name))}
    if "agent" not in roles.values():
        for head, text in zip(heads, said, strict=True):
            if languages.says("offers_help", languages.spaced(text)):
                roles.setdefault(_key(head.name), "agent")
                break
    if not roles and guess and len(names) == 2:
        roles[_key(heads[0].name)] = "user"
    others: Speaker = "agent" if "user" in roles.values() else "user"
    whole: dict[str, Speaker] = {key: roles.get(key, others) for key in names}
    return whole if roles and len(set(whole.values())) == 2 else None


def _turns(lines: Sequence[str], heads: Sequence[_Head], said: Sequence[str], roles: dict[str, Speaker]) -> list[Turn]:
    """The chat's turns, those of one speaker joined, between what the writer of the message says above and below."""
    turns = [Turn(None, "\n".join(lines[: heads[0].at]).strip())]
    last, below = _parted(said, blank_between=any("\n\n" in text for text in _between(lines, heads)))
    for head, text in zip(heads, [*said[:-1], last], strict=True):
        speaker = roles[_key(head.name)]
        if turns[-1].speaker == speaker:
            turns[-1] = Turn(speaker, f"{turns[-1].text}\n{text}".strip())
        else:
            turns.append(Turn(speaker, text))
    return [turn for turn in (*turns, Turn(None, below)) if turn.text]


def _between(lines: Sequence[str], heads: Sequence[_Head]) -> list[str]:
    return ["\n".join([*lines[head.at : following.at], ""]) for head, following in itertools.pairwise(heads)]


def _parted(said: Sequence[str], *, blank_between: bool) -> tuple[str, str]:
    """(the last turn, what the writer says below the chat): files, and a new paragraph unless the chat has empty lines itself."""
    lines = said[-1].split("\n")
    end = len(lines)
    while end > 1 and MEDIA_MARKER.fullmatch(lines[end - 1]):
        end -= 1
    if not blank_between and "" in lines[:end]:
        end = lines.index("")
    return "\n".join(lines[:end]).strip(), "\n".join(lines[end:]).strip()


def _person(name: str) -> str:
    """The person whom a name holds beside a word for what he is: `Agent Tom`, `Tom (Support)`, `Tom from Support`; "" for none."""
    if _role(name) is None:
        return name
    words = _BESIDE.split(name)[0].split()
    words = list(itertools.takewhile(lambda word: word.lower() not in languages.words("from"), words))
    if words and _role(words[0]) is not None:
        del words[0]
    person = " ".join(words)
    return person if _role(person) is None and any(map(str.isalpha, person)) else ""


_BESIDE = re.compile(r"[(,|]| - ")
