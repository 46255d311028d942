"""The check of `benchmarks/faults.py` on a small sample, and that it can fail: it is what promises about files stand on."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def said(folder: Path, part: str, *arguments: str, first: str = "") -> str:
    """What the benchmark prints in a process of its own, for it forks; `first` is run before it."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{first}\nfrom benchmarks import faults\nsys.exit(faults.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, part, "--tickets", "6", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False).stdout


@pytest.mark.parametrize(("part", "count"), [("kills", 6), ("errors", 8), ("together", 3), ("bits", 22)])
def test_nothing_is_lost(tmp_path: Path, part: str, count: int) -> None:
    sample = {"bits": "2", "errors": "6"}.get(part, str(count))  # of each kind of file; every fourth of them twice
    out = said(tmp_path, part, "--sample", sample)
    assert f"{part}: {count} tried, {count} as promised" in out, out
    assert out.endswith("nothing was lost\n")


def test_damage_that_nobody_names_is_found(tmp_path: Path) -> None:
    silent = "from knowledge import written\nwritten.warn_of_changes = lambda files: None"
    out = said(tmp_path, "bits", "--sample", "6", first=silent)
    assert "BROKEN" in out, out  # in which file, and in how many of its bits, goes by what stands there


def test_a_file_that_is_written_in_place_is_found(tmp_path: Path) -> None:
    in_place = """
from common import files
def plain(path, parts):
    whole = list(parts)
    files.make_folder(path.parent)
    path.unlink(missing_ok=True)
    with files.open(path, "xb") as out:
        out.writelines(whole)
files.write_parts = plain
"""
    out = said(tmp_path, "kills", "--sample", "30", first=in_place)
    assert "a file is neither old nor new" in out, out
