"""The jobs that need no run: a review applied or undone, the knowledge base exported. Files in, files out; asks nobody."""

import functools
import shlex
from pathlib import Path

import decision_log
import exports
import issue_db
import report
import review
from command_line import Options, UsageError
from conversation_files import shown_conversation
from review import ReviewRefused
from run_files import RunFiles
from safe_files import FileUnwritable
from terminal_text import printable


def wanted(options: Options) -> bool:
    """True when one of these jobs was asked for."""
    return options.apply_review is not None or options.undo_review or options.export is not None


def work(options: Options) -> str:
    """What was done, in words. Raises `ReviewRefused`, `UsageError`, `issue_db.DatabaseUnreadable`, `safe_files.FileUnwritable`."""
    files = RunFiles(options.output)
    if options.export is not None:
        return _export(options.export[0], Path(options.export[1]), files)
    issue_db.load(files.database)
    with files.locked():
        if files.checkpoint.exists():
            raise ReviewRefused(
                f"a run on {files.database} was interrupted ({files.checkpoint}); run its command again to finish it, "
                "or set it aside with --fresh, then come back with the review"
            )
        if options.undo_review:
            return _with_page(review.undo(files), files, options.conversations, later="the next run or review writes it again")
        return _apply(options.apply_review or Path(), files, options.conversations)


def _apply(path: Path, files: RunFiles, conversations: Path) -> str:
    result = review.apply_file(path, files)
    if not result.done:
        _write_page(files, conversations)
        return f"{path} holds no decision; nothing was changed"
    done = _in_words(result, files)
    if result.unwritten:
        again = _command("--apply-review", path, files)
        trouble = f"the list and the page could not be rewritten ({result.unwritten}): close the list and run {again} to write them"
        return f"{done}\nwarning: the review is applied; {printable(trouble)}"
    later = f"close it and run {_command('--apply-review', files.flagged, files)} to write it again"
    return _with_page(done, files, conversations, later=later)


def _in_words(result: review.ReviewResult, files: RunFiles) -> str:
    lines = [*result.done, *result.dropped, f"{len(result.done)} decisions applied; {result.flagged} tickets are still flagged"]
    return "\n".join([*lines, f"to take them back: {_command('--undo-review', None, files)}"])


def _with_page(done: str, files: RunFiles, conversations: Path, *, later: str) -> str:
    """`done`, with the page written; what cannot be written, or not be waited for, undoes nothing of it."""
    try:
        _write_page(files, conversations)
    except (FileUnwritable, KeyboardInterrupt) as error:
        trouble = f"the page could not be rewritten ({str(error) or 'interrupted'}): {later}"
        return f"{done}\nwarning: this is done; {printable(trouble)}"
    return done


def _command(flag: str, path: Path | None, files: RunFiles) -> str:
    output = [] if files == RunFiles(Options().output) else ["--output", str(files.database)]
    return shlex.join(["python", "-m", "main", flag, *([] if path is None else [str(path)]), *output])


def _refuse_export(target: Path, files: RunFiles) -> None:
    if files.own(target):
        raise UsageError(f"{target} is a file of the program's own for {files.database}, and an export would overwrite it; name another")
    if not files.database.is_file():
        output = "" if files == RunFiles(Options().output) else f" --output {shlex.quote(str(files.database))}"
        raise UsageError(f"there is no database at {files.database}; run python -m main{output} first, or name one with --output")


def _export(kind: str, target: Path, files: RunFiles) -> str:
    _refuse_export(target, files)
    issues, log = issue_db.load(files.database), decision_log.load(files.decisions)
    if kind == "csv":
        exports.write_month_table(target, issues, log)
        return f"{len(issues)} issues by month in {target}"
    written = exports.write_markdown(target, issues, log)
    return f"{len(written)} articles in {target}"


def _write_page(files: RunFiles, conversations: Path) -> None:
    beside = files.database.parent / "conversations"  # where the demo keeps them
    folder = beside if beside.is_dir() else conversations
    report.write(
        files.report_page,
        issues=issue_db.load(files.database),
        log=decision_log.load(files.decisions),
        conversation_of=functools.partial(shown_conversation, folder=folder),
        database=files.database,
    )
