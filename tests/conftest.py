"""What every test stands on: an empty working folder, an environment without settings, no network but loopback, no time spent sleeping."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import env
from cli.console import LogHandler
from testing.fake_time import FakeTime

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")

_PREFIXES = ("FRESHDESK_", "LLM_", "EMBEDDING_", "SILO_")
_NAMES = (
    "BATCH_SIZE",
    "CSV_SEPARATOR",
    "PRODUCT_CONTEXT",
    "CATEGORIES",
    "INCLUDE_PRIVATE_NOTES",
    "REDACT",
    "IGNORE_FIELD",
    "KB_LANGUAGE",
    "CONVERSATIONS_DIR",
    "CACHE_DIR",
)
_LOOPBACK = ("127.", "::1", "localhost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Promises take their time: all of them count as slow."""
    for item in items:
        if "promises" in item.path.parts:
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _empty_surroundings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("integration"):
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(env, "DOTENV_PATH", tmp_path / ".env")
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name in _NAMES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _level_of_logs() -> Iterator[None]:
    """A job that quiets the logs quiets them for its own test only."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection to anywhere else is a mistake of the test; it fails in a way that no retry swallows."""
    if request.node.get_closest_marker("integration") or request.node.get_closest_marker("thirdparty"):
        yield
        return
    strays: list[str] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            strays.append(str(address))
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert not strays, f"unplanned connections: {strays}"


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A program that was run in a test leaves no level and no handler of its own to the next one."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if isinstance(handler, LogHandler) and handler not in handlers]:
        root.removeHandler(handler)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been slept."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The clock that the program reads and sleeps by."""
    fake = FakeTime()
    monkeypatch.setattr(time, "monotonic", lambda: fake.now)
    monkeypatch.setattr(time, "sleep", fake.sleep)
    return fake
