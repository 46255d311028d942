"""A person's steps carried out on a draft of the database: confirm, accept, move, new, ignore, merge, split, edit, distinct.

Each step fits or says why not. Reads and writes no file, asks no model.
"""

from collections.abc import Iterable, Mapping

from decision_log import DecisionRow
from issue_db import Issue
from review_draft import Draft, age, write_card
from review_file import IssueStep, Step, TicketStep


class StepRefused(Exception):
    """A step does not fit the database; the message says why."""


class Revision:
    """A database and its log as they become by a person's steps: `foresee` all, `carry_out` each, then settle the `draft` once."""

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> None:
        self.draft = Draft(issues, log)
        self._becomes: dict[str, str] = {}
        self._apart: list[tuple[str, str]] = []
        self._edited: set[str] = set()

    def foresee(self, steps: Iterable[Step]) -> None:
        """Note which issues go into another one as a whole: a suggestion to join such an issue then means where it went."""
        leaving: dict[str, dict[int, str]] = {}
        for step in steps:
            if isinstance(step, TicketStep) and step.ticket_id in self.draft.home:
                wanted = self._suggestion(step) if step.verb == "accept" else self.draft.names.get(step.target or "")
                home = self.draft.home[step.ticket_id]
                if wanted is not None and wanted != home:
                    leaving.setdefault(home, {})[step.ticket_id] = wanted
        for home, moves in leaving.items():
            if self.draft.start[home][0] == set(moves) and len(set(moves.values())) == 1:
                self._becomes[home] = next(iter(moves.values()))

    def carry_out(self, step: Step) -> str:
        """Do one step; returns what it does, in words. Raises `StepRefused`."""
        if isinstance(step, TicketStep):
            return f"ticket {step.ticket_id}: {self._decide(step, self._checked_home(step))}"
        issues = [self.draft.issues[self._known(name)] for name in step.issue_ids]
        if step.verb == "merge":
            return self._merge(issues)
        if step.verb == "distinct":
            return self._distinct(issues)
        return self._split(step, issues[0]) if step.verb == "split" else self._edit(step, issues[0])

    def _checked_home(self, step: TicketStep) -> str:
        """The issue a ticket stands in, if the person looked at it there and nobody reviewed it since."""
        home = self.draft.home.get(step.ticket_id)
        if home is None:
            gone = ": a person took it out" if step.ticket_id in self.draft.reviewed else ""
            raise StepRefused(f"ticket {step.ticket_id} is in no issue of this database{gone}")
        if step.was_in is not None and self.draft.names.get(step.was_in) != home:
            raise StepRefused(f"ticket {step.ticket_id} stood in {step.was_in} when this was written and is in {home} now")
        if step.ticket_id in self.draft.reviewed and not step.again:
            raise StepRefused(f"ticket {step.ticket_id} has been reviewed already; it is in {home}")
        return home

    def _decide(self, step: TicketStep, home: str) -> str:
        meant = self._suggestion(step)
        if step.verb == "ignore":
            self.draft.take_out(step.ticket_id)
            self.draft.record(step.ticket_id, step.verb, None, agreed=False)
            return f"taken out of {self.draft.named(home)}"
        towards, words = self._destination(step, home, meant)
        self.draft.place(step.ticket_id, towards)
        if step.verb in ("confirm", "new"):
            self.draft.issues[towards].status = "confirmed"
            for other in {meant or towards, home} - {towards}:  # a person saw these and said that it is another problem
                self._set_apart(towards, other)
        self.draft.record(step.ticket_id, step.verb, towards, agreed=towards == (meant or home))
        return f"{words} {self.draft.named(towards)}"

    def _destination(self, step: TicketStep, home: str, meant: str | None) -> tuple[str, str]:
        """Where a ticket goes, and how to say so."""
        if step.verb == "confirm":
            return home, "stays in"
        if step.verb == "accept":
            return self._accepted(step, meant), "goes as suggested to"
        if step.verb == "move":
            return self._known(step.target or "", f"ticket {step.ticket_id}: target_issue_id "), "goes to"
        if home in self.draft.start and self.draft.start[home][0] == {step.ticket_id}:  # alone there: it is its own issue already
            if step.card:
                write_card(self.draft.issues[home], step.card)
            return home, "is an issue of its own, as"
        return self.draft.found_issue([step.ticket_id], self.draft.issues[meant or home], step.card).issue_id, "founds"

    def _suggestion(self, step: TicketStep) -> str | None:
        """The issue that the model meant, as far as it is still known."""
        return self.draft.names.get(self._suggested_name(step))

    def _suggested_name(self, step: TicketStep) -> str:
        row = self.draft.log.get(step.ticket_id)
        return step.suggested or (row.suggested_issue_id if row else None) or ""

    def _accepted(self, step: TicketStep, meant: str | None) -> str:
        if meant is None:
            named = self._suggested_name(step)
            why = f"the suggested {named} is no issue of this database" if named else "there is no suggestion to accept"
            raise StepRefused(f"ticket {step.ticket_id}: {why}; write confirm, new, or move with a target_issue_id")
        seen: set[str] = set()
        while meant in self._becomes and meant not in seen:
            seen.add(meant)
            meant = self.draft.names[self._becomes[meant]]
        return meant

    def _merge(self, issues: list[Issue]) -> str:
        names = [issue.issue_id for issue in issues]
        if len(set(names)) < len(names):
            raise StepRefused(f"merge of {', '.join(names)}: they are one issue already (a circle, or merged before)")
        if any(self.draft.names[one] in names and self.draft.names[other] in names for one, other in self._apart):
            raise StepRefused(f"merge of {', '.join(names)}: this file also says that they are not the same")
        keep, *others = sorted(issues, key=age)
        for gone in others:
            self.draft.merge(keep, gone)
        return f"{', '.join(gone.issue_id for gone in others)} merged into {self.draft.named(keep.issue_id)}"

    def _distinct(self, issues: list[Issue]) -> str:
        one, other = issues
        if one is other:
            raise StepRefused(f"{one.issue_id} cannot be told from itself; the two were merged, split tickets off instead")
        if other.issue_id in one.distinct_from and one.issue_id in other.distinct_from:
            raise StepRefused(f"{one.issue_id} and {other.issue_id} are known not to be the same already")
        self._set_apart(one.issue_id, other.issue_id)
        return f"{self.draft.named(one.issue_id)} and {self.draft.named(other.issue_id)} are not the same"

    def _split(self, step: IssueStep, source: Issue) -> str:
        strangers = [ticket for ticket in step.ticket_ids if ticket not in source.tickets]
        if strangers:
            raise StepRefused(f"split of {source.issue_id}: ticket {strangers[0]} is not in it")
        if len(step.ticket_ids) == len(source.tickets):
            raise StepRefused(f"split of {source.issue_id}: it would be left without tickets")
        founded = self.draft.found_issue(sorted(step.ticket_ids), source, step.card)
        for ticket in step.ticket_ids:
            self.draft.place(ticket, founded.issue_id)
            self.draft.record(ticket, "split", founded.issue_id, agreed=False)
        self._set_apart(founded.issue_id, source.issue_id)
        return f"{len(step.ticket_ids)} tickets of {self.draft.named(source.issue_id)} found {self.draft.named(founded.issue_id)}"

    def _edit(self, step: IssueStep, issue: Issue) -> str:
        if issue.issue_id in self._edited:
            raise StepRefused(f"{issue.issue_id} is edited more than once")
        if step.card_was is not None and (issue.issue_id not in self.draft.start or step.card_was != self.draft.start[issue.issue_id][1]):
            raise StepRefused(f"the card of {issue.issue_id} was changed after the page was written")
        self._edited.add(issue.issue_id)
        write_card(issue, step.card)
        return f"{self.draft.named(issue.issue_id)}: new {', '.join(step.card)}"

    def _set_apart(self, one: str, other: str) -> None:
        self.draft.set_apart(one, other)
        self._apart.append((one, other))

    def _known(self, name: str, before: str = "") -> str:
        """The id of an issue named by any of its ids."""
        found = self.draft.names.get(name)
        if found is None:
            near = next((known for known in self.draft.names if known.lower() in (name.lower(), f"issue-{name}")), None)
            raise StepRefused(f"{before}{name[:80]!r} is no issue of this database" + (f"; is {near} meant?" if near else ""))
        return found
