"""A person's review put into the database: every row is checked first, then all of them apply or none.

Keeps what stood there before, so that a review can be undone. Asks no model and fetches nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common import files as safe_files
from common.errors import Unreadable, Unusable, Unwritable
from common.text import first_few, for_terminal
from common.times import to_utc
from knowledge import decision, issue, written
from knowledge.base import By, KnowledgeBase, oldest_first
from knowledge.decision import DecisionRow, Outcome
from knowledge.issue import Card, Issue, card_hash
from knowledge.paths import RunFiles
from review import decisions
from review import list as review_list
from review.decisions import IssueStep, Step, TicketStep

MAX_NAMED_PROBLEMS = 200
KEPT_REVIEWS = 20
UNFINISHED = "unfinished"
AFTER = "after.json"


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """Database and decision log as the review leaves them, and how many tickets are still flagged.

    `held` says that all of the file holds already, so that nothing is `done`; else `done` has a line in words for each decision. `dropped`
    has one for each issue that was left without tickets, `unwritten` says why the review list could not follow, "" if it did.
    """

    issues: dict[str, Issue]
    log: dict[int, DecisionRow]
    done: tuple[str, ...]
    flagged: int
    dropped: tuple[str, ...] = ()
    unwritten: str = ""
    held: bool = False


def apply_file(path: Path, files: RunFiles) -> ReviewResult:
    """Put a review CSV or `review.json` into the database that stands at `files`.

    Writes the database and `decisions.jsonl`, both or neither, then the review list, and keeps all three as they were for `undo`. If the
    list could not be written, the same file once more writes it. The caller holds the lock.
    Raises `Unusable` that names each row to mend, `Unreadable`, `Unwritable` (nothing changed).
    """
    begun = _begun(path, files)
    issues, log = issue.load((begun or files.database.parent) / files.database.name), decision.load(files.decisions)
    result = revise(path, issues, log if begun is None else log | decision.load(begun / files.decisions.name))
    _refuse_second_thoughts(path, files)
    if not result.done:
        return result
    text = issue.render(result.issues.values())
    issue.parse(text, name=f"{files.database} after the review")  # a database that cannot be read again must never be written
    folder = begun or _keep_previous(files, after=text)
    try:
        log_text = decision.render(result.log.values())
        written.expect(files, {files.database: [text], files.decisions: [log_text]})
        safe_files.write_text(files.database, text)
        decision.write(files.decisions, result.log.values())
    except BaseException:
        if begun is None:
            for target in (files.decisions, files.database):
                _put_back(target, safe_files.read_bytes(folder / target.name))
            _discard(folder)
        raise
    return replace(result, unwritten=_write_list(files, result, folder))


def _refuse_second_thoughts(path: Path, files: RunFiles) -> None:
    """Raises `Unusable` where the list beside the database is filled in otherwise than this file: one of a person's words would be lost."""
    try:
        filled = review_list.load_filled(files.flagged)
    except Unreadable:
        return  # it is set aside whole
    said = {step.ticket_id: step for step in decisions.load(path).steps if isinstance(step, TicketStep)}
    twice = []
    for ticket in sorted(said.keys() & filled.keys()):
        here, cells = said[ticket], filled[ticket]
        target = cells["target_issue_id"] if cells["decision"].lower() == "move" else ""
        if (cells["decision"].lower(), target) != (here.verb, (here.target or "") if here.verb == "move" else ""):
            there = f"{cells['decision']} {target}".strip()
            twice.append(f"{here.place}: ticket {ticket} is {here.verb} here and {there} in {files.flagged}; empty one of the two")
    if twice:
        raise Unusable(_to_mend(path, twice))


def _write_list(files: RunFiles, result: ReviewResult, folder: Path) -> str:
    """Why the list could not be written after a review, "" if it was. The review stands all the same, and so does an interrupt's end."""
    try:
        review_list.write(files.flagged, result.issues, result.log, separator=files.separator)
        safe_files.remove(folder / UNFINISHED)
    except KeyboardInterrupt:
        return "interrupted"
    except (Unwritable, OSError) as error:
        return str(error)
    return ""


def _begun(path: Path, files: RunFiles) -> Path | None:
    """Where the files from before this very review are kept, if its last steps are missing; else None."""
    kept = kept_reviews(files)
    if not kept or not (kept[-1] / UNFINISHED).exists():
        return None
    try:
        before = issue.load(kept[-1] / files.database.name), decision.load(kept[-1] / files.decisions.name)
        made = issue.render(revise(path, *before).issues.values())
    except Unusable:
        return None
    return kept[-1] if files.database.exists() and made.encode() == files.database.read_bytes() else None


def revise(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> ReviewResult:
    """What a review file makes of a database and its log; neither is changed. Raises `Unusable`."""
    review = decisions.load(path)
    revision, done, problems = Revision(issues, log), [], list(review.problems)
    revision.foresee(review.steps)
    steps = [step for step in review.steps if not revision.holds(step)]
    if review.steps and not steps and not problems:
        return ReviewResult(dict(issues), dict(log), (), len(review_list.flagged_tickets(issues)), held=True)
    for step in steps:
        try:
            done.append(for_terminal(revision.carry_out(step)))
        except Unusable as error:
            problems.append(f"{step.place}: {error}")
    if problems:
        raise Unusable(_to_mend(path, sorted(problems, key=_place_order)))
    dropped = [for_terminal(line) for line in revision.settle()] if done else []
    after = revision.base.issues
    ordered = {name: after[name] for name in sorted(after, key=issue.sort_key)}
    return ReviewResult(ordered, revision.log, tuple(done), len(review_list.flagged_tickets(ordered)), tuple(dropped))


def _to_mend(path: Path, problems: Sequence[str]) -> str:
    """What is wrong in a file, a line for each problem."""
    count = "1 row" if len(problems) == 1 else f"{len(problems)} rows"
    named = first_few([for_terminal(problem) for problem in problems], MAX_NAMED_PROBLEMS)
    return "\n  ".join([f"{path}: {count} to mend; nothing was applied", *named])


def undo(files: RunFiles) -> str:
    """Put back what the last applied review found; returns what was done, and what is filled in once more, in words.

    A person's words in the list come back with it, so that one of them can be mended and the rest applied again. Only if nothing changed
    the database since, and only what is as it was kept. Raises `Unusable` and `Unwritable`.
    """
    kept = kept_reviews(files)
    if not kept:
        raise Unusable(f"there is no applied review to undo for {files.database}")
    folder = kept[-1]
    after = _checked_copies(folder, files)
    now, before = (_sha256(safe_files.read_bytes(path) or b"") for path in (files.database, folder / files.database.name))
    if now not in (after, before):  # the latter: an undo that was interrupted when it was nearly done
        raise Unusable(
            f"{files.database} was changed after that review (a run, another review or by hand); undoing would lose this. "
            f"The files from before the review are in {folder}"
        )
    written.expect(files, {path: [safe_files.read_bytes(folder / path.name) or b""] for path in (files.database, files.decisions)})
    _put_back(files.flagged, _list_of_before(folder, files))  # first the one that a spreadsheet may hold open
    for target in (files.decisions, files.database):
        _put_back(target, safe_files.read_bytes(folder / target.name))
    _discard(folder)
    return f"{files.database} is again as it was before the last review{_filled_again(files)}"


def _list_of_before(folder: Path, files: RunFiles) -> bytes | None:
    """The list from before a review, every byte of it; what was filled in since is carried into it, for no word of a person is lost."""
    now, kept = review_list.filled_or_set_aside(files.flagged), folder / files.flagged.name
    try:
        before = review_list.load_filled(kept)
    except Unreadable:
        before = {}  # it was set aside whole when the review wrote a new one
    since = {ticket: cells for ticket, cells in now.items() if ticket not in before or not _same_words(cells, before[ticket])}
    if not since:
        return safe_files.read_bytes(kept)
    issues, log = issue.load(folder / files.database.name), decision.load(folder / files.decisions.name)
    return review_list.render(issues, log, filled={**before, **since}, separator=files.separator).encode()


def _same_words(cells: Mapping[str, str], others: Mapping[str, str]) -> bool:
    return all(cells.get(column, "") == others.get(column, "") for column in review_list.FILLED_COLUMNS)


def _filled_again(files: RunFiles) -> str:
    """What the next `--apply-review` would do with the list as it was put back, in words; "" for nothing."""
    try:
        rows = len(review_list.load_filled(files.flagged))
    except Unreadable:
        return ""
    if not rows:
        return ""
    count = "1 row" if rows == 1 else f"{rows} rows"
    return f", and so is {files.flagged}: {count} filled in, which --apply-review applies again. Change or empty them first"


def _checked_copies(folder: Path, files: RunFiles) -> str:
    """The digest of the database after the review; everything that is to be put back is read first. Raises `Unusable`."""
    try:
        kept = safe_files.parse_json(safe_files.read_text(folder / AFTER) or "", name=AFTER)
        if issue.load(folder / files.database.name) == {}:
            raise ValueError(f"there is no database in it ({files.database.name})")
        copies = kept.get("copies_sha256")  # reviews of earlier versions have none
        for target in (files.database, files.decisions, files.flagged) if copies is not None else ():
            found = safe_files.read_bytes(folder / target.name)
            if copies.get(target.name) != (None if found is None else _sha256(found)):
                raise ValueError(f"{target.name} is not as it was kept")
        return str(kept["database_sha256"])
    except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).removesuffix(". The file is left as it is; restore it (see its .bak) or choose another --output.")
        raise Unusable(f"cannot undo: {folder} is damaged, and nothing was changed ({reason})") from error


def _keep_previous(files: RunFiles, *, after: str) -> Path:
    """The next `before_review` folder, with copies of the three files in it; it appears whole or not at all."""
    kept = kept_reviews(files)
    number = _number(kept[-1]) + 1 if kept else 1
    folder = files.beside(f"before_review.{number}")
    part = folder.with_name(f".{folder.name}.part")
    safe_files.remove(part)
    copies: dict[str, str] = {}
    for path in (files.database, files.decisions, files.flagged):
        content = safe_files.read_bytes(path)
        if content is not None:
            safe_files.write_parts(part / path.name, (content,))
            copies[path.name] = _sha256(content)
    safe_files.write_text(part / AFTER, json.dumps({"database_sha256": _sha256(after.encode()), "copies_sha256": copies}) + "\n")
    safe_files.write_text(part / UNFINISHED, "")
    safe_files.rename(part, folder)
    for old in kept[: -KEPT_REVIEWS + 1]:
        _discard(old)
    return folder


def _discard(folder: Path) -> None:
    """Take a `before_review` folder away; what is cut short leaves none that looks whole."""
    part = folder.with_name(f".{folder.name}.part")
    safe_files.remove(part)
    safe_files.rename(folder, part)
    safe_files.remove(part)


def _put_back(target: Path, content: bytes | None) -> None:
    """The bytes of a kept file at its place; a file that was not there before goes."""
    if content is None:
        safe_files.remove(target)
    elif safe_files.read_bytes(target) != content:
        safe_files.write_parts(target, (content,))


def kept_reviews(files: RunFiles) -> list[Path]:
    """Folders with the files from before each applied review, the latest last."""
    name = files.beside("before_review").name
    found = [path for path in files.database.parent.glob("*before_review.*") if path.stem == name and path.suffix[1:].isdecimal()]
    return sorted(found, key=_number)


def _number(folder: Path) -> int:
    return int(folder.suffix[1:])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _place_order(problem: str) -> tuple[int, str]:
    """Problems in the order of their rows."""
    digits = "".join(char if char.isdecimal() else " " for char in problem.split(":", 1)[0]).split()
    return (int(digits[0]) if digits else 0, problem)


class Revision:
    """A database and its log as they become by a person's steps: `foresee` all, `carry_out` each, then `settle` once.

    `base` and `log` are copies; what the caller handed in is never changed.
    """

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> None:
        self.base = KnowledgeBase(issues).copy()
        self.log = dict(log)
        self._tickets_before = {name: frozenset(entry.tickets) for name, entry in issues.items()}
        self._cards_before = {name: card_hash(entry.card) for name, entry in issues.items()}
        self._becomes: dict[str, str] = {}
        self._apart: list[tuple[str, str]] = []
        self._edited: set[str] = set()

    def foresee(self, steps: Iterable[Step]) -> None:
        """Note which issues go into another one as a whole: a suggestion to join such an issue then means where it went."""
        leaving: dict[str, dict[int, str]] = {}
        moved: set[str] = set()
        for step in steps:
            home = self.base.home(step.ticket_id) if isinstance(step, TicketStep) else None
            if isinstance(step, TicketStep) and home is not None:
                wanted = self._suggestion(step) if step.verb == "accept" else self._named(step.target or "")
                if wanted is not None and wanted != home.issue_id:
                    leaving.setdefault(home.issue_id, {})[step.ticket_id] = wanted
                    moved |= {home.issue_id} if step.verb != "accept" else set()
        for name, moves in leaving.items():
            if self._tickets_before[name] == set(moves) and len(set(moves.values())) == 1:
                self._becomes[name] = next(iter(moves.values()))
        for name in list(self._becomes):
            accepted = [place for place in self._circle(name) if place not in moved]
            if accepted:  # suggestions that go round say that all of these are one: the oldest stays
                del self._becomes[oldest_first(self.base.issues[place] for place in accepted)[0].issue_id]

    def _circle(self, name: str) -> list[str]:
        """The issues that lead from one back to it, in order; none if it leads elsewhere."""
        path = [name]
        while (following := self._becomes.get(path[-1])) not in (None, *path):
            path.append(str(following))
        return path if following == name else []

    def holds(self, step: Step) -> bool:
        """True if a person decided this very thing before, and it stands so."""
        if isinstance(step, TicketStep):
            row, home = self.log.get(step.ticket_id), self.base.home(step.ticket_id)
            decided = row is not None and row.extra.get("review", {}).get("decision") == step.verb and step.ticket_id in self.base.reviewed
            if not decided or step.card:
                return False
            if step.verb == "ignore" or home is None:
                return step.verb == "ignore" and home is None
            wanted = {"move": step.target, "accept": self._suggested_name(step), "confirm": step.was_in}.get(step.verb) or home.issue_id
            return self._named(wanted) == home.issue_id
        issues = [self.base.issues.get(self._named(name) or "") for name in step.issue_ids]
        if step.verb == "merge":
            twice = len(set(step.issue_ids)) < len(step.issue_ids)
            return not twice and None not in issues and len({entry.issue_id for entry in issues if entry}) == 1
        one, other = issues[0], issues[-1]
        if step.verb == "distinct":
            return one is not None and other is not None and other.issue_id in one.distinct_from and one.issue_id in other.distinct_from
        return step.verb == "edit" and one is not None and step.card.items() <= one.card.to_json().items()

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
                rows = [self.log.get(ticket) for ticket in entry.tickets]
                self.base.bring_days_in_line(entry, [to_utc(row.created_at)[:10] if row else "" for row in rows])
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
        return home

    def _decide(self, step: TicketStep, home: Issue) -> str:
        meant = self.base.issues.get(self._suggestion(step) or "")
        if step.verb == "ignore":
            row = self.log.get(step.ticket_id)
            self.base.take_out(step.ticket_id, by=By.PERSON, meant=(row.suggested_issue_id if row else None) or "")
            self._record(step.ticket_id, step.verb, None, agreed=False)
            return f"taken out of {_with_title(home)}"
        towards, words = self._destination(step, home, meant)
        self.base.place(step.ticket_id, towards.issue_id, by=By.PERSON)
        apart: list[Issue] = []
        if step.verb in ("confirm", "new"):
            self.base.confirm(towards)
            apart = [other for other in (meant, home) if other is not None and other is not towards]
            for other in apart:  # a person saw these and said that it is another problem
                self._set_apart(towards, other)
        self._record(step.ticket_id, step.verb, towards.issue_id, agreed=step.verb == "accept" or towards is (meant or home))
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
        row = self.log.get(tickets[0])
        subject = " ".join(row.subject.split())[:300] if row else ""
        founded = self.base.found(tickets[0], Card(like.card.category, subject), confidence=1.0, by=By.PERSON)
        for ticket in tickets[1:]:
            self.base.place(ticket, founded.issue_id, by=By.PERSON)
        if card:
            self.base.set_card(founded, card, by=By.PERSON)
        return founded

    def _record(self, ticket: int, verb: str, issue_id: str | None, *, agreed: bool) -> None:
        """Write into the log that a person decided; the model's own words stay."""
        row = self.log.get(ticket) or DecisionRow(ticket, issue_id, "reviewed")
        review = {"decision": verb, "model_was_right": agreed}
        outcome: Outcome = "reviewed" if issue_id else "ignored"
        self.log[ticket] = replace(row, issue_id=issue_id, outcome=outcome, decided_by="person", extra={**row.extra, "review": review})

    def _suggestion(self, step: TicketStep) -> str | None:
        """The issue that the model meant, as far as it is still known."""
        return self._named(self._suggested_name(step))

    def _suggested_name(self, step: TicketStep) -> str:
        row = self.log.get(step.ticket_id)
        return step.suggested or (row.suggested_issue_id if row else None) or ""

    def _accepted(self, step: TicketStep, meant: Issue | None) -> Issue:
        if meant is None:
            named = self._suggested_name(step)
            why = f"the suggested {named} is no issue of this database" if named else "there is no suggestion to accept"
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
        """The issue named by any of its ids."""
        found = self._named(name)
        if found is None:
            titled = [entry for entry in self.base.issues.values() if entry.card.category.casefold() == name.strip().casefold()]
            if len(titled) != 1:
                raise Unusable(f"{before}{name[:80]!r} is no issue of this database")
            return titled[0]
        return self.base.issues[found]

    def _named(self, name: str) -> str | None:
        """The id of the issue that a person means, None if there is none."""
        found = issue.known_name(name, self.base.names)
        return found if found in self.base.issues else None


def _with_title(entry: Issue) -> str:
    """An issue's id with its category, for messages."""
    return f"{entry.issue_id} ({entry.card.category})" if entry.card.category else entry.issue_id
