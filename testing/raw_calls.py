"""Calls of a helpdesk without the program's own client, and the tickets that it holds: for tests of the helpdesk itself."""

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from demo.labelled_files import as_ticket
from testing.helpdesk import Helpdesk


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)


def ticket(number: int, **fields: Any) -> dict[str, Any]:
    messages = [{"speaker": "user", "text": f"opening of {number}"}]
    messages += [{"speaker": "agent", "text": f"message {position}"} for position in range(1, fields.pop("messages", 0) + 1)]
    return as_ticket({"id": number, "subject": f"ticket {number}", "messages": messages}, position=number) | fields


@contextmanager
def desk(tickets: list[dict[str, Any]], **options: Any) -> Iterator[tuple[Helpdesk, str]]:
    helpdesk = Helpdesk(tickets, **options)
    with helpdesk as url:
        yield helpdesk, url


def get(url: str, path: str, *, key: str = "demo-key", method: str = "GET") -> Got:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
        connection.request(method, f"/api/v2/{path}", headers={"Authorization": "Basic " + base64.b64encode(f"{key}:X".encode()).decode()})
        reply = connection.getresponse()
        return Got(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def search(query: str, page: int = 1) -> str:
    return f"search/tickets?query={quote(query)}&page={page}"


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]
