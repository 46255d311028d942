"""The helpdesk as a command of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from testing.helpdesk import main
from testing.raw_calls import get

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_serves_a_loaded_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 7, "subject": "s", "messages": [{"speaker": "user", "text": "t"}], "label": "x"}\n', encoding="utf-8")
    command = [sys.executable, "-m", "testing.helpdesk", "--port", "0", "--load", str(path), "--key", "k"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert get(url, "tickets/7", key="k").value["subject"] == "s"
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
