"""The review list `flagged_for_review.csv`: what a person is asked to look at, written for a spreadsheet and read back from one.

Lists decisions below 0.7 that nobody has reviewed, from the database alone; the decision log only adds words. Cells that a spreadsheet
would run as a formula are made harmless. What a person filled in is carried into the next list. Judges no decision and applies none.
"""

import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import files
from common.errors import Unreadable
from common.text import for_cell
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import SURE, Issue

logger = logging.getLogger(__name__)

KIND = "ticket-issues-review"
COLUMNS = (
    "ticket_id", "confidence", "issue_id", "category", "suggested_issue_id", "suggested_category", "reason", "subject", "url",
    "decision", "target_issue_id",
)  # fmt: skip
FILLED_COLUMNS = ("decision", "target_issue_id")
MAX_CELL_CHARS = 2_000
_MISREAD_BOM = "ï»¿"  # what a spreadsheet saves that took the file for Windows text
MAX_LIST_BYTES = 100_000_000
_STARTS_FORMULA = r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\uff0b\uff0d\uff1d\uff20\u2212]"
_FORMULA = re.compile(rf"'*(?:{_STARTS_FORMULA}|[\t\r\n])")
_INNER_FORMULA = re.compile(rf";(?='*{_STARTS_FORMULA})")
_INNER_MARK = re.compile(rf";'(?='*{_STARTS_FORMULA})")


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a review list as a spreadsheet counts it (the header is row 1); cells by column name, "" where empty."""

    number: int
    cells: Mapping[str, str]


def render(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], *, filled: Mapping[int, Mapping[str, str]] | None = None) -> str:
    """The list's text with its byte-order mark, rows in ticket order.

    `filled` holds, by ticket id, cells of an earlier list in which a person wrote (see `load_filled`). They are carried over; a row that
    is no longer flagged stays as long as its decision was not applied, so that nobody's work is lost.
    """
    earlier = filled or {}
    flagged = flagged_tickets(issues)
    done = {ticket for issue in issues.values() for ticket in issue.reviewed}
    names = issue_db.alias_map(issues.values())
    rows = {ticket: _cells(ticket, issue, issues, names, log.get(ticket)) for ticket, issue in flagged.items()}
    for ticket, cells in earlier.items():
        if ticket in rows:
            rows[ticket].update({column: cells.get(column, "") for column in FILLED_COLUMNS})
        elif ticket not in done:
            rows[ticket] = {column: cells.get(column, "") for column in COLUMNS}
    return _table(rows[ticket] for ticket in sorted(rows))


def write(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow]) -> int:
    """Put the list at `path`, carrying over what a person filled into the one that stands there; returns the number of flagged tickets.

    A list that cannot be read is kept beside the new one with `.unreadable` at its end. Raises `Unwritable`.
    """
    try:
        filled = load_filled(path)
    except Unreadable as error:
        kept = path.with_name(path.name + ".unreadable")
        path.replace(kept)
        logger.warning("%s; it is kept as %s", error, kept.name)
        filled = {}
    files.write_text(path, render(issues, log, filled=filled))
    return len(flagged_tickets(issues))


def flagged_tickets(issues: Mapping[str, Issue]) -> dict[int, Issue]:
    """Tickets below 0.7 that nobody has reviewed, in ticket order, with the issue they stand in."""
    reviewed = {ticket for issue in issues.values() for ticket in issue.reviewed}
    flagged = {
        ticket: issue
        for issue in issues.values()
        for ticket in issue.tickets
        if ticket not in reviewed and issue.unsure.get(ticket, SURE) < SURE
    }
    return {ticket: flagged[ticket] for ticket in sorted(flagged)}


def load_filled(path: Path) -> dict[int, dict[str, str]]:
    """The rows of a list in which a person wrote, by ticket id; empty if there is no file. Raises `Unreadable`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from error
    if not content.strip():
        return {}
    filled: dict[int, dict[str, str]] = {}
    for row in parse(content, name=str(path)):
        ticket = ticket_number(row.cells["ticket_id"])
        if not any(row.cells[column] for column in FILLED_COLUMNS):
            continue
        if ticket is None or ticket in filled:  # not to be carried over by halves: what a person wrote would be lost
            problem = f"ticket {ticket} is filled in twice" if ticket else f"{row.cells['ticket_id'][:40]!r} is no ticket number"
            raise Unreadable(f"{path}, row {row.number}: {problem}")
        if any("\n" in row.cells[column] for column in FILLED_COLUMNS):
            raise Unreadable(f"{path}, row {row.number}: a line break in what was filled in; is a quotation mark missing?")
        filled[ticket] = dict(row.cells)
    return filled


def parse(content: bytes, *, name: str) -> list[ListRow]:
    """The rows of a review list, also as a spreadsheet saved it again: other separators and encodings, columns moved, added or gone.

    Raises `Unreadable` when there is no table with `ticket_id` and `decision` in it.
    """
    text = _decode(content, name=name)
    lines = text.split("\n", 1)
    if re.fullmatch(r"\s*sep=.\s*", lines[0], re.IGNORECASE):  # a line by which Excel is told the separator; it is no row
        text = lines[1] if len(lines) > 1 else ""
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)))
    except csv.Error as error:
        raise Unreadable(f"{name} is not a readable CSV file: {error}") from error
    header = [cell.strip().lower() for cell in records[0]] if records else []
    header[:1] = [cell.removeprefix(_MISREAD_BOM) for cell in header[:1]]
    missing = [column for column in ("ticket_id", "decision") if column not in header]
    if missing:
        raise Unreadable(f"{name} has no column {' and no column '.join(missing)}; it is not a review list")
    if len(set(header) & set(COLUMNS)) != len([column for column in header if column in COLUMNS]):
        raise Unreadable(f"{name} has a column twice: {', '.join(column for column in COLUMNS if header.count(column) > 1)}")
    return [_row(number, header, record) for number, record in enumerate(records[1:], start=2) if any(cell.strip() for cell in record)]


def ticket_number(cell: str) -> int | None:
    """The ticket id in a cell, None if it holds none; a spreadsheet may have added `.0`.

    >>> ticket_number("171"), ticket_number(" 171.0"), ticket_number("1.2E+11")
    (171, 171, None)
    """
    found = re.fullmatch(r"([1-9][0-9]{0,17})(?:[.,]0+)?", cell.strip())
    return int(found[1]) if found else None


def harmless(text: str) -> str:
    """A cell's text that no spreadsheet runs as a formula, whatever separator it splits at; `original` gives the text back.

    >>> harmless("=1+1"), harmless("a;=1"), harmless("plain")
    ("'=1+1", "a;'=1", 'plain')
    """
    inner = _INNER_FORMULA.sub(";'", text)  # a spreadsheet set to semicolons begins a cell there
    return "'" + inner if _FORMULA.match(inner) else inner


def original(cell: str) -> str:
    """The text that `harmless` made a cell of.

    >>> [original(harmless(text)) for text in ("=1", "'=1", "'quoted'", "a;-1")]
    ['=1', "'=1", "'quoted'", 'a;-1']
    """
    outer = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _INNER_MARK.sub(";", outer)


def _cells(ticket: int, issue: Issue, issues: Mapping[str, Issue], names: Mapping[str, str], row: DecisionRow | None) -> dict[str, str]:
    suggested = row.suggested_issue_id if row else None
    meant = names.get(suggested or "", suggested or "")
    return {
        "ticket_id": str(ticket),
        "confidence": repr(issue.unsure[ticket]),
        "issue_id": issue.issue_id,
        "category": issue.card.category,
        "suggested_issue_id": meant,
        "suggested_category": issues[meant].card.category if meant in issues else "",
        "reason": row.reason if row else "",
        "subject": row.subject if row else "",
        "url": row.url if row else "",
        "decision": "",
        "target_issue_id": "",
    }


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([harmless(for_cell(row[column], MAX_CELL_CHARS)) for column in COLUMNS] for row in rows)
    return "\ufeff" + out.getvalue()


def _row(number: int, header: list[str], record: list[str]) -> ListRow:
    found = dict(zip(header, record, strict=False))
    return ListRow(number, {column: original(found.get(column, "").strip()).strip() for column in COLUMNS})


def _decode(content: bytes, *, name: str) -> str:
    """Text of a file that a spreadsheet may have saved; only ids and decision words are read from it, so a guess at accents is harmless."""
    if len(content) > MAX_LIST_BYTES:
        raise Unreadable(f"{name} is larger than {MAX_LIST_BYTES} bytes")
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
    """The separator at which the header falls into the most known columns."""
    header = text.lstrip().split("\n", 1)[0].lower()
    return max(",;\t|", key=lambda mark: len({cell.strip(' \r"').removeprefix(_MISREAD_BOM) for cell in header.split(mark)} & set(COLUMNS)))
