"""A person's review put into the database: every row is checked first, then all of them apply or none.

Keeps what stood there before, so that a review can be undone. Asks no model and fetches nothing.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import decision_log
import issue_db
import review_file
import review_list
import safe_files
from decision_log import DecisionRow
from issue_db import Issue
from review_steps import Revision, StepRefused
from run_files import RunFiles
from terminal_text import printable

MAX_NAMED_PROBLEMS = 200
KEPT_REVIEWS = 20
UNFINISHED = "unfinished"


class ReviewRefused(Exception):
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
    Raises `ReviewRefused`, `issue_db.DatabaseUnreadable`, `safe_files.FileUnwritable` (nothing changed).
    """
    begun = _begun(path, files)
    issues, log = issue_db.load((begun or files.database.parent) / files.database.name), decision_log.load(files.decisions)
    result = revise(path, issues, log if begun is None else log | decision_log.load(begun / files.decisions.name))
    if not result.done:
        return result
    text = issue_db.render(result.issues.values())
    issue_db.parse(text, name=f"{files.database} after the review")  # a database that cannot be read again must never be written
    folder = begun or _keep_previous(files, after=text)
    try:
        safe_files.write_text(files.database, text)
        safe_files.write_text(files.decisions, decision_log.render(result.log.values()))
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
    except (safe_files.FileUnwritable, OSError) as error:
        return str(error)
    return ""


def _begun(path: Path, files: RunFiles) -> Path | None:
    """Where the files from before this very review are kept, if its last steps are missing; else None."""
    kept = _kept(files)
    if not kept or not (kept[-1] / UNFINISHED).exists():
        return None
    try:
        before = issue_db.load(kept[-1] / files.database.name), decision_log.load(kept[-1] / files.decisions.name)
        made = issue_db.render(revise(path, *before).issues.values())
    except (issue_db.DatabaseUnreadable, ReviewRefused):
        return None
    return kept[-1] if files.database.exists() and made.encode() == files.database.read_bytes() else None


def revise(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> ReviewResult:
    """What a review file makes of a database and its log; neither is changed. Raises `ReviewRefused`."""
    try:
        review = review_file.load(path)
    except review_file.ReviewUnreadable as error:
        raise ReviewRefused(str(error)) from error
    revision, done, problems = Revision(issues, log), [], list(review.problems)
    revision.foresee(review.steps)
    for step in review.steps:
        try:
            done.append(printable(revision.carry_out(step)))
        except StepRefused as error:
            problems.append(f"{step.place}: {error}")
    if problems:
        count = "1 row" if len(problems) == 1 else f"{len(problems)} rows"
        raise ReviewRefused(
            f"{path}: {count} to mend; nothing was applied", tuple(printable(problem) for problem in sorted(problems, key=_place_order))
        )
    after = revision.draft
    dropped = [printable(line) for line in after.settle()] if done else []
    ordered = {name: after.issues[name] for name in sorted(after.issues, key=issue_db.sort_key)}
    return ReviewResult(ordered, after.log, tuple(done), len(review_list.flagged_tickets(ordered)), tuple(dropped))


def undo(files: RunFiles) -> str:
    """Put back what the last applied review found; returns what was done, in words.

    Only if nothing changed the database since. Raises `ReviewRefused` and `safe_files.FileUnwritable`.
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
        raise safe_files.FileUnwritable(f"cannot keep the files from before the review in {folder}: {error.strerror or error}") from error
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
