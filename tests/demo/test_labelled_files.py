"""Labelled conversations become tickets, packed or not; a line that is none is named."""

import gzip
import json
from pathlib import Path

import pytest

from demo.labelled_files import load_labelled


def test_labelled_conversations_become_tickets(tmp_path: Path) -> None:
    rows = [
        {"id": 5, "subject": None, "messages": [{"speaker": "user", "text": "a < b\nc"}, {"speaker": "agent", "text": "ok"}], "label": "x"},
        {"id": 6, "subject": "s", "messages": [{"speaker": "agent", "text": "hello?"}], "label": "y"},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    tickets, labels = load_labelled(plain)
    assert load_labelled(packed) == (tickets, labels)
    assert labels == {5: "x", 6: "y"}
    assert tickets[0]["description"] == "<div>a &lt; b<br>c</div>"
    assert [message["incoming"] for message in tickets[0]["conversations"]] == [False]
    assert tickets[1]["description_text"] == ""
    assert len(tickets[1]["conversations"]) == 1


def test_a_line_that_is_no_conversation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": 1, "subject": null, "messages": [], "label": "x"}\n{"id": 2}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        load_labelled(path)
