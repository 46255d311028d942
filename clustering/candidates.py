"""The known issues that a ticket could belong to, found by the words of the tickets already placed.

An inverted index in memory, scored as BM25 does: each issue is in it with what its customers wrote and with its card, and stands as high
as the best of these. Everything it answers depends on what it holds now, not on the order in which that came; ties go by the order of
issues. The words and postings that a search may touch are bounded, so that it stays in milliseconds. It calls no network, writes no
file, decides nothing, and is used by one thread at a time.

(SQLite's FTS5 does the same at 1.1 µs a posting; lists of row numbers take a fifth of that, which is what counts at 100 000 tickets.)
"""

import bisect
import dataclasses
import heapq
import itertools
import math
import operator
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from clustering.related_words import with_related
from clustering.words import WordWeights, cosine, split_words, words
from knowledge.base import KnowledgeBase, in_id_order
from knowledge.conversation import Conversation, customer_text
from knowledge.issue import Card, Issue, sort_key

RESEMBLES = 0.12
LOOKS_ALIKE = 0.05
MAX_TERMS = 32
MAX_POSTINGS = 15_000
_WORDS_KEPT = 120
_ROWS_WEIGHED = 200  # rows that are scored by every word of the question, not by its rarest words alone
_SUBJECT_WEIGHT = 1.5
_SECOND_BEST = 0.3
_LOOKALIKES_EACH = 4
_FULL_STANDING = math.log(1.5 + 16)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The words of one ticket or card, each once: telling ones of subject and text, and common ones."""

    issue_id: str
    subject: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    common: tuple[str, ...] = ()

    @property
    def telling(self) -> tuple[str, ...]:
        return self.subject + self.text

    @property
    def terms(self) -> tuple[str, ...]:
        return self.subject + self.text + self.common


@dataclass(slots=True)
class _Member:
    """What the index holds of one issue: the row of each of its tickets, and its card."""

    tickets: dict[int, int] = field(default_factory=dict)
    card: tuple[str, ...] = ()
    card_row: int = 0


class _WeightsOnce(dict[str, float]):
    """Weights of words, each worked out when it is first asked for."""

    def __init__(self, weights: WordWeights) -> None:
        self._weights = weights

    def __missing__(self, term: str) -> float:
        self[term] = self._weights.weight(term)
        return self[term]


class CandidateIndex:
    """Issues by what the tickets said that it is given; how many an issue that are is not decided here."""

    def __init__(self) -> None:
        self._weights = WordWeights()
        self._tickets: dict[int, _Entry] = {}
        self._issues: dict[str, _Member] = {}
        self._rows = _Rows(self._weights)
        self._vectors_now: dict[str, dict[str, float]] = {}  # of issues, until anything changes
        self._weights_now = _WeightsOnce(self._weights)

    def expect(self, texts: Iterable[str]) -> None:
        """Make ready for texts that will be placed or searched for; nothing to do where words alone count."""

    def put_ticket(self, ticket_id: int, issue_id: str, *, subject: str, text: str) -> None:
        """Place a ticket under an issue; one that stands elsewhere moves."""
        self.drop_ticket(ticket_id)
        self._forget_vectors()
        entry = _Entry(issue_id, *_terms(subject, text))
        self._tickets[ticket_id] = entry
        self._weights.add(entry.terms)
        member = self._issues.setdefault(issue_id, _Member())
        member.tickets[ticket_id] = self._rows.add(entry)

    def put_card(self, issue_id: str, text: str) -> None:
        """Make an issue findable by its card's text, in place of an earlier one."""
        self._forget_vectors()
        member = self._issues.setdefault(issue_id, _Member())
        self._rows.drop(member.card_row)
        entry = _Entry(issue_id, *_terms("", text))
        member.card = entry.telling
        member.card_row = self._rows.add(entry)

    def tickets_of(self, issue_id: str) -> set[int]:
        """The tickets that are placed under an issue, empty for an unknown one."""
        member = self._issues.get(issue_id)
        return set(member.tickets) if member else set()

    def drop_ticket(self, ticket_id: int) -> None:
        """Forget a ticket; nothing happens if it is not there. An issue stays known without tickets."""
        entry = self._tickets.pop(ticket_id, None)
        if entry is None:
            return
        self._forget_vectors()
        self._weights.remove(entry.terms)
        self._rows.drop(self._issues[entry.issue_id].tickets.pop(ticket_id))

    def drop_issue(self, issue_id: str) -> None:
        """Forget an issue with its card and tickets."""
        member = self._issues.get(issue_id)
        if member is None:
            return
        for ticket_id in sorted(member.tickets):
            self.drop_ticket(ticket_id)
        self._rows.drop(member.card_row)
        self._forget_vectors()
        del self._issues[issue_id]

    def move_issue(self, old_id: str, new_id: str) -> None:
        """Count all tickets of `old_id` for `new_id`, as after a merge; the card of `old_id` is forgotten."""
        old = self._issues.get(old_id)
        if old is None or old_id == new_id:
            return
        self._forget_vectors()
        for row in (*old.tickets.values(), old.card_row):
            self._rows.drop(row)
        del self._issues[old_id]
        new = self._issues.setdefault(new_id, _Member())
        for ticket_id in sorted(old.tickets):
            self._tickets[ticket_id] = dataclasses.replace(self._tickets[ticket_id], issue_id=new_id)
            new.tickets[ticket_id] = self._rows.add(self._tickets[ticket_id])

    def search(self, *, subject: str, text: str, k: int, exclude_ticket: int | None = None) -> list[str]:
        """At most `k` issue ids, the likeliest first; filled up with the largest issues when words find too few.

        `exclude_ticket` is a ticket that must not count, because it is the one that is asked about.
        """
        first, rest, common = _terms(subject, text)
        hidden = self._row_of(exclude_ticket)
        found = self._ranked([*first[: MAX_TERMS // 2], *self._rarest(rest)], hidden)
        if len(found) < k:
            found += self._ranked(self._rarest(common), hidden)
        if len(set(found)) < k:
            found += heapq.nsmallest(2 * k, self._issues, key=lambda name: (-len(self._issues[name].tickets), sort_key(name)))
        return list(dict.fromkeys(found))[:k]

    def likeness(self, *, subject: str, text: str, issue_ids: Iterable[str], exclude_ticket: int | None = None) -> dict[str, float]:
        """By issue id, how much a ticket has in common with each issue, 0 to 1: the cosine to the centroid of what was said there."""
        own = self.word_vector(f"{subject}\n{text}")
        return {issue_id: round(cosine(own, self._said_in(issue_id, exclude_ticket)), 6) for issue_id in issue_ids}

    def kinship(self, issue_id: str, other: str) -> float:
        """How much two issues have in common, 0 to 1: the cosine of the centroids of what was said there."""
        return round(cosine(self._said_in(issue_id), self._said_in(other)), 6)

    def resemblance(self, text_a: str, text_b: str) -> float:
        """How much two texts have in common, 0 to 1: cosine of their words, rare ones weighing most."""
        return cosine(self.word_vector(text_a), self.word_vector(text_b))

    def word_vector(self, text: str) -> dict[str, float]:
        """The words of a text with their weights in this index, of length one."""
        return self._weights.vector(with_related(words(text)))

    def lookalikes(self, issue_ids: Collection[str]) -> list[tuple[str, str, float]]:
        """Pairs of issues that may be one, as (one of `issue_ids`, another issue, likeness), the likeliest first; each pair once."""
        pairs: dict[tuple[str, str], tuple[str, str, float]] = {}
        for issue_id in sorted(self._issues.keys() & set(issue_ids), key=sort_key):
            for other, score in self._nearest(issue_id):
                pairs.setdefault((min(issue_id, other), max(issue_id, other)), (issue_id, other, score))
        return sorted(pairs.values(), key=lambda pair: (-pair[2], sort_key(pair[0]), sort_key(pair[1])))

    def _nearest(self, issue_id: str) -> list[tuple[str, float]]:
        """The few issues most like one issue, by the cosine of all that was said in them."""
        own = self._said_in(issue_id)
        terms = heapq.nsmallest(MAX_TERMS, own, key=lambda term: (-own[term], term))
        near = [other for other in self._ranked(terms, 0) if other != issue_id][:20]
        scored = [(other, round(cosine(own, self._said_in(other)) * self._standing(other), 6)) for other in near]
        alike = [(other, score) for other, score in scored if score >= LOOKS_ALIKE]
        return sorted(alike, key=lambda item: (-item[1], sort_key(item[0])))[:_LOOKALIKES_EACH]

    def _standing(self, issue_id: str) -> float:
        """What an issue's size adds to its likeness: a stray ticket belongs to a large issue rather than to another stray one."""
        return math.log(1.5 + len(self._issues[issue_id].tickets)) / _FULL_STANDING

    def _said_in(self, issue_id: str, without: int | None = None) -> dict[str, float]:
        """The centroid of an issue's tickets and card, one ticket left out, of length one; empty for an unknown issue."""
        member = self._issues.get(issue_id, _Member())
        if without in member.tickets:
            return self._centroid(member, without)
        if issue_id not in self._vectors_now:
            self._vectors_now[issue_id] = self._centroid(member, None)
        return self._vectors_now[issue_id]

    def _centroid(self, member: _Member, without: int | None) -> dict[str, float]:
        """The sum of unit vectors, brought to length one; each text holds a word once."""
        spoken = [self._tickets[ticket_id].telling for ticket_id in sorted(member.tickets) if ticket_id != without]
        total: dict[str, float] = {}
        weight_of = self._weights_now.__getitem__
        for terms in (*spoken, member.card):
            values = list(map(weight_of, terms))
            length = math.sqrt(sum(map(operator.mul, values, values)))
            for term, value in zip(terms, values, strict=True):
                total[term] = total.get(term, 0.0) + value / length
        length = math.sqrt(sum(value * value for value in total.values()))
        return {term: value / length for term, value in total.items()} if length else {}

    def _forget_vectors(self) -> None:
        """What was worked out holds until anything changes."""
        self._vectors_now.clear()
        self._weights_now.clear()

    def _rarest(self, terms: Iterable[str]) -> list[str]:
        return sorted(terms, key=lambda term: (self._weights.texts_with(term), term))

    def _ranked(self, terms: Sequence[str], hidden: int) -> list[str]:
        """Issues that hold any of `terms`, by their best row and a little of their second best."""
        scores: dict[str, list[float]] = {}
        for issue_id, score in self._rows.best(terms[:MAX_TERMS], hidden):
            scores.setdefault(issue_id, []).append(score)
        points = {issue_id: round(max(found) + _SECOND_BEST * sum(sorted(found)[-2:-1]), 6) for issue_id, found in scores.items()}
        return sorted(points, key=lambda issue_id: (-points[issue_id], sort_key(issue_id)))

    def _row_of(self, ticket_id: int | None) -> int:
        entry = self._tickets.get(ticket_id) if ticket_id is not None else None
        return self._issues[entry.issue_id].tickets.get(ticket_id or 0, 0) if entry else 0


class _Rows:
    """Entries by row number, and for each word the rows that hold it."""

    def __init__(self, weights: WordWeights) -> None:
        self._weights = weights
        self._entries: dict[int, _Entry] = {}
        self._rows_with: dict[str, list[int]] = {}  # ascending, since row numbers only grow
        self._next_row = 1
        self._length = 0

    def add(self, entry: _Entry) -> int:
        """The row number of a new entry, from 1."""
        row = self._next_row
        self._next_row += 1
        self._entries[row] = entry
        self._length += len(entry.terms)
        for term in set(entry.terms):
            self._rows_with.setdefault(term, []).append(row)
        return row

    def drop(self, row: int) -> None:
        """Forget a row; nothing happens for 0 or one that is gone."""
        entry = self._entries.pop(row, None)
        if entry is None:
            return
        self._length -= len(entry.terms)
        for term in set(entry.terms):
            rows = self._rows_with[term]
            del rows[bisect.bisect_left(rows, row)]
            if not rows:
                del self._rows_with[term]

    def best(self, terms: Sequence[str], hidden: int) -> list[tuple[str, float]]:
        """Issue and score of the rows that hold most of the weight of `terms`; the row `hidden` is left out.

        The rarest words find the rows, as many words as the bound on postings allows; then all words weigh the best of those.
        """
        weights = {term: self._weights.weight(term) for term in terms}
        sums: dict[int, float] = {}
        for term in self._bounded(terms):
            weight = weights[term]
            for row in self._rows_with[term]:
                sums[row] = sums.get(row, 0.0) + weight
        sums.pop(hidden, None)
        average = self._length / max(1, len(self._entries))
        return [(self._entries[row].issue_id, self._score(row, weights, average)) for row in self._heaviest(sums)]

    def _heaviest(self, sums: dict[int, float]) -> list[int]:
        """The rows with the highest sums; among equal ones what the rows hold decides, never the order in which they came."""
        if len(sums) <= _ROWS_WEIGHED:
            return list(sums)
        floor = heapq.nlargest(_ROWS_WEIGHED, sums.values())[-1]
        above = [row for row, score in sums.items() if score > floor]
        equal = [row for row, score in sums.items() if score == floor]
        return above + heapq.nsmallest(_ROWS_WEIGHED - len(above), equal, key=self._content)

    def _content(self, row: int) -> tuple[int, tuple[str, ...], str]:
        entry = self._entries[row]
        return len(entry.terms), entry.terms, entry.issue_id

    def _bounded(self, terms: Sequence[str]) -> list[str]:
        """The rarest of `terms`, as many as keep the postings within the bound; one at least."""
        known = sorted((len(self._rows_with[term]), term) for term in terms if term in self._rows_with)
        postings = itertools.accumulate(count for count, _ in known)
        return [term for place, ((_, term), total) in enumerate(zip(known, postings, strict=True)) if place == 0 or total <= MAX_POSTINGS]

    def _score(self, row: int, weights: dict[str, float], average: float) -> float:
        entry = self._entries[row]
        subject = sum(weights[term] for term in entry.subject if term in weights)
        rest = sum(weights[term] for term in entry.text + entry.common if term in weights)
        return (_SUBJECT_WEIGHT * subject + rest) * self._shortness(row, average)

    def _shortness(self, row: int, average: float) -> float:
        """BM25's discount for long texts, k1 1.2 and b 0.75, for words that count once."""
        return 2.2 / (1.3 + 0.9 * len(self._entries[row].terms) / average)


def _terms(subject: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Telling words of the subject, further ones of the text, common words of both; each once."""
    first, common = split_words(subject)
    rest, more_common = split_words(text)
    telling = dict.fromkeys(with_related(first))
    further = dict.fromkeys(term for term in with_related(rest) if term not in telling)
    return _interned(telling), _interned(further), _interned(dict.fromkeys(common + more_common))


def _interned(terms: Iterable[str]) -> tuple[str, ...]:
    """The first words, each text held once in memory however many tickets have it."""
    return tuple(map(sys.intern, itertools.islice(terms, _WORDS_KEPT)))


CANDIDATES = 26
"""Up to this many issues all are offered; beyond it the index picks as many."""

EXEMPLARS = 16
"""Tickets of one issue that the index holds."""

MAX_INDEXED = 2_000
"""Tickets up to which an index that is made for a question about nearness holds conversations; beyond it, the cards alone."""

ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]


@dataclass(frozen=True, slots=True)
class TicketText:
    """What the index knows of a ticket: its day (`YYYY-MM-DD`), subject, and what the customer said."""

    ticket_id: int
    day: str
    subject: str
    text: str

    @classmethod
    def of(cls, conversation: Conversation) -> "TicketText":
        """The facts of a conversation."""
        return cls(conversation["ticket_id"], conversation["created_at"][:10], conversation["subject"], customer_text(conversation))

    @property
    def whole(self) -> str:
        """Subject and text together."""
        return f"{self.subject}\n{self.text}"


class Candidates:
    """The issues of a knowledge base that a ticket could belong to. The index follows what changed there whenever it is asked."""

    def __init__(
        self, base: KnowledgeBase, *, conversation_of: ConversationOf, new_index: Callable[[], CandidateIndex] = CandidateIndex
    ) -> None:
        self._base, self._conversation_of, self._new_index = base, conversation_of, new_index
        self._index: CandidateIndex | None = None
        self._mark = 0
        self._cards: dict[str, Card] = {}
        self._asked_about: dict[int, TicketText] = {}  # and not placed yet: they need not be read from disk

    @property
    def index(self) -> CandidateIndex:
        """The candidate index, filled from cards and stored conversations when first needed, and up to date."""
        if self._index is None:
            self._index = self._new_index()
            texts = (self._text_of(ticket_id) for issue in self._base.issues.values() for ticket_id in exemplars(issue))
            self._index.expect(ticket.whole for ticket in texts if ticket is not None)
            self._follow(self._index, list(self._base.issues))
        elif self._mark != self._base.mark:
            self._follow(self._index, self._base.changed_since(self._mark))
        return self._index

    @property
    def ready_index(self) -> CandidateIndex | None:
        """The candidate index if it is filled."""
        return None if self._index is None else self.index

    def offered(self, ticket: TicketText, *, leaving: Collection[int]) -> list[Issue]:
        """Issues to offer for a ticket, in id order; none that is held back or all of whose tickets are `leaving` (to be decided again)."""
        self._asked_about[ticket.ticket_id] = ticket
        wanted = CANDIDATES
        while True:
            found = self.likeliest(ticket, wanted)
            stays = [issue for issue in found if _is_offered(issue, leaving)]
            if len(stays) >= CANDIDATES or len(found) < wanted:
                return in_id_order(stays[:CANDIDATES])
            wanted *= 4

    def likeliest(self, ticket: TicketText, count: int) -> list[Issue]:
        """The `count` issues that a ticket is likeliest to belong to, the likeliest first; all, in any order, if there are few."""
        issues = self._base.issues
        if len(issues) <= min(count, CANDIDATES):
            return list(issues.values())
        ids = self.index.search(subject=ticket.subject, text=ticket.text, k=count, exclude_ticket=ticket.ticket_id)
        return [issues[issue_id] for issue_id in ids]

    def likeness(self, ticket: TicketText, issues: Iterable[Issue]) -> dict[str, float]:
        """By issue id, how many telling words a ticket has in common with what was said in each of `issues`, 0 to 1."""
        ids = [issue.issue_id for issue in issues]
        return self.index.likeness(subject=ticket.subject, text=ticket.text, issue_ids=ids, exclude_ticket=ticket.ticket_id)

    def nearest(self, issue: Issue, count: int) -> list[str]:
        """Ids of the `count` other issues most like one, the most alike first."""
        return [other for _, other, _ in self.index.lookalikes([issue.issue_id])][:count]

    def conversations(self, ticket_ids: Iterable[int]) -> list[Conversation]:
        """The stored conversations of tickets, as far as they are there."""
        found = (self._conversation_of(ticket_id) for ticket_id in ticket_ids)
        return [conversation for conversation in found if conversation is not None]

    def _follow(self, index: CandidateIndex, changed: Iterable[str]) -> None:
        """Bring the index to hold these issues as they are now: their cards, and just their exemplars."""
        for name in changed:
            issue = self._base.issues.get(name)
            if issue is None:
                index.drop_issue(name)
                self._cards.pop(name, None)
                continue
            if self._cards.get(name) != issue.card:
                self._cards[name] = issue.card
                index.put_card(name, card_text(issue.card))
            self._hold_exemplars(index, issue)
        self._mark = self._base.mark
        self._asked_about = {ticket_id: text for ticket_id, text in self._asked_about.items() if self._base.home(ticket_id) is None}

    def _hold_exemplars(self, index: CandidateIndex, issue: Issue) -> None:
        wanted, held = set(exemplars(issue)), index.tickets_of(issue.issue_id)
        for ticket_id in held - wanted:
            index.drop_ticket(ticket_id)
        for ticket_id in sorted(wanted - held):
            ticket = self._asked_about.get(ticket_id) or self._text_of(ticket_id)
            if ticket is not None:
                index.put_ticket(ticket_id, issue.issue_id, subject=ticket.subject, text=ticket.text)

    def _text_of(self, ticket_id: int) -> TicketText | None:
        conversation = self._conversation_of(ticket_id)
        return None if conversation is None else TicketText.of(conversation)


def _is_offered(issue: Issue, leaving: Collection[int]) -> bool:
    stays = not issue.tickets or any(ticket not in leaving for ticket in issue.tickets)
    return stays and issue.held_back is None


def nearest_issues(issues: dict[str, Issue], conversation_of: ConversationOf, *, index: CandidateIndex | None = None) -> Nearest:
    """A function from subject, text, ticket id and a number to the ids of as many issues most like the ticket, the most alike first.

    `index` is one that holds these issues already; without it one is made when the function is first called.
    """
    made: list[CandidateIndex] = [] if index is None else [index]

    def nearest(subject: str, text: str, ticket_id: int, count: int) -> list[str]:
        if not made:
            small = sum(len(issue.tickets) for issue in issues.values()) <= MAX_INDEXED
            made.append(Candidates(KnowledgeBase(issues), conversation_of=conversation_of if small else lambda _: None).index)
        return made[0].search(subject=subject, text=text, k=count, exclude_ticket=ticket_id)

    return nearest


def card_text(card: Card) -> str:
    """What the index reads of a card."""
    return "\n".join((card.category, card.short_description, ", ".join(card.keywords), card.root_cause))


def exemplars(issue: Issue, limit: int = EXEMPLARS) -> list[int]:
    """Tickets that speak for an issue: those that a person placed, then a fixed sample of the others.

    Depends on the issue alone, not on the order in which tickets came, so that a resumed run has the same index.
    """
    reviewed = set(issue.reviewed)
    return heapq.nsmallest(limit, issue.tickets, key=lambda ticket: (ticket not in reviewed, zlib.crc32(b"%d" % ticket), ticket))
