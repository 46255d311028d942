"""The one place that knows the model's answers: JSON text in, typed and bounded values out.

Whatever a server promised, every field is checked and brought into shape here. An answer that cannot be used is a ValueError whose text
tells the model what was wrong. Knows no prompt and decides nothing.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clustering.words import listed
from common.text import shortened, valid
from knowledge.issue import MAX_CATEGORY_CHARS, Card
from llm.json_text import extract_json
from prompts_config import KINDS, NEW_ID, UNCLEAR_ID

MAX_KEYWORDS, MAX_KEYWORD_CHARS = 12, 60
MAX_STEPS, MAX_STEP_CHARS = 12, 400
MAX_TEXT_CHARS = 1_000
MAX_AREA_CHARS = 60
MAX_GROUP = 8
"""A group of an overview that names more issues than this is no finding: everything called one says nothing."""
UNCLEAR_MOST = 0.5
"""The most that UNCLEAR can be sure of (contract, 6)."""
NO_ISSUE_WORDS = frozenset({"", "none", "new", "null", "nil", "n/a"})
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"), "-")
_SEPARATOR = re.compile(r"[|:(]|\s-\s")
_NUMBER = re.compile(r"(?:0?\.[0-9]{1,20}|0|1(?:\.0{1,20})?)")


@dataclass(frozen=True, slots=True)
class Step:
    """A resolution step as the model wrote it, and the messages that it names at its end: (ticket, message), ticket 0 for the one shown."""

    text: str
    messages: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """Where the model puts one ticket: `issue_id` is one of those offered, or None for a new issue.

    `second_choice` is an offered id, NEW or ""; `evidence` are message numbers that exist; `confidence` is the model's own word in
    [0, 1], 0.0 when it was no such number. `card` has no steps: what of `steps` an agent said is for somebody else to see.
    """

    issue_id: str | None
    confidence: float
    card: Card
    evidence: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    second_choice: str = ""
    kind: str = ""
    unclear: bool = False
    id_unknown: bool = False
    evidence_out_of_range: bool = False
    category_off_list: bool = False


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """A card without its steps, the steps as the model wrote them, and tickets shown that do not belong."""

    card: Card
    steps: tuple[Step, ...]
    misfits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """Issues that the model calls one, how sure it is, and why."""

    issue_ids: tuple[str, ...]
    confidence: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OverviewAnswer:
    """Groups of issues that may be one, and areas by issue id."""

    groups: tuple[tuple[str, ...], ...]
    areas: Mapping[str, str]


def parse_decision(
    text: str, *, offered: Sequence[str], message_count: int, fallback_title: str, categories: Sequence[str] = ()
) -> DecisionAnswer:
    """The decision in an answer to `issue_decision`. Raises ValueError for an unusable one.

    `fallback_title` names a new issue whose category was refused (Other, General, Misc) and that has no description.
    """
    data = _object_of(text)
    if not data.keys() & {"issue_id", "category", "short_description"}:
        raise ValueError("the object has none of the keys issue_id, category, short_description")
    issue_id, id_unknown = _issue_id(data.get("issue_id"), offered)
    unclear = id_unknown and _word(data.get("issue_id")) == UNCLEAR_ID.lower()
    card = _card(data)
    category, off_list = _category(card, categories, fallback_title) if issue_id is None and not unclear else (card.category, False)
    if issue_id is None and not category and not unclear:
        raise ValueError("category is missing: name the new issue in 2 to 6 words")
    evidence, out_of_range = _evidence(data.get("evidence"), message_count)
    confidence = _confidence(data.get("confidence"))
    return DecisionAnswer(
        issue_id=issue_id,
        confidence=min(confidence, UNCLEAR_MOST) if unclear else 0.0 if id_unknown else confidence,
        card=replace(card, category=category),
        evidence=evidence,
        steps=_steps(data.get("resolution_steps")),
        second_choice=_second_choice(data.get("second_choice"), offered, issue_id),
        kind=_kind(data.get("kind")),
        unclear=unclear,
        id_unknown=id_unknown and not unclear,
        evidence_out_of_range=out_of_range,
        category_off_list=off_list,
    )


def parse_overview(text: str, *, offered: Sequence[str]) -> OverviewAnswer:
    """Groups and areas in an answer to `issue_overview`, of ids that were offered; one part that is unusable leaves the other.

    A group of more than a quarter of all ids, and of more than `MAX_GROUP`, says nothing and is left out; an id keeps the first area that
    it is put into. Raises ValueError when neither part is usable.
    """
    data = _object_of(text)
    groups, areas = data.get("groups"), data.get("areas")
    if not isinstance(groups, list) and not isinstance(areas, list):
        raise ValueError("groups and areas must be lists of objects")
    found = [_ids(group, offered) for group in _objects(groups)]
    most = max(MAX_GROUP, len(offered) // 4)
    by_id: dict[str, str] = {}
    for entry in _objects(areas):
        name = clean_text(entry.get("area"), MAX_AREA_CHARS)
        if name and not _is_vague(name):
            by_id = {**dict.fromkeys(_ids(entry, offered), name), **by_id}
    return OverviewAnswer(tuple(tuple(group) for group in found if 1 < len(group) <= most), by_id)


def parse_merge(text: str, *, sets: Sequence[Sequence[str]]) -> tuple[MergeGroup, ...]:
    """What an answer to `issue_merge` calls one within a set that was shown, the surest first. Raises ValueError.

    An id stands in the first group that names it.
    """
    merges = _object_of(text).get("merges")
    if not isinstance(merges, list):
        raise ValueError("merges must be a list of objects")
    offered = [issue_id for names in sets for issue_id in names]
    found: list[MergeGroup] = []
    taken: set[str] = set()
    for entry in _objects(merges):
        ids = [issue_id for issue_id in _ids(entry, offered) if issue_id not in taken]
        if len(ids) > 1:
            taken.update(ids)
            within = [tuple(issue_id for issue_id in ids if issue_id in names) for names in sets]
            confidence, reason = _confidence(entry.get("confidence")), clean_text(entry.get("reason"), 300)
            found += [MergeGroup(names, confidence, reason) for names in within if len(names) > 1]
    return tuple(sorted(found, key=lambda group: -group.confidence))


def parse_card(text: str, *, shown: Sequence[int] = (), categories: Sequence[str] = ()) -> CardAnswer:
    """The card in an answer to `issue_card`. Raises ValueError when it has no usable category, or one that is not on the list.

    Misfits are tickets of those `shown`; none when more than half of them are called so.
    """
    data = _object_of(text)
    card = _card(data)
    category, off_list = _category(card, categories, "")
    if off_list:
        raise ValueError("category is not on the list")
    if not category:
        raise ValueError("category is missing")
    named = data.get("misfits")
    misfits = tuple(ticket for ticket in shown if isinstance(named, list) and ticket in named)
    return CardAnswer(
        replace(card, category=category), _steps(data.get("resolution_steps")), misfits if 2 * len(misfits) <= len(shown) else ()
    )


def clean_text(value: Any, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Text on one line, without control characters, surrogates and wrapping quotes, at most `max_chars`; "" for what is no text.

    >>> clean_text(' "Lid\\n leaks" ')
    'Lid leaks'
    """
    if not isinstance(value, str):
        return ""
    text = unicodedata.normalize("NFC", valid(value))
    text = "".join(char if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp") or char in "\u200c\u200d" else " " for char in text)
    return shortened(_unquoted(" ".join(text.split())), max_chars)


def _unquoted(text: str) -> str:
    pairs = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "`": "`"}
    while len(text) > 1 and pairs.get(text[0]) == text[-1] and text[-1] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _object_of(text: str) -> dict[str, Any]:
    data = extract_json(text)
    if not isinstance(data, dict):
        raise ValueError("the answer is not a JSON object")
    return data


def _issue_id(value: Any, offered: Sequence[str]) -> tuple[str | None, bool]:
    """The offered id that is meant, or None; and whether an id was named that nobody offered. Words for none are never an id."""
    if value is not None and not isinstance(value, str):
        return None, True
    whole = (value or "")[:1_000].translate(_HYPHENS)
    head, *rest = _SEPARATOR.split(whole, maxsplit=1)
    titled = bool(rest) and not any(issue_id in rest[0] for issue_id in offered)  # an id may stand with its title behind it
    for word in (whole, head) if titled else (whole,):
        if _bare(word).lower() in NO_ISSUE_WORDS:
            return None, False
        for form in (str, _bare, lambda text: _bare(text).lower()):
            same = [issue_id for issue_id in offered if form(issue_id.translate(_HYPHENS)) == form(word)]
            if len(same) == 1:
                return same[0], False
    return None, True


def _bare(issue_id: str) -> str:
    """An id without what models put around it."""
    return " ".join(issue_id.split()).strip("\"'`[]<>*.“”„‘’«» ")


def _confidence(value: Any) -> float:
    """A finite number in [0, 1] as it is, also where it stands as text; everything else 0.0."""
    if isinstance(value, str) and _NUMBER.fullmatch(value[:40].strip()):
        return float(value)
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        return 0.0
    return abs(float(value))  # no minus nought


def _evidence(value: Any, message_count: int) -> tuple[tuple[int, ...], bool]:
    """Message numbers that exist, sorted, and whether others were named."""
    numbers = value if isinstance(value, list) else []
    valid = sorted({number for number in numbers if type(number) is int and 1 <= number <= message_count})
    return tuple(valid), any(type(number) is not int or not 1 <= number <= message_count for number in numbers)


def _card(data: dict[str, Any]) -> Card:
    return Card(
        category=clean_text(data.get("category"), MAX_CATEGORY_CHARS),
        short_description=clean_text(data.get("short_description"), 300),
        keywords=_keywords(data.get("keywords")),
        root_cause=clean_text(data.get("root_cause")),
        notes=clean_text(data.get("notes")),
    )


def _keywords(value: Any) -> tuple[str, ...]:
    items = re.split(r"[,;\n]", value[:10_000]) if isinstance(value, str) else value if isinstance(value, list) else []
    words = (clean_text(item, MAX_KEYWORD_CHARS).lower() for item in items[:200])
    return tuple(dict.fromkeys(word for word in words if word))[:MAX_KEYWORDS]


_NAMED = re.compile(r"(?:[\s,]{0,3}\[(?:[0-9:,;\s]|msg|message){1,400}\])+[\s.]{0,3}$")
_PLACE = re.compile(r"(?:([0-9]{1,18}):)?([0-9]{1,5})")
_BULLET = re.compile(r"^(?:[-*•]|\(?[0-9]{1,2}[.)])\s+")


def _steps(value: Any) -> tuple[Step, ...]:
    items = value[:40_000].splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
    steps = [_step(clean_text(item, 4 * MAX_STEP_CHARS)) for item in items[:200]]
    return tuple({step.text: step for step in reversed(steps) if step.text}.values())[::-1][:MAX_STEPS]


def _step(text: str) -> Step:
    """A step and the messages at its end.

    >>> _step("1. Wipe the rims. [2, 1190:3]")
    Step(text='Wipe the rims.', messages=((0, 2), (1190, 3)))
    """
    named = _NAMED.search(text)
    bare = text[: named.start()] if named else text
    messages = [(int(ticket or 0), int(number)) for ticket, number in _PLACE.findall(named[0])] if named else []
    return Step(clean_text(_BULLET.sub("", bare), MAX_STEP_CHARS), tuple(dict.fromkeys(messages)))


def _second_choice(value: Any, offered: Sequence[str], first: str | None) -> str:
    """An offered id, NEW, or "" for none or the first choice itself."""
    word = _word(value)
    if word == NEW_ID.lower():
        return NEW_ID if first is not None else ""
    issue_id = _issue_id(value, offered)[0]
    return issue_id if issue_id is not None and issue_id != first else ""


def _kind(value: Any) -> str:
    """One of the known kinds, else "".

    >>> _kind("How to"), _kind("other")
    ('how-to', '')
    """
    word = _word(value).replace(" ", "-").replace("_", "-")
    return word if word in KINDS else ""


def _word(value: Any) -> str:
    return _bare(value[:100]).lower() if isinstance(value, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value[:500] if isinstance(entry, dict)] if isinstance(value, list) else []


def _ids(data: Mapping[str, Any], offered: Sequence[str]) -> list[str]:
    """The offered ids that an entry names, each once."""
    named = data.get("issue_ids")
    found = [_issue_id(name, offered)[0] for name in named[:500]] if isinstance(named, list) else []
    return list(dict.fromkeys(name for name in found if name is not None))


def _category(card: Card, categories: Sequence[str], fallback_title: str) -> tuple[str, bool]:
    """The category to keep, and whether it had to be brought onto the closed list."""
    by_name = {clean_text(name, MAX_CATEGORY_CHARS).lower(): name for name in categories}
    wanted = card.category or clean_text(card.short_description, MAX_CATEGORY_CHARS)
    if wanted.lower() in by_name:
        return by_name[wanted.lower()], False
    if _is_vague(wanted):
        wanted = clean_text(card.short_description, MAX_CATEGORY_CHARS) or clean_text(fallback_title, MAX_CATEGORY_CHARS)
    if not categories or not wanted:
        return wanted, False
    near = difflib.get_close_matches(wanted.lower(), list(by_name), n=1, cutoff=0.0)
    return by_name[near[0]] if near else categories[0], True


def _is_vague(title: str) -> bool:
    """Whether a title only says that the ticket belongs nowhere: Other / lid leaks, General question, Sonstiges.

    "Other people's devices listed" is a good title: words such as "other" make a catch-all alone or before a separator only.
    """
    words = re.findall(r"[^\W\d_]+", title.casefold())
    if not words or words[0] in listed("catch-all"):
        return bool(words)
    if (listed("catch-all") | listed("other") | listed("empty")).issuperset(words):
        return True
    behind = title.casefold().partition(words[0])[2].strip()
    return words[0] in listed("other") and not behind[0].isalnum()
