"""What every test stands on: an empty working folder, no settings, no network but loopback, no time spent on sleep or on a disk."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import settings

import env
from cli.console import LogHandler
from llm import store
from testing.fake_time import FakeTime

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")

_LOOPBACK = ("127.", "::1", "localhost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Promises take their time: all of them count as slow."""
    for item in items:
        if "promises" in item.path.parts:
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def _surroundings(
    request: pytest.FixtureRequest, _bare_folders: list[Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """One fixture for all of it: what every test pays for is to be little.

    A connection to anywhere but loopback is a mistake of the test; it fails in a way that no retry swallows. Nothing waits for the disk:
    what has to be synced is looked at by testing/power_cut.py. A program that was run leaves no level of logs and no handler behind.
    """
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    strays: list[str] = []
    if not request.node.get_closest_marker("integration"):
        folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else _bare_folders[-1]
        _empty(folder, monkeypatch)
        if not request.node.get_closest_marker("thirdparty"):
            monkeypatch.setattr(socket.socket, "connect", _guarded(strays))
    monkeypatch.setattr(os, "fsync", lambda _file: None)
    monkeypatch.setattr(store, "SYNCHRONOUS", "OFF")
    yield
    root.setLevel(level)
    for handler in [handler for handler in root.handlers if isinstance(handler, LogHandler) and handler not in handlers]:
        root.removeHandler(handler)
    if any(_bare_folders[-1].iterdir()):
        _bare_folders.append(tmp_path_factory.mktemp("bare"))
    assert not strays, f"unplanned connections: {strays}"


@pytest.fixture(scope="session")
def _bare_folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The working folder, last in the list, of every test that does not ask for one of its own: most write nothing."""
    return [tmp_path_factory.mktemp("bare")]


def _empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and an environment without settings."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(env, "DOTENV_PATH", folder / ".env")
    for name in env.NAMES & os.environ.keys():
        monkeypatch.delenv(name)


_connect = socket.socket.connect


def _guarded(strays: list[str]) -> Callable[[socket.socket, Any], None]:
    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            strays.append(str(address))
            raise OSError(f"a test tried to reach {address}")
        _connect(self, address)

    return connect


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


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    """Replies that a test says; any other call fails."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


REQUIRED = {
    "FRESHDESK_DOMAIN": "acme",
    "FRESHDESK_API_KEY": "fresh-secret-1",
    "LLM_API_BASE_URL": "https://models.example.com/v1",
    "LLM_API_KEY": "model-secret-2",
    "LLM_MODEL": "some-model",
}


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All that is required is in the environment."""
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
