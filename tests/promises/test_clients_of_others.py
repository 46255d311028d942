"""Two Freshdesk clients that others wrote read the sample helpdesk: it speaks the dialect that they know from the real one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.labelled_files import as_ticket
from testing.helpdesk import Helpdesk, load_tickets

pytestmark = pytest.mark.thirdparty

KEY = "a-key"
INSTALL_TIMEOUT_S = 120
NODE_PAGE = 30  # the Node client reads the first page of messages and no more

PYTHON_CLIENT = """
import json, sys
from freshdesk.v2.api import API
from freshdesk.v2.errors import FreshdeskBadRequest, FreshdeskNotFound, FreshdeskUnauthorized
url, key, query = sys.argv[1:]
def client(key):
    api = API("acme.freshdesk.com", key)
    api._api_prefix = url + "/api/v2/"
    return api
def kind(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
api = client(key)
listed = [ticket.id for ticket in api.tickets.list_tickets(filter_name=None, updated_since="2000-01-01T00:00:00Z")]
print(json.dumps({
    "listed": listed,
    "found": [ticket.id for ticket in api.tickets.filter_tickets(query)],
    "messages": {number: [comment.body_text for comment in api.comments.list_comments(number)] for number in listed},
    "subjects": {number: api.tickets.get_ticket(number).subject for number in listed},
    "included": {number: len(api.tickets.get_ticket(number, "conversations").conversations) for number in listed},
    "errors": [
        kind(lambda: api.tickets.get_ticket(10**9)),
        kind(lambda: api.tickets.filter_tickets("colour:3")),
        kind(lambda: client("wrong").tickets.get_ticket(listed[0])),
    ],
}))
"""

NODE_CLIENT = """
const { promisify } = require("util");
const Freshdesk = require("freshdesk-api");
const [url, key, query] = process.argv.slice(2);
const client = (key) => new Freshdesk(url, key);
const ask = (name, ...args) => promisify((cb) => client(key)[name](...args, (error, data) => cb(error, data)))();
const status = async (promise) => { try { await promise; return 200; } catch (error) { return error.status; } };
(async () => {
  const listed = [], found = [], messages = {}, subjects = {};
  for (let page = 1, rows; page === 1 || rows.length === 100; page++) {
    rows = await ask("listAllTickets", { per_page: 100, page, updated_since: "2000-01-01T00:00:00Z" });
    listed.push(...rows.map((row) => row.id));
  }
  for (let page = 1, rows; page === 1 || rows.length === 30; page++) {
    rows = (await ask("filterTickets", query, page)).results;
    found.push(...rows.map((row) => row.id));
  }
  for (const id of listed) {
    messages[id] = (await ask("listAllConversations", id)).map((row) => row.body_text);
    subjects[id] = (await ask("getTicket", id)).subject;
  }
  const wrong = promisify((cb) => client("wrong").getTicket(listed[0], cb));
  const errors = [await status(ask("getTicket", 1e9)), await status(ask("filterTickets", "colour:3", 1)), await status(wrong())];
  console.log(JSON.stringify({ listed, found, messages, subjects, errors }));
})();
"""


def sample_tickets() -> list[dict[str, Any]]:
    """The demo's tickets, and some with threads over every page border."""
    rows = [
        (900_000 + count, [{"speaker": "agent", "text": f"message {number}"} for number in range(count)]) for count in (0, 10, 30, 31, 130)
    ]
    return load_tickets() + [as_ticket({"id": number, "subject": "long", "messages": messages}, position=1) for number, messages in rows]


def visible(tickets: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {ticket["id"]: ticket for ticket in tickets if not (ticket.get("deleted") or ticket.get("spam") or ticket.get("archived"))}


@pytest.fixture(scope="module")
def helpdesk() -> Iterator[tuple[str, dict[int, dict[str, Any]]]]:
    tickets = sample_tickets()
    with Helpdesk(tickets, api_key=KEY) as url:
        yield url, visible(tickets)


def install(folder: Path, *commands: list[str]) -> None:
    """Run the installation, or skip the test with what it said."""
    for command in commands:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"not installable here: {command[0]} took too long")
        if done.returncode:
            pytest.skip(f"not installable here: {done.stderr.strip()[-300:]}")


def read_with(command: list[str], folder: Path, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [*command, url, KEY, "status:4 OR status:5"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def numbers(rows: dict[str, Any]) -> dict[int, Any]:
    return {int(number): value for number, value in rows.items()}


def texts(ticket: dict[str, Any]) -> list[str]:
    return [message["body_text"] for message in sorted(ticket["conversations"], key=lambda message: str(message["created_at"]))]


def resolved(tickets: dict[int, dict[str, Any]]) -> list[int]:
    return sorted(number for number, ticket in tickets.items() if ticket["status"] in (4, 5))


def test_the_python_client_lists_and_reads_every_ticket(tmp_path: Path, helpdesk: tuple[str, dict[int, dict[str, Any]]]) -> None:
    url, tickets = helpdesk
    python = str(tmp_path / "venv" / "bin" / "python")
    install(tmp_path, [sys.executable, "-m", "venv", "venv"], [python, "-m", "pip", "install", "-q", "python-freshdesk"])
    (tmp_path / "read.py").write_text(PYTHON_CLIENT, encoding="utf-8")
    read = read_with([python, "read.py"], tmp_path, url)
    assert sorted(read["listed"]) == sorted(tickets)
    assert sorted(read["found"]) == resolved(tickets)
    assert numbers(read["messages"]) == {number: texts(ticket) for number, ticket in tickets.items()}
    assert numbers(read["subjects"]) == {number: ticket["subject"] for number, ticket in tickets.items()}
    assert numbers(read["included"]) == {number: min(10, len(texts(ticket))) for number, ticket in tickets.items()}
    assert read["errors"] == ["FreshdeskNotFound", "FreshdeskBadRequest", "FreshdeskUnauthorized"]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not there")
def test_the_node_client_lists_and_reads_every_ticket(tmp_path: Path, helpdesk: tuple[str, dict[int, dict[str, Any]]]) -> None:
    url, tickets = helpdesk
    install(tmp_path, ["npm", "init", "-y"], ["npm", "install", "--no-audit", "--no-fund", "freshdesk-api"])
    (tmp_path / "read.js").write_text(NODE_CLIENT, encoding="utf-8")
    read = read_with(["node", "read.js"], tmp_path, url)
    assert sorted(read["listed"]) == sorted(tickets)
    assert sorted(read["found"]) == resolved(tickets)
    assert numbers(read["messages"]) == {number: texts(ticket)[:NODE_PAGE] for number, ticket in tickets.items()}
    assert numbers(read["subjects"]) == {number: ticket["subject"] for number, ticket in tickets.items()}
    assert read["errors"] == [404, 400, 401]
