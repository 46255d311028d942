"""Chats that came as one message of a ticket that came by chat: who said what in them.

A transcript is known by its shape, in any language: lines that begin with a name (and mostly a time), two names or more that take turns.
Logs, forms and lists of steps have that shape too, so it counts only where one of the names can be told: a word for a customer or an agent,
a person whom the ticket names, somebody who offers help. All else stays the words of whoever wrote the message.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cleaning import languages
from cleaning.markup import MEDIA_MARKER
from cleaning.matching import folded
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
_SPEAKS = rf"(?:{_BOLD} ?:{_BOLD}|>:?| \|){_TEXT}"
_BEFORE = rf"[\[(]?{_TIME}[\])]?(?: ?[-|,] ?| ){_BOLD}<?{_NAME}"
_BEHIND = rf"{_BOLD}{_NAME}{_BOLD}(?: ?[\[(]{_TIME}[\])]|(?:,| ?[|-]| [^\W\d_]{{2,4}})? {_TIME})"
# The layouts of a line that begins a turn, and whether it holds a time.
_LAYOUTS = tuple(
    (re.compile(_START + shape), timed)
    for shape, timed in (
        (_BEFORE + _SPEAKS, True),
        (rf"{_BEHIND}(?: ?:{_BOLD}| \|){_TEXT}", True),
        (rf"{_BEHIND}$", True),
        (rf"{_BEFORE}>?{_BOLD}$", True),
        (rf"{_BOLD}<?{_NAME}{_SPEAKS}", False),
    )
)
_SIGNS = (":", "：", "|", ">")  # one of them stands in each head
_NUMBER_BEHIND = re.compile(r"[ #]*\d+$")
_MACHINES = languages.listed("machine_names")
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


class _Said(NamedTuple):
    """What stands in the lines of a text from `at` on, behind the name that the first of them begins with."""

    at: int
    name: str
    text: str

    @property
    def key(self) -> str:
        return self.name.casefold()


def transcript(text: str, *, known: Callable[[str], Speaker | None] = lambda name: None) -> Transcript | None:
    """The chat that a message holds; None if it holds none. `known` says who a person of the ticket is.

    >>> [tuple(turn) for turn in transcript("[9:02] Ann: It hums\\n[9:03] Support: Wipe it\\n[9:04] Ann: No change").turns]
    [('user', 'It hums'), ('agent', 'Wipe it'), ('user', 'No change')]
    """
    if sum(map(text.count, _SIGNS)) < _MIN_TURNS:
        return None
    lines = text.split("\n")
    plain = [folded(line[:_MAX_HEAD]).rstrip() for line in lines]
    for layout, timed in _LAYOUTS:
        heads = [(at, found) for at, line in enumerate(plain) if (found := layout.match(line))]
        if not timed:
            heads = _speakers_only(heads, known)
        said = _said(lines, heads)
        roles = _roles(said, known, guess=timed) if _is_talk(said, timed=timed) else None
        if roles is not None:
            people = dict.fromkeys(_person(one.name) for one in said)
            return Transcript(_turns(lines, said, roles), [person for person in people if person])
    return None


_Heads = list[tuple[int, "re.Match[str]"]]


def _name(found: "re.Match[str]") -> str:
    return found["name"].strip(" *<>,-")


def _speakers_only(heads: _Heads, known: Callable[[str], Speaker | None]) -> _Heads:
    """The heads without labels that somebody put into a turn ("Browser: Firefox"): names that stand once and tell nobody, beside others."""
    names = Counter(_name(found).casefold() for _, found in heads)
    speakers = [(at, found) for at, found in heads if names[(name := _name(found)).casefold()] > 1 or _role(name) or known(name)]
    return speakers if len({_name(found).casefold() for _, found in speakers}) > 1 else heads


def _said(lines: Sequence[str], heads: _Heads) -> list[_Said]:
    """What stands behind each head and below it, up to the next."""
    ends = [*(at for at, _ in heads[1:]), len(lines)]
    return [
        _Said(at, _name(found), "\n".join([lines[at][found.end() :], *lines[at + 1 : end]]).strip())
        for (at, found), end in zip(heads, ends, strict=False)
    ]


def _is_talk(said: Sequence[_Said], *, timed: bool) -> bool:
    """True for two names or more that take turns and may be speakers', and for words that are more than values."""
    order = [key for key, _ in itertools.groupby(one.key for one in said)]
    if len(order) < _MIN_TURNS or not 2 <= len(set(order)) <= _MAX_SPEAKERS or len(order) == len(set(order)):
        return False
    if any(_names_a_thing(name) for name in {one.name for one in said}):
        return False
    if sum(len(languages.spaced(one.text).split()) for one in said) < _MIN_WORDS * len(said):
        return False
    return timed or len(said) >= _MIN_UNTIMED_SHARE * sum(1 + one.text.count("\n") for one in said)


def _names_a_thing(name: str) -> bool:
    words = languages.spaced(name)
    return _role(name) is None and (words in _NO_SPEAKERS or not _MACHINES.isdisjoint(words.split()) or len(words.split()) > 5)


_ROLES: tuple[tuple[str, Speaker], ...] = (("chat_agents", "agent"), ("chat_customers", "user"))


def _role(name: str) -> Speaker | None:
    """Who speaks under this name, by a word for customers or agents in it."""
    said = f" {languages.spaced(_NUMBER_BEHIND.sub('', name))}"
    return next((speaker for kind, speaker in _ROLES if any(f" {phrase}" in said for phrase in languages.exact(kind))), None)


def _roles(said: Sequence[_Said], known: Callable[[str], Speaker | None], *, guess: bool) -> dict[str, Speaker] | None:
    """Who each name is; None if no name tells. Of two names one tells the other; of a guess the first to speak is the customer."""
    names = {one.key: one.name for one in said}
    roles = {key: role for key, name in names.items() if (role := _role(name) or known(name))}
    if "agent" not in roles.values():
        helper = next((one.key for one in said if languages.says("offers_help", languages.spaced(one.text))), None)
        if helper is not None:
            roles.setdefault(helper, "agent")
    if not roles and guess and len(names) == 2:
        roles[said[0].key] = "user"
    others: Speaker = "agent" if "user" in roles.values() else "user"
    whole: dict[str, Speaker] = {key: roles.get(key, others) for key in names}
    return whole if roles and len(set(whole.values())) == 2 else None


def _turns(lines: Sequence[str], said: Sequence[_Said], roles: dict[str, Speaker]) -> list[Turn]:
    """The chat's turns, those of one speaker joined, between what the writer of the message says above and below."""
    blank_between = any("" in lines[one.at : following.at] for one, following in itertools.pairwise(said))
    last, below = _parted(said[-1].text, blank_between=blank_between)
    turns = [Turn(None, "\n".join(lines[: said[0].at]).strip())]
    for one in (*said[:-1], said[-1]._replace(text=last)):
        speaker = roles[one.key]
        if turns[-1].speaker == speaker:
            turns[-1] = Turn(speaker, f"{turns[-1].text}\n{one.text}".strip())
        else:
            turns.append(Turn(speaker, one.text))
    return [turn for turn in (*turns, Turn(None, below)) if turn.text]


def _parted(text: str, *, blank_between: bool) -> tuple[str, str]:
    """(the last turn, what the writer says below the chat): files, and a new paragraph unless the chat has empty lines itself."""
    lines = text.split("\n")
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
    words = list(itertools.takewhile(lambda word: word.lower() not in languages.words("from"), _BESIDE.split(name)[0].split()))
    if words and _role(words[0]) is not None:
        del words[0]
    person = " ".join(words)
    return person if _role(person) is None and any(map(str.isalpha, person)) else ""


_BESIDE = re.compile(r"[(,|]| - ")
