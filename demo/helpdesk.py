"""A helpdesk server that speaks Freshdesk's API v2, over a list of raw tickets.

Search, list, view, messages and archive with Freshdesk's paging and errors, so that what holds against it means something. It only reads:
no ticket is ever changed by a call. `testing/helpdesk.py` adds limits and faults.

    python -m demo.helpdesk --load FILE      serves until interrupted; the base URL is the first line printed
"""

import argparse
import base64
import contextlib
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo.helpdesk_api import Answer, TicketApi
from demo.labelled_files import load_labelled
from demo.loopback import LoopbackServer, Reply, Request

TICKETS_FOLDER = Path(__file__).with_name("tickets")
DEFAULT_KEY = "demo-key"


class SampleHelpdesk(LoopbackServer):
    """The server; `options` are those of `TicketApi`."""

    def __init__(self, tickets: Sequence[dict[str, Any]], *, api_key: str = DEFAULT_KEY, port: int = 0, **options: Any) -> None:
        super().__init__(port=port)
        self.tickets = {ticket["id"]: ticket for ticket in tickets}
        self._api_key = api_key
        self._api = TicketApi(self.tickets, **options)

    def respond(self, request: Request) -> Reply:
        """The reply to one request."""
        if request.method != "GET":
            answer = Answer(405, {"message": f"{request.method} method is not allowed. It should be one of these method(s): GET"})
        else:
            answer = self.answer(request.target, request.headers.get("Authorization", ""), request.headers.get("Host", ""))
        return Reply(answer.status, b"" if answer.value is None else json.dumps(answer.value).encode(), answer.headers)

    def answer(self, target: str, authorization: str, host: str) -> Answer:
        """The answer to GET `target`."""
        if not self._knows(authorization):
            return Answer(401, {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."})
        url = urlsplit(target)
        params = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return self._api.answer(url.path, params, f"http://{host}{url.path}")

    def _knows(self, authorization: str) -> bool:
        with contextlib.suppress(ValueError):
            user = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")[0]
            return authorization.startswith("Basic ") and user == self._api_key
        return False


def load_tickets(folder: Path = TICKETS_FOLDER) -> list[dict[str, Any]]:
    """The raw tickets of a folder of JSON files, by id."""
    tickets = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(tickets, key=lambda ticket: int(ticket["id"]))


def parser(prog: str = "python -m demo.helpdesk") -> argparse.ArgumentParser:
    """The flags of a helpdesk that is served."""
    made = argparse.ArgumentParser(prog=prog, description="A helpdesk that speaks Freshdesk's API on loopback.")
    made.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    made.add_argument("--load", type=Path, help="labelled conversations as tickets: JSON lines, also .gz; else the sample tickets")
    made.add_argument("--key", default=DEFAULT_KEY, help="the API key that is accepted")
    return made


def tickets_of(args: argparse.Namespace, used: argparse.ArgumentParser) -> list[dict[str, Any]]:
    """The tickets that the flags name; a file that cannot be loaded ends the program with a usage error."""
    try:
        return load_labelled(args.load)[0] if args.load else load_tickets()
    except (OSError, EOFError, ValueError) as error:
        used.error(f"cannot load the tickets: {error}")


def serve(helpdesk: SampleHelpdesk) -> None:
    """Serve until interrupted; the base URL is the first line printed."""
    with helpdesk as base_url:
        print(base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve what the flags name until interrupted."""
    used = parser()
    args = used.parse_args(argv)
    serve(SampleHelpdesk(tickets_of(args, used), api_key=args.key, port=args.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
