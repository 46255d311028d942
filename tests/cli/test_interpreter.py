"""The wrong Python gets one line with the next step, and no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import interpreter

ROOT = Path(__file__).resolve().parents[2]


def test_this_python_will_do() -> None:
    assert interpreter.problem() == ""


def test_an_old_python_is_told_which_is_needed() -> None:
    assert interpreter.problem((3, 9, 2)).startswith("Python 3.10 or newer is needed, this is 3.9.2; ")


def test_a_missing_library_is_named_with_the_way_to_get_it() -> None:
    said = interpreter.problem((3, 12, 0), {"no_such_library": "no-such-library"})
    assert said.startswith("no-such-library is not installed for ")
    assert "pip install --no-deps --only-binary :all: --require-hashes -r requirements.lock" in said
    assert "a, b are not installed" in interpreter.problem((3, 12, 0), {"no_such_a": "a", "no_such_b": "b"})


def test_every_library_that_is_needed_is_looked_for() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = {line.partition(">=")[0] for line in lines if ">=" in line and not line.startswith("#")}
    assert needed - {"urllib3"} == set(interpreter.LIBRARIES.values())  # urllib3 comes with requests


def test_a_python_without_libraries_gets_a_line_and_exit_2() -> None:
    done = subprocess.run([sys.executable, "-S", "-E", "-m", "main", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to send there")
def test_ctrl_c_while_the_program_loads_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    for name in ("main.py", "cli/__init__.py", "cli/interpreter.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "env.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n", encoding="utf-8")  # the next import
    done = subprocess.run([sys.executable, "-m", "main", "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "interrupted: run the same command again\n")


def test_another_program_keeps_its_own_ctrl_c() -> None:
    assert signal.getsignal(signal.SIGINT) is not interpreter.leave
