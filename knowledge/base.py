"""The knowledge base: issues by id, where each ticket lives, every id that an issue was ever known by, and what changed since loading.

The one place that changes issues, for runs and reviews alike: a ticket's home, which card a merge keeps, what people told apart.
Pure: reads and writes no file, asks no model, keeps no index.
"""

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from knowledge.issue import SURE, Card, Issue, alias_map, in_id_order, sort_key


class By(Enum):
    """Who decided: a person's word stands, and no run takes it back."""

    MODEL = "model"
    PERSON = "person"


class KnowledgeBase:
    """Issues by id with all that changes them.

    `names` maps every id that an issue is known by to its own; `reviewed` are the tickets that a person decided, also those that were
    taken out. An issue that loses its last ticket goes, unless a person wrote its card: at once in a run, by `drop_emptied` in a review,
    so that the order of a person's steps changes nothing.
    """

    def __init__(self, issues: Mapping[str, Issue] | None = None, *, changed: Iterable[str] = ()) -> None:
        """`changed` are ids of issues that differ from the database already; those that are not among `issues` are gone."""
        self.issues = dict(issues or {})
        self.names = alias_map(self.issues.values())
        self.reviewed = {ticket for issue in self.issues.values() for ticket in issue.reviewed}
        self._home = {ticket: issue.issue_id for issue in self.issues.values() for ticket in issue.tickets}
        self._ever = {*self.names, *(name for issue in self.issues.values() for name in issue.distinct_from)}
        self._marks: dict[str, int] = {}
        self._mark = 0
        self._emptied: set[str] = set()
        self._went_to: dict[str, str] = {}
        self._taken_out: dict[int, tuple[str, str]] = {}
        for name in changed:
            self._note(name)

    # --- what is known ---------------------------------------------------------------------------------------------------------------

    @property
    def changed(self) -> set[str]:
        """Ids of issues that differ from what was loaded, those that are gone among them."""
        return set(self._marks)

    @property
    def gone(self) -> list[str]:
        """Ids of issues that are no more, in order."""
        return in_order(name for name in self._marks if name not in self.issues)

    @property
    def mark(self) -> int:
        """A place in the history of changes, for `changed_since`."""
        return self._mark

    def changed_since(self, mark: int) -> list[str]:
        """Ids that changed after `mark` was read, gone ones among them, in order."""
        found = []
        for name in reversed(self._marks):  # the latest change stands last
            if self._marks[name] <= mark:
                break
            found.append(name)
        return in_order(found)

    def changed_issues(self) -> list[Issue]:
        """Issues that differ from what was loaded, in order."""
        return in_id_order(self.issues[name] for name in self._marks if name in self.issues)

    @property
    def ticket_count(self) -> int:
        """How many tickets stand in issues."""
        return len(self._home)

    def home(self, ticket_id: int) -> Issue | None:
        """The issue that a ticket stands in."""
        issue_id = self._home.get(ticket_id)
        return None if issue_id is None else self.issues[issue_id]

    def free_id(self, ticket_id: int) -> str:
        """`ISSUE-<ticket>`, or the next free number behind it; the ticket's own issue of that name counts as free if it is alone there."""
        wanted, number = f"ISSUE-{ticket_id}", 1
        while self._is_taken(wanted, ticket_id):
            number += 1
            wanted = f"ISSUE-{ticket_id}-{number}"
        return wanted

    def told_apart(self, one: Issue, other: Issue) -> bool:
        """True for two issues of which a person said, under any of their names, that they are not the same."""
        return one.is_told_from(other) or other.is_told_from(one)

    def may_merge(self, one: Issue, other: Issue) -> bool:
        """False where a run's merge would undo what a person told apart, or take away an issue that a person placed in or wrote."""
        _, gone = oldest_first((one, other))
        return one is not other and not self.told_apart(one, other) and not gone.checked_by_person()

    def copy(self) -> "KnowledgeBase":
        """A knowledge base with issues of its own, nothing changed yet."""
        twin = KnowledgeBase(copy.deepcopy(self.issues))
        twin._ever |= self._ever
        return twin

    # --- changes -----------------------------------------------------------------------------------------------------------------------

    def found(self, ticket_id: int, card: Card, *, confidence: float, by: By, day: str = "") -> Issue:
        """The issue that a ticket founds under the id that `free_id` gives, sealed. `day` is `YYYY-MM-DD`, "" when unknown.

        The ticket leaves wherever it was. Alone in an issue of that id it founds this anew, and what people said of it stays.
        """
        issue = self._made(self.free_id(ticket_id), card)
        self._leave(ticket_id, towards=issue.issue_id)
        issue.tickets, issue.confidence, issue.held_back, issue.unsure = [ticket_id], confidence, None, {}
        issue.first_seen = issue.last_seen = day
        self._settle(ticket_id, issue)
        if by is By.PERSON:
            issue.status = "confirmed"
            self._review(ticket_id, issue)
            return issue
        if confidence < SURE and ticket_id not in issue.reviewed:
            issue.unsure[ticket_id] = confidence
        self.drop_emptied()
        return issue

    def place(self, ticket_id: int, issue_id: str, *, by: By, confidence: float = 0.0, day: str = "") -> None:
        """Put a ticket into an issue, which a second one confirms; the card stays as it is. A person's placing counts as a review."""
        issue = self.issues[issue_id]
        if self._home.get(ticket_id) != issue_id:
            self._leave(ticket_id, towards=issue_id)
            issue.tickets = sorted([*issue.tickets, ticket_id])
        issue.unsure.pop(ticket_id, None)
        issue.confidence = max(issue.confidence, confidence)
        if len(issue.tickets) > 1:
            issue.status = "confirmed"
        if by is By.PERSON:
            self._review(ticket_id, issue)
        elif len(issue.tickets) > 1:
            issue.held_back = None
        _widen(issue, day)
        self._settle(ticket_id, issue)
        if by is By.MODEL:
            self.drop_emptied()

    def take_out(self, ticket_id: int, *, by: By, meant: str = "") -> None:
        """Take a ticket out of its issue, if it is in one. A person's word is remembered there, else in the issue that was `meant`."""
        issue = self.home(ticket_id)
        if issue is None:
            return
        self._leave(ticket_id, towards="")
        if by is By.PERSON:
            self.reviewed.add(ticket_id)
            self._taken_out[ticket_id] = (issue.issue_id, meant)
            issue.held_back = None
        else:
            self.drop_emptied()

    def forget(self, ticket_id: int) -> None:
        """Take a ticket out of all that is known, as if it had never been seen: also what people said of it and what rests on its words."""
        self.take_out(ticket_id, by=By.MODEL)
        self.reviewed.discard(ticket_id)
        for issue in list(self.issues.values()):
            evidence = [[place for place in step if place.partition(":")[0] != str(ticket_id)] for step in issue.step_evidence]
            if ticket_id in issue.reviewed or evidence != issue.step_evidence:
                issue.reviewed = [other for other in issue.reviewed if other != ticket_id]
                issue.step_evidence = evidence
                self._note(issue.issue_id)

    def merge(self, keep: Issue, gone: Issue, *, by: By) -> None:
        """Put all of `gone` into `keep`, whose id stays. The card is that of the side with more tickets; one that a person wrote wins.

        Raises ValueError for a merge by the model that people's decisions bar (see `may_merge`).
        """
        if by is By.MODEL and (self.told_apart(keep, gone) or gone.checked_by_person()):
            raise ValueError(f"people's decisions bar a merge of {gone.issue_id} into {keep.issue_id}")
        chosen = max((keep, gone), key=lambda side: (side.written_by_person(), len(side.tickets)))  # the first of equals
        keep.card, keep.card_hash, keep.step_evidence = chosen.card, chosen.card_hash, chosen.step_evidence
        sure = len(keep.tickets) + len(gone.tickets) - len(keep.unsure) - len(gone.unsure)
        if by is By.PERSON or "confirmed" in (keep.status, gone.status) or sure > 1:
            keep.status = "confirmed"
        keep.tickets = sorted([*keep.tickets, *gone.tickets])
        keep.unsure.update(gone.unsure)
        keep.reviewed = sorted({*keep.reviewed, *gone.reviewed})
        keep.confidence = max(keep.confidence, gone.confidence)
        keep.area, keep.kind, keep.held_back = keep.area or gone.area, keep.kind or gone.kind, None
        keep.extra = {**gone.extra, **keep.extra}
        _widen(keep, gone.first_seen, gone.last_seen)
        self._home.update(dict.fromkeys(gone.tickets, keep.issue_id))
        self._lead_on(gone, keep)
        keep.distinct_from = in_order({*keep.distinct_from, *gone.distinct_from} - keep.names)
        self._forget_answered(keep)

    def set_card(self, issue: Issue, card: Card | Mapping[str, Any], *, by: By, step_evidence: Sequence[Sequence[str]] = ()) -> None:
        """Write an issue's card: the program's, sealed, unless a person wrote the one that is there; or the fields that a person gives.

        A person's card has no seal, and no run rewrites it.
        """
        if by is By.MODEL and issue.written_by_person():
            return
        new = card if isinstance(card, Card) else replace(issue.card, **{key: _frozen(value) for key, value in card.items()})
        if by is By.MODEL or new.resolution_steps != issue.card.resolution_steps:
            issue.step_evidence = [list(step) for step in step_evidence]
        issue.card = new
        if by is By.MODEL:
            issue.seal_card()
        else:
            issue.card_hash, issue.held_back = "", None
        self._note(issue.issue_id)

    def sort_in(self, issue: Issue, *, area: str = "", kind: str = "") -> None:
        """Fill in area and kind where they are missing; what stands there stays."""
        if (area and not issue.area) or (kind and not issue.kind):
            issue.area, issue.kind = issue.area or area, issue.kind or kind
            self._note(issue.issue_id)

    def hold_back(self, issue: Issue, meant: str) -> None:
        """Offer an issue to no ticket: an unsure match founded it, and `meant` is the id that was named, "" for none."""
        issue.held_back = meant
        self._note(issue.issue_id)

    def ask_people(self, one: Issue, other: Issue, confidence: float) -> None:
        """Note on both that two issues may be one; nothing for those that a person told apart."""
        if one is other or self.told_apart(one, other):
            return
        for issue, name in ((one, other.issue_id), (other, one.issue_id)):
            issue.may_be_one[name] = confidence
            self._note(issue.issue_id)

    def tell_apart(self, one: Issue, other: Issue) -> None:
        """Two issues that are never merged by a run again."""
        for issue, stranger in ((one, other.issue_id), (other, one.issue_id)):
            issue.distinct_from = in_order({*issue.distinct_from, stranger})
            self._note(issue.issue_id)
        self._forget_answered(one)

    def confirm(self, issue: Issue) -> None:
        """A person has seen the issue and says that it is one."""
        issue.status, issue.held_back = "confirmed", None
        self._note(issue.issue_id)

    def bring_days_in_line(self, issue: Issue, days: Collection[str]) -> None:
        """Set an issue's first and last day from its tickets' days; where some are unknown (""), what stood there still bounds them."""
        known = [day for day in days if day]
        if not known or len(known) < len(days):
            known += [day for day in (issue.first_seen, issue.last_seen) if day]
        if issue.tickets and known and (min(known), max(known)) != (issue.first_seen, issue.last_seen):
            issue.first_seen, issue.last_seen = min(known), max(known)
            self._note(issue.issue_id)

    def drop_emptied(self) -> list[Issue]:
        """Let issues go that lost their last ticket and that no person wrote; returns them.

        Their ids lead on to where the last ticket went, and what a person took out of them stays known. The last issue stays while it is
        all that remembers a person's word.
        """
        emptied = [issue for name, issue in self.issues.items() if name in self._emptied and not issue.tickets] if self._emptied else []
        dropped = [issue for issue in emptied if not issue.written_by_person() and self._drop(issue)]
        self._emptied.clear()
        for ticket_id, (home, meant) in sorted(self._taken_out.items()):
            self._park(ticket_id, home, meant)
        self._taken_out.clear()
        return dropped

    # --- steps of a change -------------------------------------------------------------------------------------------------------------

    def _note(self, issue_id: str) -> None:
        self._mark += 1
        self._marks.pop(issue_id, None)
        self._marks[issue_id] = self._mark
        self._ever.add(issue_id)

    def _is_taken(self, issue_id: str, ticket_id: int) -> bool:
        if issue_id in self.issues:
            return self.issues[issue_id].tickets != [ticket_id]
        return issue_id in self._ever

    def _made(self, issue_id: str, card: Card) -> Issue:
        """The issue of an id, made if it is not there, with this card unless a person wrote its own."""
        if issue_id in self.issues:
            self.set_card(self.issues[issue_id], card, by=By.MODEL)
        else:
            self.issues[issue_id] = Issue(issue_id, card)
            self.issues[issue_id].seal_card()
            self.names[issue_id] = issue_id
        return self.issues[issue_id]

    def _settle(self, ticket_id: int, issue: Issue) -> None:
        self._home[ticket_id] = issue.issue_id
        self._note(issue.issue_id)

    def _review(self, ticket_id: int, issue: Issue) -> None:
        issue.reviewed = sorted({*issue.reviewed, ticket_id})
        issue.held_back = None
        self.reviewed.add(ticket_id)

    def _leave(self, ticket_id: int, *, towards: str) -> None:
        """Take a ticket out of its issue, which is noted as emptied by its last one."""
        old = self.home(ticket_id)
        if old is None or old.issue_id == towards:
            return
        del self._home[ticket_id]
        old.tickets = [other for other in old.tickets if other != ticket_id]
        old.reviewed = [other for other in old.reviewed if other != ticket_id]
        old.unsure.pop(ticket_id, None)
        self._note(old.issue_id)
        if towards:
            self._went_to[old.issue_id] = towards
        if not old.tickets:
            self._emptied.add(old.issue_id)

    def _drop(self, gone: Issue) -> bool:
        """Take an empty issue away; False if it has to stay."""
        heir = self._heir(gone.issue_id)
        others = [issue for issue in self.issues.values() if issue is not gone]
        if not others and (gone.reviewed or self._taken_out):
            return False
        if heir is not None:
            self._lead_on(gone, heir)
        else:
            self._forget(gone, None)
        if gone.reviewed:
            self._remember(heir or min(others, key=age), gone.reviewed)
        return True

    def _heir(self, gone: str) -> Issue | None:
        """Where the tickets of an emptied issue went, through issues that are gone themselves; None if they left the knowledge base."""
        towards = self._went_to.get(gone, gone)
        while towards not in self.issues and towards in self._went_to and self._went_to[towards] != gone:
            towards = self._went_to[towards]
        return self.issues.get(towards) if towards != gone else None

    def _lead_on(self, gone: Issue, heir: Issue) -> None:
        """Let every name of an issue lead to another one, and take it away."""
        heir.merged_from = in_order((heir.names | gone.names) - {heir.issue_id})
        self._went_to[gone.issue_id] = heir.issue_id
        self.names.update({name: heir.issue_id for name, now in self.names.items() if now == gone.issue_id})
        self._forget(gone, heir)
        self._note(heir.issue_id)

    def _forget(self, gone: Issue, heir: Issue | None) -> None:
        """Take an issue away; what people are asked about it, they are asked about its heir."""
        del self.issues[gone.issue_id]
        self._note(gone.issue_id)
        for other in [self.issues[name] for name in in_order(gone.may_be_one) if name in self.issues]:
            confidence = other.may_be_one.pop(gone.issue_id, gone.may_be_one[other.issue_id])
            self._note(other.issue_id)
            if heir is not None:
                self.ask_people(heir, other, heir.may_be_one.get(other.issue_id, confidence))

    def _forget_answered(self, issue: Issue) -> None:
        """Ask people no longer whether an issue is one of those that they told apart from it."""
        for other in [self.issues[name] for name in in_order(issue.may_be_one) if name in self.issues]:
            if self.told_apart(issue, other):
                del issue.may_be_one[other.issue_id]
                other.may_be_one.pop(issue.issue_id, None)
                self._note(other.issue_id)

    def _park(self, ticket_id: int, home: str, meant: str) -> None:
        """Keep in the database alone that a person took a ticket out: reviewed, yet in no list of tickets."""
        spot = next((self.issues[name] for name in (self.names.get(home, ""), self.names.get(meant, "")) if name in self.issues), None)
        self._remember(spot or min(self.issues.values(), key=age), [ticket_id])

    def _remember(self, issue: Issue, tickets: Iterable[int]) -> None:
        issue.reviewed = sorted({*issue.reviewed, *tickets})
        self._note(issue.issue_id)


def age(issue: Issue) -> tuple[str, int, tuple[Any, ...]]:
    """Order from the oldest issue on: by the day of its earliest ticket (unknown ones last), then by its lowest ticket, then by id."""
    return (issue.first_seen or "9999", min(issue.tickets, default=0), sort_key(issue.issue_id))


def oldest_first(issues: Iterable[Issue]) -> list[Issue]:
    """Issues by age: the id of the first is the one that stays in a merge."""
    return sorted(issues, key=age)


def in_order(names: Iterable[str]) -> list[str]:
    """Issue ids in the order of the database."""
    return sorted(names, key=sort_key)


def _widen(issue: Issue, *days: str) -> None:
    known = [day for day in (issue.first_seen, issue.last_seen, *days) if day]
    if known:
        issue.first_seen, issue.last_seen = min(known), max(known)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
