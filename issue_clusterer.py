"""Keeps the issues and the decisions on tickets: decide in waves, commit in order, consolidate, checkpoint, save.

Wave bounds depend on the state alone, so any number of calls in flight gives the same bytes. No HTTP and no printing here; the model is
a function that is handed in.
"""

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from clustering.candidates import CandidateIndex, Candidates, ConversationOf, Nearest, TicketText, nearest_issues
from clustering.consolidation import Consolidation
from clustering.question import Verdict, ask_where
from clustering.wave import Question, Submit, Wave, at_once
from common import files as safe_files
from common.errors import Unwritable
from knowledge import checkpoint as checkpoint_file
from knowledge import decision
from knowledge import issue as issue_db
from knowledge.base import By, KnowledgeBase, in_order
from knowledge.checkpoint import Checkpoint
from knowledge.conversation import Conversation, conversation_sha256
from knowledge.decision import DecisionRow, Outcome
from knowledge.issue import SURE, Issue, Stored
from knowledge.paths import RunFiles
from llm.protocol import Ask
from prompts_config import Prompts
from review import list as review_list

__all__ = ["DecisionRow", "FetchFailure", "Issue", "IssueClusterer", "Item", "Plan"]

logger = logging.getLogger(__name__)

WAVE_TICKETS = 32
"""The most tickets of a wave: large enough to keep many callers busy, small enough that few tickets miss what their neighbours found."""
BEGUN_FIRST = 16
"""Tickets of a wave that are asked about before the checkpoint of the waves before is written."""

CHECKPOINT_TICKETS = 5
"""A checkpoint every so many committed tickets, or every fiftieth part of what it holds where that is more: what it writes stays bounded.
A listed ticket counts for a quarter of a decided one, as it does in bytes."""


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """A ticket that could not be read; it is reported, and decided by a later run."""

    ticket_id: int
    reason: str
    subject: str = ""

    def row(self) -> DecisionRow:
        """The decision log's row."""
        return DecisionRow(self.ticket_id, None, "failed", reason=self.reason, subject=self.subject)


Item = Conversation | FetchFailure


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was asked to do, kept in the checkpoint: the selection on the command line, the listed tickets that are not settled in
    the order of work, and what could not be listed."""

    base_sha256: str
    selection: Mapping[str, Any]
    tickets: tuple[Mapping[str, Any], ...]
    gaps: tuple[str, ...] = ()


class IssueClusterer:
    """The issues (`issues`, by id) and the decisions on tickets (`decisions`, by ticket id), with all that changes them.

    `ask` puts one question to the model, from any thread; `submit` runs questions side by side; `conversation_of` reads a stored
    conversation; `decide_ignored`: decide tickets that seem to hold no issue too, because somebody named them; `wave_tickets`: the most
    tickets that are asked about at once; `stored` is the database where it has been read already.
    """

    def __init__(
        self,
        files: RunFiles,
        *,
        ask: Ask,
        prompts: Prompts,
        conversation_of: ConversationOf = lambda _ticket_id: None,
        new_index: Callable[[], CandidateIndex] = CandidateIndex,
        submit: Submit = at_once,
        model: str = "",
        decide_ignored: bool = False,
        wave_tickets: int = WAVE_TICKETS,
        stored: Stored | None = None,
    ) -> None:
        stored = stored or issue_db.load_stored(files.database)
        self.files = files
        self.decisions = decision.load(files.decisions)
        self.rows: dict[int, DecisionRow] = {}
        self.leaving: set[int] = set()
        self.plan: Plan | None = None
        self.done = 0
        self.merged = 0
        self.base_sha256 = stored.sha256
        self._conversation_of, self._new_index = conversation_of, new_index
        self._take(KnowledgeBase(stored.issues))
        self.prompts = prompts
        self._ask, self._submit = ask, submit
        self._model, self._decide_ignored = model, decide_ignored
        self._wave_tickets = wave_tickets
        self._saved_at = 0
        self._between_waves = True
        self._sizes_before = {name: len(issue.tickets) for name, issue in self.issues.items()}
        self._placed_by_person = frozenset(ticket for issue in self.issues.values() for ticket in issue.reviewed)

    def _take(self, base: KnowledgeBase) -> None:
        """Work on this knowledge base from here on."""
        self._base = base
        self._known = Candidates(base, conversation_of=self._conversation_of, new_index=self._new_index)

    @property
    def issues(self) -> dict[str, Issue]:
        """The in-memory dict of issues by issue id."""
        return self._base.issues

    @property
    def index(self) -> CandidateIndex:
        """The candidate index over these issues, filled if it was not."""
        return self._known.index

    @property
    def nearest(self) -> Nearest:
        """What tells the issues most like a ticket; takes the run's index if it needed one."""
        return nearest_issues(self.issues, self._conversation_of, index=self._known.ready_index)

    def home(self, ticket_id: int) -> Issue | None:
        """The issue that a ticket stands in."""
        return self._base.home(ticket_id)

    def reviewed(self, ticket_id: int) -> bool:
        """True for a ticket that a person decided."""
        row = self.decisions.get(ticket_id)
        by_person = row is not None and row.decided_by == "person"
        stands = self._base.home(ticket_id) is not None or (row is not None and row.outcome == "ignored")  # the log may be older
        return ticket_id in self._placed_by_person or (by_person and stands)

    def held(self, ticket_id: int) -> bool:
        """True for a ticket whose place is settled: it stands in an issue, or a person took it out of one."""
        return self._base.home(ticket_id) is not None or self.reviewed(ticket_id)

    def begin(self, plan: Plan, *, done: int) -> list[Mapping[str, Any]]:
        """The plan's tickets that are still to be decided, the first `done` being so already."""
        self.plan, self.done = replace(plan, base_sha256=self.base_sha256), done
        rest = list(plan.tickets[done:])
        self.leaving = {ticket["ticket_id"] for ticket in rest if self._base.home(ticket["ticket_id"]) is not None}
        return rest

    def decide(self, items: Iterable[Item], *, on_decided: Callable[[DecisionRow], None] = lambda _row: None) -> None:
        """Decide tickets in the order given, wave by wave, with checkpoints on the way.

        Raises what ends the run; what was committed stands. `BudgetReached` comes after the decided beginning of its wave is committed.
        """
        stream = iter(items)
        while True:
            wave = Wave(self._base, self._known, ask=self._ask, prompts=self.prompts, submit=self._submit)
            size = self.wave_size()
            entries = [self._begin(item, wave) for item in itertools.islice(stream, min(size, BEGUN_FIRST))]
            self._checkpoint_if_due()  # of the waves before; the model has something to do meanwhile
            entries += [self._begin(item, wave) for item in itertools.islice(stream, size - len(entries) if entries else 0)]
            if not entries:
                return
            ended = wave.settle()
            self._between_waves = False
            for entry in entries:
                if ended is not None and isinstance(entry, Question) and entry.cut_off:
                    raise ended
                on_decided(self._commit(entry))
            self._between_waves = True

    def wave_size(self) -> int:
        """How many tickets the next wave takes: an empty database knows nothing, so waves start with one and double."""
        return min(self._wave_tickets, 1 + max(0, self._base.ticket_count - len(self.leaving)))

    def preview(self, conversation: Conversation) -> Verdict:
        """What would be decided for a ticket; nothing is changed. Its own issue is not offered if it is alone there."""
        ticket = TicketText.of(conversation)
        candidates = self._known.offered(ticket, leaving={ticket.ticket_id})
        return ask_where(self._ask, self.prompts, conversation, candidates, self._known.likeness(ticket, candidates))

    def consolidate(self) -> None:
        """Merge lookalikes among the issues that this run touched, and rewrite the cards that this pays for."""
        if not self.rows:
            return
        self.write_checkpoint()
        self._between_waves = False
        work = Consolidation(self._base, self._known, self._ask, self.prompts, self._submit)
        touched = {issue.issue_id for issue in self._base.changed_issues()}
        for merge in itertools.chain(work.merge_lookalikes(touched), work.place_lone_tickets(touched)):
            self.merged += 1
            self._note_merge(merge.kept, merge.gone, merge.confidence)
        grown = {name: self._sizes_before.get(name, 0) for name in self._base.changed if name in self.issues}
        rewritten = work.rewrite_cards(grown)
        logger.info("consolidation: %d issues merged, %d cards rewritten", self.merged, len(rewritten))

    def resume(self, saved: Checkpoint) -> None:
        """Take over what an earlier run had decided on the same database."""
        issues = {**self.issues, **{issue.issue_id: issue for issue in saved.issues}}
        kept = {name: issues[name] for name in in_order(issues) if name not in saved.dropped}
        self._take(KnowledgeBase(kept, changed=[*(issue.issue_id for issue in saved.issues), *saved.dropped]))
        for row in saved.decisions:
            self._note(row)
        self._saved_at = len(self.rows)

    def keep_work(self) -> None:
        """At an abnormal end, bring the checkpoint up to date if the state is that between two waves; else the last one stands."""
        if self._between_waves and len(self.rows) > self._saved_at:
            self.write_checkpoint()

    def pause(self) -> None:
        """Keep the plan and the work for a run that goes on later, even if nothing is decided yet."""
        if self._between_waves:
            self.write_checkpoint()

    def write_checkpoint(self) -> None:
        """Write what is committed so far. Raises `Unwritable`."""
        if self.plan is None:
            return
        saved = Checkpoint(
            base_sha256=self.plan.base_sha256,
            selection=self.plan.selection,
            tickets=self.plan.tickets,
            gaps=self.plan.gaps,
            done=self.done,
            issues=tuple(self._base.changed_issues()),
            dropped=tuple(sorted(self._base.gone)),
            decisions=tuple(self.rows.values()),
        )
        safe_files.write_parts(self.files.checkpoint, checkpoint_file.parts(saved))
        self._saved_at = len(self.rows)

    def save(self) -> None:
        """Write decisions, review list and, last, the database; then the checkpoint goes.

        Raises `Unwritable`, `Unreadable`, `Unreadable`.

        Until then the checkpoint is that from before the consolidation, so that a run killed in here comes to the same end once more.
        """
        self.keep_work()
        self._between_waves = False  # from here on the checkpoint stands as it is
        text = issue_db.render(self.issues.values())
        result_sha256 = checkpoint_file.text_sha256(text)
        self._refuse_changed_database()
        checkpoint_file.announce(self.files.checkpoint, result_sha256)
        safe_files.write_if_changed(self.files.decisions, lambda: decision.lines(self.decisions.values()))
        listed = review_list.render(self.issues, self.decisions, filled=review_list.filled_or_set_aside(self.files.flagged))
        safe_files.write_if_changed(self.files.flagged, lambda: [listed])
        safe_files.write_if_changed(self.files.database, lambda: [text], backup=self.files.backup)
        self.base_sha256 = result_sha256
        safe_files.remove(self.files.checkpoint)

    def _refuse_changed_database(self) -> None:
        """Never write over what somebody else wrote meanwhile."""
        path = self.files.database
        if checkpoint_file.file_sha256(path) != self.base_sha256:
            message = f"{path} was changed while the run worked and is left as it is; run again with --fresh to start from it as it is now"
            raise Unwritable(f"{message} (answers already paid for cost nothing)")

    def _begin(self, item: Item, wave: Wave) -> Question | DecisionRow:
        """The question about a ticket, under way; or the row of a ticket that is not asked about."""
        if isinstance(item, FetchFailure):
            return item.row()
        if item["ignored"] and not (self._decide_ignored and item["conversation"]):
            return _row_of(item, "ignored", reason=item["ignored"])
        if item["ignored"]:
            logger.warning("ticket %d seems to hold no issue (%s); it is decided because it was named", item["ticket_id"], item["ignored"])
        return wave.begin(item, leaving=self.leaving)

    def _commit(self, entry: Question | DecisionRow) -> DecisionRow:
        """Put one decided ticket where it belongs; a ticket that failed stays where it was."""
        row = self._place(entry) if isinstance(entry, Question) else entry
        self.leaving.discard(row.ticket_id)
        if row.outcome == "ignored":
            self._base.take_out(row.ticket_id, by=By.MODEL)
        self.done += 1
        self._note(row)
        return row

    def _note(self, row: DecisionRow) -> None:
        """Keep a decision. A failure says nothing new about a ticket that has its place."""
        self.rows[row.ticket_id] = row
        if row.outcome != "failed" or self._base.home(row.ticket_id) is None:
            self.decisions[row.ticket_id] = row

    def _place(self, question: Question) -> DecisionRow:
        verdict = question.verdict
        if verdict is None:
            return _row_of(question.conversation, "failed", reason=question.failure)
        ticket_id, day = question.ticket.ticket_id, question.ticket.day
        if verdict.joins is not None:
            self._base.place(ticket_id, verdict.joins, confidence=verdict.confidence, day=day, by=By.MODEL)
            return self._decided_row(question, verdict, verdict.joins)
        founds = question.founds
        assert founds is not None, "a settled wave gives an issue to each ticket that joins none"
        self._base.found(ticket_id, founds.card, confidence=verdict.confidence, day=day, by=By.MODEL, issue_id=founds.issue_id)
        return self._decided_row(question, verdict, founds.issue_id)

    def _decided_row(self, question: Question, verdict: Verdict, issue_id: str) -> DecisionRow:
        sure = verdict.confidence >= SURE
        return replace(
            _row_of(question.conversation, "matched" if verdict.joins else "new" if sure else "provisional", reason=_reason(verdict)),
            issue_id=issue_id,
            confidence=verdict.confidence,
            suggested_issue_id=None if verdict.joins else verdict.answer.issue_id,
            evidence=verdict.answer.evidence,
            candidates=verdict.candidates,
            confidence_raw=verdict.answer.confidence,
            guards=verdict.guards,
            margin=verdict.margin,
            decided_by="model",
            model=self._model,
            prompt_version=self.prompts.version,
        )

    def _note_merge(self, kept: str, gone: str, confidence: float) -> None:
        """Let the decisions on merged tickets say where they are now, and why."""
        for row in list(self.decisions.values()):
            if row.issue_id == gone:
                reason = f"{row.reason}; {gone} was merged into {kept}: one fix resolves both ({confidence:g})"
                self.decisions[row.ticket_id] = replace(row, issue_id=kept, reason=reason)

    def _checkpoint_if_due(self) -> None:
        held = len(self.rows) + (len(self.plan.tickets) // 4 if self.plan else 0)
        if len(self.rows) - self._saved_at >= max(CHECKPOINT_TICKETS, held // 50):
            self.write_checkpoint()


def _row_of(conversation: Conversation, outcome: Outcome, *, reason: str) -> DecisionRow:
    return DecisionRow(
        ticket_id=conversation["ticket_id"],
        issue_id=None,
        outcome=outcome,
        reason=reason,
        subject=conversation["subject"],
        url=conversation["url"],
        created_at=conversation["created_at"],
        updated_at=conversation["updated_at"],
        conversation_sha256=conversation_sha256(conversation),
    )


def _reason(verdict: Verdict) -> str:
    said = verdict.answer.card.short_description
    if verdict.answer.id_unknown:
        start = "the model named an issue that was not offered"
    elif verdict.answer.issue_id is None:
        start = f"none of {len(verdict.candidates)} issues fits" if verdict.candidates else "no issue was known yet"
    else:
        start = f"{'fits' if verdict.joins else 'may fit'} {verdict.answer.issue_id}"
    parts = [f"{start}: {said}" if said else start]
    if verdict.confidence < verdict.answer.confidence:
        parts.append(f"confidence lowered from {verdict.answer.confidence:g}")
    return "; ".join([*parts, *verdict.guards])
