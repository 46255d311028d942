"""What a run did: counts, tokens, cost, time, failures and what to do about them, as `run_report.json` and as a summary for people.

The one file in which a clock reading is allowed. Counts what others did; decides nothing.
"""

import datetime
import functools
import platform
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from common import files, times
from common.errors import Ended
from common.text import counted, for_terminal, thousands
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Issue, sort_key
from llm.bill import Totals
from report import trends
from report.looks import looks

_LIBRARIES = ("requests", "python-dotenv", "tqdm", "backoff")
_TOP = 3
_SHOWN = 20
_REASONS = 4


@dataclass(slots=True)
class RunReport:
    """Facts of one run, gathered on the way. `flagged`: tickets of the database that wait for review; `changed`: tickets of the database
    whose search result is newer than what was decided on; `reprocess`: the run decided again what the database holds, so whoever tries
    failed tickets once more must say so too; `filled`: rows of the review list with a decision that was not applied."""

    output: Path
    version: str = ""
    model: str = ""
    prompt_version: str = ""
    reprocess: bool = False
    listed: int = 0
    total: int | None = None
    already_known: int = 0
    rows: dict[int, DecisionRow] = field(default_factory=dict)
    flagged: frozenset[int] = frozenset()
    merged: int = 0
    gaps: tuple[str, ...] = ()
    changed: list[int] = field(default_factory=list)
    aside: list[int] = field(default_factory=list)
    filled: int = 0
    fetched: int = 0
    totals: Totals = field(default_factory=Totals)
    ended: Ended = Ended.DONE
    ended_because: str = ""
    _started: float = field(default_factory=times.monotonic)
    _started_at: float = field(default_factory=times.wall)

    def end(self, how: Ended, why: str = "") -> None:
        """Note how the run ended, with the reason where there is one."""
        self.ended, self.ended_because = how, why

    @property
    def how_it_ended(self) -> str:
        """In words, as the report file and the summary say it."""
        return f"{self.ended.value}: {self.ended_because}" if self.ended_because else self.ended.value

    @property
    def failures(self) -> list[DecisionRow]:
        """Tickets that could not be read or decided, but those that are set aside."""
        return [row for row in self.rows.values() if row.outcome == "failed" and not row.set_aside]

    @property
    def newly_aside(self) -> list[DecisionRow]:
        """Tickets that failed once more in the same words, and are set aside by it."""
        return [row for row in self.rows.values() if row.outcome == "failed" and row.set_aside]

    @property
    def set_aside(self) -> list[int]:
        """Every ticket of the run that is tried no more, before it or by it."""
        return sorted({*self.aside, *(row.ticket_id for row in self.newly_aside)})

    @property
    def incomplete(self) -> bool:
        """True when not everything that was asked for was done."""
        return bool(self.failures or self.gaps) or self.ended in (Ended.BUDGET, Ended.STOPPED)

    @property
    def retry(self) -> str:
        """The command that tries the failed tickets again, "" if none failed."""
        return self._command((row.ticket_id for row in self.failures), "--reprocess " if self.reprocess else "")

    @property
    def look_again(self) -> str:
        """The command that decides changed tickets anew, "" if none changed."""
        return self._command(self.changed, "--refresh --reprocess ")

    def so_far(self, issues: int, cost: float | None) -> str:
        """What stands beside the bar: issues, doubts, USD."""
        unsure = sum(row.outcome == "provisional" for row in self.rows.values())
        parts = [counted(issues, "issue"), f"{unsure} unsure" if unsure else "", "" if cost is None else f"{cost:.2f} USD"]
        return ", ".join(part for part in parts if part)

    def write(self, path: Path) -> None:
        """Write the report as JSON. Raises `Unwritable`."""
        files.write_text(path, files.dump_json(self.to_json()) + "\n")

    def to_json(self) -> dict[str, Any]:
        """The report in the file's form; durations in seconds, cost in USD."""
        outcomes = Counter(row.outcome for row in self.rows.values())
        return {
            "ended": self.how_it_ended,
            "started_at": datetime.datetime.fromtimestamp(self._started_at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "duration_s": round(times.monotonic() - self._started, 3),
            "counts": {
                "matching": self.total,
                "listed": self.listed,
                "already_known": self.already_known,
                "fetched": self.fetched,
                "decided": len(self.rows),
                **{name: outcomes[name] for name in ("matched", "new", "provisional", "ignored", "failed")},
                "flagged": len(self.flagged & self.rows.keys()),
                "suspicious": sum("suspicious text" in row.guards for row in self.rows.values()),
                "merged_issues": self.merged,
            },
            "tokens": {
                "prompt": self.totals.usage.prompt,
                "cached": self.totals.usage.cached,
                "completion": self.totals.usage.completion,
                "estimated": self.totals.usage.estimated,
            },
            "cost_usd": self.totals.cost,
            "model_calls": {name: value for name, value in asdict(self.totals).items() if name not in ("usage", "cost")},
            "failures": [{"ticket_id": row.ticket_id, "reason": row.reason, "subject": row.subject} for row in self.failures],
            "retry": self.retry,
            "set_aside": self.set_aside,
            "not_listed": list(self.gaps),
            "changed_since": self.changed,
            "look_again": self.look_again,
            "model": self.model,
            "prompt_version": self.prompt_version,
            "versions": {"program": self.version, "python": platform.python_version(), **_library_versions()},
        }

    @property
    def all_failed(self) -> bool:
        """True when tickets came and not one of them could be read and decided."""
        return bool(self.rows) and len(self.rows) >= self.listed and all(row.outcome == "failed" for row in self.rows.values())

    def summary(self, issues: Mapping[str, Issue], decisions: Mapping[int, DecisionRow], page: Path) -> str:
        """A few lines for a Monday morning: what came in, what wants a look, what moves, what it cost, what to do next.

        `issues` and `decisions` are those of the whole database.
        """
        moved = trends.movement(issues, trends.came_days(issues, decisions))
        lines = [
            self._came_in(issues),
            f"{looks(issues, decisions)}; {counted(len(issues), 'issue')} in all",
            self._biggest(issues),
            *_moving(moved),
        ]
        known = f"{thousands(self.already_known)} known already; " if self.already_known else ""
        lines.append(f"{known}{_duration(times.monotonic() - self._started)}; {self._tokens()}")
        lines += self.troubles()
        if not (self.all_failed and self.incomplete):  # else the last line, on stderr, says what helps
            lines.append(f"Next: {self._help() if self.all_failed else f'open {page}'}")
        return "\n".join(["", *(line for line in lines if line)])

    @property
    def _missing(self) -> bool:
        """True when all that failed is not there, or not for this key: trying again would not help."""
        return bool(self.failures) and all("no such ticket" in row.reason for row in self.failures)

    def _help(self) -> str:
        """What helps where nothing could be decided: the same command would fail in the same way."""
        if self._missing:
            return "check the number: there is no such ticket, or this key may not see it"
        first = min(self.rows)
        return f"python -m main --check tests every setting; --ticket-ids {first} --prompt-debug shows what became of one ticket"

    def _came_in(self, issues: Mapping[str, Issue]) -> str:
        """Every decided ticket once: in a known issue, in a new one, in none, or not read."""
        fresh = [issue for issue in issues.values() if issue.tickets and all(ticket in self.rows for ticket in issue.tickets)]
        in_fresh = sum(len(issue.tickets) for issue in fresh)
        outcomes = Counter(row.outcome for row in self.rows.values())
        fits = len(self.rows) - in_fresh - outcomes["ignored"] - outcomes["failed"]
        parts = [
            f"{fits} fit known issues" if fits else "",
            f"{in_fresh} are in {counted(len(fresh), 'new issue')}" if fresh else "",
            f"{outcomes['ignored']} hold no issue{self._ignored()}" if outcomes["ignored"] else "",
            f"{outcomes['failed']} could not be read or decided" if outcomes["failed"] else "",
        ]
        said = ", ".join(part for part in parts if part)
        came = f"{counted(len(self.rows))} decided again" if self.reprocess else counted(len(self.rows), "new ticket")
        return f"{came}: {said}" if said else came

    def _tokens(self) -> str:
        usage = self.totals.usage
        about = "about " if usage.estimated else ""
        text = f"{self.totals.calls} calls, {self.totals.stored_answers} stored answers; "
        text += f"{about}{thousands(usage.prompt)} tokens in ({thousands(usage.cached)} cached), {thousands(usage.completion)} out"
        return text + (f"; {about}{self.totals.cost:.2f} USD" if self.totals.cost is not None else "")

    def _biggest(self, issues: Mapping[str, Issue]) -> str:
        top = sorted(issues.values(), key=lambda issue: (-len(issue.tickets), sort_key(issue.issue_id)))[:_TOP]
        return _named("Biggest", [(issue, str(len(issue.tickets))) for issue in top if len(issue.tickets) > 1])

    def _ignored(self) -> str:
        reasons = Counter(row.reason for row in self.rows.values() if row.outcome == "ignored")
        shown = [f"{count} {for_terminal(reason)[:60]}" for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))]
        return f" ({'; '.join([*shown[:_REASONS], *(['…'] if len(shown) > _REASONS else [])])})" if shown else ""

    def trouble(self) -> str:
        """One line on what was not done, and the next step."""
        rest = "none could be decided" if self.all_failed else "the rest is saved"
        parts = [f"{counted(len(self.failures))} failed, {rest}"] if self.failures else []
        parts += [f"{len(self.gaps)} gaps in the list of tickets: {self.gaps[0]}"] if self.gaps else []
        parts += [self.how_it_ended] if self.ended in (Ended.BUDGET, Ended.STOPPED) else []
        step = f"try again with: {self.retry}" if self.failures else "run the same command again"
        step = self._help() if self.all_failed else step
        return f"{'; '.join(parts)}; {step}"

    def troubles(self) -> list[str]:
        """Lines on what was not done and how to do it."""
        lines = list(self.gaps)
        if self.failures:
            lines.append("failed:")
            lines += [f"  ticket {row.ticket_id}: {for_terminal(row.reason)}" for row in self.failures[:_SHOWN]]
            lines += [f"  and {len(self.failures) - _SHOWN} more (run_report.json)"] if len(self.failures) > _SHOWN else []
            lines += [] if self._missing else [f"  try them again{', once that is mended' if self.all_failed else ''}: {self.retry}"]
        if self.set_aside:
            why = f" (ticket {self.newly_aside[0].ticket_id}: {for_terminal(self.newly_aside[0].reason)})" if self.newly_aside else ""
            count = counted(len(self.set_aside))
            lines.append(f"set aside after failing in the same words in {FAILURES_TO_SET_ASIDE} runs: {count}{why}")
            lines.append(f"  try them again: {self._command(self.set_aside)}")
        if self.filled:
            waiting = (
                f"{counted(self.filled, 'row')} of the review list {'is' if self.filled == 1 else 'are'} filled in and not applied yet"
            )
            lines.append(f"{waiting}: python -m main --apply-review{self._at_output()}")
        if self.changed:
            lines.append(f"{counted(len(self.changed))} of the database changed in Freshdesk since; to look again: {self.look_again}")
        return lines

    def _command(self, ticket_ids: Iterable[int], flags: str = "") -> str:
        ids = ",".join(str(ticket_id) for ticket_id in ticket_ids)
        return f"python -m main {flags}--ticket-ids {ids}{self._at_output()}" if ids else ""

    def _at_output(self) -> str:
        return f" --output {shlex.quote(str(self.output))}"


@functools.cache
def _library_versions() -> Mapping[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}


def _moving(moved: trends.Movement) -> list[str]:
    """A line each for what grows, is new, and came back; "" for none."""
    return [
        _named("Growing", [(one.issue, f"{one.recent} in the last {moved.span}, {one.before} before") for one in moved.growing[:_TOP]]),
        _named(f"New in the last {moved.span}", [(one.issue, f"{one.recent}") for one in moved.new[:_TOP]], len(moved.new) - _TOP),
        _named("Back", [(one.issue, f"after {one.quiet} quiet days") for one in moved.back[:_TOP]]),
    ]


def _named(title: str, issues: Sequence[tuple[Issue, str]], more: int = 0) -> str:
    """Issues on one line, each with a remark; "" for none."""
    said = [f"{for_terminal(issue.card.category or issue.issue_id)} ({remark})" for issue, remark in issues]
    return f"{title}: {'; '.join(said)}{f'; and {more} more' if more > 0 else ''}" if said else ""


def _duration(seconds: float) -> str:
    """Seconds in words.

    >>> _duration(7.31), _duration(200)
    ('7.3 s', '3 min 20 s')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


_LOWER_EDGES = (0.9, 0.8, 0.7, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class Band:
    """Reviewed tickets whose confidence was `low` and up, below the next band; `kept` of `total` as the model meant."""

    low: float
    kept: int
    total: int

    @property
    def name(self) -> str:
        """The band's range in words."""
        return f"{self.low} and up" if self.low else f"below {_LOWER_EDGES[-2]}"

    def __str__(self) -> str:
        return f"{self.name}: {self.kept} of {self.total} kept"


def bands(rows: Iterable[DecisionRow]) -> list[Band]:
    """The bands in which people reviewed anything, the surest first.

    >>> review = {"review": {"model_was_right": True}}
    >>> [str(band) for band in bands([DecisionRow(1, "ISSUE-1", "reviewed", 0.95, decided_by="person", extra=review)])]
    ['0.9 and up: 1 of 1 kept']
    """
    counts = {low: [0, 0] for low in _LOWER_EDGES}
    for row in rows:
        review = row.extra.get("review")
        if isinstance(review, dict) and isinstance(review.get("model_was_right"), bool) and row.confidence is not None:
            low = next(edge for edge in _LOWER_EDGES if row.confidence >= edge)
            counts[low][0] += review["model_was_right"]
            counts[low][1] += 1
    return [Band(low, kept, total) for low, (kept, total) in counts.items() if total]
