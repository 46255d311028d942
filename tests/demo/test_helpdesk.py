"""The sample helpdesk: that it speaks Freshdesk's dialect, limits and errors included."""

import base64
import gzip
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from demo.faults import KINDS, FaultPlan
from demo.helpdesk import Helpdesk, HelpdeskOptions, load_tickets, main
from demo.labelled_files import as_ticket, load_labelled
from demo.query_language import parse_query

ROOT = Path(__file__).resolve().parents[2]


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
    helpdesk = Helpdesk(tickets, options=HelpdeskOptions(**options))
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


MANY = [ticket(number) for number in range(1, 331)]


def test_search_gives_thirty_a_page_ten_pages_and_a_true_total() -> None:
    with desk(MANY) as (_, url):
        pages = [get(url, search('"status:5"', page)).value for page in range(1, 11)]
        assert {page["total"] for page in pages} == {330}
        assert [len(page["results"]) for page in pages] == [30] * 10
        assert len({number for page in pages for number in ids(page["results"])}) == 300
        beyond = get(url, search('"status:5"', 11))
        assert (beyond.status, beyond.value["errors"][0]["field"]) == (400, "page")


BAD_QUERIES = {
    "no double quotes": "status:5",
    "an unknown field": '"colour:5"',
    "NOT": '"NOT status:5"',
    "a word as number": '"status:closed"',
    "a date without quotes": '"created_at:>2025-01-01"',
    "no such date": "\"created_at:>'2025-02-30'\"",
    "an open parenthesis": '"(status:5"',
    "two conditions side by side": '"status:5 priority:1"',
    "nothing": '""',
    "too long": '"' + " OR ".join(["status:5"] * 50) + '"',
}


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_query_that_is_none_is_a_400_with_words(query: str) -> None:
    with desk([ticket(1)]) as (_, url):
        refused = get(url, search(query))
        assert refused.status == 400
        assert refused.value["errors"][0]["field"] == "query"
        assert refused.value["errors"][0]["message"]


ROW = {
    "status": 4,
    "priority": 2,
    "type": "How to",
    "group_id": None,
    "responder_id": 12,
    "tags": ["vip"],
    "custom_fields": {"cf_device": "kettle"},
    "created_at": "2025-03-05T23:30:00Z",
    "updated_at": "2025-03-07T00:00:00Z",
}
QUERIES = {
    "status:4 OR status:5": True,
    "status:4 AND priority:3": False,
    "(status:5 OR priority:2) AND type:'How to'": True,
    "status:5 OR priority:2 AND type:'Other'": False,
    "priority:>2": True,
    "priority:>3": False,
    "priority:<2": True,
    "group_id:null": True,
    "type:null": False,
    "agent_id:12": True,
    "tag:'vip'": True,
    "tag:'vi'": False,
    "cf_device:'kettle'": True,
    "cf_device:null": False,
    "created_at:'2025-03-05'": True,
    "created_at:>'2025-03-05'": True,
    "created_at:>'2025-03-06'": False,
    "created_at:<'2025-03-04'": False,
    "created_at:>'2025-03-01' AND created_at:<'2025-03-06'": True,
    "due_by:null": True,
}


@pytest.mark.parametrize(("query", "matches"), QUERIES.items(), ids=QUERIES)
def test_the_query_language(query: str, matches: bool) -> None:
    assert parse_query(query)(ROW) is matches


@pytest.mark.parametrize("whole_day_end", [True, False], ids=["whole day", "first instant"])
def test_how_far_a_day_reaches_as_an_end_can_be_chosen(whole_day_end: bool) -> None:
    assert parse_query("created_at:<'2025-03-05'", whole_day_end=whole_day_end)(ROW) is whole_day_end


@pytest.mark.parametrize("query", ["status:5)", "OR", "status:", "priority:2.5", "type:>'a'"])
def test_what_is_not_of_the_language_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"query|searched|Integer|condition|date"):
        parse_query(query)


HIDDEN = [ticket(1), ticket(2, deleted=True), ticket(3, spam=True), ticket(4, archived=True), ticket(5, status=2)]


def test_search_and_list_leave_out_deleted_spam_and_archived() -> None:
    with desk(HIDDEN) as (_, url):
        assert ids(get(url, search('"status:5"')).value["results"]) == [1]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&order_type=asc").value) == [1, 5]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&filter=deleted").value) == [2]
        assert ids(get(url, "tickets?updated_since=2020-01-01T00:00:00Z&filter=new_and_my_open").value) == [5]


def test_without_updated_since_the_list_goes_back_thirty_days() -> None:
    recent = ticket(2, created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400)))
    with desk([ticket(1), recent]) as (_, url):
        assert ids(get(url, "tickets").value) == [2]


def test_the_list_pages_up_to_a_hundred_with_a_link_and_without_descriptions() -> None:
    with desk(MANY) as (_, url):
        first = get(url, "tickets?updated_since=2020-01-01T00:00:00Z&per_page=100")
        assert len(first.value) == 100
        assert "description" not in first.value[0]
        assert 'rel="next"' in first.headers["link"]
        assert "page=2" in first.headers["link"]
        assert "link" not in get(url, "tickets?updated_since=2020-01-01T00:00:00Z&per_page=100&page=4").headers
        assert "description" in get(url, "tickets?updated_since=2020-01-01T00:00:00Z&include=description").value[0]


@pytest.mark.parametrize("query", ["per_page=101", "per_page=0", "page=301", "page=0", "page=x", "updated_since=yesterday"])
def test_the_list_refuses_what_the_api_refuses(query: str) -> None:
    with desk([ticket(1)]) as (_, url):
        assert get(url, f"tickets?{query}").status == 400


def test_a_ticket_comes_with_its_oldest_ten_messages_only_when_asked() -> None:
    with desk([ticket(1, messages=12)], limit=100) as (_, url):
        assert "conversations" not in get(url, "tickets/1").value
        asked = get(url, "tickets/1?include=conversations")
        assert [message["body_text"] for message in asked.value["conversations"]] == [f"message {number}" for number in range(1, 11)]
        assert asked.headers["x-ratelimit-used-currentrequest"] == "2.0"


def test_messages_are_paged_with_a_link() -> None:
    with desk([ticket(1, messages=35)]) as (_, url):
        first, second = get(url, "tickets/1/conversations"), get(url, "tickets/1/conversations?page=2")
        assert (len(first.value), len(second.value)) == (30, 5)
        assert "page=2" in first.headers["link"]
        assert "link" not in second.headers


def test_each_kind_of_ticket_that_cannot_be_had_answers_in_its_own_way() -> None:
    with desk(HIDDEN, forbidden=frozenset({5})) as (_, url):
        gone = get(url, "tickets/99")
        assert (gone.status, gone.body) == (404, b"")
        assert get(url, "tickets/4").status == 404
        assert get(url, "tickets/archived/4").value["id"] == 4
        assert get(url, "tickets/archived/4/conversations").value == []
        assert get(url, "tickets/archived/1").status == 404
        assert get(url, "tickets/2").value["deleted"] is True
        assert (get(url, "tickets/5").status, get(url, "tickets/5").value["code"]) == (403, "access_denied")
    with desk(HIDDEN, has_archive=False) as (_, url):
        assert get(url, "tickets/archived/4").value["code"] == "require_feature"


def test_a_wrong_key_is_a_401_on_every_path() -> None:
    with desk([ticket(1)]) as (_, url):
        for path in ("tickets", "tickets/1", search('"status:5"')):
            assert get(url, path, key="wrong").status == 401


def test_nothing_can_be_written() -> None:
    with desk([ticket(1)]) as (_, url):
        assert get(url, "tickets/1", method="DELETE").status == 405
        assert get(url, "tickets/1").status == 200


def test_credits_are_counted_in_decimals_and_the_wall_is_a_429() -> None:
    with desk([ticket(1)], limit=5, window_s=30.0, used_by_others=1) as (helpdesk, url):
        left = [get(url, "tickets/1?include=conversations").headers["x-ratelimit-remaining"] for _ in range(2)]
        refused = get(url, "tickets/1")
        assert left == ["2.0", "0.0"]
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        get(url, "tickets/1")
        stats = helpdesk.stats()
        assert (stats["refused"], stats["too_soon"]) == (2, 1)


def broken(kind: str, url: str) -> str:
    """How a caller sees the next reply."""
    try:
        reply = get(url, "tickets/1?include=conversations")
        return f"{reply.status} {'JSON' if reply.body.endswith(b'}') else 'no JSON'}"
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__


SEEN = {
    "reset": {"ConnectionResetError", "IncompleteRead", "RemoteDisconnected"},
    "cut": {"IncompleteRead"},
    "cut_chunk": {"IncompleteRead"},
    "html": {"200 no JSON"},
    "truncated": {"200 no JSON"},
    "500": {"500 no JSON"},
    "502": {"502 no JSON"},
    "503": {"503 no JSON"},
    "504": {"504 no JSON"},
}


@pytest.mark.parametrize(("kind", "seen"), SEEN.items(), ids=SEEN)
def test_each_fault_is_what_it_says(kind: str, seen: set[str]) -> None:
    with desk([ticket(1, messages=3)], faults=FaultPlan(share=1.0, kinds=(kind,))) as (_, url):
        assert broken(kind, url) in seen


@pytest.mark.slow
def test_a_dripping_reply_goes_on_until_the_caller_has_enough() -> None:
    with desk([ticket(1)], faults=FaultPlan(share=1.0, kinds=("drip",))) as (_, url):
        outcome: list[str] = []
        caller = threading.Thread(target=lambda: outcome.append(broken("drip", url)), daemon=True)
        caller.start()
        caller.join(0.3)
        assert caller.is_alive()
    caller.join(5)
    assert outcome
    assert "200 JSON" not in outcome


def test_the_same_seed_breaks_the_same_replies_in_any_order() -> None:
    targets = [f"/{number}" for number in range(400)]
    one, other = FaultPlan(share=0.1, seed=7), FaultPlan(share=0.1, seed=7)
    faults = {target: one.next_fault(target) for target in targets}
    assert {target: other.next_fault(target) for target in reversed(targets)} == faults
    assert 20 < sum(fault is not None for fault in faults.values()) < 60
    assert set(faults.values()) - {None} <= set(KINDS)


def test_no_path_is_broken_for_ever() -> None:
    plan = FaultPlan(share=1.0, most=3)
    assert [plan.next_fault("/x") is None for _ in range(5)] == [False, False, False, True, False]


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


def test_the_command_serves_a_loaded_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 7, "subject": "s", "messages": [{"speaker": "user", "text": "t"}], "label": "x"}\n', encoding="utf-8")
    command = [sys.executable, "-m", "demo.helpdesk", "--port", "0", "--load", str(path), "--key", "k"]
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


def test_the_sample_tickets_are_served_whole() -> None:
    tickets = load_tickets()
    with desk(tickets) as (_, url):
        for number in ids(tickets)[:3]:
            assert get(url, f"tickets/{number}").status in (200, 404)
