"""The second look at the whole: issues that look alike are put to the model in small groups, tickets that are alone in their issue are
asked about once more, then cards are rewritten from their tickets.

All questions of a step are asked before anything is changed, so the outcome does not depend on which answer came first. People's
decisions bound it: issues they told apart, placed tickets in, or wrote are never merged away. An unusable answer changes nothing.
"""

import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clustering.answers import MergeGroup, parse_card, parse_merge
from clustering.candidates import Candidates, TicketText, exemplars
from clustering.issue_groups import question_groups
from clustering.question import Verdict, agent_spoke, ask_where, shortened_for_card, talks_to_model, with_fix_marked, without_orders
from knowledge.base import By, KnowledgeBase, in_id_order, oldest_first
from knowledge.conversation import Conversation
from knowledge.issue import Card, Issue
from llm.protocol import AnswerUnusable, Ask, ContextTooLong
from prompts_config import CARD_SCHEMA, MERGE_SCHEMA, Prompts

logger = logging.getLogger(__name__)
T = TypeVar("T")

Submit = Callable[[Callable[[], Any]], "Future[Any]"]
Pair = frozenset[str]

MERGE_SURE = 0.8
"""A merge needs more than a match: a false one hides a problem."""
ALIKE = 0.2
"""From this on, descriptions and customers' words (0 to 1 each, added) bear out that two issues may be one."""
GROWN = 3
"""Two issues that have each drawn so many tickets were told apart that often: one answer does not undo that."""
GROUP_SIZE = 3
MAX_ROUNDS = 5
QUOTES_AN_ISSUE = 3
CARD_TICKETS = 5
RIVALS = 2
"""So many other issues stand beside the one that a lone ticket is to confirm."""
LONE_CANDIDATES = 90
"""So many issues are offered to a ticket that is alone in its own: about three times as many as when it came."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge that was done: `gone` is now an alias of `kept`."""

    kept: str
    gone: str
    confidence: float


@dataclass(slots=True)
class Consolidation:
    """One pass over the issues that a run touched."""

    base: KnowledgeBase
    known: Candidates
    ask: Ask
    prompts: Prompts
    submit: Submit
    _told_apart: set[Pair] = field(default_factory=set)
    _hearsay: dict[tuple[int, ...], bool] = field(default_factory=dict)  # by tickets: an issue is paired with many

    def merge_lookalikes(self, touched: Collection[str]) -> Iterator[Merged]:
        """The merges done, in order; a few rounds, since a merged issue can look like another one.

        Each is told as soon as it is done: what ends the run in a later round cannot hide it.
        """
        names = {name for name in touched if name in self.base.issues}
        for _ in range(MAX_ROUNDS):
            groups = self._groups(names)
            answers = self._ask_all(self._merge_question(group) for group in groups)
            done = self._merge(groups, answers)
            if not done:
                return
            yield from done
            names = {merge.kept for merge in done if merge.kept in self.base.issues}

    def place_lone_tickets(self, touched: Collection[str]) -> Iterator[Merged]:
        """Ask once more about each ticket that is alone in its issue, now that all issues are known; merge what belongs together.

        What lookalikes cannot find, since no word is shared. A ticket whose answer names an issue that changed meanwhile is asked again.
        """
        names = set(touched)
        for _ in range(MAX_ROUNDS):
            lone = in_id_order(issue for name in names if (issue := self.base.issues.get(name)) and self._is_lone(issue))
            homes = self._homes(lone)
            changed: set[str] = set()
            names = set()
            for issue in lone:
                if issue.issue_id not in homes:
                    continue
                home, confidence = homes[issue.issue_id]
                if changed & {issue.issue_id, home}:
                    names.add(issue.issue_id)
                    continue
                keep, gone = oldest_first((issue, self.base.issues[home]))
                self.base.merge(keep, gone, by=By.MODEL)
                changed |= {keep.issue_id, gone.issue_id}
                yield Merged(keep.issue_id, gone.issue_id, confidence)

    def _homes(self, lone: Sequence[Issue]) -> dict[str, tuple[str, float]]:
        """By a lone issue's id, the issue that its ticket surely belongs to, and how surely.

        Where no words bear that out, the answer must be the same with just a few issues shown: among many, weak models slip.
        """
        homes = self._sure_of(lone, self._ask_all([self._lone_question(issue) for issue in lone]))
        doubted = [issue for issue in lone if issue.issue_id in homes and not self._alike(issue.issue_id, homes[issue.issue_id][0])]
        again = self._sure_of(doubted, self._ask_all([self._lone_question(issue, beside=homes[issue.issue_id][0]) for issue in doubted]))
        for name in (issue.issue_id for issue in doubted):
            if name not in again or again[name][0] != homes[name][0]:
                del homes[name]
        return homes

    def _sure_of(self, lone: Sequence[Issue], verdicts: Sequence[Verdict | None]) -> dict[str, tuple[str, float]]:
        return {
            issue.issue_id: (verdict.joins, verdict.confidence)
            for issue, verdict in zip(lone, verdicts, strict=True)
            if verdict is not None and verdict.joins is not None and verdict.confidence >= MERGE_SURE
        }

    def _is_lone(self, issue: Issue) -> bool:
        """True for an issue of one ticket that people had no part in and whose text does not talk to the model."""
        return len(issue.tickets) == 1 and not issue.reviewed and not issue.written_by_person() and not self._is_hearsay(issue)

    def _lone_question(self, issue: Issue, *, beside: str | None = None) -> Callable[[], Verdict | None]:
        """Where an issue's only ticket belongs, if not where it is; None where that cannot be asked.

        All likely issues are shown, or just the one that it stands `beside` and its nearest rivals.
        """
        said = self._speaking(issue, 1)
        if not said:
            return lambda: None
        found = self.known.likeliest(TicketText.of(said[0]), LONE_CANDIDATES + 1)
        others = [other for other in found if other.issue_id != issue.issue_id and self._may_merge(issue.issue_id, other.issue_id)]
        if beside is not None:
            others = [self.base.issues[beside], *[other for other in others if other.issue_id != beside][:RIVALS]]
        return self._where(said[0], others[:LONE_CANDIDATES])

    def _where(self, said: Conversation, offered: Iterable[Issue]) -> Callable[[], Verdict | None]:
        """The question where a ticket belongs among the issues offered; None is its answer if there are none."""
        shown = in_id_order(offered)
        likeness = self.known.likeness(TicketText.of(said), shown)
        return lambda: ask_where(self.ask, self.prompts, said, shown, likeness) if shown else None

    def rewrite_cards(self, grown: Mapping[str, int]) -> list[str]:
        """Ids of issues whose card was rewritten; `grown` gives each touched issue's number of tickets before the run.

        A card is worth a call when the number of tickets has doubled since, and there are tickets to rewrite it from.
        """
        grew = [issue for issue in in_id_order(self.base.issues[name] for name in grown) if _card_is_due(issue, grown[issue.issue_id])]
        due = [(issue, said) for issue in grew if (said := self._speaking(issue, CARD_TICKETS))]
        cards = self._ask_all(self._card_question(issue, said) for issue, said in due)
        rewritten = [(issue, card) for (issue, _), card in zip(due, cards, strict=True) if card is not None]
        for issue, card in rewritten:
            self.base.set_card(issue, card, by=By.MODEL)
        return [issue.issue_id for issue, _ in rewritten]

    def _groups(self, names: Collection[str]) -> list[list[Issue]]:
        """Small groups that cover every pair of lookalikes that was not told apart yet."""
        near = self.known.index.lookalikes(names)
        pairs = [pair for pair in near if self._may_merge(pair[0], pair[1]) and self._alike(pair[0], pair[1])]
        return [
            in_id_order(self.base.issues[name] for name in group)
            for group in question_groups(pairs, size=GROUP_SIZE, may_meet=self._may_merge)
        ]

    def _alike(self, first: str, second: str) -> bool:
        """False for two that share little: a weak model calls them one all the same, and a strong one seldom does."""
        described = (self.base.issues[name].card.short_description for name in (first, second))
        return self.known.index.resemblance(*described) + self.known.index.kinship(first, second) >= ALIKE

    def _may_merge(self, first: str, second: str) -> bool:
        keep, gone = oldest_first((self.base.issues[first], self.base.issues[second]))
        told_apart = {frozenset(pair) for pair in itertools.product(_names(keep), _names(gone))} & self._told_apart
        return not told_apart and self.base.may_merge(keep, gone) and not (self._is_hearsay(keep) or self._is_hearsay(gone))

    def _is_hearsay(self, issue: Issue) -> bool:
        """True for an issue of nothing but unsure tickets whose text talks to the model: a person looks before it changes another one."""
        if set(issue.tickets) - issue.unsure.keys():
            return False
        key = tuple(issue.tickets)
        if key not in self._hearsay:
            stored = self.known.conversations(exemplars(issue, QUOTES_AN_ISSUE))
            self._hearsay[key] = bool(stored) and all(talks_to_model(conversation) for conversation in stored)
        return self._hearsay[key]

    def _speaking(self, issue: Issue, limit: int) -> list[Conversation]:
        """Stored conversations that may speak for an issue; text that talks to the model is not passed on."""
        stored = self.known.conversations(exemplars(issue, limit))
        return [conversation for conversation in stored if not talks_to_model(conversation)]

    def _merge_question(self, group: Sequence[Issue]) -> Callable[[], tuple[MergeGroup, ...]]:
        offered = [issue.issue_id for issue in group]
        quotes = {issue.issue_id: self._quotes(issue) for issue in group}
        messages = self.prompts.merge_messages(group, quotes)

        def parse(text: str) -> tuple[MergeGroup, ...]:
            return parse_merge(text, offered=offered, categories=self.prompts.categories)

        return lambda: self.ask(messages, schema=MERGE_SCHEMA, parse=parse).value

    def _quotes(self, issue: Issue) -> list[str]:
        """What customers wrote first, in a few tickets."""
        found = []
        for conversation in self._speaking(issue, QUOTES_AN_ISSUE):
            said = next((message["text"] for message in conversation["conversation"] if message["speaker"] == "user"), "")
            found.append(f"{conversation['subject']}: {said}")
        return found

    def _card_question(self, issue: Issue, said: Sequence[Conversation]) -> Callable[[], Card]:
        conversations = [shortened_for_card(entry) for entry in said]
        messages = self.prompts.card_messages(issue, conversations)
        supported = any(agent_spoke(conversation) for conversation in conversations)

        def question() -> Card:
            card = self.ask(messages, schema=CARD_SCHEMA, parse=lambda text: parse_card(text, categories=self.prompts.categories)).value
            card = without_orders(card)
            if not card.category:
                raise AnswerUnusable("the card talks to the model")
            return with_fix_marked(card, supported=supported)

        return question

    def _ask_all(self, questions: Iterable[Callable[[], T]]) -> list[T | None]:
        """The answers in order; None where one was unusable."""
        futures: list[Future[T]] = [self.submit(question) for question in questions]
        return [_usable(future) for future in futures]

    def _merge(self, groups: Sequence[Sequence[Issue]], answers: Sequence[tuple[MergeGroup, ...] | None]) -> list[Merged]:
        """Merge what the answers call one, the surest first; pairs that they tell apart never meet again, not even by a chain."""
        for group, answer in zip(groups, answers, strict=True):
            self._told_apart |= _told_apart([issue.issue_id for issue in group], answer or ())
        parts = [part for answer in answers for part in answer or () if part.confidence >= MERGE_SURE]
        self._keep_grown_apart(parts)
        done: list[Merged] = []
        for part in sorted(parts, key=lambda part: (-part.confidence, part.issue_ids)):
            done += self._merge_part(part)
        return done

    def _keep_grown_apart(self, parts: Iterable[MergeGroup]) -> None:
        """Tell apart two grown issues of a part unless a ticket of one, asked about with both shown, crosses over to the other."""
        pairs = [pair for part in parts for pair in itertools.combinations(part.issue_ids, 2) if all(map(self._is_grown, pair))]
        verdicts = self._ask_all(self._home_question(name, pair) for pair in pairs for name in pair)
        for (first, second), there, here in zip(pairs, verdicts[::2], verdicts[1::2], strict=True):
            crosses = (there is not None and there.joins == second) or (here is not None and here.joins == first)
            if not crosses and (there or here):
                self._told_apart.add(frozenset((first, second)))

    def _is_grown(self, name: str) -> bool:
        return len(self.base.issues[name].tickets) >= GROWN

    def _home_question(self, name: str, pair: Sequence[str]) -> Callable[[], Verdict | None]:
        """Where a ticket of one issue of a pair belongs, with both shown; not one that founded it, whose words are on its card."""
        issue = self.base.issues[name]
        said = [told for told in self._speaking(issue, GROWN) if f"ISSUE-{told['ticket_id']}" not in _names(issue)]
        return self._where(said[0], (self.base.issues[one] for one in pair)) if said else lambda: None

    def _merge_part(self, part: MergeGroup) -> list[Merged]:
        """Merge the members that are still there; one that went elsewhere in this round is asked about again in the next."""
        present = oldest_first(self.base.issues[name] for name in part.issue_ids if name in self.base.issues)
        done = []
        for gone in present[1:]:
            keep = present[0]
            if self._may_merge(keep.issue_id, gone.issue_id):
                self.base.merge(keep, gone, by=By.MODEL)
                done.append(Merged(keep.issue_id, gone.issue_id, part.confidence))
        return done


def _told_apart(asked: Sequence[str], answer: Sequence[MergeGroup]) -> set[Pair]:
    """Pairs of a question that the answer does not surely call one; all of them where there is no answer."""
    place = {name: number for number, part in enumerate(answer) if part.confidence >= MERGE_SURE for name in part.issue_ids}
    pairs = itertools.combinations(asked, 2)
    return {frozenset(pair) for pair in pairs if pair[0] not in place or place[pair[0]] != place.get(pair[1])}


def _names(issue: Issue) -> tuple[str, ...]:
    return (issue.issue_id, *issue.merged_from)


def _usable(future: "Future[T]") -> T | None:
    try:
        return future.result()
    except (AnswerUnusable, ContextTooLong) as error:
        logger.warning("a question about issues had no usable answer and changes nothing: %s", error)
        return None


def _card_is_due(issue: Issue, tickets_before: int) -> bool:
    return len(issue.tickets) > 1 and len(issue.tickets) >= 2 * max(1, tickets_before) and not issue.written_by_person()
