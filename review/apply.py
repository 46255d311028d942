"""A person's review put into the database: every row is checked first, then all of them apply or none.

Keeps what stood there before, so that a review can be undone. Asks no model and fetches nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common import files as safe_files
from common.errors import Unreadable, Unusable, Unwritable
from common.text import counted, first_few, for_terminal
from knowledge import decision, issue, written
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import RunFiles
from review import decisions
from review import list as review_list
from review.decisions import ReviewFile, TicketStep
from review.revision import Revision

MAX_NAMED_PROBLEMS = 200
KEPT_REVIEWS = 20
AFTER = "after.json"


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """Database and decision log as the review leaves them, and how many tickets are still flagged.

    `held` says that all of the file holds already, so that nothing is `done`; else `done` has a line in words for each decision. `dropped`
    has one for each issue that was left without tickets, `unwritten` says why the review list could not follow, "" if it did.
    """

    issues: dict[str, Issue]
    log: dict[int, DecisionRow]
    done: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    unwritten: str = ""
    held: bool = False

    @property
    def flagged(self) -> int:
        """How many tickets still wait for a person."""
        return len(review_list.flagged_tickets(self.issues))


def apply_file(path: Path, files: RunFiles, *more: Path) -> ReviewResult:
    """Put a review CSV or `review.json`, or several as one review, into the database that stands at `files`.

    Writes `decisions.jsonl` and the database, both or neither, then the review list, and keeps all three as they were for `undo`. If the
    list could not be written, the same file once more writes it. The caller holds the lock.
    Raises `Unusable` that names each row to mend, `Unreadable`, `Unwritable` (nothing changed).
    """
    review = decisions.load(path, *more)
    _take_begun_back(files)
    issues, log = issue.load(files.database), decision.load(files.decisions)
    result = revise(review, issues, log)
    _refuse(review.name, _second_thoughts(review, files))
    if result.done:
        _write(result, files)
    return replace(result, unwritten=_write_list(result, files, before=(issues, log))) if result.done or result.held else result


def revise(review: ReviewFile, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> ReviewResult:
    """What a review makes of a database and its log; neither is changed. Raises `Unusable`."""
    revision, done, problems = Revision(issues, log, review.steps), [], list(review.problems)
    steps = [step for step in review.steps if not revision.holds(step)]
    for step in steps:
        try:
            done.append(for_terminal(revision.carry_out(step)))
        except Unusable as error:
            problems.append(f"{step.place}: {error}")
    _refuse(review.name, problems)
    dropped = [for_terminal(line) for line in revision.settle()] if done else []
    ordered = {found.issue_id: found for found in issue.in_id_order(revision.base.issues.values())}
    return ReviewResult(ordered, revision.log, tuple(done), tuple(dropped), held=bool(review.steps and not steps))


def _second_thoughts(review: ReviewFile, files: RunFiles) -> list[str]:
    """Where the list beside the database is filled in otherwise than this review, in words: one of a person's words would be lost."""
    try:
        filled = review_list.load_filled(files.flagged)
    except Unreadable:
        return []  # it is set aside whole
    twice = []
    for ticket, step in [(ticket, decided) for decided in review.steps for ticket in decisions.tickets_of(decided) if ticket in filled]:
        there = decisions.spoken(filled[ticket]["decision"].lower(), filled[ticket].get("target_issue_id"))
        here = decisions.spoken(step.verb, step.target) if isinstance(step, TicketStep) else ""
        if here != there:
            both = f"is {here} here and {there}" if here else f"goes with others here and is {there}"
            twice.append(f"{step.place}: ticket {ticket} {both} in {files.flagged}; empty one of the two")
    return twice


def _refuse(name: str, problems: Sequence[str]) -> None:
    """Raises `Unusable` with a line for each problem of a file, in the order of its rows, if there is one."""
    if problems:
        named = first_few([for_terminal(problem) for problem in sorted(problems, key=_place_order)], MAX_NAMED_PROBLEMS)
        raise Unusable("\n  ".join([f"{name}: {counted(len(problems), 'row')} to mend; nothing was applied", *named]))


def _place_order(problem: str) -> tuple[int, str]:
    """Problems in the order of their rows."""
    digits = "".join(char if char.isdecimal() else " " for char in problem.split(":", 1)[0]).split()
    return (int(digits[0]) if digits else 0, problem)


def _write(result: ReviewResult, files: RunFiles) -> None:
    """Put log and database in their places, the database last: it says whether the review is done. What is cut short is taken back."""
    text = issue.render(result.issues.values())
    issue.parse(text, name=f"{files.database} after the review")  # a database that cannot be read again must never be written
    folder = _keep_previous(files, after=text)
    try:
        written.expect(files, {files.database: [text], files.decisions: decision.lines(result.log.values())})
        decision.write(files.decisions, result.log.values())
        safe_files.write_text(files.database, text)
    except BaseException:
        _restore(folder, files)
        raise


def _write_list(result: ReviewResult, files: RunFiles, *, before: review_list.State) -> str:
    """Why the list could not be written after a review, "" if it was. The review stands all the same, and so does an interrupt's end."""
    try:
        review_list.write(files.flagged, result.issues, result.log, separator=files.separator, before=lambda: before)
    except KeyboardInterrupt:
        return "interrupted"
    except (Unwritable, OSError) as error:
        return str(error)
    return ""


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
    if safe_files.sha256(files.database) != after and not _is_taken_back(folder, files):
        raise Unusable(
            f"{files.database} was changed after that review (a run, another review or by hand); undoing would lose this. "
            f"The files from before the review are in {folder}"
        )
    written.expect(files, {path: [safe_files.read_bytes(folder / path.name) or b""] for path in (files.database, files.decisions)})
    _put_back(files.flagged, _list_of_before(folder, files))  # first the one that a spreadsheet may hold open
    _restore(folder, files)
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
    since = review_list.completed(since, (issue.load(files.database), decision.load(files.decisions)))
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
    return f", and so is {files.flagged}: {counted(rows, 'row')} filled in, which --apply-review applies again. Change or empty them first"


def kept_reviews(files: RunFiles) -> list[Path]:
    """Folders with the files from before each applied review, the latest last."""
    name = files.beside("before_review").name
    found = [path for path in files.database.parent.glob("*before_review.*") if path.stem == name and path.suffix[1:].isdecimal()]
    return sorted(found, key=_number)


def _number(folder: Path) -> int:
    return int(folder.suffix[1:])


def _keep_previous(files: RunFiles, *, after: str) -> Path:
    """The next `before_review` folder, with copies of the three files in it; it appears whole or not at all."""
    kept = kept_reviews(files)
    folder = files.beside(f"before_review.{_number(kept[-1]) + 1 if kept else 1}")
    part = _part_of(folder)
    copies: dict[str, str] = {}
    for path in (files.database, files.decisions, files.flagged):
        content = safe_files.read_bytes(path)
        if content is not None:
            safe_files.write_parts(part / path.name, (content,))
            copies[path.name] = safe_files.digest([content])
    safe_files.write_text(part / AFTER, json.dumps({"database_sha256": safe_files.digest([after]), "copies_sha256": copies}) + "\n")
    safe_files.rename(part, folder)
    for old in kept[: -KEPT_REVIEWS + 1]:
        _discard(old)
    return folder


def _checked_copies(folder: Path, files: RunFiles) -> str:
    """The digest of the database after the review; everything that is to be put back is read first. Raises `Unusable`."""
    try:
        kept = safe_files.parse_json(safe_files.read_text(folder / AFTER) or "", name=AFTER)
        if issue.load(folder / files.database.name) == {}:
            raise ValueError(f"there is no database in it ({files.database.name})")
        copies = kept.get("copies_sha256")  # reviews of earlier versions have none
        for target in (files.database, files.decisions, files.flagged) if copies is not None else ():
            found = safe_files.read_bytes(folder / target.name)
            if copies.get(target.name) != (None if found is None else safe_files.digest([found])):
                raise ValueError(f"{target.name} is not as it was kept")
        return str(kept["database_sha256"])
    except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).partition(issue.LEFT_AS_IT_IS)[0]
        raise Unusable(f"cannot undo: {folder} is damaged, and nothing was changed ({reason})") from error


def _is_taken_back(folder: Path, files: RunFiles) -> bool:
    """True if the database is that from before a kept review: the review was cut short before its end, or its undo was."""
    return safe_files.sha256(files.database) == safe_files.sha256(folder / files.database.name)


def _take_begun_back(files: RunFiles) -> None:
    """Take back what a review, or an undo, wrote that was cut short between log and database. Raises `Unwritable`."""
    for folder in kept_reviews(files)[-1:]:
        try:
            after = _checked_copies(folder, files)
        except Unusable:
            return  # nothing in it can be put back
        if _is_taken_back(folder, files) and safe_files.sha256(files.database) != after:
            _restore(folder, files)


def _restore(folder: Path, files: RunFiles) -> None:
    """Put database and log back from a kept review, in the order by which what is cut short can be told, and let it go."""
    for target in (files.database, files.decisions):
        _put_back(target, safe_files.read_bytes(folder / target.name))
    _discard(folder)


def _put_back(target: Path, content: bytes | None) -> None:
    """The bytes of a kept file at its place; a file that was not there before goes."""
    if content is None:
        safe_files.remove(target)
    elif safe_files.read_bytes(target) != content:
        safe_files.write_parts(target, (content,))


def _discard(folder: Path) -> None:
    """Take a `before_review` folder away; what is cut short leaves none that looks whole."""
    safe_files.rename(folder, _part_of(folder))
    safe_files.remove(_part_of(folder))


def _part_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.part")
