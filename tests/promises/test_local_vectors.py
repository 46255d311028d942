"""The model of requirements-local.txt: it installs by hash, finds a ticket's issue in another language, and gives the same bytes again."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.thirdparty

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "silo-thirdparty"
INSTALL_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def packages() -> Path:
    """Where the packages stand; skips with the reason if they cannot be installed."""
    folder = CACHE / f"local-vectors-{sys.version_info[0]}.{sys.version_info[1]}"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        command = [str(python), "-m", "pip", "install", "-q", "--only-binary", ":all:", "-r", str(ROOT / "requirements-local.txt")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"installing the local model takes longer than {INSTALL_TIMEOUT_S} s")
        if done.returncode:
            assert "hash" not in done.stderr.lower(), done.stderr
            pytest.skip(f"cannot install the local model: {done.stderr.strip().splitlines()[-1:]}")
        (folder / "complete").touch()
    return next(folder.glob("**/site-packages"))


def python(packages: Path, *args: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(packages)))}
    return subprocess.run([sys.executable, *args], env=environment, capture_output=True, text=True, check=True, timeout=300).stdout


def test_a_ticket_in_another_language_finds_its_issue(packages: Path) -> None:
    lines = python(packages, "-m", "benchmarks.recall", "--languages", "--vectors").splitlines()
    at_12 = {line[:28].strip(): float(line[28:].split()[2]) for line in lines[1:]}
    assert set(at_12) == {"sentences in ten languages", "sample tickets, not English"}
    assert min(at_12.values()) >= 0.95


def test_a_vector_is_the_same_whatever_is_asked_beside_it(packages: Path) -> None:
    code = (
        "from llm.embeddings import LocalModel; m = LocalModel(); alone = m.embed(['The lid leaks.'])[0]; "
        "print(alone == m.embed(['Ein anderer Satz.', '', 'x' * 2000, 'The lid leaks.'])[3], len(alone))"
    )
    assert python(packages, "-c", code).split() == ["True", "512"]
