"""The ids that no list shows: archived, deleted, spam, or not for this key. How many there are, and what is found when each is looked up.

What is found is a conversation like any other; the ids that are none are kept in the cache, so that a look-up that was stopped goes on.
Asks nothing unless told to.
"""

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from common import files
from common.errors import TicketFailed, Unreadable
from common.pool import Submit
from common.text import counted
from freshdesk.client import FreshdeskClient
from freshdesk.listing import TicketRef
from knowledge.conversation import Conversation

logger = logging.getLogger(__name__)

FILE_NAME = "not_archived.json"
MAX_IDS = 5_000_000  # beyond it, ids are not numbered through
NOTED_EVERY = 200  # ids, and at the end however it comes


class Reader(Protocol):
    """What reads one archived ticket: its conversation, stored on the way, or None if there is none. Raises `TicketFailed`."""

    client: FreshdeskClient

    def read_archived(self, ticket_id: int) -> Conversation | None: ...


@dataclass(frozen=True, slots=True)
class Archive:
    """One helpdesk's ids that no list shows; `cache` is the folder in which those are noted that are no ticket of the archive."""

    cache: Path
    base_url: str

    def unseen(self, seen: frozenset[int]) -> list[int]:
        """The ids below the newest of `seen` that are neither in it nor known to be none; empty where ids are not numbered through."""
        newest = max(seen, default=0)
        if newest > MAX_IDS:
            return []
        none = self._none()
        return [number for number in range(1, newest) if number not in seen and number not in none]

    def describe(self, seen: frozenset[int], folder: Path) -> str:
        """How many of them have no conversation in `folder` either, in words; "" for none.

        Numbers below the first ticket seen are left out: nobody knows where an account began to count.
        """
        stored = {path.stem for path in folder.glob("*.json")} if folder.is_dir() else set()
        first = min(seen, default=0)
        count = sum(number > first and str(number) not in stored for number in self.unseen(seen))
        if not count:
            return ""
        between = f"{counted(count, 'ticket number')} between {first} and {max(seen)} {'is' if count == 1 else 'are'} not in the list"
        return f"{between} (deleted, merged, spam or archived, as in any account); --archived looks them up"

    def look_up(self, ids: list[int], reader: Reader, submit: Submit) -> tuple[list[TicketRef], tuple[str, ...]]:
        """The archived tickets among `ids`, and in words what could not be looked up. Raises `Stopped`, `Unwritable`."""
        logger.info("looking up %d ids in the archive, one by one; it can be stopped and goes on", len(ids))
        found: list[TicketRef] = []
        failed = 0
        none = self._none()
        for start in range(0, len(ids), NOTED_EVERY):
            waiting = [(number, submit(partial(reader.read_archived, number))) for number in ids[start : start + NOTED_EVERY]]
            try:
                for number, future in waiting:
                    try:
                        answer = future.result()
                    except TicketFailed:
                        failed += 1
                        continue
                    if answer is not None:
                        found.append(TicketRef(number, "", answer["status"], answer["created_at"], answer["updated_at"]))
                    elif reader.client.archive_refused:
                        return found, ("incomplete: this plan of Freshdesk has no archive that can be read; leave --archived out",)
                    else:
                        none.add(number)
            finally:
                self._note(none)
        logger.info("%d archived tickets found", len(found))
        return found, (f"incomplete: {failed} ids could not be looked up in the archive; run again",) if failed else ()

    def _none(self) -> set[int]:
        try:
            text = files.read_text(self.cache / FILE_NAME)
            spans = {} if text is None else files.parse_json(text, name=FILE_NAME)
            if not files.unseal(spans):
                raise ValueError("it is not as it was written")
            return {number for first, last in spans.get(self.base_url, []) for number in range(first, min(last, MAX_IDS) + 1)}
        except (Unreadable, AttributeError, TypeError, ValueError):
            return set()  # it is only a cache

    def _note(self, none: Iterable[int]) -> None:
        found = files.sealed({self.base_url: list(_spans(sorted(none)))})
        files.write_text(self.cache / FILE_NAME, files.dump_json(found, indent=None) + "\n")


def _spans(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours as first and last.

    >>> list(_spans([1, 2, 3, 7]))
    [(1, 3), (7, 7)]
    """
    for _, run in itertools.groupby(enumerate(numbers), key=lambda item: item[1] - item[0]):
        places = [number for _, number in run]
        yield places[0], places[-1]
