"""The Monday letter: what came in, what grows, is new or came back, and which articles would have saved most, in a screen of Markdown.

Dated by the newest ticket and not by a clock, so that equal data give equal bytes. Decides nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import files
from common.text import counted, for_terminal
from knowledge.decision import DecisionRow
from knowledge.issue import Issue, sort_key
from report import trends
from report.exports import plain
from report.facts import TicketFacts
from report.looks import looks

SHOWN = 5
ARTICLE_TICKETS = 3
"""An article is worth writing from so many tickets on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An issue on one line of the letter, with what is said about it."""

    issue_id: str
    category: str
    remark: str


@dataclass(frozen=True, slots=True)
class Week:
    """The week up to `last_day` (of the newest ticket, "" when none is known): `came` tickets, `before` in the week before."""

    last_day: str
    came: int
    before: int
    most: tuple[Entry, ...] = ()
    growing: tuple[Entry, ...] = ()
    new: tuple[Entry, ...] = ()
    back: tuple[Entry, ...] = ()
    articles: tuple[Entry, ...] = ()
    look: str = ""

    @property
    def opened(self) -> str:
        """How many tickets were opened in the week, in words; those that stand in no issue among them."""
        return f"{counted(self.came)} {'was' if self.came == 1 else 'were'} opened in this week, {self.before} in the week before"


def week(issues: Mapping[str, Issue], log: Mapping[int, DecisionRow], facts: Mapping[int, TicketFacts]) -> Week:
    """What the week was; `facts` by ticket say how many replies an issue took."""
    days, arrived = trends.ticket_days(issues, log), trends.came_days(issues, log)
    moved = trends.movement(issues, arrived)
    came, before = trends.growth(list(arrived.values()), moved.newest, span=trends.WEEK_DAYS)
    own = {
        name: trends.growth(trends.days_of(issue, days), moved.newest, span=trends.WEEK_DAYS)[0]
        for name, issue in issues.items()
        if issue.held_back is None
    }
    most = sorted((name for name, count in own.items() if count), key=lambda name: (-own[name], sort_key(name)))
    return Week(
        moved.newest,
        came,
        before,
        most=tuple(_entry(issues[name], f"{own[name]} this week, {len(issues[name].tickets)} in all") for name in most[:SHOWN]),
        growing=tuple(_entry(one.issue, f"{one.recent} in the last {moved.span}, {one.before} before") for one in moved.growing[:SHOWN]),
        new=tuple(_entry(one.issue, counted(one.recent)) for one in moved.new[:SHOWN]),
        back=tuple(_entry(one.issue, f"after {one.quiet} quiet days") for one in moved.back[:SHOWN]),
        articles=tuple(_entry(one, f"{counted(len(one.tickets))}, {_replies(took)}") for one, took in articles(issues, facts)[:SHOWN]),
        look=str(looks(issues, log)),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of the letter with its entries, a line each."""

    title: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """The letter before it is written in Markdown, or copied as plain text."""

    title: str
    said: tuple[str, ...]
    parts: tuple[Part, ...] = ()


def composed(found: Week, *, came_with_run: int | None = None, words: Callable[[str], str] = for_terminal) -> Letter:
    """What the letter says; `words` makes an issue's title fit for where it is to stand."""
    if not found.last_day:
        return Letter("Support", ("No ticket with a known day yet.",))
    idle = ("The last run brought no new ticket; the week is the one up to the newest ticket that is known.",) if came_with_run == 0 else ()
    parts = {
        "Most tickets this week": found.most,
        "Growing": found.growing,
        "New": found.new,
        "Back after being quiet": found.back,
        "Articles that would have saved most": found.articles,
    }
    made = [Part(title, tuple(f"{words(one.category)}: {one.remark}" for one in entries)) for title, entries in parts.items() if entries]
    return Letter(f"Support, week to {found.last_day}", (*idle, f"{found.opened}.", f"{found.look}."), tuple(made))


def render(found: Week, *, came_with_run: int | None = None) -> str:
    """The letter's text; `came_with_run` is how many tickets this run decided, None where no run was.

    >>> print(render(Week("", 0, 0)).splitlines()[2])
    No ticket with a known day yet.
    """
    letter = composed(found, came_with_run=came_with_run, words=plain)
    lines = [f"# {letter.title}", "", *letter.said]
    for part in letter.parts:
        lines += ["", f"**{part.title}**", "", *(f"- {entry}" for entry in part.entries)]
    return "\n".join(lines) + "\n"


def write(path: Path, found: Week, *, came_with_run: int | None = None) -> None:
    """Put the letter at `path`. Raises `Unwritable`."""
    files.write_text(path, render(found, came_with_run=came_with_run))


def articles(issues: Mapping[str, Issue], facts: Mapping[int, TicketFacts]) -> list[tuple[Issue, int]]:
    """How-to issues that came often enough and have a fix, each with the replies that it took, the most replies first."""
    worth = [one for one in issues.values() if one.kind == "how-to" and one.card.resolution_steps and len(one.tickets) >= ARTICLE_TICKETS]
    took = [(one, sum(facts[ticket].replies for ticket in one.tickets if ticket in facts)) for one in worth]
    return sorted(took, key=lambda pair: (-pair[1], -len(pair[0].tickets), sort_key(pair[0].issue_id)))


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count} replies"


def _entry(issue: Issue, remark: str) -> Entry:
    return Entry(issue.issue_id, issue.card.category or issue.issue_id, remark)
