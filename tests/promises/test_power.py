"""A power cut at any moment costs nothing that was decided; `benchmarks/power.py` tries every point of a longer run."""

import os
import random
from pathlib import Path

import pytest

from benchmarks import power
from common import files
from testing.power_cut import Disk, Event, Recorder

pytestmark = pytest.mark.slow


def test_after_a_power_cut_the_same_command_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    told: list[str] = []
    assert power.measure(tmp_path, tickets=8, jobs=power.JOBS, points=6, seed=3, show=told.append) == []
    assert len(told) == 5
    assert all("BETWEEN" not in line for line in told)


def test_a_write_that_is_not_synced_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: without the sync of a file's data, its name is there after a cut and its bytes are not."""
    monkeypatch.setattr(files, "_sync_file", lambda _handle: None)
    assert power.measure(tmp_path, tickets=6, jobs=("review",), points=0, seed=3)


def test_a_folder_that_is_not_synced_is_found(tmp_path: Path) -> None:
    """A rename without the sync of its folder may be undone by a cut, and nothing else of it."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "x").write_text("old")
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "x").write_text("old")
    recorder = Recorder(folder)
    with recorder.watching():
        files.write_text(folder / "x", "new")
        files.write_text(folder / "sub" / "y", "deep")
        os.replace(folder / "x", folder / "z")
        (folder / "loose").write_text("loose")
    disk = Disk(before)
    for event in recorder.events:
        disk.apply(event)
    draw = random.Random(1)
    states = {}
    for variant in ("unsynced gone", "renamed but empty", "killed"):
        disk.write(after / variant, variant, draw)
        states[variant] = {
            str(path.relative_to(after / variant)): path.read_text() for path in (after / variant).rglob("*") if path.is_file()
        }
    assert states == {
        "unsynced gone": {"x": "new", "sub/y": "deep"},
        "renamed but empty": {"z": "new", "sub/y": "deep", "loose": ""},
        "killed": {"z": "new", "sub/y": "deep", "loose": "loose"},
    }


def test_events_are_named_by_what_changed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    with recorder.watching():
        files.write_text(tmp_path / "x", "new")
        files.remove(tmp_path / "x")
    assert [event.what for event in recorder.events] == ["create", "data", "sync", "rename", "sync", "remove", "sync"]
    assert recorder.events[-1] == Event("sync", ".")
