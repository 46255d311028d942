"""What the program wrote last beside a database, as digests: a change since then, by hand or by damage, is noticed and said.

Judges no content, for people may edit their files; a run that was killed between two files causes no alarm.
"""

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from common import files as safe_files
from common.errors import Unreadable
from knowledge.paths import RunFiles

logger = logging.getLogger(__name__)


def expect(files: RunFiles, contents: Mapping[Path, Iterable[str | bytes]]) -> None:
    """Note what files are about to hold, given in parts, or hold already; what they hold now stays known until the next time.

    Raises `Unwritable`.
    """
    pairs = {path.name: (safe_files.digest(parts), safe_files.sha256(path)) for path, parts in contents.items()}
    known = _known(files)
    if any(new != now or new not in known.get(name, ()) for name, (new, now) in pairs.items()):
        safe_files.write_text(files.digests, safe_files.dump_json(safe_files.sealed(pairs)) + "\n")


def warn_of_changes(files: RunFiles) -> None:
    """Say which of the database and its decision log are not as they were written last; nothing where that is not known."""
    known = _known(files)
    for path in (files.database, files.decisions):
        with contextlib.suppress(OSError):  # whoever reads the file says why it cannot be read
            if path.name not in known or safe_files.sha256(path) in known[path.name]:
                continue
            before = f"; {files.backup.name} is from before the last run" if path == files.database and files.backup.exists() else ""
            logger.warning(
                "%s is not as it was written last: it was changed since, by hand or by damage, and counts as it is%s", path, before
            )


def is_as_expected(files: RunFiles, *paths: Path) -> bool:
    """True if each of these files is known and holds what it was to hold last. Raises OSError."""
    known = _known(files)
    return all(path.name in known and safe_files.sha256(path) == known[path.name][0] for path in paths)


def _known(files: RunFiles) -> Mapping[str, Sequence[str]]:
    """Digests by name of a file; none where they cannot be read, or were changed themselves."""
    try:
        found = safe_files.parse_json(safe_files.read_text(files.digests) or "{}", name=str(files.digests))
    except Unreadable:
        return {}
    return found if isinstance(found, dict) and safe_files.unseal(found) else {}
