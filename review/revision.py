"""A database and its log as they become by a person's steps, one after the other.

Changes a copy in memory; reads and writes no file. What a person decided before holds unless the step says that this was seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from common.errors import Unusable
from knowledge.base import By, KnowledgeBase, oldest_first
from knowledge.decision import DecisionRow, Outcome
from knowledge.issue import Card, Issue, card_hash, known_name
from review.decisions import IssueStep, Step, TicketStep
from review.groups import states_no_problem


class Revision:
    """A database and its log as they become by a person's `steps`: `carry_out` each that does not hold yet, then `settle` once.

    `base` and `log` are copies; what the caller handed in is never changed.
    """

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], steps: Iterable[Step]) -> None:
        self.base = KnowledgeBase(issues).copy()
        self.log = dict(log)
        self._tickets_before = {name: frozenset(entry.tickets) for name, entry in issues.items()}
        self._no_problem_before = {ticket for entry in issues.values() if states_no_problem(entry) for ticket in entry.tickets}
        self._cards_before = {name: card_hash(entry.card) for name, entry in issues.items()}
        self._becomes: dict[str, str] = {}
        self._apart: list[tuple[str, str]] = []
        self._edited: set[str] = set()
        self._foresee(steps)

    def _foresee(self, steps: Iterable[Step]) -> None:
        """Note which issues go into another one as a whole: a suggestion to join such an issue then means where it went."""
        decided = {step.ticket_id: step for step in steps if isinstance(step, TicketStep)}
        for name, entry in self.base.issues.items():
            places = {self._wanted(decided[ticket]) if ticket in decided else name for ticket in entry.tickets}
            if len(places) == 1 and not places & {name, None}:
                self._becomes[name] = str(places.pop())
        moved = {ticket for ticket, step in decided.items() if step.verb == "move"}
        for name in list(self._becomes):
            accepted = [self.base.issues[place] for place in self._circle(name)]
            accepted = [entry for entry in accepted if moved.isdisjoint(entry.tickets)]
            if accepted:  # suggestions that go round say that all of these are one: the oldest stays
                del self._becomes[oldest_first(accepted)[0].issue_id]

    def _wanted(self, step: TicketStep) -> str | None:
        """The issue that a step puts its ticket into, None for one that founds or leaves one, or does not say."""
        return self._suggestion(step) if step.verb == "accept" else self._named(step.target or "")

    def _circle(self, name: str) -> list[str]:
        """The issues that lead from one back to it, in order; none if it leads elsewhere."""
        path = [name]
        while (following := self._becomes.get(path[-1])) not in (None, *path):
            path.append(str(following))
        return path if following == name else []

    def holds(self, step: Step) -> bool:
        """True if a person decided this very thing before, and it stands so."""
        if isinstance(step, TicketStep):
            return self._decided_so((step.ticket_id,), step.verb) and self._stands_so(step)
        issues = [self.base.issues.get(self._named(name) or "") for name in step.issue_ids]
        found = [entry for entry in issues if entry is not None]
        if len(found) < len(issues):
            return False
        one, other = found[0], found[-1]
        if step.verb == "merge":
            return len(set(step.issue_ids)) == len(issues) and all(entry is one for entry in found)
        if step.verb == "distinct":
            return one.is_told_from(other) and other.is_told_from(one)
        if step.verb == "edit":
            return _has(one, step.card)
        homes = [self.base.home(ticket) for ticket in step.ticket_ids]
        stands = homes[0] is not None and homes[0] is not one and all(home is homes[0] for home in homes) and _has(homes[0], step.card)
        return stands and self._decided_so(step.ticket_ids, "split")

    def _decided_so(self, tickets: Iterable[int], verb: str) -> bool:
        rows = [self.log.get(ticket) if ticket in self.base.reviewed else None for ticket in tickets]
        return all(row is not None and row.extra.get("review", {}).get("decision") == verb for row in rows)

    def _stands_so(self, step: TicketStep) -> bool:
        """True if a ticket is where a step puts it."""
        home = self.base.home(step.ticket_id)
        if home is None or step.verb == "ignore":
            return home is None and step.verb == "ignore"
        wanted = {"move": step.target, "accept": self._suggested_name(step), "confirm": step.was_in}.get(step.verb) or home.issue_id
        return self._named(wanted) == home.issue_id and _has(home, step.card)

    def carry_out(self, step: Step) -> str:
        """Do one step; returns what it does, in words. Raises `Unusable`."""
        if isinstance(step, TicketStep):
            return f"ticket {step.ticket_id}: {self._decide(step, self._checked_home(step))}"
        issues = [self._known(name) for name in step.issue_ids]
        if step.verb == "merge":
            return self._merge(issues)
        if step.verb == "distinct":
            return self._distinct(issues)
        return self._split(step, issues[0]) if step.verb == "split" else self._edit(step, issues[0])

    def settle(self) -> list[str]:
        """Let emptied issues go, and bring days and log in line; returns what was dropped, in words."""
        dropped = self.base.drop_emptied()
        for entry in self.base.issues.values():
            if self._tickets_before.get(entry.issue_id) != frozenset(entry.tickets):
                self.base.bring_days_in_line(entry, [self._row(ticket).day for ticket in entry.tickets])
        for ticket, row in self.log.items():
            home = self.base.home(ticket)
            if home is not None and row.issue_id != home.issue_id:
                self.log[ticket] = replace(row, issue_id=home.issue_id)
        return [f"{_with_title(gone)} has no ticket left and goes" for gone in dropped]

    def _checked_home(self, step: TicketStep) -> Issue:
        """The issue a ticket stands in, if the person looked at it there and nobody reviewed it since."""
        home = self.base.home(step.ticket_id)
        reviewed = step.ticket_id in self.base.reviewed
        if home is None:
            gone = ": a person took it out" if reviewed else ""
            raise Unusable(f"ticket {step.ticket_id} is in no issue of this database{gone}")
        if step.was_in is not None and self._named(step.was_in) != home.issue_id:
            raise Unusable(f"ticket {step.ticket_id} stood in {step.was_in} when this was written and is in {home.issue_id} now")
        if reviewed and not step.again:
            raise Unusable(f"ticket {step.ticket_id} has been reviewed already; it is in {home.issue_id}")
        if self._is_misread(step):
            raise Unusable(f"ticket {step.ticket_id}: {step.suggested} was not suggested, nor is it {step.suggested_category!r}")
        return home

    def _is_misread(self, step: TicketStep) -> bool:
        """True for a suggestion that neither the log nor the title beside it bears out, as where a cell was dragged over others."""
        if step.ticket_id not in self.log or not step.suggested or not step.suggested_category:
            return False
        named, logged = self._named(step.suggested), self._logged(step)
        if step.suggested == logged or (named is not None and named == self._named(logged)):
            return False
        title = self.base.issues[named].card.category if named else ""
        return title.split() != step.suggested_category.split()

    def _decide(self, step: TicketStep, home: Issue) -> str:
        meant = self.base.issues.get(self._suggestion(step) or "")
        if step.verb == "ignore":
            self.base.take_out(step.ticket_id, by=By.PERSON, meant=self._logged(step))
            self._record(step.ticket_id, step.verb, None, agreed=step.ticket_id in self._no_problem_before)
            return f"taken out of {_with_title(home)}"
        towards, words = self._destination(step, home, meant)
        self.base.place(step.ticket_id, towards.issue_id, by=By.PERSON)
        apart: list[Issue] = []
        if step.verb in ("confirm", "new"):
            self.base.confirm(towards)
            apart = [other for other in (meant, home) if other is not None and other is not towards]
            for other in apart:  # a person saw these and said that it is another problem
                self._set_apart(towards, other)
        as_meant = step.verb == "accept" or towards is (meant or home)
        agreed = as_meant and step.ticket_id not in self._no_problem_before  # a person who places such a one says that there is a problem
        self._record(step.ticket_id, step.verb, towards.issue_id, agreed=agreed)
        kept = f", kept apart from {' and '.join(dict.fromkeys(map(_with_title, apart)))}" if apart else ""
        return f"{words} {_with_title(towards)}{kept}"

    def _destination(self, step: TicketStep, home: Issue, meant: Issue | None) -> tuple[Issue, str]:
        """Where a ticket goes, and how to say so."""
        if step.verb == "confirm":
            return home, "stays in"
        if step.verb == "accept":
            return self._accepted(step, meant), "goes as suggested to"
        if step.verb == "move":
            return self._known(step.target or "", f"ticket {step.ticket_id}: target_issue_id "), "goes to"
        if self._tickets_before.get(home.issue_id) == frozenset((step.ticket_id,)):  # alone there: it is its own issue already
            if step.card:
                self.base.set_card(home, step.card, by=By.PERSON)
            return home, "is an issue of its own, as"
        return self._found([step.ticket_id], meant or home, step.card), "founds"

    def _found(self, tickets: list[int], like: Issue, card: Mapping[str, Any]) -> Issue:
        """An issue founded for tickets; without a person's card it has the old category and the first ticket's subject."""
        subject = " ".join(self._row(tickets[0]).subject.split())[:300]
        founded = self.base.found(tickets[0], Card(like.card.category, subject), confidence=1.0, by=By.PERSON)
        for ticket in tickets[1:]:
            self.base.place(ticket, founded.issue_id, by=By.PERSON)
        if card:
            self.base.set_card(founded, card, by=By.PERSON)
        return founded

    def _record(self, ticket: int, verb: str, issue_id: str | None, *, agreed: bool) -> None:
        """Write into the log that a person decided; the model's own words stay."""
        row = self._row(ticket)
        review = {"decision": verb, "model_was_right": agreed}
        outcome: Outcome = "reviewed" if issue_id else "ignored"
        self.log[ticket] = replace(row, issue_id=issue_id, outcome=outcome, decided_by="person", extra={**row.extra, "review": review})

    def _row(self, ticket: int) -> DecisionRow:
        """What the log says of a ticket; an empty row where it says nothing."""
        return self.log.get(ticket) or DecisionRow(ticket, None, "reviewed")

    def _logged(self, step: TicketStep) -> str:
        """What the model meant by the log, "" for nothing."""
        return self._row(step.ticket_id).suggested_issue_id or ""

    def _suggestion(self, step: TicketStep) -> str | None:
        """The issue that the model meant, as far as it is still known."""
        return self._named(self._suggested_name(step))

    def _suggested_name(self, step: TicketStep) -> str:
        """What the person saw as suggested; what the log says, if the file does not, or if the ticket stands there already."""
        logged = self._logged(step)
        stands_there = step.suggested == "" and self._named(logged) == self._named(step.was_in or "")
        return logged if step.suggested is None or stands_there else step.suggested

    def _accepted(self, step: TicketStep, meant: Issue | None) -> Issue:
        if meant is None:
            named = self._suggested_name(step)
            gone = f"the suggested {named} is no issue of this database (is the review of another --output?)"
            why = gone if named else "there is no suggestion to accept"
            raise Unusable(f"ticket {step.ticket_id}: {why}; write confirm, new, or move with a target_issue_id")
        name, seen = meant.issue_id, set[str]()
        while name in self._becomes and name not in seen:
            seen.add(name)
            name = self.base.names[self._becomes[name]]
        return self.base.issues[name]

    def _merge(self, issues: list[Issue]) -> str:
        names = [entry.issue_id for entry in issues]
        if len(set(names)) < len(names):
            raise Unusable(f"merge of {', '.join(names)}: they are one issue already (a circle, or merged before)")
        if any(self.base.names[one] in names and self.base.names[other] in names for one, other in self._apart):
            raise Unusable(f"merge of {', '.join(names)}: this file also says that they are not the same")
        keep, *others = oldest_first(issues)
        for gone in others:
            self.base.merge(keep, gone, by=By.PERSON)
        return f"{', '.join(gone.issue_id for gone in others)} merged into {_with_title(keep)}"

    def _distinct(self, issues: list[Issue]) -> str:
        one, other = issues
        if one is other:
            raise Unusable(f"{one.issue_id} cannot be told from itself; the two were merged, split tickets off instead")
        if other.issue_id in one.distinct_from and one.issue_id in other.distinct_from:
            raise Unusable(f"{one.issue_id} and {other.issue_id} are known not to be the same already")
        self._set_apart(one, other)
        return f"{_with_title(one)} and {_with_title(other)} are not the same"

    def _split(self, step: IssueStep, source: Issue) -> str:
        strangers = [ticket for ticket in step.ticket_ids if ticket not in source.tickets]
        if strangers:
            raise Unusable(f"split of {source.issue_id}: ticket {strangers[0]} is not in it")
        if len(step.ticket_ids) == len(source.tickets):
            raise Unusable(f"split of {source.issue_id}: it would be left without tickets")
        founded = self._found(sorted(step.ticket_ids), source, step.card)
        for ticket in step.ticket_ids:
            self._record(ticket, "split", founded.issue_id, agreed=False)
        self._set_apart(founded, source)
        return f"{len(step.ticket_ids)} tickets of {_with_title(source)} found {_with_title(founded)}"

    def _edit(self, step: IssueStep, entry: Issue) -> str:
        if entry.issue_id in self._edited:
            raise Unusable(f"{entry.issue_id} is edited more than once")
        if step.card_was is not None and step.card_was != self._cards_before.get(entry.issue_id):
            raise Unusable(f"the card of {entry.issue_id} was changed after the page was written")
        self._edited.add(entry.issue_id)
        self.base.set_card(entry, step.card, by=By.PERSON)
        return f"{_with_title(entry)}: new {', '.join(step.card)}"

    def _set_apart(self, one: Issue, other: Issue) -> None:
        self.base.tell_apart(one, other)
        self._apart.append((one.issue_id, other.issue_id))

    def _known(self, name: str, before: str = "") -> Issue:
        """The issue that a person means. Raises `Unusable` where there is none."""
        found = self._named(name)
        if found is None:
            raise Unusable(f"{before}{name[:80]!r} is no issue of this database")
        return self.base.issues[found]

    def _named(self, name: str) -> str | None:
        return known_name(name, self.base.names, self.base.issues)


def _has(entry: Issue, card: Mapping[str, Any]) -> bool:
    """True if an issue's card says what a person wrote."""
    return card.items() <= entry.card.to_json().items()


def _with_title(entry: Issue) -> str:
    """An issue's id with its category, for messages."""
    return f"{entry.issue_id} ({entry.card.category})" if entry.card.category else entry.issue_id
