"""Which leftover checkpoint a run may go on from: the rules only.

The checkpoint's form is in checkpoint.py, taking it over in issue_clusterer.py.
"""

import logging
from dataclasses import replace

import checkpoint as checkpoint_file
import safe_files
from checkpoint import Checkpoint, CheckpointUnreadable
from run_files import RunFiles

logger = logging.getLogger(__name__)


class StaleCheckpoint(CheckpointUnreadable):
    """The database has changed since the checkpoint was written."""


def leftover(files: RunFiles, *, fresh: bool) -> Checkpoint | None:
    """The checkpoint of a run that did not end, if it belongs to this database. Raises `StaleCheckpoint`."""
    if fresh:
        _set_aside(files)
        return None
    saved = checkpoint_file.load(files.checkpoint)
    now = checkpoint_file.file_sha256(files.database)
    if saved is None or saved.base_sha256 == now:
        return saved
    if saved.result_sha256 == now:  # it ended between its last two steps
        if saved.selection.get("reprocess"):  # the same command finds all of it done, and decides nothing a second time
            return replace(saved, base_sha256=now, done=len(saved.tickets), issues=(), dropped=(), decisions=())
        safe_files.remove(files.checkpoint)
        return None
    raise StaleCheckpoint(
        f"{files.database} was changed after {files.checkpoint} was begun from it; nothing was touched. Put the earlier database "
        "back to go on with that run, or use --fresh to set the checkpoint aside and start from the database as it is"
    )


def _set_aside(files: RunFiles) -> None:
    """Move a leftover checkpoint out of the way, under a name that is free."""
    if not files.checkpoint.exists():
        return
    number = 1
    while (target := files.checkpoint.with_name(f"{files.checkpoint.name}.{number}.old")).exists():
        number += 1
    safe_files.rename(files.checkpoint, target)
    logger.info("the leftover checkpoint is now %s", target)
