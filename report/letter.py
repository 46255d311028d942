"""The Monday letter: what came in, what grows, is new or came back, and which articles would have saved most, in a screen of Markdown.

Dated by the newest ticket and not by a clock, so that equal data give equal bytes. Decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common import files
from common.text import counted
from knowledge.issue import Issue, sort_key
from report import trends
from report.exports import plain
from report.facts import TicketFacts
from report.reading import Reading

SHOWN = 5
ARTICLE_TICKETS = 3
"""An article is worth writing from so many tickets on."""
MOVING = {"growing": "Growing", "new": "New", "back": "Back after being quiet"}


Told = tuple[Issue, str]
"""An issue on one line of the letter, with what is said about it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The letter before it is written in Markdown, shown on the page, or copied from there. `last_day` is that of the newest ticket, ""
    when none is known; `opened` how many tickets were opened in the week, in words; `parts` what stands under each heading."""

    last_day: str = ""
    opened: str = ""
    look: str = ""
    parts: Mapping[str, Sequence[Told]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The heading over all."""
        return f"Support, week to {self.last_day}" if self.last_day else "Support"

    @property
    def said(self) -> list[str]:
        """What stands under the heading, a line each."""
        return [f"{self.opened}.", f"{self.look}."] if self.last_day else ["No ticket with a known day yet."]


def compose(reading: Reading) -> Letter:
    """What the letter says of a reading."""
    found = reading.trends
    came, before = trends.growth(found.came.values(), found.newest, span=trends.WEEK_DAYS)
    opened = f"{counted(came)} {'was' if came == 1 else 'were'} opened in this week, {before} in the week before"
    parts = {
        "Most tickets this week": _most(reading),
        **{title: [(move.issue, found.remark(move)) for move in found.of(kind)] for kind, title in MOVING.items()},
        "Articles that would have saved most": _articles(reading),
    }
    shown = {title: entries[:SHOWN] for title, entries in parts.items() if entries}
    return Letter(found.newest, opened, str(reading.looks), shown if found.newest else {})


def render(letter: Letter, *, came_with_run: int | None = None) -> str:
    """The letter in Markdown; `came_with_run` is how many tickets this run decided, None where no run was.

    >>> print(render(Letter()).splitlines()[2])
    No ticket with a known day yet.
    """
    idle = "The last run brought no new ticket; the week is the one up to the newest ticket that is known."
    lines = [f"# {letter.title}", "", *([idle] if letter.last_day and came_with_run == 0 else []), *letter.said]
    for title, entries in letter.parts.items():
        lines += ["", f"**{title}**", "", *(f"- {plain(issue.title)}: {remark}" for issue, remark in entries)]
    return "\n".join(lines) + "\n"


def write(path: Path, letter: Letter, *, came_with_run: int | None = None) -> None:
    """Put the letter at `path`. Raises `Unwritable`."""
    files.write_text(path, render(letter, came_with_run=came_with_run))


def articles(issues: Iterable[Issue], facts: Mapping[int, TicketFacts]) -> list[tuple[Issue, int]]:
    """How-to issues that came often enough and have a fix, each with the replies that it took, the most replies first."""
    worth = [one for one in issues if one.kind == "how-to" and one.card.resolution_steps and len(one.tickets) >= ARTICLE_TICKETS]
    took = [(one, sum(facts[ticket].replies for ticket in one.tickets if ticket in facts)) for one in worth]
    return sorted(took, key=lambda pair: (-pair[1], -len(pair[0].tickets), sort_key(pair[0].issue_id)))


def _articles(reading: Reading) -> list[Told]:
    found = articles(reading.issues.values(), reading.facts)
    return [(issue, f"{counted(len(issue.tickets))}, {'1 reply' if took == 1 else f'{took} replies'}") for issue, took in found]


def _most(reading: Reading) -> list[Told]:
    """Issues of the week, the most tickets first; a doubt that is held back is no problem yet."""
    found = reading.trends
    own = {
        name: trends.growth(found.days_of(issue), found.newest, span=trends.WEEK_DAYS)[0]
        for name, issue in reading.issues.items()
        if issue.held_back is None
    }
    most = sorted((name for name, count in own.items() if count), key=lambda name: (-own[name], sort_key(name)))
    return [(reading.issues[name], f"{own[name]} this week, {len(reading.issues[name].tickets)} in all") for name in most]
