"""A person's review put into the database: every row is checked first, then all of them apply or none.

Keeps what stood there before, so that a review can be undone. Asks no model and fetches nothing.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from common import files as safe_files
from common.errors import Unreadable, Unusable, Unwritable
from common.text import for_terminal
from knowledge import decision, issue
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import RunFiles
from review import decisions
from review import list as review_list
from review.decisions import IssueStep, Step, TicketStep
from review.draft import Draft, age, write_card

MAX_NAMED_PROBLEMS = 200
KEPT_REVIEWS = 20
UNFINISHED = "unfinished"


class ReviewRefused(Unusable):
    """The review does not fit; nothing was changed. `problems` names each row, the message all of them."""

    def __init__(self, headline: str, problems: tuple[str, ...] = ()) -> None:
        self.problems = problems
        named = [f"  {problem}" for problem in problems[:MAX_NAMED_PROBLEMS]]
        if len(problems) > MAX_NAMED_PROBLEMS:
            named.append(f"  and {len(problems) - MAX_NAMED_PROBLEMS} more")
        super().__init__("\n".join([headline, *named]))


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """Database and decision log as the review leaves them, and how many tickets are still flagged.

    `done` has a line in words for each decision, `dropped` one for each issue that was left without tickets, `unwritten` why the review
    list could not follow, "" if it did.
    """

    issues: dict[str, Issue]
    log: dict[int, DecisionRow]
    done: tuple[str, ...]
    flagged: int
    dropped: tuple[str, ...] = ()
    unwritten: str = ""


def apply_file(path: Path, files: RunFiles) -> ReviewResult:
    """Put a review CSV or `review.json` into the database that stands at `files`.

    Writes the database and `decisions.jsonl`, both or neither, then the review list, and keeps all three as they were for `undo`. If the
    list could not be written, the same file once more writes it. The caller holds the lock.
    Raises `ReviewRefused`, `Unreadable`, `Unwritable` (nothing changed).
    """
    begun = _begun(path, files)
    issues, log = issue.load((begun or files.database.parent) / files.database.name), decision.load(files.decisions)
    result = revise(path, issues, log if begun is None else log | decision.load(begun / files.decisions.name))
    if not result.done:
        return result
    text = issue.render(result.issues.values())
    issue.parse(text, name=f"{files.database} after the review")  # a database that cannot be read again must never be written
    folder = begun or _keep_previous(files, after=text)
    try:
        safe_files.write_text(files.database, text)
        safe_files.write_text(files.decisions, decision.render(result.log.values()))
    except BaseException:
        if begun is None:
            _put_back(folder / files.decisions.name, files.decisions)
            _put_back(folder / files.database.name, files.database)
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return replace(result, unwritten=_write_list(files, result, folder))


def _write_list(files: RunFiles, result: ReviewResult, folder: Path) -> str:
    """Why the list could not be written after a review, "" if it was. The review stands all the same, and so does an interrupt's end."""
    try:
        review_list.write(files.flagged, result.issues, result.log)
        safe_files.remove(folder / UNFINISHED)
    except KeyboardInterrupt:
        return "interrupted"
    except (Unwritable, OSError) as error:
        return str(error)
    return ""


def _begun(path: Path, files: RunFiles) -> Path | None:
    """Where the files from before this very review are kept, if its last steps are missing; else None."""
    kept = _kept(files)
    if not kept or not (kept[-1] / UNFINISHED).exists():
        return None
    try:
        before = issue.load(kept[-1] / files.database.name), decision.load(kept[-1] / files.decisions.name)
        made = issue.render(revise(path, *before).issues.values())
    except (Unreadable, ReviewRefused):
        return None
    return kept[-1] if files.database.exists() and made.encode() == files.database.read_bytes() else None


def revise(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> ReviewResult:
    """What a review file makes of a database and its log; neither is changed. Raises `ReviewRefused`."""
    try:
        review = decisions.load(path)
    except Unreadable as error:
        raise ReviewRefused(str(error)) from error
    revision, done, problems = Revision(issues, log), [], list(review.problems)
    revision.foresee(review.steps)
    for step in review.steps:
        try:
            done.append(for_terminal(revision.carry_out(step)))
        except Unusable as error:
            problems.append(f"{step.place}: {error}")
    if problems:
        count = "1 row" if len(problems) == 1 else f"{len(problems)} rows"
        raise ReviewRefused(
            f"{path}: {count} to mend; nothing was applied", tuple(for_terminal(problem) for problem in sorted(problems, key=_place_order))
        )
    after = revision.draft
    dropped = [for_terminal(line) for line in after.settle()] if done else []
    ordered = {name: after.issues[name] for name in sorted(after.issues, key=issue.sort_key)}
    return ReviewResult(ordered, after.log, tuple(done), len(review_list.flagged_tickets(ordered)), tuple(dropped))


def undo(files: RunFiles) -> str:
    """Put back what the last applied review found; returns what was done, in words.

    Only if nothing changed the database since. Raises `ReviewRefused` and `Unwritable`.
    """
    kept = _kept(files)
    if not kept:
        raise ReviewRefused(f"there is no applied review to undo for {files.database}")
    folder = kept[-1]
    try:
        after = json.loads((folder / "after.json").read_text(encoding="utf-8"))["database_sha256"]
        now = _sha256(files.database.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReviewRefused(f"cannot undo: {folder} or {files.database} cannot be read ({error})") from error
    if after != now:
        raise ReviewRefused(
            f"{files.database} was changed after that review (a run, another review or by hand); undoing would lose this. "
            f"The files from before the review are in {folder}"
        )
    for target in (files.flagged, files.decisions, files.database):  # first the one that a spreadsheet may hold open
        _put_back(folder / target.name, target)
    shutil.rmtree(folder)
    return f"{files.database} is again as it was before the last review"


def _keep_previous(files: RunFiles, *, after: str) -> Path:
    """The next `before_review` folder, with copies of the three files in it; it appears whole or not at all."""
    kept = _kept(files)
    number = _number(kept[-1]) + 1 if kept else 1
    folder = files.beside(f"before_review.{number}")
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for path in (files.database, files.decisions, files.flagged):
            if path.exists():
                shutil.copy2(path, part / path.name)
        (part / "after.json").write_text(json.dumps({"database_sha256": _sha256(after.encode())}) + "\n", encoding="utf-8")
        (part / UNFINISHED).touch()
        os.replace(part, folder)
        for old in kept[: -KEPT_REVIEWS + 1]:
            shutil.rmtree(old)
    except OSError as error:
        raise Unwritable(f"cannot keep the files from before the review in {folder}: {error.strerror or error}") from error
    return folder


def _put_back(copy: Path, target: Path) -> None:
    """The bytes of a kept file at its place; a file that was not there before goes."""
    if not copy.exists():
        safe_files.remove(target)
    elif not (target.exists() and target.read_bytes() == copy.read_bytes()):
        safe_files.write_parts(target, (copy.read_bytes(),))


def _kept(files: RunFiles) -> list[Path]:
    """Folders of earlier reviews, the latest last."""
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
        """Do one step; returns what it does, in words. Raises `Unusable`."""
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
            raise Unusable(f"ticket {step.ticket_id} is in no issue of this database{gone}")
        if step.was_in is not None and self.draft.names.get(step.was_in) != home:
            raise Unusable(f"ticket {step.ticket_id} stood in {step.was_in} when this was written and is in {home} now")
        if step.ticket_id in self.draft.reviewed and not step.again:
            raise Unusable(f"ticket {step.ticket_id} has been reviewed already; it is in {home}")
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
            raise Unusable(f"ticket {step.ticket_id}: {why}; write confirm, new, or move with a target_issue_id")
        seen: set[str] = set()
        while meant in self._becomes and meant not in seen:
            seen.add(meant)
            meant = self.draft.names[self._becomes[meant]]
        return meant

    def _merge(self, issues: list[Issue]) -> str:
        names = [issue.issue_id for issue in issues]
        if len(set(names)) < len(names):
            raise Unusable(f"merge of {', '.join(names)}: they are one issue already (a circle, or merged before)")
        if any(self.draft.names[one] in names and self.draft.names[other] in names for one, other in self._apart):
            raise Unusable(f"merge of {', '.join(names)}: this file also says that they are not the same")
        keep, *others = sorted(issues, key=age)
        for gone in others:
            self.draft.merge(keep, gone)
        return f"{', '.join(gone.issue_id for gone in others)} merged into {self.draft.named(keep.issue_id)}"

    def _distinct(self, issues: list[Issue]) -> str:
        one, other = issues
        if one is other:
            raise Unusable(f"{one.issue_id} cannot be told from itself; the two were merged, split tickets off instead")
        if other.issue_id in one.distinct_from and one.issue_id in other.distinct_from:
            raise Unusable(f"{one.issue_id} and {other.issue_id} are known not to be the same already")
        self._set_apart(one.issue_id, other.issue_id)
        return f"{self.draft.named(one.issue_id)} and {self.draft.named(other.issue_id)} are not the same"

    def _split(self, step: IssueStep, source: Issue) -> str:
        strangers = [ticket for ticket in step.ticket_ids if ticket not in source.tickets]
        if strangers:
            raise Unusable(f"split of {source.issue_id}: ticket {strangers[0]} is not in it")
        if len(step.ticket_ids) == len(source.tickets):
            raise Unusable(f"split of {source.issue_id}: it would be left without tickets")
        founded = self.draft.found_issue(sorted(step.ticket_ids), source, step.card)
        for ticket in step.ticket_ids:
            self.draft.place(ticket, founded.issue_id)
            self.draft.record(ticket, "split", founded.issue_id, agreed=False)
        self._set_apart(founded.issue_id, source.issue_id)
        return f"{len(step.ticket_ids)} tickets of {self.draft.named(source.issue_id)} found {self.draft.named(founded.issue_id)}"

    def _edit(self, step: IssueStep, issue: Issue) -> str:
        if issue.issue_id in self._edited:
            raise Unusable(f"{issue.issue_id} is edited more than once")
        if step.card_was is not None and (issue.issue_id not in self.draft.start or step.card_was != self.draft.start[issue.issue_id][1]):
            raise Unusable(f"the card of {issue.issue_id} was changed after the page was written")
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
            raise Unusable(f"{before}{name[:80]!r} is no issue of this database" + (f"; is {near} meant?" if near else ""))
        return found
