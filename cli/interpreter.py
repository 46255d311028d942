"""Whether this Python can run the program at all: new enough, and with the libraries of requirements.txt.

Imported before anything else, so that whoever starts it with the wrong Python reads one line instead of a traceback. It must itself run
on any Python 3 and imports nothing that has to be installed.
"""

import importlib.util
import os
import signal
import sys

OLDEST = (3, 10)
LIBRARIES = {
    "requests": "requests",
    "dotenv": "python-dotenv",
    "tqdm": "tqdm",
    "backoff": "backoff",
    "lxml": "lxml",
    "filelock": "filelock",
    "jinja2": "jinja2",
    "stdnum": "python-stdnum",
}
"""Module name to the name in requirements.txt."""


def leave(_number: int, _frame: object) -> None:
    """End the program on Ctrl-C while it loads and nothing has begun."""
    os.write(2, b"interrupted: run the same command again\n")
    os._exit(130)


def _is_started() -> bool:
    """True where main.py is the program, and not a part of another."""
    started = getattr(sys.modules["__main__"], "__file__", None) or ""
    return os.path.abspath(started) == os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "main.py")


if _is_started() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, leave)  # until console.signals_as_interrupts, whose way keeps the work


def problem(version: "tuple[int, ...]" = sys.version_info[:3], libraries: "dict[str, str]" = LIBRARIES) -> str:
    """What is wrong with this Python and how to get a right one, "" if nothing is.

    >>> problem((3, 8, 10)).partition(";")[0]
    'Python 3.10 or newer is needed, this is 3.8.10'
    """
    steps = "{} -m venv .venv, then .venv/bin/pip install --no-deps --only-binary :all: --require-hashes -r requirements.lock"
    if version < OLDEST:
        found = ".".join(str(part) for part in version)
        return "Python 3.10 or newer is needed, this is " + found + "; use a newer one: " + steps.format("python3.12")
    missing = [name for module, name in libraries.items() if importlib.util.find_spec(module) is None]
    if missing:
        named = ", ".join(missing) + (" is" if len(missing) == 1 else " are")
        return (
            named + " not installed for " + sys.executable + "; use the project's own Python (.venv/bin/python -m main), or"
            " make it: " + steps.format("python3")
        )
    return ""


if problem():
    import shutil  # what takes time to load is loaded where it is needed
    import textwrap

    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else 0
    said = "error: " + problem()
    sys.stderr.write((textwrap.fill(said, width, break_on_hyphens=False, break_long_words=False) if width > 20 else said) + "\n")
    sys.exit(2)
