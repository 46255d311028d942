"""Issues that somebody brings along: another database, or a table of known problems with a title and a description each.

Checked whole against what is here: a file that clashes anywhere adds nothing. Writes no file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import files
from common.errors import Unreadable, Unusable
from common.text import first_few, one_line, tidy
from knowledge import issue as issue_db
from knowledge.issue import MAX_CATEGORY_CHARS, Card, Issue, alias_map

MAX_NAMED = 20
MAX_DESCRIPTION_CHARS = 2_000
PREFIX = "KNOWN-"
"""How issues of a table are called: people's own, so that no ticket's number is taken."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a file adds, in order; `same` of its issues are here already, word for word."""

    issues: tuple[Issue, ...]
    same: int = 0


def load(path: Path, here: Mapping[str, Issue], *, ignored: Collection[int] = ()) -> Seed:
    """What the file at `path` adds to the issues `here`; `ignored` are tickets that a person took out, as far as the log alone knows it.

    Raises `Unusable` that names every clash, or `Unreadable`.
    """
    content = files.read_bytes(path)
    if content is None:
        raise Unusable(f"there is no {path}; name a database (.json) or a table of title and description (.csv)")
    text = files.decoded(content, name=str(path))
    return _database(text, path, here, {*ignored}) if path.suffix.lower() == ".json" else _table(text, path, here)


def _database(text: str, path: Path, here: Mapping[str, Issue], ignored: set[int]) -> Seed:
    try:
        theirs = issue_db.parse(text, name=str(path))
    except Unreadable as error:
        raise Unreadable(f"{path} adds nothing: {str(error).removesuffix(issue_db.LEFT_AS_IT_IS)}") from error
    names, homes, out = alias_map(here.values()), _homes(here), _taken_out(here) | ignored
    refused = _taken_out(theirs)
    new, clashes, same = [], [], 0
    for issue in theirs.values():
        if issue == here.get(issue.issue_id):
            same += 1
            continue
        known = sorted(name for name in (issue.issue_id, *issue.merged_from) if name in names)
        clashes += [f"{issue.issue_id}: the id {name} is taken here by {names[name]}" for name in known]
        clashes += [f"{issue.issue_id}: ticket {ticket} stands here in {homes[ticket]}" for ticket in issue.tickets if ticket in homes]
        clashes += [f"{issue.issue_id}: a person took ticket {ticket} out here" for ticket in issue.tickets if ticket in out]
        clashes += [
            f"{issue.issue_id}: a person took ticket {ticket} out there, and it stands here in {homes[ticket]}"
            for ticket in issue.reviewed
            if ticket in refused and ticket in homes
        ]
        new.append(issue)
    if clashes:
        headline = f"{path} adds nothing, because it clashes with the database in {len(clashes)} places"
        raise Unusable("\n  ".join([headline, *first_few(clashes, MAX_NAMED)]))
    return Seed(tuple(new), same)


def _homes(issues: Mapping[str, Issue]) -> dict[int, str]:
    return {ticket: issue.issue_id for issue in issues.values() for ticket in issue.tickets}


def _taken_out(issues: Mapping[str, Issue]) -> set[int]:
    """Tickets that a person decided and that stand in no issue."""
    return {ticket for issue in issues.values() for ticket in issue.reviewed} - _homes(issues).keys()


def _table(text: str, path: Path, here: Mapping[str, Issue]) -> Seed:
    """Issues of a table that has the columns `title` and `description`; a title that is known here is left out."""
    start = text.lstrip("\ufeff")
    first = start.split("\n", 1)[0]
    rows = files.parse_csv(start, separator=max(",;\t", key=first.count), name=f"{path} adds nothing: it")
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "title" not in header or "description" not in header:
        raise Unusable(f"{path} adds nothing: its first line must name the columns title and description")
    titles = {issue.card.category.casefold() for issue in here.values()}
    taken = alias_map(here.values())
    made: list[Issue] = []
    same = number = 0
    for row in rows[1:]:
        cells = dict(zip(header, row, strict=False))
        title = one_line(cells.get("title", ""))[:MAX_CATEGORY_CHARS]
        if not title:
            continue
        if title.casefold() in titles:
            same += 1
            continue
        number = next(free for free in range(number + 1, number + len(taken) + 2) if f"{PREFIX}{free}" not in taken)
        titles.add(title.casefold())
        made.append(Issue(f"{PREFIX}{number}", Card(title, tidy(cells.get("description", ""))[:MAX_DESCRIPTION_CHARS]), status="confirmed"))
    return Seed(tuple(made), same)
