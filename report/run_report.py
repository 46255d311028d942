"""What a run did: counts, tokens, cost, time, failures and the commands that go on from there, as `run_report.json`.

The one file in which a clock reading is allowed. Counts what others did; decides nothing.
"""

import datetime
import platform
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from common import files
from common.errors import Ended
from common.text import counted
from knowledge.decision import DecisionRow
from knowledge.paths import command
from llm.bill import Totals

_LIBRARIES = ("requests", "python-dotenv", "tqdm", "backoff")


@dataclass(slots=True)
class RunReport:
    """Facts of one run, gathered on the way. `flagged`: tickets of the database that wait for review; `changed`: tickets of the database
    whose search result is newer than what was decided on; `aside`: tickets that failed so often before that they were not tried;
    `reprocess`: the run decided again what the database holds, so whoever tries failed tickets once more must say so too; `filled`: rows
    of the review list with a decision that was not applied."""

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
    _started: float = field(default_factory=time.monotonic)
    _started_at: float = field(default_factory=time.time)

    def end(self, how: Ended, why: str = "") -> None:
        """Note how the run ended, with the reason where there is one."""
        self.ended, self.ended_because = how, why

    @property
    def how_it_ended(self) -> str:
        """In words, as the report file and the summary say it."""
        return f"{self.ended.value}: {self.ended_because}" if self.ended_because else self.ended.value

    @property
    def duration_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started

    @property
    def outcomes(self) -> Counter[str]:
        """How many tickets had each outcome."""
        return Counter(row.outcome for row in self.rows.values())

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
    def all_failed(self) -> bool:
        """True when tickets came and not one of them could be read and decided."""
        return bool(self.rows) and len(self.rows) >= self.listed and all(row.outcome == "failed" for row in self.rows.values())

    @property
    def incomplete(self) -> bool:
        """True when not everything that was asked for was done."""
        return bool(self.failures or self.gaps) or self.ended in (Ended.BUDGET, Ended.STOPPED)

    @property
    def retry(self) -> str:
        """The command that tries the failed tickets again, "" if none failed."""
        return self.command((row.ticket_id for row in self.failures), "--reprocess " if self.reprocess else "")

    @property
    def look_again(self) -> str:
        """The command that decides changed tickets anew, "" if none changed."""
        return self.command(self.changed, "--refresh --reprocess ")

    def command(self, ticket_ids: Iterable[int], flags: str = "") -> str:
        """The command for some tickets of this run's database, "" for none."""
        ids = ",".join(str(ticket_id) for ticket_id in ticket_ids)
        return command(f"{flags}--ticket-ids {ids}", self.output) if ids else ""

    def so_far(self, issues: int, cost: float | None) -> str:
        """What stands beside the bar: issues, doubts, USD."""
        unsure = self.outcomes["provisional"]
        parts = [counted(issues, "issue"), f"{unsure} unsure" if unsure else "", "" if cost is None else f"{cost:.2f} USD"]
        return ", ".join(part for part in parts if part)

    def write(self, path: Path) -> None:
        """Write the report as JSON. Raises `Unwritable`."""
        files.write_text(path, files.dump_json(self.to_json()) + "\n")

    def to_json(self) -> dict[str, Any]:
        """The report in the file's form; durations in seconds, cost in USD."""
        outcomes, totals = self.outcomes, asdict(self.totals)
        usage, cost = totals.pop("usage"), totals.pop("cost")
        libraries = {name: metadata.version(name) for name in _LIBRARIES}
        return {
            "ended": self.how_it_ended,
            "started_at": datetime.datetime.fromtimestamp(self._started_at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "duration_s": round(self.duration_s, 3),
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
            "tokens": usage,
            "cost_usd": cost,
            "model_calls": totals,
            "failures": [{"ticket_id": row.ticket_id, "reason": row.reason, "subject": row.subject} for row in self.failures],
            "retry": self.retry,
            "set_aside": self.set_aside,
            "not_listed": list(self.gaps),
            "changed_since": self.changed,
            "look_again": self.look_again,
            "model": self.model,
            "prompt_version": self.prompt_version,
            "versions": {"program": self.version, "python": platform.python_version(), **libraries},
        }
