"""The review list `flagged_for_review.csv`: what a person is asked to look at, written for a spreadsheet and read back from one.

Lists decisions below 0.7 that nobody has reviewed, from the database alone; the decision log only adds words. Cells that a spreadsheet
would run as a formula are made harmless. What a person filled in is carried into the next list. Judges no decision and applies none.
"""

import csv
import io
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from common import files
from common.errors import Unreadable
from common.text import first_few, for_cell, for_spreadsheet, from_spreadsheet
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from review.groups import flagged_tickets as flagged_tickets
from review.groups import groups

logger = logging.getLogger(__name__)

KIND = "ticket-issues-review"
COLUMNS = (
    "ticket_id", "confidence", "issue_id", "category", "suggested_issue_id", "suggested_category", "reason", "subject", "url",
    "decision", "target_issue_id",
)  # fmt: skip
FILLED_COLUMNS = ("decision", "target_issue_id")
TicketVerb = Literal["confirm", "accept", "move", "new", "ignore"]
DECISIONS: tuple[TicketVerb, ...] = get_args(TicketVerb)
_FREE_TEXT = ("category", "suggested_category", "reason", "subject")
MAX_CELL_CHARS = 2_000
MAX_LIST_BYTES = 100_000_000
HEADER_WITHIN = 20
"""Rows in which the header has to stand: spreadsheets put a table's name, a type or empty rows above it."""
_SEPARATORS = ",;\t|"
_BOMS = ("\ufeff", "ï»¿")  # the second is what a spreadsheet saves that took the file for Windows text
_SEPARATOR_LINE = re.compile(r'[\s"]*sep=.[\s"]*', re.IGNORECASE)
State: TypeAlias = tuple[Mapping[str, Issue], Mapping[int, DecisionRow]]
"""Issues by id and the decision log: what a list is written from."""
_LINE_END = re.compile("\r\n|[\r\n]")
_NO_NUMBER = "is no ticket number (is the row in another form than the header, or the number written with a thousands separator?)"


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a review list as a spreadsheet counts it; cells by column name, "" where empty, for those of our columns that are there.

    `ticket_id` is 0 and `problem` says why where the row cannot be trusted: nothing in it may then be taken or passed over.
    """

    number: int
    cells: Mapping[str, str]
    ticket_id: int = 0
    problem: str = ""

    @property
    def filled(self) -> bool:
        """True when a person wrote into it."""
        return any(self.cells.get(column) for column in FILLED_COLUMNS)


def render(
    issues: Mapping[str, Issue],
    log: Mapping[int, DecisionRow],
    *,
    filled: Mapping[int, Mapping[str, str]] | None = None,
    separator: str = ",",
) -> str:
    """The list's text with its byte-order mark, rows as they are grouped for review (see `review.groups`), carried-over ones last.

    `filled` holds, by ticket id, cells of an earlier list in which a person wrote (see `load_filled`). They are carried over; a row that
    is no longer flagged stays as long as its decision was not applied, so that nobody's work is lost. One that speaks of other issues
    than the ticket's now stays as it is, so that nothing is decided but what the person looked at.
    """
    return _table(_rows(issues, log, filled or {})[0], separator)


def write(
    path: Path,
    issues: Mapping[str, Issue],
    log: Mapping[int, DecisionRow],
    *,
    separator: str = ",",
    before: Callable[[], State] | None = None,
) -> int:
    """Put the list at `path`, carrying over what a person filled into the one that stands there; returns the number of flagged tickets.

    `before` gives what that one was written from, if it is something else than this; it is asked for where columns were taken out.
    A list that cannot be read is kept beside the new one with `.unreadable` at its end. Raises `Unwritable`, and `Unreadable` of `before`.
    """
    filled = filled_or_set_aside(path)
    if before is not None and not all(map(_says_what_was_seen, filled.values())):
        filled = completed(filled, before())
    rows, misfits = _rows(issues, log, filled)
    if misfits:
        named = "; ".join(first_few(misfits, 5))
        logger.warning(
            "%s: %d filled rows stay as they are, though they speak of something else than the database now: %s", path, len(misfits), named
        )
    listed = _table(rows, separator)
    files.write_if_changed(path, lambda: [listed])
    return len(flagged_tickets(issues))


class _Words:
    """What a list says of tickets, by a database and its log."""

    def __init__(self, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> None:
        self.names = issue_db.alias_map(issues.values())
        self._issues, self._log = issues, log
        self._homes = {ticket: issue for issue in issues.values() for ticket in issue.tickets}

    def of(self, ticket: int) -> dict[str, str]:
        """The cells of a ticket's row by column, nothing filled in; none for a ticket that is in no issue."""
        home, row = self._homes.get(ticket), self._log.get(ticket)
        if home is None:
            return {}
        suggested, reason = (row.suggested_issue_id or "", row.reason) if row else ("", "")
        meant = self.names.get(suggested, suggested)
        if meant == home.issue_id:  # there already: nothing is suggested
            meant, reason = "", f"stands where it was meant, but in doubt: {reason}"
        confidence = home.unsure.get(ticket, row.confidence if row else None)
        return {
            "ticket_id": str(ticket),
            "confidence": "" if confidence is None else repr(confidence),
            "issue_id": home.issue_id,
            "category": home.card.category,
            "suggested_issue_id": meant,
            "suggested_category": self._issues[meant].card.category if meant in self._issues else "",
            "reason": reason,
            "subject": row.subject if row else "",
            "url": row.url if row else "",
            "decision": "",
            "target_issue_id": "",
        }


def _rows(
    issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], filled: Mapping[int, Mapping[str, str]]
) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of the list in order, and what was filled in but fits no more, in words."""
    words, misfits = _Words(issues, log), []
    done = {ticket for issue in issues.values() for ticket in issue.reviewed}
    rows = {ticket: words.of(ticket) for ticket in flagged_tickets(issues)}
    for ticket, cells in sorted(filled.items()):
        if ticket in done and ticket not in rows:
            continue
        now = words.of(ticket)
        misfit = _misfit(cells, now, lambda name: issue_db.known_name(name, words.names, issues))
        misfits += [f"ticket {ticket}: {misfit}"] if misfit else []
        rows[ticket] = {column: cells.get(column, "") if misfit or column in FILLED_COLUMNS else now[column] for column in COLUMNS}
    order = [ticket for group in groups(issues, log) for ticket in group.tickets]
    return [rows[ticket] for ticket in [*order, *sorted(rows.keys() - set(order))]], misfits


def completed(filled: Mapping[int, dict[str, str]], state: State) -> dict[int, dict[str, str]]:
    """Filled rows with what the list that was written from `state` said beside them, where somebody took that out."""
    words = _Words(*state)
    return {
        ticket: cells if _says_what_was_seen(cells) else words.of(ticket) | {column: text for column, text in cells.items() if text}
        for ticket, cells in filled.items()
    }


def _says_what_was_seen(cells: Mapping[str, str]) -> bool:
    """True for a row that says where its ticket stood and what was suggested, be it nothing, when a person filled it in."""
    return bool(cells.get("issue_id")) and "suggested_issue_id" in cells


def _misfit(cells: Mapping[str, str], now: Mapping[str, str], known: Callable[[str], str | None]) -> str:
    """Why a filled row cannot be applied to what the list says of its ticket `now`, "" if it can; `known` tells an issue by its name."""
    decision, target = cells.get("decision", "").lower(), cells.get("target_issue_id", "")
    if not now:
        return "it is in no issue of this database"
    for column, words in (("issue_id", "it was in"), ("suggested_issue_id", "the suggestion was")):
        seen = known(cells.get(column, "")) or cells.get(column, "")
        fits = seen == (now[column] or now["issue_id"]) or seen == now[column]  # older lists suggested a ticket's own issue
        if not fits and (seen or (decision not in ("move", "ignore") and _says_what_was_seen(cells))):
            return f"{words} {seen or 'none'} and is {now[column] or 'none'} now"
    if decision not in DECISIONS:
        return f"{decision!r} is none of {', '.join(DECISIONS)}"
    return f"{target!r} is no issue of this database" if target and known(target) is None else ""


def filled_or_set_aside(path: Path) -> dict[int, dict[str, str]]:
    """The rows of a list in which a person wrote; a list that cannot be read whole is kept aside first. Raises `Unwritable`."""
    try:
        return load_filled(path)
    except Unreadable as error:
        kept = files.keep_aside(path)
        logger.warning("%s; it is kept as %s: mend it and run --apply-review %s", error, kept.name, kept)
        return {}


def load_filled(path: Path) -> dict[int, dict[str, str]]:
    """The rows of a list in which a person wrote, by ticket id; empty if there is no file. Raises `Unreadable`."""
    content = files.read_bytes(path, max_bytes=MAX_LIST_BYTES)
    if content is None or not content.strip():
        return {}
    filled: dict[int, dict[str, str]] = {}
    for row in parse(content, name=str(path)):
        problem = row.problem or (f"ticket {row.ticket_id} is filled in twice" if row.filled and row.ticket_id in filled else "")
        if problem:  # not to be carried over by halves: what a person wrote would be lost
            raise Unreadable(f"{path}, row {row.number}: {problem}")
        if row.filled:
            filled[row.ticket_id] = dict(row.cells)
    return filled


def parse(content: bytes, *, name: str) -> list[ListRow]:
    """The rows of a review list, also as a spreadsheet saved it again: other separators and encodings, columns moved, added or gone,
    something above the header. Every row with any text is there; one that does not fit the header says so.

    Raises `Unreadable` when there is no table with `ticket_id` and `decision` in it, or a quotation mark leaves its end open.
    """
    text = _decode(content, name=name)
    while text.startswith(_BOMS):
        text = text.removeprefix(_BOMS[0]).removeprefix(_BOMS[1])
    first, _, rest = text.partition("\n")
    if _SEPARATOR_LINE.fullmatch(first[:40]):  # a line by which Excel is told the separator; it is no row
        text = rest
    records = files.parse_csv(text, separator=_separator(text), name=name)
    place, header = _header(records, name=name)
    numbered = enumerate(records[place + 1 :], start=place + 2)
    return [_row(number, header, record) for number, record in numbered if any(cell.strip() for cell in record)]


def _header(records: Sequence[Sequence[str]], *, name: str) -> tuple[int, list[str]]:
    """The place of the header and its columns: the first row that holds the two that are needed."""
    heads = [[cell.strip(" \t\r\n,;|\"'").lower() for cell in record] for record in records[:HEADER_WITHIN]]
    needed = ("ticket_id", "decision")
    place = next((place for place, head in enumerate(heads) if set(needed) <= set(head)), None)
    if place is None:
        missing = [column for column in needed if not any(column in head for head in heads)] or list(needed)
        raise Unreadable(f"{name} has no column {' and no column '.join(missing)}; it is not a review list")
    twice = [column for column in COLUMNS if heads[place].count(column) > 1]
    if twice:
        raise Unreadable(f"{name} has a column twice: {', '.join(twice)}")
    return place, heads[place]


def ticket_number(cell: str) -> int | None:
    """The ticket id in a cell, None if it holds none; a spreadsheet may have added `.0`, but three noughts may be thousands.

    >>> ticket_number("171"), ticket_number(" 171.0"), ticket_number("1.000"), ticket_number("1.2E+11")
    (171, 171, None, None)
    """
    found = re.fullmatch(r"([1-9][0-9]{0,17})(?:[.,](?!000$)0{1,9})?", cell.strip()) if len(cell) < 60 else None
    return int(found[1]) if found else None


def _table(rows: Iterable[Mapping[str, str]], separator: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([for_spreadsheet(for_cell(row[column], MAX_CELL_CHARS)) for column in COLUMNS] for row in rows)
    return "\ufeff" + out.getvalue()


def _row(number: int, header: Sequence[str], record: Sequence[str]) -> ListRow:
    found = dict(zip(header, record, strict=False))
    cells = {column: from_spreadsheet(found.get(column, "").strip()).strip() for column in COLUMNS if column in header}
    ticket_id = ticket_number(cells["ticket_id"])
    problem = _problem(header, record, cells)
    if ticket_id is None and not problem:
        problem = f"{cells['ticket_id'][:40]!r} {_NO_NUMBER}"
    return ListRow(number, cells, 0 if problem or ticket_id is None else ticket_id, problem)


def _problem(header: Sequence[str], record: Sequence[str], cells: Mapping[str, str]) -> str:
    """Why a row's cells may stand in the wrong columns, or hold other rows; "" if nothing speaks for that.

    Spreadsheets leave empty cells off a row's end, or add some; a row that is short though its last cell is empty lost one in between.
    """
    beyond = [cell for cell in record[len(header) :] if cell.strip()]
    if beyond:
        return f"there is text beyond the header's columns ({beyond[0].strip()[:40]!r}); is the row in another form than the header?"
    if len(record) < len(header) and not record[-1].strip():
        return f"it has {len(record)} cells and the header {len(header)}; is one missing?"
    broken = [column for column, cell in zip(header, record, strict=False) if len(cell.strip().splitlines()) > 1]
    if any(column in COLUMNS for column in broken):
        return f"a line break under {next(column for column in broken if column in COLUMNS)}; is a quotation mark missing?"
    if any(_holds_a_row(cell, place, len(header)) for place, cell in enumerate(record)):
        return "one of its cells holds whole rows; is a quotation mark missing?"
    strayed = [column for column in COLUMNS if column not in (*FILLED_COLUMNS, *_FREE_TEXT) and cells.get(column, "").lower() in DECISIONS]
    return f"{cells[strayed[0]]!r} stands under {strayed[0]}; is a cell missing before it?" if strayed else ""


def _holds_a_row(cell: str, place: int, columns: int) -> bool:
    """True if the lines of a cell are the rest of its row, whole rows, and the beginning of one, as a stray quotation mark makes them."""
    first, *further = _LINE_END.split(cell)
    for mark in _SEPARATORS if further else "":
        if first.count(mark) >= columns - 1 - place and further[-1].count(mark) >= place:
            return True
        if any(line.count(mark) >= columns - 1 for line in further):
            return True
    return False


def _decode(content: bytes, *, name: str) -> str:
    """Text of a file that a spreadsheet may have saved; only ids and decision words are read from it, so a guess at accents is harmless."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(f"{name} is a spreadsheet, not text; save it as CSV and apply that file")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in content[:200]:
        encodings = ["utf-16-le" if content[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{name} is not text in UTF-8 or UTF-16; save it as CSV (UTF-8)")


def _separator(text: str) -> str:
    """The separator at which some row near the top falls into the most known columns."""
    heads = [line.lower() for line in text[:100_000].split("\n")[:HEADER_WITHIN]]

    def known(mark: str) -> int:
        return max(len({cell.strip(" \t\r,;|\"'").removeprefix(_BOMS[1]) for cell in head.split(mark)} & set(COLUMNS)) for head in heads)

    return max(_SEPARATORS, key=known)
