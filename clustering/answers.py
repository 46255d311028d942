"""The one place that knows the model's answers: JSON text in, typed and bounded values out.

Whatever a server promised, every field is checked and brought into shape here. An answer that cannot be used is a ValueError whose text
tells the model what was wrong. Knows no prompt and decides nothing.
"""

import difflib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.text import shortened, valid
from knowledge.issue import MAX_CATEGORY_CHARS, Card
from llm.json_text import extract_json

MAX_KEYWORDS, MAX_KEYWORD_CHARS = 12, 60
MAX_STEPS, MAX_STEP_CHARS = 12, 400
MAX_TEXT_CHARS = 1_000
NO_ISSUE_WORDS = frozenset({"", "none", "new", "null", "nil", "n/a"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CATCH_ALL_WORDS = _words(
    "misc miscellaneous various sonstiges diverses verschiedenes divers varios varie diversos overig diversen różne övrigt øvrigt ostatní "
    "různé çeşitli egyéb altele прочее разное διάφορα λοιπά その他 其他 其它 杂项 기타 متفرقات"
)
"""Words that make a title a catch-all wherever it goes on to."""
OTHER_WORDS = _words(
    "other others sonstige diverse anderes andere autre autres otro otros otra otras altro altri altra altre outro outros outra outras "
    "overige anders inne inny annat annan andet annet muu muut jiné diğer другое другие інше άλλο άλλα أخرى"
)
"""Words that do so alone or before a separator: "Other people's devices listed" is a good title."""
EMPTY_WORDS = (
    CATCH_ALL_WORDS
    | OTHER_WORDS
    | _words(
        "general unknown none new null na n a issue issues question questions support technical inquiry inquiries enquiry request problem "
        "problems topic uncategorized uncategorised allgemein allgemeine allgemeines unbekannt unbekanntes probleme frage fragen anfrage "
        "anfragen thema général générale inconnu problème problèmes demande demandes desconocido problema problemas consulta consultas "
        "pregunta generale sconosciuto domanda geral desconhecido pergunta algemeen algemene onbekend probleem vraag vragen ogólne "
        "nieznany allmänt okänt fråga generelt ukendt ukjent spørgsmål genel bilinmeyen soru általános ismeretlen общее неизвестно вопрос "
        "проблема загальне питання γενικά άγνωστο ερώτηση 一般 不明 未知 問題 问题 質問 일반 문제"
    )
)
"""A title of such words alone says nothing; in the languages that KB_LANGUAGE is most often set to."""
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"), "-")
_SEPARATOR = re.compile(r"[|:(]|\s-\s")
_NUMBER = re.compile(r"(?:0?\.[0-9]{1,20}|0|1(?:\.0{1,20})?)")


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """Where the model puts one ticket: `issue_id` is one of those offered, or None for a new issue.

    `evidence` are message numbers that exist; `confidence` is the model's own word in [0, 1], 0.0 when it was no such number.
    """

    issue_id: str | None
    confidence: float
    card: Card
    evidence: tuple[int, ...]
    id_unknown: bool = False
    evidence_out_of_range: bool = False
    category_off_list: bool = False


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """Issues that the model calls one, with the card and how sure it is; a group of one stays as it is."""

    issue_ids: tuple[str, ...]
    card: Card
    confidence: float


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
    card = _card(data)
    category, off_list = _category(card, categories, fallback_title)
    if issue_id is None and not category:
        raise ValueError("category is missing: name the new issue in 2 to 6 words")
    evidence, out_of_range = _evidence(data.get("evidence"), message_count)
    return DecisionAnswer(
        issue_id=issue_id,
        confidence=0.0 if id_unknown else _confidence(data.get("confidence")),
        card=replace(card, category=category),
        evidence=evidence,
        id_unknown=id_unknown,
        evidence_out_of_range=out_of_range,
        category_off_list=off_list,
    )


def parse_merge(text: str, *, offered: Sequence[str], categories: Sequence[str] = ()) -> tuple[MergeGroup, ...]:
    """The groups in an answer to `issue_merge`; every offered id is in exactly one. Raises ValueError.

    A card whose category is not on the list of `categories` has "" for it: the merge may stand, the card is none.
    """
    groups = _object_of(text).get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ValueError("groups must be a list of objects")
    result = tuple(_group(group, offered, categories) for group in groups)
    wrong = _not_once(Counter(issue_id for group in result for issue_id in group.issue_ids), offered)
    if wrong:
        raise ValueError(f"every one of {', '.join(offered)} must stand in exactly one group, and no other id: {wrong}")
    return result


def parse_card(text: str, *, categories: Sequence[str] = ()) -> Card:
    """The card in an answer to `issue_card`. Raises ValueError when it has no usable category, or one that is not on the list."""
    card = _card(_object_of(text))
    category, off_list = _category(card, categories, "")
    if off_list:
        raise ValueError("category is not on the list")
    if not category:
        raise ValueError("category is missing")
    return replace(card, category=category)


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
        resolution_steps=_steps(data.get("resolution_steps")),
        notes=clean_text(data.get("notes")),
    )


def _keywords(value: Any) -> tuple[str, ...]:
    items = re.split(r"[,;\n]", value[:10_000]) if isinstance(value, str) else value if isinstance(value, list) else []
    words = (clean_text(item, MAX_KEYWORD_CHARS).lower() for item in items[:200])
    return tuple(sorted(list(dict.fromkeys(word for word in words if word))[:MAX_KEYWORDS]))


def _steps(value: Any) -> tuple[str, ...]:
    items = value[:40_000].splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
    texts = (re.sub(r"^(?:[-*•]|\(?[0-9]{1,2}[.)])\s+", "", clean_text(item, MAX_STEP_CHARS)) for item in items[:200])
    return tuple(list(dict.fromkeys(text for text in texts if text))[:MAX_STEPS])


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
    """Whether a title only says that the ticket belongs nowhere: Other / lid leaks, General question, Sonstiges."""
    words = re.findall(r"[^\W\d_]+", title.casefold())
    if not words or words[0] in CATCH_ALL_WORDS or EMPTY_WORDS.issuperset(words):
        return bool(words)
    behind = title.casefold().partition(words[0])[2].strip()
    return words[0] in OTHER_WORDS and not behind[0].isalnum()


def _not_once(named: Mapping[str, int], offered: Sequence[str]) -> str:
    """What is wrong with ids that should be the offered ones, each once; "" if nothing is."""
    missing = [issue_id for issue_id in offered if issue_id not in named]
    twice = [issue_id for issue_id in offered if named.get(issue_id, 0) > 1]
    foreign = [clean_text(issue_id, MAX_CATEGORY_CHARS) for issue_id in named if issue_id not in offered]
    faults = {"add a group of its own for": missing, "keep in one group only": twice, "leave out": foreign}
    return "; ".join(f"{what} {', '.join(ids)}" for what, ids in faults.items() if ids)


def _group(data: dict[str, Any], offered: Sequence[str], categories: Sequence[str]) -> MergeGroup:
    ids = data.get("issue_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(issue_id, str) for issue_id in ids):
        raise ValueError("issue_ids must be a list of ids")
    card = _card(data)
    category, off_list = _category(card, categories, "")
    card = replace(card, category="" if off_list else category)
    return MergeGroup(tuple(_issue_id(issue_id, offered)[0] or issue_id for issue_id in ids), card, _confidence(data.get("confidence")))
