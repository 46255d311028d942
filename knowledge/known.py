"""Issues that somebody brings along: another database, or a table of known problems with a title and a description each.

Checked whole against what is here: a file that clashes anywhere adds nothing. Writes no file.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import files
from common.errors import Unreadable, Unusable
from common.text import counted, first_few, one_line, tidy
from knowledge import issue as issue_db
from knowledge.base import KnowledgeBase
from knowledge.issue import MAX_CATEGORY_CHARS, Card, Issue

MAX_NAMED = 20
MAX_DESCRIPTION_CHARS = 2_000
_WAY_OUT = (
    "A seed goes into a database that holds none of its tickets and ids: begin with an empty one (--output NEW.json), "
    "or leave these issues out of the seed"
)
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
    base = KnowledgeBase(here)
    return _database(text, path, base, ignored) if path.suffix.lower() == ".json" else _table(text, path, base)


def _database(text: str, path: Path, here: KnowledgeBase, ignored: Collection[int]) -> Seed:
    try:
        theirs = KnowledgeBase(issue_db.parse(text, name=str(path)))
    except Unreadable as error:
        raise Unreadable(f"{path} adds nothing: {error}") from error
    new = [issue for issue in theirs.issues.values() if issue != here.issues.get(issue.issue_id)]
    clashes = [f"{issue.issue_id}: {clash}" for issue in new for clash in _clashes(issue, theirs, here, ignored)]
    if clashes:
        headline = f"{path} adds nothing, because it clashes with the database in {counted(len(clashes), 'place')}"
        raise Unusable("\n".join(["\n  ".join([headline, *first_few(clashes, MAX_NAMED)]), _WAY_OUT]))
    return Seed(tuple(new), len(theirs.issues) - len(new))


def _clashes(issue: Issue, theirs: KnowledgeBase, here: KnowledgeBase, ignored: Collection[int]) -> Iterator[str]:
    """What of an issue of theirs cannot stand beside what is here, in words."""
    homes = {ticket: here.home(ticket) for ticket in issue.tickets}
    told = {home.issue_id for home in homes.values() if home is not None}
    for name in sorted(issue.names & here.names.keys()):
        if here.names[name] not in told:
            yield f"the id {name} is taken here by {here.names[name]}"
    for ticket, home in homes.items():
        if home is not None:
            yield f"ticket {ticket} stands here in {home.issue_id}"
        elif ticket in here.reviewed or ticket in ignored:
            yield f"a person took ticket {ticket} out here"
    for ticket in issue.reviewed:
        home = here.home(ticket)
        if home is not None and theirs.home(ticket) is None:
            yield f"a person took ticket {ticket} out there, and it stands here in {home.issue_id}"


def _table(text: str, path: Path, here: KnowledgeBase) -> Seed:
    """Issues of a table that has the columns `title` and `description`; a title that is known here is left out."""
    start = text.lstrip("\ufeff")
    first = start.split("\n", 1)[0]
    rows = files.parse_csv(start, separator=max(",;\t", key=first.count), name=f"{path} adds nothing: it")
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "title" not in header or "description" not in header:
        raise Unusable(f"{path} adds nothing: its first line must name the columns title and description")
    titles = {issue.card.category.casefold() for issue in here.issues.values()}
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
        number = next(free for free in itertools.count(number + 1) if f"{PREFIX}{free}" not in here.names)
        titles.add(title.casefold())
        made.append(Issue(f"{PREFIX}{number}", Card(title, tidy(cells.get("description", ""))[:MAX_DESCRIPTION_CHARS]), status="confirmed"))
    return Seed(tuple(made), same)
