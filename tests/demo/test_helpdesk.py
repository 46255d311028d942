"""The sample helpdesk as a server and as a command: who may ask, that nothing is changed, which tickets it holds."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from demo.helpdesk import main
from testing.helpdesk import load_tickets
from testing.raw_calls import desk, get, ids, search, ticket

ROOT = Path(__file__).resolve().parents[2]


def test_a_wrong_key_is_a_401_on_every_path() -> None:
    with desk([ticket(1)]) as (_, url):
        for path in ("tickets", "tickets/1", search('"status:5"')):
            assert get(url, path, key="wrong").status == 401


def test_nothing_can_be_written() -> None:
    with desk([ticket(1)]) as (_, url):
        assert get(url, "tickets/1", method="DELETE").status == 405
        assert get(url, "tickets/1").status == 200


def test_the_sample_tickets_are_served_whole() -> None:
    tickets = load_tickets()
    with desk(tickets) as (_, url):
        for number in ids(tickets)[:3]:
            assert get(url, f"tickets/{number}").status in (200, 404)


def test_the_command_serves_a_loaded_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    line = '{"id": 7, "subject": "s", "messages": [{"speaker": "user", "text": "t"}], "label": "x"}\n'
    path.write_bytes(gzip.compress(line.encode()))
    command = [sys.executable, "-m", "demo.helpdesk", "--port", "0", "--load", str(path), "--key", "k"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert get(url, "tickets/7", key="k").value["subject"] == "s"
            assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z", key="k").value) == [7]
        finally:
            server.terminate()


@pytest.mark.parametrize("content", [None, b"not json", b"{}", b"\xff"], ids=["missing", "no JSON", "no conversation", "no text"])
def test_a_file_that_cannot_be_loaded_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main(["--load", str(path)])
    assert ended.value.code == 2
    assert "cannot load the tickets" in capsys.readouterr().err
