"""Decides tickets round by round: those asked again, those put off, new ones and due cards, all asked at once, committed in ticket order.

Which questions a round has depends on the state alone, never on speed. No file is read or written here.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clustering.candidates import Candidates, TicketText
from clustering.cards import CardQuestion, Cards
from clustering.overview import Merged, Overview
from clustering.question import decided_row, row_of
from clustering.wave import RESEMBLES, Asking, Question, Texts, told
from common.errors import Stopped
from knowledge.base import By, KnowledgeBase
from knowledge.checkpoint import Progress
from knowledge.conversation import Conversation
from knowledge.decision import DecisionRow
from knowledge.issue import SURE

logger = logging.getLogger(__name__)

UNANSWERED_IN_A_ROW = 10
"""Tickets in a row, in their order, whose questions found no usable answer: the model server gives none any more."""


Item = Conversation | DecisionRow
"""A ticket to decide, or the row of one that could not be read, which a later run decides."""


def unread(ticket_id: int, reason: str, subject: str = "") -> DecisionRow:
    """The row of a ticket that could not be read."""
    return DecisionRow(ticket_id, None, "failed", reason=reason, subject=subject)


@dataclass(slots=True)
class Rounds:
    """One run's rounds. `progress` is what a checkpoint holds of them; `leaving` are tickets that are placed and yet to be decided anew.

    `decisions` is the log by ticket, `note` keeps a row, `sizes_before` gives the issues' sizes when the run began. `at_rest` is True
    between two waves, when the state may be written.
    """

    base: KnowledgeBase
    known: Candidates
    asking: Asking
    decisions: dict[int, DecisionRow]
    sizes_before: Mapping[str, int]
    note: Callable[[DecisionRow], None]
    progress: Progress = field(default_factory=Progress)
    leaving: set[int] = field(default_factory=set)
    decide_ignored: bool = False
    on_decided: Callable[[DecisionRow], None] = lambda _row: None
    at_rest: bool = True
    _put_off: dict[int, Question] = field(default_factory=dict)
    _unanswered: int = 0

    def take_put_off(self, stream: Iterator[Item]) -> None:
        """Read the tickets that an interrupted run had put off: they stand first in the stream."""
        for ticket_id in [ticket for ticket in self.progress.put_off if ticket not in self._put_off]:
            item = next(stream, None)
            if isinstance(item, DecisionRow):
                self.progress.put_off.remove(ticket_id)
                self._commit(item)
            elif item is not None:
                self._put_off[ticket_id] = Question(item, TicketText.of(item))

    def wave(self, stream: Iterator[Item], *, size: int, meanwhile: Callable[[], None]) -> bool:
        """Decide one wave of about `size` questions; `meanwhile` is called while the model works.

        False when the stream has no more tickets: what was put off waits for `last_rounds`. Raises what ends the run; `BudgetReached`
        comes after what was answered is committed.
        """
        first = next(stream, None)
        if first is None:
            return False
        due = self._cards().due()[: size // 2]
        again = self._ask_again(self._free(), most=size - len(due))
        fresh = itertools.islice(itertools.chain([first], stream), max(1, size - len(due) - len(again)))
        entries = [*again, *self._ask_all(fresh)]
        cards = self._cards().begin(due)
        meanwhile()
        self._settle(entries, cards, may_put_off=True)
        self.at_rest = True
        return True

    def last_rounds(self, *, overview: bool, decided: int) -> list[Merged]:
        """What is left at the end: one round with tickets put off, due cards and the overview, one with misfits and merges.

        Before them comes one in which tickets that were put off wait for one another, which bursts of short tickets need (ARI .999, and
        .982 without any waiting). `decided` is how many tickets the run decided. The merges done are returned; raises as `wave` does.
        """
        self.at_rest = False
        free = self._free()
        if len(free) < len(self._put_off):
            self._settle(self._ask_again(free))
        look = Overview(self.base, self.known, self.decisions, self.sizes_before, self.asking)
        entries = self._ask_again(self._put_off.values())
        cards = self._cards().begin(self._cards().due(at_end=True))
        if overview:
            look.begin(decided)
        self._settle(entries, cards)
        look.take()
        self._end_if_over()
        entries = self._ask_again(self._put_off.values())
        if overview:
            look.begin_merges(decided)
        self._settle(entries)
        done = look.merge()
        for merged in done:
            self._note_merge(merged)
        self._end_if_over()
        return done

    def _cards(self) -> Cards:
        return Cards(self.base, self.known, self.progress, self.sizes_before, self.asking)

    def _free(self) -> list[Question]:
        """Tickets that were put off, without those more like one in front of them, whose place is not known yet, than like any issue."""
        vector, ahead, free = self.known.weigher(), Texts(), []
        for question in self._put_off.values():
            said = vector(question.ticket.text)
            if ahead.likest(said) <= self.known.closeness(question.ticket):
                free.append(question)
                ahead.add(said)
        return free

    def _ask_again(self, waiting: Iterable[Question], *, most: int | None = None) -> list[Question]:
        """Questions about misfits, then about these tickets that were put off, `most` at the most."""
        misfits = [Question(found, TicketText.of(found), misfit=True) for found in self.known.conversations(self.progress.misfits[:most])]
        again = [Question(before.conversation, before.ticket, before=before.verdict) for before in waiting]
        return [question.put(self.known, self.asking, leaving=self.leaving) for question in (misfits + again)[:most]]

    def _ask_all(self, items: Iterable[Item]) -> list[Question | DecisionRow]:
        """Questions about tickets, under way, and rows of those that are not asked about; vectors are made of all texts at once."""
        if self.known.by_vectors:
            items = list(items)
            self.known.expect(TicketText.of(item).text for item in items if not isinstance(item, DecisionRow))
        return [self._asked(item) for item in items]

    def _asked(self, item: Item) -> Question | DecisionRow:
        if isinstance(item, DecisionRow):
            return item
        if item["ignored"] and not (self.decide_ignored and item["conversation"]):
            return row_of(item, "ignored", reason=item["ignored"])
        if item["ignored"]:
            logger.warning("ticket %d seems to hold no issue (%s); it is decided because it was named", item["ticket_id"], item["ignored"])
        return Question(item, TicketText.of(item)).put(self.known, self.asking, leaving=self.leaving)

    def _settle(self, entries: Sequence[Question | DecisionRow], cards: Sequence[CardQuestion] = (), *, may_put_off: bool = False) -> None:
        """Wait for the round's answers and commit them in order; raises `BudgetReached` once what was answered is committed."""
        questions = [entry for entry in entries if isinstance(entry, Question)]
        for question in questions:
            question.take(self.asking)
        self.at_rest = False
        self._stop_without_answers(questions)
        may_put_off = may_put_off and not self.asking.ended
        vector, founded = self.known.weigher(), Texts()
        for entry in entries:
            if not isinstance(entry, Question):
                self._commit(entry)
            elif entry.misfit:
                self._move(entry)
            elif entry.cut_off:
                break
            elif may_put_off and self._is_put_off(entry, founded, vector):
                self._put_off[entry.ticket.ticket_id] = entry
                self.progress.put_off.append(entry.ticket.ticket_id)
            else:
                self._commit(entry)
        known = {*self.progress.asked_again, *self.progress.misfits}
        self.progress.misfits += [ticket for ticket in self._cards().apply(cards) if ticket not in known]
        self._end_if_over()

    def _end_if_over(self) -> None:
        """Raises `BudgetReached` where it was met, once the tickets that were put off are decided by the answers that they have."""
        ended, self.asking.ended = self.asking.ended, None
        if ended is not None:
            for question in list(self._put_off.values()):
                if question.verdict is not None:
                    self._commit(question)
            raise ended

    def _stop_without_answers(self, questions: Sequence[Question]) -> None:
        """Raises `Stopped`, with nothing of the round committed, where too many in a row had no usable answer."""
        for question in questions:
            if question.verdict is not None or question.unanswered:
                self._unanswered = self._unanswered + 1 if question.unanswered else 0
            if self._unanswered >= UNANSWERED_IN_A_ROW:
                raise Stopped(
                    f"no usable answer about {UNANSWERED_IN_A_ROW} tickets in a row, the last: {question.failure}: "
                    "check LLM_MODEL and the model server, then run the same command again"
                )

    def _is_put_off(self, question: Question, founded: Texts, vector: Callable[[str], Mapping[str, float]]) -> bool:
        """True for a first answer NEW much like one that founded an issue in this wave; one that founds an offered issue is remembered."""
        if not question.says_new or question.verdict is None:
            return False
        said = told(question.verdict, question.ticket.text, vector, names_tell=not self.asking.prompts.categories)
        if question.ticket.ticket_id not in self._put_off and founded.likest(said) >= RESEMBLES:
            return True
        founded.add(said)
        return False

    def _commit(self, entry: Question | DecisionRow) -> None:
        """Put one decided ticket where it belongs; a ticket that failed stays where it was."""
        row = self._place(entry) if isinstance(entry, Question) else entry
        self.leaving.discard(row.ticket_id)
        if row.outcome == "ignored":
            self.base.take_out(row.ticket_id, by=By.MODEL)
        if self._put_off.pop(row.ticket_id, None) is not None:
            self.progress.put_off.remove(row.ticket_id)
        self.progress.decided.add(row.ticket_id)
        self.note(row)
        self.on_decided(row)

    def _place(self, question: Question) -> DecisionRow:
        verdict = question.verdict
        if verdict is None:
            return row_of(question.conversation, "failed", reason=question.failure)
        ticket, issue_id = question.ticket, verdict.joins
        if issue_id is not None:
            self.base.place(ticket.ticket_id, issue_id, confidence=verdict.confidence, day=ticket.day, by=By.MODEL)
        else:
            issue = self.base.found(ticket.ticket_id, verdict.card, confidence=verdict.confidence, day=ticket.day, by=By.MODEL)
            if verdict.held_back is not None:
                self.base.hold_back(issue, verdict.held_back)
            if verdict.evidence:
                self.base.set_card(issue, verdict.card, by=By.MODEL, step_evidence=verdict.evidence)
            issue_id = issue.issue_id
        asking = self.asking
        return decided_row(question.conversation, verdict, issue_id, model=asking.model, prompt_version=asking.prompts.version)

    def _move(self, question: Question) -> None:
        """Move a misfit where a sure answer puts it; else it stays as it was. People's tickets and cards are left alone."""
        ticket_id, verdict = question.ticket.ticket_id, question.verdict
        self.progress.misfits.remove(ticket_id)
        self.progress.asked_again.add(ticket_id)
        home = self.base.home(ticket_id)
        if verdict is None or verdict.confidence < SURE or home is None or verdict.joins == home.issue_id:
            return
        if ticket_id in self.base.reviewed or home.written_by_person():
            return
        row = self._place(question)
        self.note(replace(row, reason=f"{row.reason}; the tickets of {home.issue_id} showed that it did not belong there"))

    def _note_merge(self, merged: Merged) -> None:
        """Let the decisions on merged tickets say where they are now, and why."""
        why = f"{merged.gone} was merged into {merged.kept}: {merged.reason or 'one fix resolves both'} ({merged.confidence:g})"
        for row in [row for row in self.decisions.values() if row.issue_id == merged.gone]:
            self.decisions[row.ticket_id] = replace(row, issue_id=merged.kept, reason=f"{row.reason}; {why}")
