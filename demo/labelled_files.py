"""Labelled conversations (JSON lines) as raw tickets of the sample helpdesk.

A line is {"id", "subject", "messages": [{"speaker": "user"|"agent", "text"}], "label"}. Times are made up, a minute apart, so that the
same file always gives the same tickets. Invents no words.
"""

import datetime
import gzip
import html
import json
from pathlib import Path
from typing import Any

FIRST_DAY = datetime.datetime(2025, 1, 1, 8, tzinfo=datetime.timezone.utc)
REQUESTER, AGENT = 7_000_001, 9_000_001


def load_labelled(path: Path) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The tickets of a file and their labels by id. Raises `ValueError` naming the line that is none."""
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8")
    tickets: list[dict[str, Any]] = []
    labels: dict[int, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            ticket = as_ticket(row, position=len(tickets))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: not a labelled conversation ({error!r})") from error
        tickets.append(ticket)
        labels[ticket["id"]] = str(row.get("label"))
    return tickets, labels


def as_ticket(row: dict[str, Any], *, position: int) -> dict[str, Any]:
    """One conversation as a raw ticket with its whole `conversations`; `position` sets its time."""
    created = FIRST_DAY + datetime.timedelta(minutes=30 * position)
    messages = list(row["messages"])
    opening = messages.pop(0)["text"] if messages and messages[0]["speaker"] == "user" else ""
    thread = [_message(row["id"], number, message, created) for number, message in enumerate(messages, 1)]
    return {
        "id": int(row["id"]),
        "subject": row.get("subject"),
        "description": _as_html(opening),
        "description_text": opening,
        "status": 5,
        "priority": 1,
        "source": 2,
        "type": None,
        "group_id": None,
        "responder_id": AGENT,
        "requester_id": REQUESTER,
        "tags": [],
        "custom_fields": {},
        "attachments": [],
        "spam": False,
        "deleted": False,
        "created_at": _stamp(created),
        "updated_at": _stamp(created + datetime.timedelta(minutes=len(thread) + 1)),
        "conversations": thread,
    }


def _message(ticket_id: int, number: int, message: dict[str, str], created: datetime.datetime) -> dict[str, Any]:
    incoming = message["speaker"] == "user"
    stamp = _stamp(created + datetime.timedelta(minutes=number))
    return {
        "id": int(ticket_id) * 10_000 + number,
        "ticket_id": int(ticket_id),
        "body": _as_html(message["text"]),
        "body_text": " ".join(message["text"].split()),
        "incoming": incoming,
        "private": False,
        "user_id": REQUESTER if incoming else AGENT,
        "source": 0,
        "attachments": [],
        "created_at": stamp,
        "updated_at": stamp,
    }


def _as_html(text: str) -> str:
    return f"<div>{html.escape(text, quote=False).replace(chr(10), '<br>')}</div>"


def _stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
