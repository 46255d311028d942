"""The database in other teams' forms: article drafts in Markdown, a table of issues by month, and one of tickets.

Text from tickets and models stays text in all. Writes only the files that it names, over nothing but what an export made, removes only
articles that an earlier export wrote and that are none any more, and changes nothing in the database.
"""

import contextlib
import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import files
from common.errors import Unusable, Unwritable
from common.text import counted, for_spreadsheet, one_line
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from report import facts, trends

MAX_LINKED_TICKETS = 50
MARK = "<!-- Written by --export markdown; the next one into this folder writes it anew. -->"
"""The first line of each file of such an export."""
_MONTHS_HEADER = ("issue_id", "category", "status", "tickets", "first_seen", "last_seen")
_TICKETS_HEADER = ("ticket_id", "issue_id", "category", "area", "kind", "date", "confidence", "url")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|index)")  # names that Windows or the index has taken
_LINKED = re.compile(r"(https?|ftp|mailto|xmpp|www)([:.])", re.IGNORECASE)
_MARKS = re.compile(r"([\\`*_\[\]<|~&$]|^[-+#>=])")


def worth_an_article(issue: Issue) -> bool:
    """True for a confirmed issue that tells a cause or steps: what neither came twice nor was checked is none yet."""
    return issue.status == "confirmed" and bool(issue.card.root_cause or issue.card.resolution_steps)


def left_out(issues: Mapping[str, Issue]) -> str:
    """How many issues get no article, and why, in words; "" where all get one."""
    single = sum(issue.status != "confirmed" for issue in issues.values())
    empty = sum(issue.status == "confirmed" and not worth_an_article(issue) for issue in issues.values())
    parts = [
        f"{counted(single, 'issue')} that came only once and nobody checked" if single else "",
        f"{counted(empty, 'issue')} without cause and steps" if empty else "",
    ]
    return ", ".join(part for part in parts if part)


def write_markdown(folder: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], *, evidence: bool = False) -> list[Path]:
    """One article draft for each issue that is worth one, named by its title, and an `index.md`; returns the articles.

    `evidence` adds the tickets that each rests on. Only into a folder that is new, empty, or was filled by such an export; articles of it
    that are none any more go. Raises `Unusable`, `Unwritable`.
    """
    confirmed = [issue for issue in issues.values() if worth_an_article(issue)]
    names = _file_names(confirmed)
    articles, index = [folder / names[issue.issue_id] for issue in confirmed], folder / "index.md"
    _refuse_foreign_folder(folder, index)
    files.refuse_strangers([*articles, index], begins=MARK)
    ranked = sorted(confirmed, key=lambda issue: (-len(issue.tickets), issue_db.sort_key(issue.issue_id)))
    lines = [f"- [{plain(issue.title)}]({names[issue.issue_id]}): {counted(len(issue.tickets))}" for issue in ranked]
    files.write_text(index, "\n".join([MARK, "", "# Support issues", "", *(lines or ["No issue is worth an article yet."])]) + "\n")
    for issue, path in zip(confirmed, articles, strict=True):  # after the index, which marks the folder as ours
        files.write_text(path, f"{MARK}\n\n{article(issue, log, evidence=evidence)}")
    _remove_stale(folder, kept={path.name.lower() for path in [*articles, index]})
    return articles


def _remove_stale(folder: Path, *, kept: set[str]) -> None:
    """Remove articles that an earlier export wrote under a title that is gone. Raises `Unwritable`."""
    for path in sorted(folder.glob("*.md")):
        if path.name.lower() not in kept and path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError):
                begins = next(files.blocks(path), b"")
                if begins.startswith(MARK.encode()):
                    files.remove(path)


def _refuse_foreign_folder(folder: Path, index: Path) -> None:
    """Raises `Unusable` for what is no folder, and for one with other things in it and no index of ours."""
    if folder.exists() and not folder.is_dir():
        raise Unusable(f"{folder} is a file where a folder has to be; name another place")
    try:
        holds_something = folder.exists() and any(not files.is_unfinished(entry.name) for entry in folder.iterdir())
    except OSError as error:
        raise Unwritable(f"cannot write into {folder}: {error.strerror or error}") from error
    if holds_something and not index.exists():
        raise Unusable(f"{folder} holds other files and no index.md of an earlier export; name a new or an empty folder")


def article(issue: Issue, log: Mapping[int, DecisionRow], *, evidence: bool = False) -> str:
    """The draft of one issue: problem, cause, steps, and with `evidence` the tickets it rests on.

    >>> from knowledge.issue import Card
    >>> print(article(Issue("ISSUE-7", Card("Lid leaks", "The lid lets air in.")), {}).splitlines()[0])
    # Lid leaks
    """
    steps = [f"{number}. {plain(step)}" for number, step in enumerate(issue.card.resolution_steps, start=1)]
    parts = [f"# {plain(issue.title)}", plain(issue.card.short_description)]
    parts += ["## Cause", plain(issue.card.root_cause) or "Not known."]
    parts += ["## Solution", "\n".join(steps) or "None recorded."]
    if issue.card.notes:
        parts += ["## Notes", plain(issue.card.notes)]
    if issue.card.keywords:
        parts.append("Also searched for as: " + ", ".join(plain(word) for word in issue.card.keywords))
    if evidence:
        parts += ["## Evidence", _facts(issue), "\n".join(_evidence(issue.tickets, log))]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    r"""Text on one line in which Markdown finds no mark and no HTML.

    >>> print(plain("<b>*1*</b>"))
    \<b>\*1\*\</b>
    """
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    escaped = _MARKS.sub(r"\\\1", "".join(char if char.isprintable() else " " for char in line))
    unlinked = _LINKED.sub(r"\1&#8203;\2", escaped).replace("@", "&#8203;@")
    return re.sub(r"^([0-9]+)([.)])", r"\1\\\2", unlinked)


def write_month_table(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], *, separator: str = ",") -> None:
    """Put a CSV table at `path`: one row an issue, one column a month from the first ticket to the last. Raises `Unwritable`.

    Tickets whose day is not known stand in a last column `no_date`, which is there only if it is needed.
    """
    days = trends.ticket_days(issues, log)
    columns = [start[:7] for start in trends.bars(min(days.values()), max(days.values()), "month")] if days else []
    if any(ticket not in days for issue in issues.values() for ticket in issue.tickets):
        columns.append("no_date")
    rows = []
    for issue in issue_db.in_id_order(issues.values()):
        counts = Counter(days.get(ticket, "no_date")[:7] for ticket in issue.tickets)
        named, size = [_cell(issue.issue_id), _cell(issue.card.category), issue.status], len(issue.tickets)
        rows.append([*named, size, _cell(issue.first_seen), _cell(issue.last_seen), *(counts[column] for column in columns)])
    _write_table(path, _MONTHS_HEADER, rows, separator, columns)


def write_ticket_table(path: Path, issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], *, separator: str = ",") -> int:
    """Put a CSV table at `path`: one row for each ticket in an issue, by ticket id; returns how many. Raises `Unwritable`.

    The confidence is empty where nobody tells it.
    """
    days = trends.ticket_days(issues, log)
    home = {ticket: issue for issue in issues.values() for ticket in issue.tickets}
    rows = []
    for ticket in sorted(home):
        issue, row = home[ticket], log.get(ticket)
        sure = issue.unsure.get(ticket, row.confidence if row else None)
        texts = [_cell(text) for text in (issue.issue_id, issue.card.category, issue.area, issue.kind)]
        link = row.url if row and facts.web_address(row.url) else ""
        rows.append([ticket, *texts, days.get(ticket, ""), "" if sure is None else sure, _cell(link)])
    _write_table(path, _TICKETS_HEADER, rows, separator)
    return len(rows)


def _write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], separator: str, more: Sequence[str] = ()) -> None:
    """Put a table with a byte-order mark at `path`, if nothing or a table of this header stands there; `more` are columns behind it."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    writer.writerows([[*header, *more], *rows])
    files.write_over(path, "\ufeff" + out.getvalue(), begins="\ufeff" + separator.join(header))


def _facts(issue: Issue) -> str:
    seen = issue.first_seen if issue.first_seen == issue.last_seen else f"{issue.first_seen} to {issue.last_seen}"
    return f"{plain(issue.issue_id)}, {counted(len(issue.tickets))}" + (f", {plain(seen)}" if seen else "")


def _evidence(tickets: Sequence[int], log: Mapping[int, DecisionRow]) -> list[str]:
    """A line a ticket, with a link and the messages that the decision rests on."""
    lines = []
    for ticket in tickets[:MAX_LINKED_TICKETS]:
        row = log.get(ticket)
        linkable = row is not None and facts.web_address(row.url) and not re.search(r"[\s<>()\\]", row.url)
        name = f"[Ticket {ticket}](<{row.url}>)" if row is not None and linkable else f"Ticket {ticket}"
        subject = f": {plain(row.subject)}" if row is not None and row.subject else ""
        messages = f" (messages {', '.join(map(str, row.evidence))})" if row is not None and row.evidence else ""
        lines.append(f"- {name}{subject}{messages}")
    if len(tickets) > MAX_LINKED_TICKETS:
        lines.append(f"- and {counted(len(tickets) - MAX_LINKED_TICKETS)} more")
    return lines


def _file_names(issues: Sequence[Issue]) -> dict[str, str]:
    """A file name for each issue by its id: its title, safe on any system; titles that read alike get a few more letters."""
    wanted = {issue.issue_id: _slug(issue.card.category) or _slug(issue.issue_id) or "issue" for issue in issues}
    taken = Counter(wanted.values())
    digest = {name: hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8] for name in wanted}
    alone = {key: taken[name] == 1 and not _RESERVED.fullmatch(name) for key, name in wanted.items()}
    return {key: f"{name}.md" if alone[key] else f"{name}-{digest[key]}.md" for key, name in wanted.items()}


def _slug(text: str) -> str:
    """A title as part of an address.

    >>> _slug("Kettle: Wi-Fi über 5 GHz?")
    'kettle-wi-fi-uber-5-ghz'
    """
    plain_letters = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain_letters).strip("-")[:60].rstrip("-")


def _cell(text: str) -> str:
    return for_spreadsheet(one_line(text))
