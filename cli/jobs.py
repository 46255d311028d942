"""The jobs that need no run: a review applied or undone, the knowledge base exported. Files in, files out; asks nobody."""

import functools
import json
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path

import env
from cli import forget as forgetting
from cli.options import BESIDE, Job, Options
from clustering.candidates import nearest_issues
from common import files as safe_files
from common.errors import Unreadable, Unusable, Unwritable
from common.text import counted, first_few, for_terminal
from conversation_utils import of_today
from env import Settings
from knowledge import decision, issue, known, written
from knowledge.conversation import CLEANER_VERSION, CleaningOptions, Conversation, shown_conversation
from knowledge.paths import RunFiles, command
from llm import batch
from llm.batch import BatchQuestion
from llm.store import AnswerStore
from report import exports, page
from report.reading import read
from review import apply, decisions
from review import list as review_list

logger = logging.getLogger(__name__)


def wanted(options: Options) -> bool:
    """True when one of these jobs was asked for."""
    return options.job in (Job.APPLY_REVIEW, Job.UNDO_REVIEW, Job.EXPORT, Job.ADD_SEED, Job.FORGET)


def work(options: Options) -> str:
    """What was done, in words.

    Raises `Unusable`, `Unreadable`, `Unwritable`.
    """
    files = RunFiles(options.output, env.csv_separator())
    written.warn_of_changes(files)
    if options.add_seed is not None:
        return _add_seed(options.add_seed, files, options.conversations)
    if options.export is not None:
        return _export(options.export[0], Path(options.export[1]), files)
    issue.load(files.database)
    with files.locked():
        _refuse_unfinished(files, options.job.value)
        if options.job is Job.FORGET:
            return _forget(options, files)
        if options.job is Job.UNDO_REVIEW:
            return _with_page(_undo(files), files, options.conversations, later="the next run or review writes it again")
        if options.apply_review == BESIDE:
            return _apply_beside(files, options.conversations)
        return _apply([options.apply_review or Path()], files, options.conversations)


def _refuse_unfinished(files: RunFiles, what: str) -> None:
    if files.checkpoint.exists():
        raise Unusable(
            f"a run on {files.database} was interrupted ({files.checkpoint}); run its command again to finish it, "
            f"or set it aside with --fresh, then come back with {what}"
        )


def _add_seed(path: Path, files: RunFiles, conversations: Path) -> str:
    """Join another database, or a list of known problems, into this one: all of it or nothing. Raises `Unusable`, `Unwritable`."""
    if files.own(path):
        raise Unusable(f"{path} is a file of {files.database} itself; name the seed")
    with files.locked():
        _refuse_unfinished(files, "the seed")
        issues, log = issue.load(files.database), decision.load(files.decisions)
        ignored = {ticket for ticket, row in log.items() if row.outcome == "ignored" and row.decided_by == "person"}
        seed = known.load(path, issues, ignored=ignored)
        theirs = decision.load(RunFiles(path).decisions) if path.suffix == ".json" else {}
        joined = {**issues, **{one.issue_id: one for one in seed.issues}}
        text = issue.render(joined.values())
        issue.parse(text, name=f"{files.database} with {path}")  # what cannot be read again must never be written
        placed = {ticket for one in seed.issues for ticket in one.tickets}
        rows = {ticket: row for ticket, row in theirs.items() if ticket in placed and ticket not in log}
        both = [*log.values(), *rows.values()]
        written.expect(files, {files.database: [text], files.decisions: decision.lines(both)})
        decision.write(files.decisions, both)
        safe_files.write_if_changed(files.database, lambda: [text], backup=files.backup)
        review_list.write(files.flagged, joined, {**log, **rows}, separator=files.separator)
        same = f", {seed.same} were here already" if seed.same else ""
        done = f"{len(seed.issues)} issues with {len(placed)} tickets added from {path}{same}; {len(joined)} issues in {files.database}"
        return _with_page(done, files, conversations, later="the next run writes it again")


def _apply_beside(files: RunFiles, conversations: Path) -> str:
    """Apply what a person left beside the database, all of it or nothing: the filled list and the newest export of the page."""
    found = decisions.exports(files)
    if len(found) > 1:
        logger.warning(
            "%s is taken, for it is the newest; not taken: %s. Give --apply-review the file to apply one of these, or delete them",
            found[-1],
            ", ".join(map(str, found[:-1])),
        )
    found = [*([files.flagged] if review_list.load_filled(files.flagged) else []), *found[-1:]]
    if not found:
        return f"nothing to apply: no row of {files.flagged} is filled in, and no review*.json lies beside it"
    return _apply(found, files, conversations)


def _undo(files: RunFiles) -> str:
    done = apply.undo(files)
    again = [f"{path} lies there still: --apply-review without a file applies it again" for path in decisions.exports(files)[-1:]]
    return "\n".join([done, *again])


def _apply(paths: Sequence[Path], files: RunFiles, conversations: Path) -> str:
    result = apply.apply_file(paths[0], files, *paths[1:])
    if not (result.done or result.unwritten):
        _write_page(files, conversations)
        holds = "only what holds already" if result.held else "no decision"
        return f"nothing was changed: {holds} in {' and '.join(map(str, paths))}"
    done = _in_words(result, files)
    if result.unwritten:
        again = _command("--apply-review", paths[0] if len(paths) == 1 else None, files)
        trouble = f"the list and the page could not be rewritten ({result.unwritten}): close the list and run {again} to write them"
        return f"{done}\nwarning: the review is applied; {for_terminal(trouble)}"
    later = f"close it and run {_command('--apply-review', files.flagged, files)} to write it again"
    return _with_page(done, files, conversations, later=later)


def _forget(options: Options, files: RunFiles) -> str:
    folders = [options.conversations, files.database.parent / "conversations"]
    done, changed = forgetting.forget(options.forget, files=files, folders=folders, cache=options.cache, confirm=_confirmed)
    if not changed or not files.report_page.exists():
        return done
    return _with_page(done, files, options.conversations, later="delete it, or let the next run or review write it again")


def _confirmed(question: str) -> bool:
    """Whether somebody says yes. Raises `Unusable` where nobody can."""
    print(f"{question} [y/N] ", end="", flush=True)
    try:
        answer = input()
    except (EOFError, OSError):
        print()
        raise Unusable("--forget asks first, and nobody is there to answer: use a terminal, or pipe the answer in (echo y | ...)") from None
    return answer.strip().lower() in ("y", "yes")


def _in_words(result: apply.ReviewResult, files: RunFiles) -> str:
    lines = [*result.done, *result.dropped, f"{len(result.done)} decisions applied; {result.flagged} tickets are still flagged"]
    return "\n".join([*lines, f"to take them back: {_command('--undo-review', None, files)}"])


def _with_page(done: str, files: RunFiles, conversations: Path, *, later: str) -> str:
    """`done`, with the page written; what cannot be written, or not be waited for, undoes nothing of it."""
    try:
        _write_page(files, conversations)
    except (Unwritable, KeyboardInterrupt) as error:
        trouble = f"the page could not be rewritten ({str(error) or 'interrupted'}): {later}"
        return f"{done}\nwarning: this is done; {for_terminal(trouble)}"
    return f"{done}\n{files.report_page} and {files.weekly.name} are new: reload the page where it is open"


def _command(flag: str, path: Path | None, files: RunFiles) -> str:
    return command(flag if path is None else f"{flag} {shlex.quote(str(path))}", files.database)


def _refuse_export(target: Path, files: RunFiles) -> None:
    if files.own(target):
        raise Unusable(f"{target} is a file of the program's own for {files.database}, and an export would overwrite it; name another")
    if not files.database.is_file():
        raise Unusable(f"there is no database at {files.database}; run {command('', files.database)} first, or name one with --output")


def _export(kind: str, target: Path, files: RunFiles) -> str:
    _refuse_export(target, files)
    issues, log = issue.load(files.database), decision.load(files.decisions)
    if kind == "csv":
        exports.write_month_table(target, issues, log, separator=files.separator)
        return f"{len(issues)} issues by month in {target}"
    if kind == "tickets":
        return f"{exports.write_ticket_table(target, issues, log, separator=files.separator)} tickets in {target}"
    articles = exports.write_markdown(target, issues, log, evidence=kind == "evidence")
    missing = exports.left_out(issues)
    return f"{counted(len(articles), 'article')} in {target}" + (f"; left out: {missing}" if missing else "")


def stored_conversation(ticket_id: int, folder: Path) -> Conversation | None:
    """A stored conversation for the page; one of older rules that hid what is private hides it by the rules of today."""
    kept = shown_conversation(ticket_id, folder)
    if kept is None or kept["cleaner_version"] == CLEANER_VERSION:
        return kept
    return of_today(kept, CleaningOptions(redact=kept["redacted"]))


def _write_page(files: RunFiles, conversations: Path) -> None:
    beside = files.database.parent / "conversations"  # where the demo keeps them
    folder = beside if beside.is_dir() else conversations
    issues, conversation_of = issue.load(files.database), functools.partial(stored_conversation, folder=folder)
    log, nearest = decision.load(files.decisions), nearest_issues(issues, conversation_of)
    page.write(files.report_page, read(issues, log, conversation_of, nearest, files.database), weekly=files.weekly)


_PREFIX = "batch:"
_SHOWN = 5


def export_questions(path: Path, questions: Sequence[BatchQuestion], store: AnswerStore) -> str:
    """Where the questions stand and what to do with them; their names are on disk before they are. Raises `Stopped`, `Unwritable`."""
    store.put_notes((_PREFIX + question.key, json.dumps(question.body["model"])) for question in questions)
    parts = batch.write_questions(path, questions)
    return (
        f"{len(questions)} questions in {', '.join(map(str, parts))} (endpoint {batch.URL}). Next: have the provider's batch engine answer "
        f"{'it' if len(parts) == 1 else 'each'}, then python -m main --batch-import RESULTS [ERRORS], then this same command again. "
        "Without --batch-export the run goes on by itself at any time."
    )


def import_results(paths: Sequence[Path], *, folder: Path, settings: Settings) -> str:
    """What was taken from result files into the store in `folder`, and what was not.

    Raises `Unreadable` where there is no result at all, `Stopped` where answers cannot be kept; nothing was taken then.
    """
    store = AnswerStore(folder)
    try:
        exported = {name.removeprefix(_PREFIX) for name in store.notes(_PREFIX)}
        results = batch.read_results(paths, exported=exported, secrets=settings.secrets)
        if not results.answers and not results.unanswered:
            raise Unreadable(
                f"{'; '.join(first_few(results.odd, _SHOWN)) or 'the files are empty'}. Nothing was imported{_if_unknown(results)}"
            )
        kept = {answer.key: store.get(answer.key) for answer in results.answers}
        fresh = [answer for answer in results.answers if getattr(kept[answer.key], "text", None) != answer.text]
        store.put_all((answer.key, answer.text, answer.usage) for answer in fresh)
        waiting = sum(store.get(key) is None for key in exported)
    finally:
        store.close()
    known = len(results.answers) - len(fresh)
    lines = [f"{len(fresh)} answers imported" + (f", {known} were there already" if known else "")]
    lines += first_few([f"no answer to {key[:12]}…: {reason}" for key, reason in results.unanswered], _SHOWN)
    lines += first_few([f"left out: {problem}" for problem in results.odd], _SHOWN)
    lines += [f"some are unknown{_if_unknown(results)}"] if _if_unknown(results) else []
    lines += _other_models(results, settings.llm_model)
    lines += [f"{waiting} exported questions have no answer yet; the next export holds them again"] if waiting else []
    return "\n".join([*map(for_terminal, lines), "Next: the command that exported, again; without --batch-export it asks the rest itself."])


def _if_unknown(results: batch.Results) -> str:
    if not any("is unknown here" in problem for problem in results.odd):
        return ""
    return ": run the command that exported once more, which makes its questions known here again, then import again"


def _other_models(results: batch.Results, model: str) -> list[str]:
    names = sorted({answer.model for answer in results.answers if answer.model and not batch.same_model(model, answer.model)})
    return [f"warning: answered by {', '.join(names)[:200]}, where LLM_MODEL is {model}"] if names else []
