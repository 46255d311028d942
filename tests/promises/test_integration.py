"""A real ticket and a real model: off unless SILO_SMOKE_TICKET_ID is set and the environment (or .env) holds real keys. Writes nothing."""

import os
import re
from pathlib import Path

import pytest

import env
import main
from common.errors import Unusable

pytestmark = pytest.mark.integration


@pytest.fixture
def ticket_id() -> str:
    """The number of a ticket that may be looked at."""
    number = os.environ.get("SILO_SMOKE_TICKET_ID", "")
    if not re.fullmatch("[1-9][0-9]*", number):
        pytest.skip("SILO_SMOKE_TICKET_ID names no ticket")
    try:
        env.load_settings()
    except Unusable as missing:
        pytest.skip(f"no real keys: {missing}")
    return number


def test_prompt_debug_on_a_real_ticket_parses(
    ticket_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status = main.main(["--ticket-ids", ticket_id, "--prompt-debug"])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    for part in ("SYSTEM MESSAGE", "USER MESSAGE", "RAW ANSWER", "PARSED ANSWER"):
        assert part in printed.out
    assert not (tmp_path / "output").exists()
