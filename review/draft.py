"""A copy of the database on which a person's steps are tried: placing tickets, founding and joining issues, and keeping all of it in line.

Knows what can be done to it but not what people ask for. What the caller handed in is never changed; reads and writes no file.
"""

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from common.times import to_utc
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue


class Draft:
    """Issues and decision log on their way. Issues that are left empty stay until `settle`, so that the order of steps changes nothing.

    `names` maps every id an issue is known by to its own, `home` each ticket to its issue, `reviewed` are tickets that a person decided,
    `start` has each issue's tickets and card hash as they were.
    """

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> None:
        self.issues = copy.deepcopy(dict(issues))
        self.log = dict(log)
        self.names = issue_db.alias_map(self.issues.values())
        self.home = {ticket: issue.issue_id for issue in self.issues.values() for ticket in issue.tickets}
        self.reviewed = {ticket for issue in self.issues.values() for ticket in issue.reviewed}
        self.start = {issue.issue_id: (frozenset(issue.tickets), issue_db.card_hash(issue)) for issue in self.issues.values()}
        self._went_to: dict[str, str] = {}
        self._taken_out: dict[int, str] = {}

    def named(self, issue_id: str) -> str:
        """An issue's id with its category, for messages."""
        category = self.issues[issue_id].category if issue_id in self.issues else ""
        return f"{issue_id} ({category})" if category else issue_id

    def place(self, ticket: int, towards: str) -> None:
        """Put a ticket where a person wants it; it counts as reviewed."""
        home = self.home[ticket]
        if home != towards:
            self._leave(ticket)
            self._went_to[home] = towards
        issue = self.issues[towards]
        issue.tickets = sorted({*issue.tickets, ticket})
        issue.unsure.pop(ticket, None)
        issue.reviewed = sorted({*issue.reviewed, ticket})
        if len(issue.tickets) > 1:
            issue.status = "confirmed"
        self.home[ticket] = towards
        self.reviewed.add(ticket)

    def take_out(self, ticket: int) -> None:
        """Take a ticket out of its issue, for good."""
        self._taken_out[ticket] = self.home[ticket]
        self._leave(ticket)
        del self.home[ticket]
        self.reviewed.add(ticket)

    def record(self, ticket: int, decision: str, issue_id: str | None, *, agreed: bool) -> None:
        """Write into the log that a person decided; the model's own words stay."""
        row = self.log.get(ticket) or DecisionRow(ticket, issue_id, "reviewed")
        review = {"decision": decision, "model_was_right": agreed}
        outcome: Any = "reviewed" if issue_id else "ignored"
        self.log[ticket] = dataclasses.replace(
            row, issue_id=issue_id, outcome=outcome, decided_by="person", extra={**row.extra, "review": review}
        )

    def found_issue(self, tickets: list[int], like: Issue, card: Mapping[str, Any]) -> Issue:
        """An issue founded for tickets that are placed next; without a person's card it has the old category and the ticket's subject."""
        taken = {*self.names, *(name for issue in self.issues.values() for name in issue.distinct_from)}
        issue_id, number = f"ISSUE-{tickets[0]}", 1
        while issue_id in taken:
            number += 1
            issue_id = f"ISSUE-{tickets[0]}-{number}"
        row = self.log.get(tickets[0])
        subject = " ".join(row.subject.split())[:300] if row else ""
        issue = Issue(issue_id, like.category, subject, status="confirmed", confidence=1.0)
        issue.seal_card()
        if card:
            write_card(issue, card)
        self.issues[issue_id] = issue
        self.names[issue_id] = issue_id
        return issue

    def merge(self, keep: Issue, gone: Issue) -> None:
        """Put all of `gone` into `keep`, whose id stays; of the two cards the one that a person wrote."""
        if gone.written_by_person() and not keep.written_by_person():
            write_card(keep, {name: getattr(gone, name) for name in issue_db.CARD_FIELDS})
        keep.tickets = sorted([*keep.tickets, *gone.tickets])
        keep.unsure.update(gone.unsure)
        keep.reviewed = sorted({*keep.reviewed, *gone.reviewed})
        known = {keep.issue_id, gone.issue_id, *keep.merged_from, *gone.merged_from}
        keep.merged_from = in_order(known - {keep.issue_id})
        keep.distinct_from = in_order({*keep.distinct_from, *gone.distinct_from} - known)
        keep.confidence = max(keep.confidence, gone.confidence)
        keep.status = "confirmed"
        days = [day for issue in (keep, gone) for day in (issue.first_seen, issue.last_seen) if day]
        keep.first_seen, keep.last_seen = min(days, default=""), max(days, default="")
        keep.extra = {**gone.extra, **keep.extra}
        self.home.update(dict.fromkeys(gone.tickets, keep.issue_id))
        self._lead_on(gone, keep)

    def set_apart(self, one: str, other: str) -> None:
        """Two issues that are never merged again."""
        for name, stranger in ((one, other), (other, one)):
            self.issues[name].distinct_from = in_order({*self.issues[name].distinct_from, stranger})

    def settle(self) -> list[str]:
        """Drop issues that were left empty and no person wrote, park tickets that were taken out, bring days and log in line.

        Returns what was dropped, in words. Call it once, at the end.
        """
        emptied = [issue for name, issue in self.issues.items() if not issue.tickets and (name not in self.start or self.start[name][0])]
        lines = [self._drop(issue) for issue in emptied if not issue.written_by_person() and len(self.issues) > 1]
        for ticket, home in sorted(self._taken_out.items()):
            self._park(ticket, home)
        for issue in self.issues.values():
            if issue.issue_id not in self.start or self.start[issue.issue_id][0] != frozenset(issue.tickets):
                self._bring_days_in_line(issue)
        for ticket, row in self.log.items():
            if ticket in self.home and row.issue_id != self.home[ticket]:
                self.log[ticket] = dataclasses.replace(row, issue_id=self.home[ticket])
        return lines

    def _leave(self, ticket: int) -> None:
        issue = self.issues[self.home[ticket]]
        issue.tickets = [other for other in issue.tickets if other != ticket]
        issue.reviewed = [other for other in issue.reviewed if other != ticket]
        issue.unsure.pop(ticket, None)

    def _drop(self, gone: Issue) -> str:
        """Take an empty issue away; its id leads on to where its last ticket went, and who was taken out of it stays known."""
        towards = gone.issue_id
        while (
            towards in self._went_to
            and self._went_to[towards] != gone.issue_id
            and (towards == gone.issue_id or towards not in self.issues)
        ):
            towards = self._went_to[towards]
        heir = self.issues[towards] if towards in self.issues and towards != gone.issue_id else None
        if heir is None:
            del self.issues[gone.issue_id]
        else:
            heir.merged_from = in_order({*heir.merged_from, gone.issue_id, *gone.merged_from})
            self._lead_on(gone, heir)
        keeper = heir or min(self.issues.values(), key=age)
        keeper.reviewed = sorted({*keeper.reviewed, *gone.reviewed})
        return f"{gone.issue_id} ({gone.category}) has no ticket left and goes"

    def _lead_on(self, gone: Issue, heir: Issue) -> None:
        self._went_to[gone.issue_id] = heir.issue_id
        del self.issues[gone.issue_id]
        self.names.update({name: heir.issue_id for name, now in self.names.items() if now == gone.issue_id})

    def _park(self, ticket: int, home: str) -> None:
        """Keep in the database alone that a person took a ticket out: reviewed, yet in no list of tickets."""
        row = self.log.get(ticket)
        meant = self.names.get((row.suggested_issue_id if row else None) or "", "")
        spot = next((self.issues[name] for name in (self.names.get(home, ""), meant) if name in self.issues), None)
        keeper = spot or min(self.issues.values(), key=age)
        keeper.reviewed = sorted({*keeper.reviewed, ticket})

    def _bring_days_in_line(self, issue: Issue) -> None:
        days = [to_utc(row.created_at)[:10] if (row := self.log.get(ticket)) else "" for ticket in issue.tickets]
        known = [day for day in days if day]
        if not known or len(known) < len(days):  # some day is unknown: what stood there still bounds it
            known += [day for day in (issue.first_seen, issue.last_seen) if day]
        if issue.tickets and known:
            issue.first_seen, issue.last_seen = min(known), max(known)


def write_card(issue: Issue, card: Mapping[str, Any]) -> None:
    """Put in what a person wrote; without a hash no run rewrites it."""
    for name, value in card.items():
        setattr(issue, name, list(value) if isinstance(value, list) else value)
    issue.card_hash = ""


def age(issue: Issue) -> tuple[str, int, tuple[Any, ...]]:
    """Order from the oldest issue on: by the day of its earliest ticket, then by its lowest ticket, then by id."""
    return (issue.first_seen or "9999", min(issue.tickets, default=0), issue_db.sort_key(issue.issue_id))


def in_order(names: Iterable[str]) -> list[str]:
    """Issue ids in the order of the database."""
    return sorted(names, key=issue_db.sort_key)
