"""The command line: its flags, what may stand together, and the options that come out of it.

Reads nothing of the environment but the names of two folders, and starts nothing.
"""

import argparse
import datetime
import difflib
import enum
import functools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NoReturn

import env
from cli.console import complain
from cli.source import Selection
from common.errors import Unusable
from common.text import is_valid
from env import Settings
from issue_clusterer import WAVE_TICKETS
from knowledge.paths import DEFAULT_OUTPUT

DEFAULT_PAGES = 5
MAX_WAVE_TICKETS = 50_000
ALL = "all"
FIRST_DAY = "2000-01-01"
MAX_STEM_BYTES = 150
MAX_NAME_BYTES = 200
COMPANIONS = ("tmp.json", "run_report.json")

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

EXAMPLES = """\
examples, each after python -m main:
  --demo                            see it work: no account, no key, no network
  --dry-run                         what a run would do, how long, at what cost
  --pages all                       the weekly run: what is known costs nothing
  --ticket-ids 169 --prompt-debug   look at prompt and answer; nothing changes
  --apply-review                    take over the decisions of people
"""


class Job(enum.Enum):
    """What the program is asked to do; the value is the flag that asks for it."""

    RUN = ""
    PROMPT_DEBUG = "--prompt-debug"
    DRY_RUN = "--dry-run"
    FETCH = "--fetch-only"
    APPLY_REVIEW = "--apply-review"
    UNDO_REVIEW = "--undo-review"
    EXPORT = "--export"
    ADD_SEED = "--add-seed"
    FORGET = "--forget"
    BATCH_EXPORT = "--batch-export"
    BATCH_IMPORT = "--batch-import"
    CHECK = "--check"


EXPORTS = ("markdown", "evidence", "csv", "tickets")
BESIDE = Path("<beside the database>")
"""Of --apply-review without a file: whatever lies there."""
DEMO_JOBS = (Job.RUN, Job.PROMPT_DEBUG, Job.DRY_RUN, Job.FETCH)
DEMO_OUTPUT = Path("output/demo") / DEFAULT_OUTPUT.name


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. `pages`: a number, "all", or None for the default; None elsewhere means not given.

    `conversations` and `cache` are the environment's, CONVERSATIONS_DIR and CACHE_DIR, unless a caller says otherwise.
    """

    job: Job = Job.RUN
    demo: bool = False
    ticket_ids: tuple[int, ...] | None = None
    pages: int | str | None = None
    since: str | None = None
    query: str | None = None
    archived: bool = False
    batch_size: int | None = None
    workers: int | None = None
    output: Path = DEFAULT_OUTPUT
    reprocess: bool = False
    refresh: bool = False
    max_tokens_total: int | None = None
    max_cost: float | None = None
    fresh: bool = False
    merge: bool = True
    apply_review: Path | None = None
    forget: tuple[int, ...] = ()
    export: tuple[str, Path] | None = None
    add_seed: Path | None = None
    wave_tickets: int | None = None
    batch_export: Path | None = None
    batch_import: tuple[Path, ...] = ()
    verbose: bool = False
    conversations: Path = field(default_factory=functools.partial(env.folder, "CONVERSATIONS_DIR"))
    cache: Path = field(default_factory=functools.partial(env.folder, "CACHE_DIR"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "output", Path(self.output))

    @property
    def reads_only(self) -> bool:
        """True when nothing is written beside the database."""
        return self.job in (Job.PROMPT_DEBUG, Job.DRY_RUN, Job.FETCH)

    @property
    def looks_again(self) -> bool:
        """True when tickets that the database holds are read all the same, though not decided."""
        return self.job is Job.PROMPT_DEBUG or (self.job is Job.FETCH and self.refresh)

    def selection(self) -> Selection:
        """Which tickets are asked for."""
        if self.ticket_ids is not None:
            return Selection(ticket_ids=tuple(dict.fromkeys(self.ticket_ids)), reprocess=self.reprocess)
        default = 1 if self.job is Job.PROMPT_DEBUG else DEFAULT_PAGES if self.since is None and not self.archived else ALL
        pages = self.pages or default
        archived = self.archived and self.job is not Job.DRY_RUN
        return Selection(None, None if pages == ALL else int(pages), self.since, self.query, archived=archived, reprocess=self.reprocess)

    @property
    def most_in_a_wave(self) -> int:
        """How many questions go out at once at the most: large waves where a batch engine takes hours for each."""
        return self.wave_tickets or (WAVE_TICKETS if self.batch_export is None else MAX_WAVE_TICKETS)


def parse(argv: Sequence[str]) -> Options:
    """The options of a command line. Raises SystemExit (2) after one line on stderr, or (0) after --help or --version."""
    parser = _parser()
    found, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(_unknown(unknown, parser))
    chosen = [job for job in Job if job is not Job.RUN and getattr(found, _destination(job))]
    problem = _conflict(found, chosen)
    if problem:
        parser.error(problem)
    values = {name: value for name, value in vars(found).items() if name in {known.name for known in fields(Options)}}
    values |= {"export": tuple(found.export) if found.export else None, "batch_import": tuple(found.batch_import)}
    return Options(job=chosen[0] if chosen else Job.RUN, **values)


def version() -> str:
    """The program's version, which stands in `pyproject.toml` and nowhere else."""
    found = re.search(r'^version = "([^"\n]{1,40})"', PYPROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"


def _unknown(words: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """What to say about words that are no flags, with the flag that was probably meant."""
    word = next((word for word in words if word.startswith("-")), words[0]).partition("=")[0]
    if re.fullmatch(r"[0-9,]{1,80}", word):
        return f"there is no {word!r}: write ticket numbers without blanks, such as 169,167"
    flags = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    flags.remove(Job.FORGET.value)  # never guessed: it deletes
    near = difflib.get_close_matches(word if word.startswith("--") else f"--{word.lstrip('-')}", flags, n=1, cutoff=0.6)
    return f"there is no {word[:80]!r}" + (f" (did you mean {near[0]}?)" if near else "")


def _destination(job: Job) -> str:
    """The name under which argparse keeps the flag of a job."""
    return job.value.removeprefix("--").replace("-", "_")


def with_overrides(options: Options, settings: Settings) -> Settings:
    """The settings with what the command line says instead.

    Raises `Unusable` for a cost limit without prices and for a database among the conversations or answers.
    """
    for place, name in ((options.conversations, "CONVERSATIONS_DIR"), (options.cache, "CACHE_DIR")):
        if options.output.resolve().is_relative_to(place.resolve()):
            raise Unusable(f"--output {options.output} lies in {place} ({name}), whose files would be written over it; name another place")
    if options.max_cost is not None and (settings.llm_price_in is None or settings.llm_price_out is None):
        raise Unusable("--max-cost needs LLM_PRICE_IN and LLM_PRICE_OUT (USD per million tokens) in the environment or .env")
    return replace(
        settings,
        batch_size=options.batch_size or settings.batch_size,
        llm_workers=options.workers or settings.llm_workers,
    )


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see python -m main --help")
        self.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m main",
        usage="python -m main [flags]",
        description="Sorts resolved Freshdesk tickets into issues with a language model.\nEvery flag can be left out.",
        epilog=EXAMPLES,
        formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=26),
        allow_abbrev=False,
    )
    _add_often(parser.add_argument_group("often needed"))
    rare = parser.add_argument_group("rarely needed")
    _add_rare(rare)
    _add_batch(rare)
    rare.add_argument("--version", action="version", version=f"%(prog)s {version()}", help="print the version")
    return parser


def _add_often(group: Any) -> None:
    group.add_argument(
        "--pages",
        type=_pages,
        metavar="N",
        help=f"up to N search pages of 30 resolved or closed tickets (default {DEFAULT_PAGES}); 'all': every one that Freshdesk lists",
    )
    group.add_argument("--ticket-ids", type=_ticket_ids, metavar="1,2,3", help="just these tickets, in this order; no search")
    group.add_argument(
        "--since", type=_day, metavar="DATE", help="changed on or after this UTC day, YYYY-MM-DD; with --pages N the first N x 30"
    )
    group.add_argument("--output", type=_output, default=DEFAULT_OUTPUT, metavar="PATH", help=f"the database (default {DEFAULT_OUTPUT})")
    group.add_argument("--prompt-debug", action="store_true", help="show prompts, answers and what would be decided; change nothing")
    group.add_argument("--dry-run", action="store_true", help="what a run would do, take and cost; fetches no ticket, asks no model")
    group.add_argument("--check", action="store_true", help="test every setting on its own; reads no ticket and costs a word of the model")
    group.add_argument(
        "--reprocess", action="store_true", help="decide again tickets that the database holds; reviewed ones only by --ticket-ids"
    )
    group.add_argument("--max-cost", type=_amount, metavar="USD", help="stop before the call that would pass this")
    group.add_argument(
        "--apply-review",
        type=Path,
        nargs="?",
        const=BESIDE,
        metavar="FILE",
        help="put a person's decisions into the database",
    )
    group.add_argument("--export", nargs=2, metavar=("KIND", "PATH"), help="markdown DIR (or evidence DIR), csv FILE, tickets FILE")
    group.add_argument("--demo", action="store_true", help="the whole program on sample tickets, with nothing to set up")


def _add_rare(group: Any) -> None:
    group.add_argument("--query", type=_query, metavar="Q", help="a search in Freshdesk's own language instead; 300 tickets at most")
    group.add_argument("--archived", action="store_true", help="look up, one by one, the ids that --pages all does not list")
    group.add_argument("--refresh", action="store_true", help="fetch again what conversations/ holds")
    group.add_argument("--fetch-only", action="store_true", help="stop once conversations/ is filled")
    group.add_argument("--fresh", action="store_true", help="set a leftover checkpoint aside and start from the database")
    group.add_argument("--no-merge", dest="merge", action="store_false", help="leave out the overview of issues at the end")
    group.add_argument("--add-seed", type=Path, metavar="FILE", help="join a database, or a CSV of title and description, into this one")
    group.add_argument("--undo-review", action="store_true", help="take the last applied review back")
    group.add_argument(
        "--forget", type=_ticket_ids, default=(), metavar="1,2,3", help="delete all that is kept of these tickets; asks first"
    )
    group.add_argument(
        "--batch-size", type=_whole(1, env.MAX_BATCH_SIZE), metavar="N", help="tickets fetched at the same time (BATCH_SIZE, 3)"
    )
    group.add_argument("--workers", type=_whole(1, env.MAX_WORKERS), metavar="N", help="model calls at the same time (LLM_WORKERS, 4)")
    group.add_argument("--max-tokens-total", type=_whole(1, 10**12), metavar="N", help="stop before the call that would pass this")
    group.add_argument("--verbose", action="store_true", help="a line a ticket and call; HTTP payloads before redaction, never a key")


def _add_batch(group: Any) -> None:
    group.add_argument(
        "--wave-tickets", type=_whole(1, MAX_WAVE_TICKETS), metavar="N", help=f"tickets asked about at once (default {WAVE_TICKETS})"
    )
    group.add_argument(
        "--batch-export", type=_jsonl, metavar="FILE", help="a backfill at half price: write open questions for a batch engine"
    )
    group.add_argument(
        "--batch-import", type=Path, nargs="+", default=(), metavar="FILE", help="take the engine's results (and error file)"
    )


def _conflict(found: argparse.Namespace, chosen: Sequence[Job]) -> str:
    """What on the command line cannot stand together, "" if all can."""
    if found.ticket_ids is not None:
        others = [f"--{name}" for name in ("pages", "since", "query", "archived") if getattr(found, name) not in (None, False)]
        if others:
            return f"--ticket-ids names the tickets; leave out {', '.join(others)}"
    if found.since is not None and found.query is not None:
        return "--query says all that is searched for; write updated_at:>'DATE' into it and leave out --since"
    if found.archived and (found.since is not None or found.query is not None or found.pages not in (None, ALL)):
        return "--archived looks up what --pages all does not list; leave out --since, --query and a number of pages"
    if len(chosen) > 1:
        return f"choose one of {', '.join(job.value for job in chosen)}"
    if found.demo and chosen and chosen[0] not in DEMO_JOBS:
        return f"--demo cannot be had with {chosen[0].value}; for the demo's database use {chosen[0].value} with --output {DEMO_OUTPUT}"
    if found.export and found.export[0] not in EXPORTS:
        return f"argument --export: the kind is one of {', '.join(EXPORTS)}"
    return ""


def _pages(text: str) -> int | str:
    try:
        return ALL if text == ALL else _whole(1, 1_000_000)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or the word {ALL}") from None


def _whole(low: int, high: int) -> Any:
    def convert(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,13}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text[:40]!r}")
        return int(text)

    return convert


def _ticket_ids(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not re.fullmatch(r"[0-9]{1,18}", part) or int(part) == 0]
    if wrong or not parts:
        raise argparse.ArgumentTypeError(f"must be ticket numbers such as 169,167,166, not {(wrong or [text])[0][:40]!r}")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _day(text: str) -> str:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2026-01-31, not {text[:40]!r}") from None
    if text < FIRST_DAY:
        raise argparse.ArgumentTypeError(f"must be a day from {FIRST_DAY} on, not {text}")
    return text


def _query(text: str) -> str:
    if not text.strip() or len(text) > 500:
        raise argparse.ArgumentTypeError("must be a query of 1 to 500 characters, such as \"status:4 AND tag:'kettle'\"")
    if not is_valid(text):
        raise argparse.ArgumentTypeError("holds bytes that are not UTF-8 text")
    return text.strip()


def _output(text: str) -> Path:
    path = _file(text, ".json")
    if any(f".{path.name.lower()}".endswith(f".{name}") for name in COMPANIONS):
        raise argparse.ArgumentTypeError(
            f"must be a database; {path.name[-80:]!r} is what another file of a run is called, choose another name"
        )
    if len(os.fsencode(path.stem)) > MAX_STEM_BYTES:
        raise argparse.ArgumentTypeError(f"must have a name of at most {MAX_STEM_BYTES} bytes before .json: other files are named after it")
    return path


def _jsonl(text: str) -> Path:
    path = _file(text, ".jsonl")
    if len(os.fsencode(path.name)) > MAX_NAME_BYTES:
        raise argparse.ArgumentTypeError(f"must have a name of at most {MAX_NAME_BYTES} bytes")
    return path


def _file(text: str, suffix: str) -> Path:
    path = Path(text)
    if path.suffix != suffix or path.name.endswith("decisions.jsonl") or os.path.isdir(path):  # what cannot be looked at, the write says
        raise argparse.ArgumentTypeError(f"must be the path of a {suffix} file, not {text[:80]!r}")
    return path


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < 1e9:
        raise argparse.ArgumentTypeError(f"must be an amount in USD, not {text[:40]!r}")
    return amount
