"""Tickets forgotten, for people who ask to be deleted: what is kept of them goes, from the files of a database and from the caches.

Asks first. Leaves alone what somebody made elsewhere (exports, files for a batch engine), and cannot keep a ticket that is still in
Freshdesk from coming back with the next run that lists it.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common import files as safe_files
from common.errors import Unreadable
from common.text import counted
from knowledge import decision, issue, written
from knowledge.base import KnowledgeBase
from knowledge.conversation import conversation_path
from knowledge.decision import DecisionRow
from knowledge.paths import RunFiles, command
from llm.store import FILE_NAME, AnswerStore
from review import apply, decisions
from review import list as review_list

_TICKET_ID = re.compile(rb'"ticket_id": ?([0-9]{1,18})')
_NUMBER = re.compile(rb"(?<![0-9-])[0-9]{1,18}(?![0-9-])")  # neither a day's nor that of an issue


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some tickets, the `known` ones; nothing is of those that are `unknown`."""

    base: KnowledgeBase
    log: Mapping[int, DecisionRow]
    conversations: tuple[Path, ...]
    known: tuple[int, ...]
    unknown: tuple[int, ...]


def forget(
    ticket_ids: Sequence[int], *, files: RunFiles, folders: Sequence[Path], cache: Path, confirm: Callable[[str], bool]
) -> tuple[str, bool]:
    """(what was done, in words; whether anything was). `folders` hold conversations, `cache` the model's answers.

    The caller holds the lock, and no run is unfinished. The database goes last: what is cut short is done by the same command again.
    Raises `Unreadable` (nothing was changed), `Stopped` (the answers cannot be deleted, nothing was changed) and `Unwritable`.
    """
    kept = _kept(ticket_ids, files, folders)
    if not kept.known:
        return "\n".join([f"nothing is kept of {_tickets(ticket_ids)}", *_elsewhere(ticket_ids, files)]), False
    if not confirm(_question(kept, files, cache)):
        return "nothing was changed", False
    answers = _empty(cache)
    copies = _forget_copies(kept.known, files)
    for path in kept.conversations:
        for left in (*path.parent.glob(f".{path.name}.*.part"), path):
            safe_files.remove(left)
    gone = _forget_in_database(kept, files)
    return "\n".join([_in_words(kept, answers, copies, gone), *_elsewhere(ticket_ids, files)]), True


def _kept(ticket_ids: Sequence[int], files: RunFiles, folders: Sequence[Path]) -> Kept:
    base, log = KnowledgeBase(issue.load(files.database)), decision.load(files.decisions)
    filled, copied = review_list.load_filled(files.flagged), _copied(files)
    places = dict.fromkeys(folder.resolve() for folder in folders)
    paths = {number: [path for folder in places if (path := conversation_path(number, folder)).exists()] for number in ticket_ids}
    known = [
        ticket_id
        for ticket_id in ticket_ids
        if base.home(ticket_id) or paths[ticket_id] or any(ticket_id in place for place in (base.reviewed, log, filled, copied))
    ]
    unknown = tuple(ticket_id for ticket_id in ticket_ids if ticket_id not in known)
    return Kept(base, log, tuple(path for ticket_id in known for path in paths[ticket_id]), tuple(known), unknown)


def _elsewhere(ticket_ids: Sequence[int], files: RunFiles) -> list[str]:
    """A line for each database beside this one that holds some of the tickets too, with the command for it."""
    lines = []
    for path in sorted(files.database.parent.glob("*.json")):
        with contextlib.suppress(Unreadable):  # no database
            if files.own(path):
                continue
            base, log = KnowledgeBase(issue.load(path)), decision.load(RunFiles(path).decisions)
            held = [number for number in ticket_ids if base.home(number) or number in base.reviewed or number in log]
            if held:
                again = command(f"--forget {','.join(map(str, held))}", path)
                lines.append(f"{path} holds {_tickets(held)} too: {again}")
    return lines


def _copies(files: RunFiles) -> list[Path]:
    """What nothing can take a ticket out of: what could not be read or was set aside, and copies from before reviews."""
    old = safe_files.kept_aside(files.checkpoint, ending="old")
    aside = [path for spoilt in (files.flagged, files.decisions) for path in safe_files.kept_aside(spoilt)]
    return [*aside, *old, *apply.kept_reviews(files)]


def _copied(files: RunFiles) -> set[int]:
    """Tickets in the backup and in the other copies."""
    places = [path for copy in (files.backup, *_copies(files)) for path in (copy, *copy.rglob("*")) if path.is_file()]
    return {ticket for path in places for ticket in _tickets_in(path)}


def _tickets_in(path: Path) -> set[int]:
    """The tickets of a copy; where no database can be read in it, all that its numbers may mean."""
    try:
        return {ticket for entry in issue.load(path).values() for ticket in (*entry.tickets, *entry.reviewed)}
    except Unreadable:
        with contextlib.suppress(Unreadable):
            content = (safe_files.read_bytes(path) or b"").replace(b"\0", b"")  # which UTF-16 puts between
            numbered = _TICKET_ID if b'"ticket_id"' in content else _NUMBER
            return set(map(int, numbered.findall(content)))
    return set()


def _question(kept: Kept, files: RunFiles, cache: Path) -> str:
    by_people = [ticket_id for ticket_id in kept.known if ticket_id in kept.base.reviewed]
    lines = [f"This deletes all that is kept of {_tickets(kept.known)}, and cannot be undone:"]
    lines += [f"  {counted(len(kept.conversations), 'conversation')}, their decisions, their places in issues in {files.database}"]
    lines += [f"  what people decided on {_tickets(by_people)}"] if by_people else []
    lines += ["  all cached answers of the model, for they cannot be told apart"] if (cache / FILE_NAME).exists() else []
    lines += ["  the copies from before reviews: reviews applied so far can no longer be undone"] if apply.kept_reviews(files) else []
    return "\n".join([*lines, "Delete?"])


def _empty(cache: Path) -> int:
    """How many answers were taken out of the store."""
    if not (cache / FILE_NAME).exists():
        return 0
    store = AnswerStore(cache)
    try:
        return store.forget_all()
    finally:
        store.close()


def _forget_copies(ticket_ids: Collection[int], files: RunFiles) -> int:
    """Take the tickets out of the backup, and the copies away that nothing can take them out of; how many copies went."""
    copies = _copies(files)
    try:
        backup = KnowledgeBase(issue.load(files.backup))
        for ticket_id in ticket_ids:
            backup.forget(ticket_id)
        if backup.changed:
            safe_files.write_text(files.backup, issue.render(backup.issues.values()))
    except Unreadable:
        copies.append(files.backup)
    for path in [*copies, files.run_report, files.beside("weekly.md")]:
        safe_files.remove(path)
    return len(copies)


def _forget_in_database(kept: Kept, files: RunFiles) -> int:
    """Write list, log and database without the tickets; how many issues went with them."""
    log = {ticket_id: row for ticket_id, row in kept.log.items() if ticket_id not in kept.known}
    before = len(kept.base.issues)
    for ticket_id in kept.known:
        kept.base.forget(ticket_id)
    for export in decisions.exports(files):
        left = decisions.without(export, {*kept.known, *kept.base.gone})
        if left is not None:
            safe_files.write_text(export, left)
    for changed in kept.base.changed_issues():
        kept.base.bring_days_in_line(changed, [log[ticket_id].day if ticket_id in log else "" for ticket_id in changed.tickets])
    if files.flagged.exists():
        filled = review_list.filled_or_set_aside(files.flagged)
        others = {ticket_id: cells for ticket_id, cells in filled.items() if ticket_id not in kept.known}
        safe_files.write_text(files.flagged, review_list.render(kept.base.issues, log, filled=others, separator=files.separator))
    text, lines = issue.render(kept.base.issues.values()), decision.render(log.values())
    written.expect(files, {files.database: [text], files.decisions: [lines]})
    if files.decisions.exists():
        safe_files.write_text(files.decisions, lines)
    if kept.base.changed:
        safe_files.write_text(files.database, text)
    return before - len(kept.base.issues)


def _in_words(kept: Kept, answers: int, copies: int, gone: int) -> str:
    parts = [counted(len(kept.conversations), "conversation"), f"{counted(gone, 'issue')} that held nothing else" if gone else ""]
    parts += [counted(answers, "cached answer") if answers else "", f"{copies} {'copy' if copies == 1 else 'copies'}" if copies else ""]
    lines = [f"{_tickets(kept.known)} forgotten: {', '.join(part for part in parts if part)} are gone"]
    lines += [f"nothing was kept of {_tickets(kept.unknown)}"] if kept.unknown else []
    return "\n".join(
        [
            *lines,
            "An issue that one of them founded keeps its number in its id. Exports and files for a batch engine are yours to delete; a "
            "review*.json beside the database no longer decides on them.",
            "Next: delete them in Freshdesk too, or the next run that lists them brings them back",
        ]
    )


def _tickets(ticket_ids: Collection[int]) -> str:
    shown = ", ".join(map(str, list(ticket_ids)[:20])) + (f" and {len(ticket_ids) - 20} more" if len(ticket_ids) > 20 else "")
    return f"ticket {shown}" if len(ticket_ids) == 1 else f"tickets {shown}"
