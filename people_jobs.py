"""The jobs that need no run: a review applied or undone, the knowledge base exported. Files in, files out; asks nobody."""

import functools
from pathlib import Path

import decision_log
import exports
import issue_db
import report
import review
from command_line import Options
from conversation_files import shown_conversation
from review import ReviewRefused
from run_files import RunFiles


def wanted(options: Options) -> bool:
    """True when one of these jobs was asked for."""
    return options.apply_review is not None or options.undo_review or options.export is not None


def work(options: Options) -> str:
    """What was done, in words. Raises `ReviewRefused`, `issue_db.DatabaseUnreadable`, `safe_files.FileUnwritable`."""
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
        done = review.undo(files) if options.undo_review else _apply(options.apply_review or Path(), files)
        _write_page(files, options.conversations)
    return done


def _apply(path: Path, files: RunFiles) -> str:
    result = review.apply_file(path, files)
    if not result.done:
        return f"{path} holds no decision; nothing was changed"
    lines = [*result.done, *result.dropped, f"{len(result.done)} decisions applied; {result.flagged} tickets are still flagged"]
    return "\n".join([*lines, "to take them back: python -m main --undo-review" + _output_flag(files)])


def _output_flag(files: RunFiles) -> str:
    return "" if files == RunFiles(Options().output) else f" --output {files.database}"


def _export(kind: str, target: Path, files: RunFiles) -> str:
    issues, log = issue_db.load(files.database), decision_log.load(files.decisions)
    if kind == "csv":
        exports.write_month_table(target, issues, log)
        return f"{len(issues)} issues by month in {target}"
    written = exports.write_markdown(target, issues, log)
    return f"{len(written)} articles in {target}"


def _write_page(files: RunFiles, conversations: Path) -> None:
    report.write(
        files.report_page,
        issues=issue_db.load(files.database),
        log=decision_log.load(files.decisions),
        conversation_of=functools.partial(shown_conversation, folder=conversations),
        database=files.database,
    )
