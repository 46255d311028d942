"""The known issues that a ticket could belong to, found by what the tickets already placed said and by the issues' cards.

One similarity: the cosine between a text's words and the centroid of an issue's texts, read from an inverted index in memory. Rare words
weigh most; common ones weigh half, so that a short question is found by them too. Where vectors are at hand (`clustering.vectors`),
their cosine counts first. The index follows the knowledge base whenever it is asked. What it
answers depends on what it holds, never on the order in which that came; ties go by the order of issues. The postings that a search may
touch are bounded, so that it stays in milliseconds. Calls no network, writes no file, decides nothing; for one thread at a time.
"""

import heapq
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass

from clustering.vectors import Embed, IssueVectors
from clustering.words import STOP_WORDS, cosine, terms
from knowledge.base import KnowledgeBase
from knowledge.conversation import Conversation, customer_text
from knowledge.issue import Card, Issue, in_id_order, sort_key

CANDIDATES = 20
"""Issues offered when words choose them; up to so many known ones all are. The right one is among them in 98 to 100 of 100 cases
(benchmarks.recall); with 12, models that slip lose .004 to .026 of ARI, 40 gain nothing."""

VECTOR_CANDIDATES = 12
"""Issues offered when vectors choose as well: ARI stays 1.000, and a ticket costs an eighth fewer tokens."""

WORDS_SHARE = 0.3
"""What the cosine of words counts for beside that of vectors. Of short questions 975 in 1 000 have their issue among 12 (971 with a
fusion of ranks, 955 by words alone); 0.2 and 0.35 are as good, from 0.75 on it is less (benchmarks.recall)."""

EXEMPLARS = 12
"""Tickets of one issue that the index holds; with 8 the right issue is missing from 20 once more in 500 searches, with 16 it is not found
more often."""

COMMON = 0.5
"""What a common word weighs beside a telling one. Without common words 1 to 2 in 100 short questions more do not find their issue."""

MAX_POSTINGS = 15_000
"""Pairs of word and issue that one search may touch: about 2 ms."""

WORDS_KEPT = 120
"""Different words of a text that count."""

MAX_INDEXED = 2_000
"""Tickets up to which an index that is made for a question about nearness holds conversations; beyond it, the cards alone."""

_AT_ONCE = 64  # issues whose texts are read, and their vectors asked for, at a time

Key = Card | int
"""What tells an issue's texts apart: its card, and the ids of tickets."""
ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]


@dataclass(frozen=True, slots=True)
class TicketText:
    """What the index knows of a ticket: its day (`YYYY-MM-DD`), and subject with what the customer said."""

    ticket_id: int
    day: str
    text: str

    @classmethod
    def of(cls, conversation: Conversation) -> "TicketText":
        """The facts of a conversation."""
        said = f"{conversation['subject']}\n{customer_text(conversation)}"
        return cls(conversation["ticket_id"], conversation["created_at"][:10], said)


class WordIndex:
    """Issues by the words of their texts: for each word, the issues that hold it and its share in their centroids."""

    def __init__(self) -> None:
        self._holders: dict[str, dict[str, float]] = {}
        self._texts: dict[str, dict[Key, Sequence[str]]] = {}

    def held(self, issue_id: str) -> KeysView[Key]:
        """The keys of the texts that are held of an issue."""
        return self._texts.get(issue_id, {}).keys()

    def put(self, issue_id: str, fresh: Mapping[Key, str], *, keys: Iterable[Key]) -> None:
        """Hold of an issue just the texts with these keys, `fresh` ones and those held already; without any, it is forgotten."""
        old = self._texts.pop(issue_id, {})
        for term in {term for words in old.values() for term in words}:
            del self._holders[term][issue_id]
            if not self._holders[term]:
                del self._holders[term]
        known = old | {key: _kept(text) for key, text in fresh.items()}
        texts = {key: known[key] for key in keys if key in known}
        if texts:
            self._texts[issue_id] = texts
        for term, share in _centroid(texts.values()).items():
            self._holders.setdefault(term, {})[issue_id] = share

    def weight(self, term: str) -> float:
        """The inverse frequency of a word among issues, smoothed; half for common words."""
        rarity = math.log(1 + (len(self._texts) + 1) / (len(self._holders.get(term, ())) + 0.5))
        return rarity * (COMMON if term in STOP_WORDS else 1.0)

    def vector(self, words: Iterable[str]) -> dict[str, float]:
        """Words with their weights, of length one."""
        return _normed({term: self.weight(term) for term in words})

    def centroid(self, issue_id: str, *, without: int = 0) -> dict[str, float]:
        """The words of an issue's texts with their weights, of length one; empty for an unknown issue."""
        return _normed({term: share * self.weight(term) for term, share in self._shares(issue_id, without).items()})

    def scores(self, weights: Mapping[str, float], *, without: tuple[str, int] = ("", 0)) -> Mapping[str, float]:
        """How much of these weights issues hold, those that hold any; `without` is an issue's ticket that does not count."""
        scores: defaultdict[str, float] = defaultdict(float)
        counted = {term: weights[term] for term in self._bounded(weights)}
        for term, weight in counted.items():
            for issue_id, share in self._holders[term].items():
                scores[issue_id] += weight * share
        if without[0] in scores:
            scores[without[0]] = sum(share * counted.get(term, 0.0) for term, share in self._shares(*without).items())
        return scores

    def _shares(self, issue_id: str, ticket_id: int) -> dict[str, float]:
        """The centroid of an issue's texts but for one ticket's."""
        return _centroid(words for key, words in self._texts.get(issue_id, {}).items() if key != ticket_id)

    def _bounded(self, weights: Mapping[str, float]) -> Iterator[str]:
        """The rarest known words, as many as keep the postings within the bound; one at least."""
        postings = 0
        for held, term in sorted((len(self._holders[term]), term) for term in weights if term in self._holders):
            if postings and postings + held > MAX_POSTINGS:
                return
            postings += held
            yield term


class Candidates:
    """The issues of a knowledge base that a ticket could belong to. `embed` gives vectors of texts, or None when there are none."""

    def __init__(self, base: KnowledgeBase, *, conversation_of: ConversationOf, embed: Embed | None = None) -> None:
        self._base, self._conversation_of = base, conversation_of
        self._words = WordIndex()
        self._vectors = IssueVectors(embed) if embed else None
        self._mark = -1
        self._asked_about: dict[int, str] = {}  # texts of tickets that are not placed yet: they need not be read from disk

    @property
    def filled(self) -> bool:
        """True when the index was needed and is filled."""
        return self._mark >= 0

    @property
    def count(self) -> int:
        """How many issues are offered at the most."""
        return VECTOR_CANDIDATES if self.by_vectors else CANDIDATES

    @property
    def by_vectors(self) -> bool:
        """True where vectors are at hand."""
        return self._vectors is not None and self._vectors.usable

    def expect(self, texts: Iterable[str]) -> None:
        """Have vectors made of these texts, as many at once as the model takes."""
        if self._vectors:
            self._vectors.expect(texts)

    def offered(self, ticket: TicketText, *, leaving: Collection[int]) -> list[Issue]:
        """Issues to offer for a ticket, in id order; none that is held back or all of whose tickets are `leaving` (to be decided again)."""
        self._asked_about[ticket.ticket_id] = ticket.text
        wanted = self.count
        while True:
            found = [self._base.issues[name] for name in self.search(ticket.text, wanted, ticket_id=ticket.ticket_id)]
            stays = [issue for issue in found if _is_offered(issue, leaving)]
            if len(stays) >= self.count or len(found) < wanted:
                return in_id_order(stays[: self.count])
            wanted *= 4

    def search(self, text: str, count: int, *, ticket_id: int = 0) -> list[str]:
        """At most `count` issue ids, the likeliest first, filled up with the largest; the ticket `ticket_id` itself does not count."""
        self._follow()
        home = self._base.home(ticket_id)
        without = (home.issue_id if home else "", ticket_id)
        scores = self._words.scores(self._words.vector(_kept(text)), without=without)
        if self._vectors and (near := self._vectors.scores(text, without=without)):
            scores = {name: score + WORDS_SHARE * scores.get(name, 0.0) for name, score in near.items()}
        found = best(scores, count)
        if len(found) < count:
            issues = self._base.issues
            found += heapq.nsmallest(2 * count, issues, key=lambda name: (-len(issues[name].tickets), sort_key(name)))
        return list(dict.fromkeys(found))[:count]

    def similarity(self, ticket: TicketText, issue_id: str) -> float:
        """How much a ticket has in common with what else was said in an issue, 0 to 1."""
        self._follow()
        rest = self._words.centroid(issue_id, without=ticket.ticket_id)
        return round(cosine(self._words.vector(_kept(ticket.text)), rest), 6)

    def closeness(self, ticket: TicketText) -> float:
        """How much a ticket has in common with the issue most like it, 0 to 1."""
        return max((self.similarity(ticket, name) for name in self.search(ticket.text, 1, ticket_id=ticket.ticket_id)), default=0.0)

    def nearest(self, issue: Issue, count: int) -> list[str]:
        """Ids of the `count` other issues most like one, the most alike first; fewer where no word is shared."""
        self._follow()
        near = best(self._words.scores(self._words.centroid(issue.issue_id)), count + 1)
        return [name for name in near if name != issue.issue_id][:count]

    def weigher(self) -> Callable[[str], dict[str, float]]:
        """A function from a text to its words with their weights, of length one, as issues are now."""
        self._follow()
        return lambda text: self._words.vector(_kept(text))

    def conversations(self, ticket_ids: Iterable[int]) -> list[Conversation]:
        """The stored conversations of tickets, as far as they are there."""
        found = (self._conversation_of(ticket_id) for ticket_id in ticket_ids)
        return [conversation for conversation in found if conversation is not None]

    def _follow(self) -> None:
        """Bring the index to hold the issues as they are now: their cards, and just their exemplars."""
        if self._mark == self._base.mark:
            return
        changed = list(self._base.issues) if self._mark < 0 else self._base.changed_since(self._mark)
        for start in range(0, len(changed), _AT_ONCE):
            keys = {name: self._keys(name) for name in changed[start : start + _AT_ONCE]}
            fresh = {name: self._texts(key for key in keys[name] if key not in self._words.held(name)) for name in keys}
            self.expect(text for texts in fresh.values() for text in texts.values())
            for name in keys:
                if not fresh[name] and self._words.held(name) <= set(keys[name]):
                    continue
                self._words.put(name, fresh[name], keys=keys[name])
                if self._vectors:
                    self._vectors.put(name, fresh[name], keys=keys[name])
        self._mark = self._base.mark
        self._asked_about = {ticket_id: text for ticket_id, text in self._asked_about.items() if self._base.home(ticket_id) is None}

    def _keys(self, name: str) -> list[Key]:
        """What of an issue is held: its card and its exemplars; nothing of one that is gone."""
        issue = self._base.issues.get(name)
        return [issue.card, *sorted(exemplars(issue))] if issue else []

    def _texts(self, keys: Iterable[Key]) -> dict[Key, str]:
        """The texts of cards and of those tickets that are there."""
        found = {key: card_text(key) if isinstance(key, Card) else self._text_of(key) for key in keys}
        return {key: text for key, text in found.items() if text is not None}

    def _text_of(self, ticket_id: int) -> str | None:
        if ticket_id in self._asked_about:
            return self._asked_about[ticket_id]
        conversation = self._conversation_of(ticket_id)
        return None if conversation is None else TicketText.of(conversation).text


def nearest_issues(issues: dict[str, Issue], conversation_of: ConversationOf, *, known: Candidates | None = None) -> Nearest:
    """A function from subject, text, ticket id and a number to the ids of as many issues most like the ticket, the most alike first.

    `known` holds these issues already; without it they are taken in when the function is first called.
    """
    small = sum(len(issue.tickets) for issue in issues.values()) <= MAX_INDEXED
    at_hand = known or Candidates(KnowledgeBase(issues), conversation_of=conversation_of if small else lambda _ticket_id: None)
    return lambda subject, text, ticket_id, count: at_hand.search(f"{subject}\n{text}", count, ticket_id=ticket_id)


def best(scores: Mapping[str, float], count: int) -> list[str]:
    """The `count` names with the highest scores above nought, the highest first; what differs in the seventh digit only goes by name."""
    floor = max(1e-6, min(heapq.nlargest(count, scores.values()), default=0.0) - 1e-6)
    highest = {name: round(score, 6) for name, score in scores.items() if score >= floor}
    return sorted(highest, key=lambda name: (-highest[name], sort_key(name)))[:count]


def card_text(card: Card) -> str:
    """What the index reads of a card."""
    return "\n".join((card.category, card.short_description, ", ".join(card.keywords), card.root_cause))


def exemplars(issue: Issue, limit: int = EXEMPLARS) -> list[int]:
    """Tickets that speak for an issue: those that a person placed, then a fixed sample of the others.

    Depends on the issue alone, not on the order in which tickets came, so that a resumed run has the same index.
    """
    reviewed = set(issue.reviewed)
    return heapq.nsmallest(limit, issue.tickets, key=lambda ticket: (ticket not in reviewed, zlib.crc32(b"%d" % ticket), ticket))


def _is_offered(issue: Issue, leaving: Collection[int]) -> bool:
    stays = not issue.tickets or any(ticket not in leaving for ticket in issue.tickets)
    return stays and issue.held_back is None


def _kept(text: str) -> tuple[str, ...]:
    """The first words of a text, each once."""
    return terms(text)[:WORDS_KEPT]


def _centroid(texts: Iterable[Sequence[str]]) -> dict[str, float]:
    """The sum of texts of length one, brought to length one; each text holds a word once."""
    total: dict[str, float] = {}
    for words in texts:
        common = STOP_WORDS.intersection(words)
        share = 1 / math.sqrt(len(words) - (1 - COMMON**2) * len(common) or 1.0)
        for word in words:
            total[word] = total.get(word, 0.0) + (share * COMMON if word in common else share)
    return _normed(total)


def _normed(weights: dict[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / length for word, weight in weights.items()} if length else {}
