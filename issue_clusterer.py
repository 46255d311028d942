"""Keeps the issues and the decisions on tickets: decide in waves, a last look at the whole, checkpoint, save.

Which questions are asked depends on the state alone, so any number of calls in flight gives the same bytes. No HTTP and no printing here;
the model is a function that is handed in.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from clustering.candidates import Candidates, ConversationOf, Nearest, TicketText, nearest_issues
from clustering.question import Verdict, ask_where
from clustering.rounds import Item, Rounds, unread
from clustering.vectors import Embed
from clustering.wave import Asking
from common import files as safe_files
from common.errors import Unwritable
from common.pool import Submit, at_once
from knowledge import checkpoint as checkpoint_file
from knowledge import decision, written
from knowledge import issue as issue_db
from knowledge.base import KnowledgeBase, in_order
from knowledge.checkpoint import WAVE_TICKETS, Checkpoint, Plan, Progress
from knowledge.conversation import Conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Issue, Stored
from knowledge.paths import RunFiles
from llm.protocol import Ask
from prompts_config import Prompts
from review import list as review_list

__all__ = ["WAVE_TICKETS", "DecisionRow", "Issue", "IssueClusterer", "Item", "Plan", "unread"]

logger = logging.getLogger(__name__)

GROWTH = 16
"""An empty database knows nothing, so waves start with one ticket and double. Waves larger than `WAVE_TICKETS`, of which each may take a
batch engine hours, grow sixteenfold once three quarters of such a wave stand: 20 000 tickets in eight. From half of it on, 60 tickets of 22
issues take 1.48 questions each (1.37); eightfold from the start a quarter of a time more."""

CHECKPOINT_TICKETS = 5
"""A checkpoint every so many committed tickets, or every fiftieth part of what it holds where that is more: what it writes stays bounded.
A listed ticket counts for a quarter of a decided one, as it does in bytes."""


class IssueClusterer:
    """The issues (`issues`, by id) and the decisions on tickets (`decisions`, by ticket id), with all that changes them.

    `ask` puts one question to the model, from any thread; `submit` runs questions side by side; `conversation_of` reads a stored
    conversation; `embed` gives vectors of texts; `decide_ignored`: decide tickets that seem to hold no issue too, because somebody named
    them; `wave_tickets`: the most questions of a wave where no plan says it; `stored` is the database where it has been read already.
    """

    def __init__(
        self,
        files: RunFiles,
        *,
        ask: Ask,
        prompts: Prompts,
        conversation_of: ConversationOf = lambda _ticket_id: None,
        embed: Embed | None = None,
        submit: Submit = at_once,
        model: str = "",
        decide_ignored: bool = False,
        wave_tickets: int = WAVE_TICKETS,
        stored: Stored | None = None,
    ) -> None:
        stored = stored or issue_db.load_stored(files.database)
        self.files, self.prompts = files, prompts
        self.decisions = decision.load(files.decisions)
        self.rows: dict[int, DecisionRow] = {}
        self.plan: Plan | None = None
        self.merged = 0
        self.base_sha256 = stored.sha256
        self._conversation_of, self._embed = conversation_of, embed
        self._asking = Asking(ask, prompts, submit, model)
        self._decide_ignored, self._wave_tickets = decide_ignored, wave_tickets
        self._saved_at = 0
        self._at_end = False
        self._sizes_before = {name: len(issue.tickets) for name, issue in stored.issues.items()}
        self._failed_before = {ticket: row for ticket, row in self.decisions.items() if row.outcome == "failed"}
        self._placed_by_person = frozenset(ticket for issue in stored.issues.values() for ticket in issue.reviewed)
        self._take(KnowledgeBase(stored.issues))

    def _take(self, base: KnowledgeBase) -> None:
        """Work on this knowledge base from here on."""
        self._base = base
        self._known = Candidates(base, conversation_of=self._conversation_of, embed=self._embed)
        self._rounds = Rounds(
            base,
            self._known,
            self._asking,
            self.decisions,
            self._sizes_before,
            note=self._note_now,
            decide_ignored=self._decide_ignored,
        )

    @property
    def issues(self) -> dict[str, Issue]:
        """The in-memory dict of issues by issue id."""
        return self._base.issues

    @property
    def nearest(self) -> Nearest:
        """What tells the issues most like a ticket; takes the run's index if it needed one."""
        return nearest_issues(self.issues, self._conversation_of, known=self._known if self._known.filled else None)

    @property
    def progress(self) -> Progress:
        """How far the run is."""
        return self._rounds.progress

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

    def begin(self, plan: Plan, progress: Progress | None = None) -> list[Mapping[str, Any]]:
        """The plan's tickets that are still to be decided: those that were put off, then the others. `progress` is an interrupted run's."""
        self.plan, self._wave_tickets = replace(plan, base_sha256=self.base_sha256), plan.wave_tickets
        progress = progress or Progress()
        listed = {ticket["ticket_id"]: ticket for ticket in plan.tickets if ticket["ticket_id"] not in progress.decided}
        progress.put_off = [ticket for ticket in progress.put_off if ticket in listed]
        rest = [listed[ticket] for ticket in dict.fromkeys([*progress.put_off, *listed])]
        self._rounds.progress = progress
        self._rounds.leaving = {ticket["ticket_id"] for ticket in rest if self._base.home(ticket["ticket_id"]) is not None}
        return rest

    def decide(self, items: Iterable[Item], *, on_decided: Callable[[DecisionRow], None] = lambda _row: None) -> None:
        """Decide tickets in the order given, wave by wave, with checkpoints on the way; what is put off waits for `conclude`.

        Raises what ends the run; what was committed stands. `BudgetReached` comes after the decided beginning of its wave is committed.
        """
        stream = iter(items)
        self._rounds.on_decided = on_decided
        self._rounds.take_put_off(stream)
        while self._rounds.wave(stream, size=self.wave_size(), meanwhile=self._checkpoint_if_due):
            pass

    def conclude(self, *, overview: bool = True) -> None:
        """Decide what was put off, write the cards that are due and, with `overview`, look at the whole; raises as `decide` does."""
        if not self.rows and not self.progress.put_off:
            return
        self.write_checkpoint()
        self._at_end = True  # a run that is killed from here on comes to the same end once more, from that checkpoint
        decided = sum(row.issue_id is not None for row in self.rows.values())
        self.merged += len(self._rounds.last_rounds(overview=overview, decided=decided + len(self.progress.put_off)))

    def wave_size(self) -> int:
        """How many tickets the next wave takes."""
        return wave_size(self._base.ticket_count - len(self._rounds.leaving), self._wave_tickets)

    def preview(self, conversation: Conversation) -> Verdict:
        """What would be decided for a ticket; nothing is changed. Its own issue is not offered if it is alone there."""
        ticket = TicketText.of(conversation)
        return ask_where(self._asking.ask, self.prompts, conversation, self._known.offered(ticket, leaving={ticket.ticket_id}))

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
        if self._at_rest and len(self.rows) > self._saved_at:
            self.write_checkpoint()

    def pause(self) -> None:
        """Keep the plan and the work for a run that goes on later, even if nothing is decided yet."""
        if self._at_rest:
            self.write_checkpoint()

    @property
    def _at_rest(self) -> bool:
        return self._rounds.at_rest and not self._at_end

    def write_checkpoint(self) -> None:
        """Write what is committed so far. Raises `Unwritable`."""
        if self.plan is None:
            return
        saved = Checkpoint(
            self.plan,
            self.progress,
            issues=tuple(self._base.changed_issues()),
            dropped=tuple(self._base.gone),
            decisions=tuple(self.rows.values()),
        )
        safe_files.write_parts(self.files.checkpoint, checkpoint_file.parts(saved))
        self._saved_at = len(self.rows)

    def save(self) -> None:
        """Write review list, decisions and, last, the database; then the checkpoint goes. The list is first, for a filled row in it whose
        other columns were taken out is read beside what stands in the database and the log till then.

        Until then the checkpoint is that from before the last look, so that a run killed in here comes to the same end once more.
        Raises `Unwritable`, `Unreadable`.
        """
        self.keep_work()
        self._at_end = True  # from here on the checkpoint stands as it is
        self._fill_kinds()
        self._refuse_changed_database()
        text, checkpoint = self._text(), self.files.checkpoint
        stands = {checkpoint: safe_files.blocks(checkpoint)} if checkpoint.exists() else {}
        lines = decision.lines(self.decisions.values())
        written.expect(self.files, {self.files.database: [text], self.files.decisions: lines, **stands})
        review_list.write(self.files.flagged, self.issues, self.decisions, separator=self.files.separator, before=self._stored)
        decision.write(self.files.decisions, self.decisions.values())
        safe_files.write_if_changed(self.files.database, lambda: [text], backup=self.files.backup)
        self.base_sha256 = safe_files.digest([text])
        safe_files.remove(checkpoint)

    def _stored(self) -> review_list.State:
        """Database and log as they stand in their files. Raises `Unreadable`."""
        return issue_db.load(self.files.database), decision.load(self.files.decisions)

    def _text(self) -> str:
        """The database's text; where no issue has changed that which stands there, in whatever form somebody gave it."""
        content = None if self._base.changed else safe_files.read_bytes(self.files.database)
        return content.decode() if content else issue_db.render(self.issues.values())

    def _refuse_changed_database(self) -> None:
        """Never write over what somebody else wrote meanwhile."""
        path = self.files.database
        if safe_files.sha256(path) != self.base_sha256:
            message = f"{path} was changed while the run worked and is left as it is; run again with --fresh to start from it as it is now"
            raise Unwritable(f"{message} (answers already paid for cost nothing)")

    def _note_now(self, row: DecisionRow) -> None:
        """Keep a decision of this run; a failure with the number of runs, one after the other, in which it came in the same words."""
        before = self._failed_before.get(row.ticket_id)
        same = before is not None and before.reason == row.reason
        self._note(replace(row, failures=1 + (max(1, before.failures) if before and same else 0)) if row.outcome == "failed" else row)

    def set_aside(self, ticket_id: int) -> bool:
        """True for a ticket that failed in the same words in several runs: it is tried again when somebody names it."""
        row = self.decisions.get(ticket_id)
        return row is not None and row.outcome == "failed" and row.set_aside

    def _note(self, row: DecisionRow) -> None:
        """Keep a decision. A failure says nothing new about a ticket that has its place."""
        self.rows[row.ticket_id] = row
        if row.outcome != "failed" or self._base.home(row.ticket_id) is None:
            self.decisions[row.ticket_id] = row

    def _fill_kinds(self) -> None:
        """Give issues without one the kind that most of their tickets have, of equals that of the first."""
        for issue in self._base.changed_issues():
            kinds = [row.kind for ticket in issue.tickets if (row := self.decisions.get(ticket)) and row.kind]
            if kinds and not issue.kind:
                self._base.sort_in(issue, kind=Counter(kinds).most_common(1)[0][0])

    def _checkpoint_if_due(self) -> None:
        held = len(self.rows) + (len(self.plan.tickets) // 4 if self.plan else 0)
        if len(self.rows) - self._saved_at >= max(CHECKPOINT_TICKETS, held // 50):
            self.write_checkpoint()


def wave_size(placed: int, most: int = WAVE_TICKETS) -> int:
    """How many tickets the next wave takes when `placed` stand in issues, `most` at the most.

    >>> [wave_size(placed) for placed in (0, 1, 3, 7, 100)], [wave_size(placed, 20_000) for placed in (0, 1, 9, 73)]
    ([1, 2, 4, 8, 32], [1, 2, 10, 1096])
    """
    placed = max(0, placed)
    doubles = most <= WAVE_TICKETS or 4 * placed < 3 * WAVE_TICKETS
    return min(most, 1 + placed if doubles else 1 + (GROWTH - 1) * placed)
