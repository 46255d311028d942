"""What a disk may hold after the power went: a recorder of file changes and the states that they can leave behind.

A file's bytes are on the disk once the file was synced; a new name, a rename or a removal once its folder was. Until then each may be there
or not. (SQLite's crash tests and pebble's crash clones look at a program so.) Knows nothing of this program but the name of its cache.
"""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

VARIANTS = ("unsynced gone", "renamed but empty", "random halves", "killed")
LEFT_OUT = (".cache",)
"""Folders that may be deleted at any time; what of them survives is drawn by whoever replays."""


@dataclass(slots=True, eq=False)
class _Node:
    """A file or folder as it is, and as it is on the disk."""

    folder: bool
    now: dict[str, "_Node"] = field(default_factory=dict)
    synced: dict[str, "_Node"] = field(default_factory=dict)
    pending: list[tuple[str, "_Node | None"]] = field(default_factory=list)
    data: bytes = b""
    data_synced: bytes = b""

    def set(self, name: str, child: "_Node | None") -> None:
        """Put a child under a name, or take the name away; it is pending until the folder is synced."""
        if child is None:
            self.now.pop(name, None)
        else:
            self.now[name] = child
        self.pending.append((name, child))

    def sync(self) -> None:
        """All of this one node is on the disk."""
        self.data_synced, self.synced = self.data, dict(self.now)
        self.pending.clear()


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `what` is create, data, sync, rename, remove or folder; paths are relative to the watched folder."""

    what: str
    path: str
    other: str = ""
    data: bytes = b""


class Recorder:
    """Watches a folder while it is `watching`, and notes what changes in it, in order."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.events: list[Event] = []
        self._dirty: dict[str, bytes] = {}

    @contextmanager
    def watching(self) -> Iterator["Recorder"]:
        """Notes every change that this process makes below the folder, in one thread."""
        _install_hook()
        _ACTIVE.append(self)
        with mock.patch.object(os, "fsync", self._fsync(os.fsync)):
            try:
                yield self
            finally:
                _ACTIVE.remove(self)
                self._sweep()

    def notice(self, event: str, args: tuple[Any, ...]) -> None:
        """Take in what the interpreter is about to do."""
        if event == "open" and isinstance(args[0], str | os.PathLike) and _writes(args):
            self._note_open(self._inside(os.fspath(args[0])))
        elif event == "os.rename" and (old := self._inside(args[0])) and (new := self._inside(args[1])):
            self._sweep()
            if (self.root / old).exists():
                self.events.append(Event("rename", old, new))
                self._dirty = {new + name[len(old) :] if name == old else name: data for name, data in self._dirty.items()}
        elif event in ("os.remove", "os.rmdir") and (path := self._inside(args[0], args[1] if len(args) > 1 else -1)):
            self._sweep()
            if os.path.lexists(self.root / path):
                self.events.append(Event("remove", path))
                self._dirty.pop(path, None)
        elif event == "os.mkdir" and (path := self._inside(args[0])) and not (self.root / path).exists():
            self._sweep()
            self.events.append(Event("folder", path))

    def _note_open(self, path: str | None) -> None:
        if path is None:
            return
        self._sweep()
        if path not in self._dirty and not (self.root / path).exists():  # one opening may be told of twice
            self.events.append(Event("create", path))
        self._dirty.setdefault(path, b"")

    def _sweep(self) -> None:
        """Note what was written into the files that are being written."""
        for path, known in list(self._dirty.items()):
            full = self.root / path
            data = full.read_bytes() if full.is_file() else known
            if data != known:
                self._dirty[path] = data
                self.events.append(Event("data", path, data=data))

    def _fsync(self, sync: Any) -> Any:
        def watched(handle: int) -> None:
            sync(handle)
            path = self._inside(os.readlink(f"/proc/self/fd/{handle}"), at_root=True)
            if path is not None:
                self._sweep()
                self.events.append(Event("sync", path))

        return watched

    def _inside(self, path: Any, handle: int = -1, *, at_root: bool = False) -> str | None:
        if not isinstance(path, str | os.PathLike):
            return None
        start = os.readlink(f"/proc/self/fd/{handle}") if isinstance(handle, int) and handle >= 0 else os.getcwd()
        full = Path(os.path.normpath(os.path.join(start, os.fspath(path))))
        if not full.is_relative_to(self.root) or (full == self.root and not at_root):
            return None
        inside = full.relative_to(self.root)
        return None if inside.parts[:1] and inside.parts[0] in LEFT_OUT else str(inside)


_ACTIVE: list[Recorder] = []
_INSTALLED: list[bool] = []


def _install_hook() -> None:
    """An audit hook stays for good, so there is one, which does nothing while nobody watches."""
    if not _INSTALLED:
        _INSTALLED.append(True)
        sys.addaudithook(lambda event, args: _ACTIVE[-1].notice(event, args) if _ACTIVE and event in _HEARD else None)


_HEARD = frozenset({"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir"})


def _writes(args: tuple[Any, ...]) -> bool:
    flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


class Disk:
    """A folder as it was on the disk before, and as events leave it."""

    def __init__(self, before: Path) -> None:
        self.root = _loaded(before)

    def apply(self, event: Event) -> None:
        """Let one change happen; it is not on the disk by that."""
        folder, name = self._folder(event.path), Path(event.path).name
        if event.what == "sync":
            (self.root if event.path == "." else folder.now[name]).sync()
        elif event.what == "data":
            folder.now[name].data = event.data
        elif event.what in ("create", "folder"):
            folder.set(name, _Node(folder=event.what == "folder"))
        elif event.what == "remove":
            folder.set(name, None)
        else:
            moved = folder.now[name]
            target = self._folder(event.other)
            target.set(Path(event.other).name, moved)
            folder.set(name, None)

    def write(self, folder: Path, variant: str, draw: random.Random) -> None:
        """Put what the disk may hold after a power cut into a new folder."""
        _write(self.root, folder, variant, draw)

    def _folder(self, path: str) -> _Node:
        node = self.root
        for part in Path(path).parts[:-1]:
            node = node.now[part]
        return node


def _loaded(path: Path) -> _Node:
    """A file or folder that is on the disk as it stands."""
    if path.is_file():
        data = path.read_bytes()
        return _Node(folder=False, data=data, data_synced=data)
    inside = {entry.name: _loaded(entry) for entry in sorted(path.iterdir()) if entry.name not in LEFT_OUT}
    return _Node(folder=True, now=inside, synced=dict(inside))


def _write(node: _Node, path: Path, variant: str, draw: random.Random) -> None:
    if not node.folder:
        path.write_bytes(_content(node, variant, draw))
        return
    path.mkdir(parents=True, exist_ok=True)
    for name, child in _entries(node, variant, draw).items():
        _write(child, path / name, variant, draw)


def _entries(node: _Node, variant: str, draw: random.Random) -> dict[str, _Node]:
    if variant == "unsynced gone":
        return node.synced
    if variant != "random halves":
        return node.now
    entries = dict(node.synced)
    for name, child in node.pending[: draw.randint(0, len(node.pending))]:  # a folder's changes reach the disk in their order
        if child is None:
            entries.pop(name, None)
        else:
            entries[name] = child
    return entries


def _content(node: _Node, variant: str, draw: random.Random) -> bytes:
    if variant == "killed" or node.data == node.data_synced:
        return node.data
    if variant in ("unsynced gone", "renamed but empty"):
        return node.data_synced
    half = draw.randint(0, len(node.data))
    return draw.choice((node.data_synced, node.data[:half], node.data[:half] + bytes(len(node.data) - half)))
