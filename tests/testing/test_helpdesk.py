"""The helpdesk with limits, as a command of its own."""

import subprocess
import sys
from pathlib import Path

from testing.raw_calls import get

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_serves_the_sample_tickets_within_a_limit() -> None:
    command = [sys.executable, "-m", "testing.helpdesk", "--key", "k", "--limit", "50"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            reply = get(server.stdout.readline().strip(), "tickets/1020", key="k")
            assert (reply.status, reply.headers["x-ratelimit-total"]) == (200, "50.0")
        finally:
            server.terminate()
