"""A person's review put into the database: every row is checked first, then all of them apply or none.

Keeps what stood there before, so that a review can be undone. Asks no model and fetches nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common import files as safe_files
from common.errors import Unreadable, Unusable, Unwritable
from common.text import counted, first_few, for_terminal
from knowledge import decision, issue, written
from knowledge.base import in_order
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import RunFiles
from review import decisions
from review import list as review_list
from review.decisions import TicketStep
from review.revision import Revision

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


def apply_file(path: Path, files: RunFiles, *more: Path) -> ReviewResult:
    """Put a review CSV or `review.json`, or several as one review, into the database that stands at `files`.

    Writes the database and `decisions.jsonl`, both or neither, then the review list, and keeps all three as they were for `undo`. If the
    list could not be written, the same file once more writes it. The caller holds the lock.
    Raises `Unusable` that names each row to mend, `Unreadable`, `Unwritable` (nothing changed).
    """
    begun = _begun(path, files, *more)
    issues, log = issue.load((begun or files.database.parent) / files.database.name), decision.load(files.decisions)
    result = revise(path, issues, log if begun is None else log | decision.load(begun / files.decisions.name), *more)
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
    return replace(result, unwritten=_write_list(files, result, folder, before=(issues, log)))


def _refuse_second_thoughts(path: Path, files: RunFiles) -> None:
    """Raises `Unusable` where the list beside the database is filled in otherwise than this file: one of a person's words would be lost."""
    try:
        filled = review_list.load_filled(files.flagged)
    except Unreadable:
        return  # it is set aside whole
    steps = decisions.load(path).steps
    said = {step.ticket_id: step for step in steps if isinstance(step, TicketStep)}
    twice = [
        f"{step.place}: ticket {ticket} goes with others here and is {filled[ticket]['decision']} in {files.flagged}; empty one of the two"
        for step in steps
        if not isinstance(step, TicketStep)
        for ticket in decisions.tickets_of(step)
        if ticket in filled
    ]
    for ticket in sorted(said.keys() & filled.keys()):
        here, cells = said[ticket], filled[ticket]
        target = cells.get("target_issue_id", "") if cells["decision"].lower() == "move" else ""
        if (cells["decision"].lower(), target) != (here.verb, (here.target or "") if here.verb == "move" else ""):
            there = f"{cells['decision']} {target}".strip()
            twice.append(f"{here.place}: ticket {ticket} is {here.verb} here and {there} in {files.flagged}; empty one of the two")
    if twice:
        raise Unusable(_to_mend(str(path), twice))


def _write_list(files: RunFiles, result: ReviewResult, folder: Path, *, before: review_list.State) -> str:
    """Why the list could not be written after a review, "" if it was. The review stands all the same, and so does an interrupt's end."""
    try:
        review_list.write(files.flagged, result.issues, result.log, separator=files.separator, before=lambda: before)
        safe_files.remove(folder / UNFINISHED)
    except KeyboardInterrupt:
        return "interrupted"
    except (Unwritable, OSError) as error:
        return str(error)
    return ""


def _begun(path: Path, files: RunFiles, *more: Path) -> Path | None:
    """Where the files from before this very review are kept, if its last steps are missing; else None."""
    kept = kept_reviews(files)
    if not kept or not (kept[-1] / UNFINISHED).exists():
        return None
    try:
        before = issue.load(kept[-1] / files.database.name), decision.load(kept[-1] / files.decisions.name)
        made = issue.render(revise(path, *before, *more).issues.values())
    except Unusable:
        return None
    return kept[-1] if files.database.exists() and made.encode() == files.database.read_bytes() else None


def revise(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], *more: Path) -> ReviewResult:
    """What a review file, or several as one, makes of a database and its log; neither is changed. Raises `Unusable`."""
    review = decisions.load(path, *more)
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
        raise Unusable(_to_mend(" and ".join(map(str, (path, *more))), sorted(problems, key=_place_order)))
    dropped = [for_terminal(line) for line in revision.settle()] if done else []
    after = revision.base.issues
    ordered = {name: after[name] for name in in_order(after)}
    return ReviewResult(ordered, revision.log, tuple(done), len(review_list.flagged_tickets(ordered)), tuple(dropped))


def _to_mend(name: str, problems: Sequence[str]) -> str:
    """What is wrong in a file, a line for each problem."""
    named = first_few([for_terminal(problem) for problem in problems], MAX_NAMED_PROBLEMS)
    return "\n  ".join([f"{name}: {counted(len(problems), 'row')} to mend; nothing was applied", *named])


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
    since = review_list.completed(since, issue.load(files.database), decision.load(files.decisions))
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
