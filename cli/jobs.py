"""The jobs that need no run: reviews, exports, seeds, tickets forgotten, files of a batch engine. Files in, files out; asks nobody."""

import contextlib
import functools
import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import env
from cli import console
from cli import forget as forgetting
from cli.options import BESIDE, Job, Options
from cli.source import Selection
from clustering.candidates import nearest_issues
from common import files as safe_files
from common.errors import Ended, Unreadable, Unusable, Unwritable
from common.text import counted, first_few, for_terminal
from conversation_utils import of_today
from knowledge import checkpoint, decision, issue, known, written
from knowledge.conversation import CleaningOptions, Conversation, shown_conversation
from knowledge.paths import RunFiles, command
from llm import batch
from llm.batch import BatchQuestion
from llm.store import AnswerStore
from report import exports, page
from report.reading import read
from review import apply, decisions
from review import list as review_list

logger = logging.getLogger(__name__)

_PREFIX = "batch:"
_SHOWN = 5
_UNKNOWN = ": run the command that exported once more, which makes its questions known here again, then import again"


@dataclass(frozen=True, slots=True)
class _Place:
    """What was asked for, and the files of the database that it is about."""

    options: Options
    files: RunFiles

    @contextlib.contextmanager
    def held(self, what: str) -> Iterator[None]:
        """The database locked for `what`. Raises `Unusable` if it cannot be read, is in use or an interrupted run waits to be finished."""
        issue.load(self.files.database)
        with self.files.locked():
            saved = checkpoint.load(self.files.checkpoint)
            if saved is not None:
                waits = f'"ended": "{Ended.WAITING.value}"' in (safe_files.read_text(self.files.run_report) or "")
                began = self.command(Selection.flags(saved.plan.selection))
                raise Unusable(
                    f"a run on {self.files.database} {'waits for a batch engine' if waits else 'was interrupted'} "
                    f"({self.files.checkpoint}): finish it with {began}, or begin it anew with --fresh, then come back with {what}"
                )
            yield

    def command(self, flag: str, path: Path | None = None) -> str:
        """The command line that a person types next."""
        return command(flag if path is None else f"{flag} {shlex.quote(str(path))}", self.files.database)

    def write_page(self) -> None:
        """Page and letter, from what stands in the files now."""
        beside = self.files.database.parent / "conversations"  # where the demo keeps them
        folder = beside if beside.is_dir() else self.options.conversations
        hiding = CleaningOptions(redact=env.switch("REDACT"), include_private_notes=env.switch("INCLUDE_PRIVATE_NOTES"))
        issues, conversation_of = issue.load(self.files.database), functools.partial(stored_conversation, folder=folder, options=hiding)
        log, nearest = decision.load(self.files.decisions), nearest_issues(issues, conversation_of)
        page.write(self.files.report_page, read(issues, log, conversation_of, nearest, self.files.database), weekly=self.files.weekly)

    def with_page(self, done: str, *, later: str) -> str:
        """`done`, with the page written; what cannot be written, or not be waited for, undoes nothing of it."""
        try:
            self.write_page()
        except (Unusable, Unwritable, KeyboardInterrupt) as error:
            trouble = f"the page could not be rewritten ({str(error) or 'interrupted'}): {later}"
            return f"{done}\nwarning: this is done; {for_terminal(trouble)}"
        return f"{done}\n{self.files.report_page} and {self.files.weekly.name} are new: reload the page where it is open"


def wanted(options: Options) -> bool:
    """True when one of these jobs was asked for."""
    return options.job in _JOBS


def work(options: Options) -> str:
    """What was done, in words.

    Raises `Unusable`, `Unreadable`, `Unwritable`, and `Stopped` where answers of a batch engine cannot be kept.
    """
    files = RunFiles(options.output, env.csv_separator())
    if options.job is not Job.BATCH_IMPORT:
        written.warn_of_changes(files)
    return _JOBS[options.job](_Place(options, files))


def _add_seed(place: _Place) -> str:
    """Join another database, or a list of known problems, into this one: all of it or nothing."""
    path, files = place.options.add_seed or Path(), place.files
    if files.own(path):
        raise Unusable(f"{path} is a file of {files.database} itself; name the seed")
    with place.held("the seed"):
        issues, log = issue.load(files.database), decision.load(files.decisions)
        ignored = {ticket for ticket, row in log.items() if row.outcome == "ignored" and row.decided_by == "person"}
        seed = known.load(path, issues, ignored=ignored)
        theirs = decision.load(RunFiles(path).decisions) if path.suffix == ".json" else {}
        joined = {**issues, **{one.issue_id: one for one in seed.issues}}
        text = issue.render(joined.values())
        issue.parse(text, name=f"{files.database} with {path}")  # what cannot be read again must never be written
        placed = {ticket for one in seed.issues for ticket in one.tickets}
        both = {**{ticket: row for ticket, row in theirs.items() if ticket in placed}, **log}
        written.expect(files, {files.database: [text], files.decisions: decision.lines(both.values())})
        decision.write(files.decisions, both.values())
        safe_files.write_if_changed(files.database, lambda: [text], backup=files.backup)
        review_list.write(files.flagged, joined, both, separator=files.separator)
        same = f", {seed.same} were here already" if seed.same else ""
        came = f"{counted(len(seed.issues), 'issue')} with {counted(len(placed))} added from {path}{same}"
        done = f"{came}; {counted(len(joined), 'issue')} in {files.database}"
        return place.with_page(done, later="the next run writes it again")


def _apply_review(place: _Place) -> str:
    """Apply a file, or all that a person left beside the database; all of it or nothing."""
    files, named = place.files, place.options.apply_review or Path()
    with place.held("--apply-review"):
        paths = [named] if named != BESIDE else _beside(files)
        if not paths:
            exported = f"the page's export is in your downloads: {place.command('--apply-review PATH')}"
            return f"nothing to apply: no row of {files.flagged} is filled in, and no review*.json lies beside it; {exported}"
        return _apply(place, paths)


def _beside(files: RunFiles) -> list[Path]:
    """What a person left beside the database: the list, if a row of it is filled in, and the newest export of the page."""
    found = decisions.exports(files)
    if len(found) > 1:
        logger.warning(
            "%s is taken, for it is the newest; not taken: %s. Give --apply-review the file to apply one of these, or delete them",
            found[-1],
            ", ".join(map(str, found[:-1])),
        )
    return [*([files.flagged] if review_list.load_filled(files.flagged) else []), *found[-1:]]


def _apply(place: _Place, paths: Sequence[Path]) -> str:
    result = apply.apply_file(paths[0], place.files, *paths[1:])
    if not (result.done or result.unwritten):
        place.write_page()
        holds = "only what holds already" if result.held else "no decision"
        return f"nothing was changed: {holds} in {' and '.join(map(str, paths))}"
    applied = f"{len(result.done)} decisions applied; {result.flagged} tickets are still flagged"
    done = "\n".join([*result.done, *result.dropped, applied, f"to take them back: {place.command('--undo-review')}"])
    if result.unwritten:
        again = place.command("--apply-review", paths[0] if len(paths) == 1 else None)
        trouble = f"the list and the page could not be rewritten ({result.unwritten}): close the list and run {again} to write them"
        return f"{done}\nwarning: the review is applied; {for_terminal(trouble)}"
    return place.with_page(done, later=f"close it and run {place.command('--apply-review', place.files.flagged)} to write it again")


def _undo_review(place: _Place) -> str:
    with place.held("--undo-review"):
        done = apply.undo(place.files)
        again = [f"{path} lies there still: --apply-review without a file applies it again" for path in decisions.exports(place.files)[-1:]]
        return place.with_page("\n".join([done, *again]), later="the next run or review writes it again")


def _forget(place: _Place) -> str:
    files, options = place.files, place.options
    folders = [options.conversations, files.database.parent / "conversations"]
    with place.held("--forget"):
        done, changed = forgetting.forget(options.forget, files=files, folders=folders, cache=options.cache, confirm=_confirmed)
        if not changed or not files.report_page.exists():
            return done
        return place.with_page(done, later="delete it, or let the next run or review write it again")


def _confirmed(question: str) -> bool:
    """Whether somebody says yes. Raises `Unusable` where nobody can."""
    print(console.fitted(f"{question} [y/N]", sys.stdout), end=" ", flush=True)
    try:
        answer = input()
    except (EOFError, OSError):
        print()
        raise Unusable("--forget asks first, and nobody is there to answer: use a terminal, or pipe the answer in (echo y | ...)") from None
    return answer.strip().lower() in ("y", "yes")


def _export(place: _Place) -> str:
    assert place.options.export is not None
    (kind, name), files = place.options.export, place.files
    target = Path(name)
    if files.own(target):
        raise Unusable(f"{target} is a file of the program's own for {files.database}, and an export would overwrite it; name another")
    if not files.database.is_file():
        raise Unusable(f"there is no database at {files.database}; run {place.command('')} first, or name one with --output")
    issues, log = issue.load(files.database), decision.load(files.decisions)
    if kind == "csv":
        exports.write_month_table(target, issues, log, separator=files.separator)
        return f"{len(issues)} issues by month in {target}"
    if kind == "tickets":
        return f"{exports.write_ticket_table(target, issues, log, separator=files.separator)} tickets in {target}"
    articles = exports.write_markdown(target, issues, log, evidence=kind == "evidence")
    missing = exports.left_out(issues)
    return f"{counted(len(articles), 'article')} in {target}" + (f"; left out: {missing}" if missing else "")


def stored_conversation(ticket_id: int, folder: Path, options: CleaningOptions) -> Conversation | None:
    """A stored conversation for the page, whatever rules and options it was made by; what these options hide is hidden by today's rules."""
    kept = shown_conversation(ticket_id, folder)
    return None if kept is None else of_today(kept, options)


def export_questions(path: Path, questions: Sequence[BatchQuestion], store: AnswerStore) -> str:
    """Where the questions stand and what to do with them; their names are on disk before they are. Raises `Stopped`, `Unwritable`."""
    store.put_notes((_PREFIX + question.key, "") for question in questions)
    parts = batch.write_questions(path, questions)
    return (
        f"{counted(len(questions), 'question')} in {', '.join(map(str, parts))} (endpoint {batch.URL}). "
        f"Next: have the provider's batch engine answer {'it' if len(parts) == 1 else 'each'}, "
        "then python -m main --batch-import RESULTS [ERRORS], then this same command again. "
        "Without --batch-export the run goes on by itself at any time."
    )


def _import_results(place: _Place) -> str:
    """Take result files into the store. Raises `Unreadable` where there is no result at all; nothing was taken then."""
    settings, store = env.load_settings(), AnswerStore(place.options.cache)
    try:
        exported = {name.removeprefix(_PREFIX) for name in store.notes(_PREFIX)}
        results = batch.read_results(place.options.batch_import, exported=exported, secrets=settings.secrets)
        unknown = any("is unknown here" in problem for problem in results.odd)
        if not results.answers and not results.unanswered:
            raise Unreadable(
                f"{'; '.join(first_few(results.odd, _SHOWN)) or 'the files are empty'}. Nothing was imported{_UNKNOWN * unknown}"
            )
        kept = {key: store.get(key) for key in results.answers}
        fresh = {key: answer for key, answer in results.answers.items() if getattr(kept[key], "text", None) != answer.text}
        store.put_all((key, answer.text, answer.usage) for key, answer in fresh.items())
        waiting = sum(store.get(key) is None for key in exported)
    finally:
        store.close()
    known_already = len(results.answers) - len(fresh)
    lines = [f"{len(fresh)} answers imported" + (f", {known_already} were there already" if known_already else "")]
    lines += first_few([f"no answer to {key[:12]}…: {reason}" for key, reason in results.unanswered.items()], _SHOWN)
    lines += first_few([f"left out: {problem}" for problem in results.odd], _SHOWN)
    lines += [f"some are unknown{_UNKNOWN}"] if unknown else []
    lines += [f"{waiting} exported questions have no answer yet; the next export holds them again"] if waiting else []
    return "\n".join([*map(for_terminal, lines), "Next: the command that exported, again; without --batch-export it asks the rest itself."])


_JOBS: dict[Job, Callable[[_Place], str]] = {
    Job.APPLY_REVIEW: _apply_review,
    Job.UNDO_REVIEW: _undo_review,
    Job.EXPORT: _export,
    Job.ADD_SEED: _add_seed,
    Job.FORGET: _forget,
    Job.BATCH_IMPORT: _import_results,
}
