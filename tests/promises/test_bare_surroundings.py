"""The program where nothing is set up: no home, no settings, plain ASCII, no terminal, a strict umask; the source folder stays as it is."""

import os
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-B", "-m", "main", *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "LANG": "C", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        umask=0o077,
        timeout=60,
        check=False,
    )


def test_help_is_shown_and_nothing_written(tmp_path: Path) -> None:
    done = run("--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "often needed" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_check_names_all_that_is_missing_and_writes_nothing(tmp_path: Path) -> None:
    done = run("--check", folder=tmp_path)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert all(name in done.stdout + done.stderr for name in ("FRESHDESK_DOMAIN", "FRESHDESK_API_KEY", "LLM_API_BASE_URL", "LLM_MODEL"))
    assert list(tmp_path.iterdir()) == []


def test_the_demo_reads_its_tickets_and_keeps_them_from_others(tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "output", ROOT / "conversations")}
    done = run("--demo", "--fetch-only", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    written = [path for path in tmp_path.rglob("*") if path.name != ".lock"]
    assert len(list((tmp_path / "output/demo/conversations").glob("*.json"))) > 50
    assert not [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert {path: path.stat().st_mtime_ns for path in before} == before
