"""A person's steps carried out on a copy of the database: confirm, accept, move, new, ignore, merge, split, edit, distinct.

Each step fits or says why not; what the caller handed in is never changed. Reads and writes no file, asks no model.
"""

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import issue_db
from decision_log import DecisionRow
from issue_db import Issue
from review_file import IssueStep, Step, TicketStep
from utc_time import to_utc


class StepRefused(Exception):
    """A step does not fit the database; the message says why."""


class Revision:
    """Database and decision log as they become by a person's steps. `foresee` all, `carry_out` each, then `finish` once.

    Issues that steps leave empty stay until `finish`, so that the order of rows in a list changes nothing.
    """

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> None:
        self.issues = copy.deepcopy(dict(issues))
        self.log = dict(log)
        self._names = issue_db.alias_map(self.issues.values())
        self._home = {ticket: issue.issue_id for issue in self.issues.values() for ticket in issue.tickets}
        self._reviewed = {ticket for issue in self.issues.values() for ticket in issue.reviewed}
        self._start = {issue.issue_id: (frozenset(issue.tickets), issue_db.card_hash(issue)) for issue in self.issues.values()}
        self._becomes: dict[str, str] = {}
        self._went_to: dict[str, str] = {}
        self._taken_out: dict[int, str] = {}
        self._apart: set[frozenset[str]] = set()
        self._edited: set[str] = set()

    def foresee(self, steps: Iterable[Step]) -> None:
        """Note which issues go into another one as a whole: a suggestion to join such an issue then means where it went."""
        leaving: dict[str, dict[int, str]] = {}
        for step in steps:
            if isinstance(step, TicketStep) and step.ticket_id in self._home:
                wanted = self._suggestion(step) if step.verb == "accept" else self._names.get(step.target or "")
                home = self._home[step.ticket_id]
                if wanted is not None and wanted != home:
                    leaving.setdefault(home, {})[step.ticket_id] = wanted
        for home, moves in leaving.items():
            if self._start[home][0] == set(moves) and len(set(moves.values())) == 1:
                self._becomes[home] = next(iter(moves.values()))

    def carry_out(self, step: Step) -> str:
        """Do one step; returns what it does, in words. Raises `StepRefused`."""
        if isinstance(step, TicketStep):
            return f"ticket {step.ticket_id}: {self._decide(step, self._checked_home(step))}"
        issues = [self.issues[self._known(name)] for name in step.issue_ids]
        if step.verb == "merge":
            return self._merge(issues)
        if step.verb == "distinct":
            return self._distinct(issues)
        return self._split(step, issues[0]) if step.verb == "split" else self._edit(step, issues[0])

    def finish(self) -> list[str]:
        """Drop issues that were left empty and no person wrote, park tickets that were taken out, bring days and log in line.

        Returns what was dropped, in words.
        """
        emptied = [name for name, issue in self.issues.items() if not issue.tickets and self._start.get(name, ("new",))[0]]
        lines = [self._drop(name) for name in emptied if not self.issues[name].written_by_person() and len(self.issues) > 1]
        for ticket, home in sorted(self._taken_out.items()):
            self._park(ticket, home)
        homes = {ticket: issue for issue in self.issues.values() for ticket in issue.tickets}
        for issue in self.issues.values():
            if frozenset(issue.tickets) != self._start.get(issue.issue_id, (None,))[0]:
                self._bring_days_in_line(issue)
        for ticket, row in self.log.items():
            if ticket in homes and row.issue_id != homes[ticket].issue_id:
                self.log[ticket] = dataclasses.replace(row, issue_id=homes[ticket].issue_id)
        return lines

    # Tickets

    def _checked_home(self, step: TicketStep) -> str:
        """The issue a ticket stands in, if the person looked at it there and nobody reviewed it since."""
        home = self._home.get(step.ticket_id)
        if home is None:
            gone = ": a person took it out" if step.ticket_id in self._reviewed else ""
            raise StepRefused(f"ticket {step.ticket_id} is in no issue of this database{gone}")
        if step.was_in is not None and self._names.get(step.was_in) != home:
            raise StepRefused(f"ticket {step.ticket_id} stood in {step.was_in} when this was written and is in {home} now")
        if step.ticket_id in self._reviewed and not step.again:
            raise StepRefused(f"ticket {step.ticket_id} has been reviewed already; it is in {home}")
        return home

    def _decide(self, step: TicketStep, home: str) -> str:
        meant = self._suggestion(step)
        if step.verb == "ignore":
            self._take_out(step.ticket_id, home)
            self._record(step, None, agreed=False)
            return f"taken out of {self._named(home)}"
        if step.verb == "confirm":
            towards, words = home, "stays in"
        elif step.verb == "new":
            towards, words = self._founded(step, home)
        else:
            towards, words = (
                (self._accepted(step, meant), "goes as suggested to") if step.verb == "accept" else (self._target(step), "goes to")
            )
        self._place(step.ticket_id, home, towards)
        if step.verb in ("confirm", "new"):
            self.issues[towards].status = "confirmed"
            for other in {meant, home if towards != home else None} - {None, towards}:
                self._set_apart(towards, str(other))
        self._record(step, towards, agreed=towards == (meant or home))
        return f"{words} {self._named(towards)}"

    def _suggestion(self, step: TicketStep) -> str | None:
        """The issue that the model meant, as far as it is still known."""
        row = self.log.get(step.ticket_id)
        return self._names.get(step.suggested or (row.suggested_issue_id if row else None) or "")

    def _accepted(self, step: TicketStep, meant: str | None) -> str:
        if meant is None:
            row = self.log.get(step.ticket_id)
            named = step.suggested or (row.suggested_issue_id if row else None)
            why = f"the suggested {named} is no issue of this database" if named else "there is no suggestion to accept"
            raise StepRefused(f"ticket {step.ticket_id}: {why}; write confirm, new, or move with a target_issue_id")
        seen: set[str] = set()
        while meant in self._becomes and meant not in seen:
            seen.add(meant)
            meant = self._names[self._becomes[meant]]
        return meant

    def _target(self, step: TicketStep) -> str:
        return self._known(step.target or "", f"ticket {step.ticket_id}: target_issue_id ")

    def _founded(self, step: TicketStep, home: str) -> tuple[str, str]:
        """The issue of a ticket that is a problem of its own; it stays where it is if it is alone there."""
        issue = self.issues[home]
        words = "is an issue of its own, as"
        if home not in self._start or self._start[home][0] != {step.ticket_id}:
            meant = self._suggestion(step)
            issue = self._new_issue([step.ticket_id], self.issues[meant or home], step.card)
            words = "founds"
        elif step.card:
            self._write_card(issue, step.card)
        return issue.issue_id, words

    def _place(self, ticket: int, home: str, towards: str) -> None:
        """Put a reviewed ticket where a person wants it."""
        old, new = self.issues[home], self.issues[towards]
        if home != towards:
            self._leave(ticket, old)
            self._went_to[home] = towards
        new.tickets = sorted({*new.tickets, ticket})
        new.unsure.pop(ticket, None)
        new.reviewed = sorted({*new.reviewed, ticket})
        if len(new.tickets) > 1:
            new.status = "confirmed"
        self._home[ticket] = towards
        self._reviewed.add(ticket)

    def _take_out(self, ticket: int, home: str) -> None:
        self._leave(ticket, self.issues[home])
        del self._home[ticket]
        self._taken_out[ticket] = home
        self._reviewed.add(ticket)

    def _leave(self, ticket: int, issue: Issue) -> None:
        issue.tickets = [other for other in issue.tickets if other != ticket]
        issue.reviewed = [other for other in issue.reviewed if other != ticket]
        issue.unsure.pop(ticket, None)

    def _record(self, step: TicketStep, issue_id: str | None, *, agreed: bool) -> None:
        """Write into the log that a person decided; the model's own words stay."""
        row = self.log.get(step.ticket_id) or DecisionRow(step.ticket_id, issue_id, "reviewed")
        review = {"decision": step.verb, "model_was_right": agreed}
        outcome: Any = "ignored" if step.verb == "ignore" else "reviewed"
        self.log[step.ticket_id] = dataclasses.replace(
            row, issue_id=issue_id, outcome=outcome, decided_by="person", extra={**row.extra, "review": review}
        )

    # Issues

    def _merge(self, issues: list[Issue]) -> str:
        names = [issue.issue_id for issue in issues]
        if len(set(names)) < len(names):
            raise StepRefused(f"merge of {', '.join(names)}: they are one issue already (a circle, or merged before)")
        for one in names:
            if any(frozenset((one, other)) in self._apart for other in names):
                raise StepRefused(f"merge of {', '.join(names)}: this file also says that they are not the same")
        keep, *others = sorted(issues, key=age)
        for gone in others:
            self._merge_into(keep, gone)
        return f"{', '.join(gone.issue_id for gone in others)} merged into {self._named(keep.issue_id)}"

    def _merge_into(self, keep: Issue, gone: Issue) -> None:
        if gone.written_by_person() and not keep.written_by_person():
            self._write_card(keep, {name: getattr(gone, name) for name in issue_db.CARD_FIELDS})
        keep.tickets = sorted([*keep.tickets, *gone.tickets])
        keep.unsure.update(gone.unsure)
        keep.reviewed = sorted({*keep.reviewed, *gone.reviewed})
        known = {keep.issue_id, gone.issue_id, *keep.merged_from, *gone.merged_from}
        keep.merged_from = in_order({*keep.merged_from, gone.issue_id, *gone.merged_from})
        keep.distinct_from = in_order({*keep.distinct_from, *gone.distinct_from} - known)
        keep.confidence = max(keep.confidence, gone.confidence)
        keep.status = "confirmed"
        days = [day for issue in (keep, gone) for day in (issue.first_seen, issue.last_seen) if day]
        keep.first_seen, keep.last_seen = min(days, default=""), max(days, default="")
        keep.extra = {**gone.extra, **keep.extra}
        self._home.update(dict.fromkeys(gone.tickets, keep.issue_id))
        self._apart = {frozenset(keep.issue_id if name == gone.issue_id else name for name in pair) for pair in self._apart}
        self._went_to[gone.issue_id] = keep.issue_id
        del self.issues[gone.issue_id]
        self._names.update({name: keep.issue_id for name, now in self._names.items() if now == gone.issue_id})

    def _distinct(self, issues: list[Issue]) -> str:
        one, other = issues
        if one is other:
            raise StepRefused(f"{one.issue_id} cannot be told from itself; the two were merged, split tickets off instead")
        if other.issue_id in one.distinct_from and one.issue_id in other.distinct_from:
            raise StepRefused(f"{one.issue_id} and {other.issue_id} are known not to be the same already")
        self._set_apart(one.issue_id, other.issue_id)
        return f"{self._named(one.issue_id)} and {self._named(other.issue_id)} are not the same"

    def _split(self, step: IssueStep, source: Issue) -> str:
        strangers = [ticket for ticket in step.ticket_ids if ticket not in source.tickets]
        if strangers:
            raise StepRefused(f"split of {source.issue_id}: ticket {strangers[0]} is not in it")
        if len(step.ticket_ids) == len(source.tickets):
            raise StepRefused(f"split of {source.issue_id}: it would be left without tickets")
        founded = self._new_issue(sorted(step.ticket_ids), source, step.card)
        for ticket in founded.tickets:
            self._place(ticket, source.issue_id, founded.issue_id)
            self._record(TicketStep(step.place, "new", ticket), founded.issue_id, agreed=False)
        self._set_apart(founded.issue_id, source.issue_id)
        return f"{len(step.ticket_ids)} tickets of {self._named(source.issue_id)} found {self._named(founded.issue_id)}"

    def _edit(self, step: IssueStep, issue: Issue) -> str:
        if issue.issue_id in self._edited:
            raise StepRefused(f"{issue.issue_id} is edited more than once")
        if step.card_was is not None and step.card_was != self._start.get(issue.issue_id, (None, None))[1]:
            raise StepRefused(f"the card of {issue.issue_id} was changed after the page was written")
        self._edited.add(issue.issue_id)
        self._write_card(issue, step.card)
        return f"{self._named(issue.issue_id)}: new {', '.join(step.card)}"

    def _new_issue(self, tickets: list[int], like: Issue, card: Mapping[str, Any]) -> Issue:
        """An issue founded by a person; without a card of theirs it has the old category and the ticket's subject."""
        taken = {*self._names, *(name for issue in self.issues.values() for name in issue.distinct_from)}
        issue_id, number = f"ISSUE-{tickets[0]}", 1
        while issue_id in taken:
            number += 1
            issue_id = f"ISSUE-{tickets[0]}-{number}"
        row = self.log.get(tickets[0])
        subject = " ".join(row.subject.split())[:300] if row else ""
        issue = Issue(issue_id, like.category, subject, status="confirmed", confidence=1.0, tickets=list(tickets))
        issue.seal_card()
        if card:
            self._write_card(issue, card)
        self.issues[issue_id] = issue
        self._names[issue_id] = issue_id
        return issue

    # Shared

    def _known(self, name: str, before: str = "") -> str:
        """The id of an issue named by any of its ids."""
        found = self._names.get(name)
        if found is None:
            near = next((known for known in self._names if known.lower() in (name.lower(), f"issue-{name}")), None)
            raise StepRefused(f"{before}{name[:80]!r} is no issue of this database" + (f"; is {near} meant?" if near else ""))
        return found

    def _named(self, issue_id: str) -> str:
        category = self.issues[issue_id].category if issue_id in self.issues else ""
        return f"{issue_id} ({category})" if category else issue_id

    def _set_apart(self, one: str, other: str) -> None:
        self._apart.add(frozenset((one, other)))
        for name, stranger in ((one, other), (other, one)):
            self.issues[name].distinct_from = in_order({*self.issues[name].distinct_from, stranger})

    def _write_card(self, issue: Issue, card: Mapping[str, Any]) -> None:
        """Put in what a person wrote; without a hash no run rewrites it."""
        for name, value in card.items():
            setattr(issue, name, list(value) if isinstance(value, list) else value)
        issue.card_hash = ""

    def _drop(self, name: str) -> str:
        """Take an empty issue away; its id leads on to where its last ticket went, and it leaves behind who was taken out of it."""
        gone = self.issues.pop(name)
        towards = name
        while towards not in self.issues and self._went_to.get(towards, name) != name:
            towards = self._went_to[towards]
        heir = self.issues.get(towards)
        if heir is not None:
            heir.merged_from = in_order({*heir.merged_from, name, *gone.merged_from})
            self._names.update({alias: heir.issue_id for alias, now in self._names.items() if now == name})
        keeper = heir or min(self.issues.values(), key=age)
        keeper.reviewed = sorted({*keeper.reviewed, *gone.reviewed})
        return f"{name} ({gone.category}) has no ticket left and goes"

    def _park(self, ticket: int, home: str) -> None:
        """Keep in the database alone that a person took a ticket out: reviewed, yet in no list of tickets."""
        row = self.log.get(ticket)
        meant = self._names.get((row.suggested_issue_id if row else None) or "")
        spot = next((self.issues[name] for name in (self._names.get(home), home, meant) if name in self.issues), None)
        keeper = spot or min(self.issues.values(), key=age)
        keeper.reviewed = sorted({*keeper.reviewed, ticket})

    def _bring_days_in_line(self, issue: Issue) -> None:
        days = [to_utc(row.created_at)[:10] if (row := self.log.get(ticket)) else "" for ticket in issue.tickets]
        known = [day for day in days if day]
        if not known or len(known) < len(days):  # some day is unknown: what stood there still bounds it
            known += [day for day in (issue.first_seen, issue.last_seen) if day]
        if issue.tickets and known:
            issue.first_seen, issue.last_seen = min(known), max(known)


def age(issue: Issue) -> tuple[str, int, tuple[Any, ...]]:
    """Order from the oldest issue on: by the day of its earliest ticket, then by its lowest ticket, then by id."""
    return (issue.first_seen or "9999", min(issue.tickets, default=0), issue_db.sort_key(issue.issue_id))


def in_order(names: Iterable[str]) -> list[str]:
    """Issue ids in the order of the database."""
    return sorted(names, key=issue_db.sort_key)
