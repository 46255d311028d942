"""Two versions of the prompts, or two models, over the same stored conversations: which decisions differ, how good each is, what each cost.

    python -m benchmarks.compare_prompts --b-prompts old_prompts_config.py
    python -m benchmarks.compare_prompts --b-model another-model --labels labels.json

Side A is what stands in the project and in .env, unless told otherwise. Truth are labels (`{"169": "some label"}`) or, without them, the
tickets that people have reviewed in the database. Each side starts from an empty database, in a folder of its own; answers that are in
the store cost nothing, so a second look is free. Writes nothing but new answers into the store.
"""

import argparse
import dataclasses
import importlib.util
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import env
import llm_client
import prompts_config
from common.pool import WorkerPool
from common.text import aligned
from env import Settings
from knowledge import issue as issue_db
from knowledge.conversation import Conversation, shown_conversation
from knowledge.decision import DecisionRow
from llm.bill import Prices, Totals
from llm.protocol import Answer, JsonSchema, Messages, Usage
from llm.store import AnswerStore
from llm_client import LlmClient
from prompts_config import Prompts
from testing.labelled_run import LabelledSet, cluster
from testing.scoring import Scores, scores

T = TypeVar("T")
SHOWN_DIFFERENCES = 40
MEASURES = ("acc", "ari", "nmi", "b_cubed_precision", "b_cubed_recall", "pair_precision", "pair_recall")


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """One way of asking: which words, which model."""

    name: str
    prompts: Prompts
    model: str


@dataclasses.dataclass(slots=True)
class Counted:
    """A client that is asked, and what its answers cost in full."""

    client: LlmClient
    usage: Usage = dataclasses.field(default_factory=Usage)
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The client's answer."""
        answer = self.client.ask(messages, schema=schema, parse=parse)
        with self._lock:
            self.usage += answer.usage
        return answer


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What one side made of the conversations: each ticket's issue and log row, what was paid now, and the full price of its answers.

    `usage` counts stored answers at what they cost when they were paid, so that two sides compare; `cost` is its price in USD.
    """

    side: Side
    homes: Mapping[int, str]
    rows: Mapping[int, DecisionRow]
    totals: Totals
    usage: Usage
    cost: float | None

    def mates(self, ticket: int) -> frozenset[int]:
        """The tickets of the same issue, the ticket itself among them; empty if it is in none."""
        home = self.homes.get(ticket)
        return frozenset(other for other, issue in self.homes.items() if issue == home) if home else frozenset()


def load_conversations(folder: Path, ids: Sequence[int] | None = None) -> list[Conversation]:
    """The stored conversations that are to be clustered, by time of creation, then id."""
    found = ids if ids is not None else sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal())
    loaded = [conversation for ticket in found if (conversation := shown_conversation(ticket, folder=folder)) is not None]
    usable = [conversation for conversation in loaded if not conversation["ignored"] and conversation["conversation"]]
    return sorted(usable, key=lambda conversation: (conversation["created_at"], conversation["ticket_id"]))


def load_truth(labels: Path | None, database: Path) -> dict[int, str]:
    """Labels by ticket: from a file, else the issues in which people put tickets; empty when there is neither."""
    if labels is not None:
        return {int(ticket): str(label) for ticket, label in json.loads(labels.read_text(encoding="utf-8")).items() if label is not None}
    issues = issue_db.load(database).values()
    return {ticket: issue.issue_id for issue in issues for ticket in issue.reviewed if ticket in issue.tickets}


def load_prompts(path: Path | None, settings: Settings) -> Prompts:
    """Prompts filled with what the settings say, from this project's words or from another version's file."""
    words: ModuleType = prompts_config if path is None else _module(path)
    made: Prompts = words.Prompts(product_context=settings.product_context, categories=settings.categories, language=settings.language)
    return made


def run_side(side: Side, conversations: Sequence[Conversation], settings: Settings, store: AnswerStore | None, *, merge: bool) -> Outcome:
    """One side's run from an empty database, in a temporary folder."""
    server = dataclasses.replace(llm_client.server_of(settings), model=side.model)
    counted = Counted(LlmClient(server, workers=settings.llm_workers, store=store))
    data, pool = LabelledSet("", tuple(conversations), {}), WorkerPool(settings.llm_workers, name="asking")
    try:
        with tempfile.TemporaryDirectory() as folder:
            clusterer = cluster(
                data, counted.ask, folder=Path(folder), consolidate=merge, submit=pool.submit, prompts=side.prompts, model=side.model
            )
    finally:
        pool.close()
    homes = {ticket: issue.issue_id for issue in clusterer.issues.values() for ticket in issue.tickets}
    known_prices = settings.llm_price_in is not None and settings.llm_price_out is not None
    prices = Prices(settings.llm_price_in or 0.0, settings.llm_price_out or 0.0, settings.llm_price_cached) if known_prices else None
    cost = prices.cost(counted.usage) if prices else None
    return Outcome(side, homes, dict(clusterer.rows), counted.client.totals(), counted.usage, cost)


def differing(a: Outcome, b: Outcome) -> list[int]:
    """Tickets that stand with other tickets in A than in B."""
    return sorted(ticket for ticket in a.rows.keys() | b.rows.keys() if a.mates(ticket) != b.mates(ticket))


def comparison(a: Outcome, b: Outcome, truth: Mapping[int, str]) -> str:
    """The comparison in words and aligned columns."""
    table = [
        ("", "A", "B", "B - A"),
        ("prompts", a.side.prompts.version, b.side.prompts.version, ""),
        ("model", a.side.model, b.side.model, ""),
    ]
    table += [_numbers(name, one, other) for name, one, other in zip(_COUNTS, _counts(a), _counts(b), strict=True)]
    known = sorted(ticket for ticket in truth if ticket in a.homes and ticket in b.homes)
    if known:
        of_a, of_b = (_agreement(outcome, known, truth) for outcome in (a, b))
        table.append((f"truth for {len(known)} tickets", "", "", ""))
        table += [_numbers(f"  {name}", getattr(of_a, name), getattr(of_b, name)) for name in MEASURES]
    changed = differing(a, b)
    of_all = f"{len(changed)} of {len(a.rows.keys() | b.rows.keys())} tickets stand with other tickets in B than in A"
    lines = [*aligned(table), "", of_all]
    if changed:
        shown = [_difference(ticket, a, b, truth) for ticket in changed[:SHOWN_DIFFERENCES]]
        lines += aligned([("ticket", "A", "B", "truth", "subject"), *shown])
    if len(changed) > SHOWN_DIFFERENCES:
        lines.append(f"and {len(changed) - SHOWN_DIFFERENCES} more")
    return "\n".join(lines)


_COUNTS = ("issues", "tickets in issues", "failed", "flagged", "tokens in", "tokens out", "USD", "calls now", "free from the store")


def _counts(outcome: Outcome) -> tuple[float | None, ...]:
    rows, totals = outcome.rows.values(), outcome.totals
    return (
        len(set(outcome.homes.values())),
        len(outcome.homes),
        sum(row.outcome == "failed" for row in rows),
        sum(row.confidence is not None and row.confidence < 0.7 for row in rows),
        outcome.usage.prompt,
        outcome.usage.completion,
        outcome.cost,
        totals.calls,
        totals.stored_answers,
    )


def _agreement(outcome: Outcome, known: Sequence[int], truth: Mapping[int, str]) -> Scores:
    return scores([outcome.homes[ticket] for ticket in known], [truth[ticket] for ticket in known])


def _difference(ticket: int, a: Outcome, b: Outcome, truth: Mapping[int, str]) -> tuple[str, ...]:
    row = a.rows.get(ticket) or b.rows[ticket]
    return (str(ticket), _place(a, ticket), _place(b, ticket), truth.get(ticket, "-"), " ".join(row.subject.split())[:50])


def _place(outcome: Outcome, ticket: int) -> str:
    row = outcome.rows.get(ticket)
    if row is None or ticket not in outcome.homes:
        return row.outcome if row else "-"
    return f"{outcome.homes[ticket]} ({row.outcome} {row.confidence if row.confidence is not None else '-'})"


def _numbers(name: str, one: float | None, other: float | None) -> tuple[str, str, str, str]:
    if one is None or other is None:
        return (name, "not known", "not known", "")
    form = ".3f" if isinstance(one, float) or isinstance(other, float) else "d"
    return (name, format(one, form), format(other, form), format(other - one, "+" + form) if other != one else "")


def _module(path: Path) -> ModuleType:
    name = f"compared_prompts_{abs(hash(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(argv: Sequence[str] | None = None) -> int:
    """Print the comparison; 0 if both sides ran."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=Path, default=Path("conversations"))
    parser.add_argument("--database", type=Path, default=Path("output/silo_issues_db.json"), help="where people's reviews stand")
    parser.add_argument("--labels", type=Path, help="truth from a file instead: a JSON object of ticket id and label")
    parser.add_argument("--ticket-ids", type=lambda text: [int(part) for part in text.split(",")], help="only these")
    parser.add_argument("--cache", type=Path, default=Path(".cache"), help="the store of answers that were paid for")
    parser.add_argument("--no-merge", action="store_true", help="leave the consolidation out")
    for side in "ab":
        parser.add_argument(f"--{side}-prompts", type=Path, metavar="FILE", help=f"words of side {side.upper()}: another prompts_config.py")
        parser.add_argument(f"--{side}-model", metavar="NAME", help=f"model of side {side.upper()}")
    args = parser.parse_args(argv)
    settings = env.load_settings()
    conversations = load_conversations(args.conversations, args.ticket_ids)
    if not conversations:
        parser.error(f"no conversation to compare on in {args.conversations}")
    sides = [
        Side(name, load_prompts(getattr(args, f"{name}_prompts"), settings), getattr(args, f"{name}_model") or settings.llm_model)
        for name in "ab"
    ]
    store = AnswerStore(args.cache)
    try:
        a, b = (run_side(side, conversations, settings, store, merge=not args.no_merge) for side in sides)
    finally:
        store.close()
    print(comparison(a, b, load_truth(args.labels, args.database)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
