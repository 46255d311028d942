"""Expected trouble and the exit status it stands for. A message says what failed, on what, and what to do next.

A class is here only if somebody catches it by name. Whatever is none of these is a bug and shows its traceback.
"""

import enum


class Exit(enum.IntEnum):
    """Exit statuses of the program."""

    DONE = 0
    STOPPED = 1
    UNUSABLE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


class Ended(enum.Enum):
    """How a run ended; the value stands in `run_report.json`, with the reason behind it where there is one."""

    DONE = "done"
    FETCHED = "fetched only"
    WAITING = "waiting for the answers to exported questions"
    BUDGET = "stopped before the end"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"


class Trouble(Exception):
    """Trouble that is expected: its message is the one line that the user sees."""

    exit_status = Exit.STOPPED


class Stopped(Trouble):
    """The outside ends the run: a refused key, no credit, an outage. The work is kept and the same command goes on."""


class Unwritable(Trouble):
    """A file could not be written; what stood there before is whole."""


class Unusable(Trouble):
    """What the user gave cannot be used: settings, options, a folder, a review. Nothing was changed."""

    exit_status = Exit.UNUSABLE


class Unreadable(Unusable):
    """A file that is there but cannot be taken; it is left as it is."""


class TicketFailed(Exception):
    """One ticket cannot be had or read; the run goes on without it."""
