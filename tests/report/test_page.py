"""The report page is one inert file: hostile text stays text, equal data give equal bytes, nothing is asked of any network."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from knowledge.conversation import Conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import letter, trends
from report import page as report
from report.reading import Reading, read
from testing.scripted_model import talk

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "{{ 7 * 7 }} {% raw %}",
    "a\u2028b\u2029c\x00\x1b[31m",
    "javascript:alert(1)",
    "]]></style><base href=//evil.example>",
    "lone \ud800 surrogate",
]


def conversation(ticket_id: int, *texts: str) -> Conversation:
    """Customer messages of these texts."""
    told = talk(ticket_id, "")
    told["conversation"] = [{**told["conversation"][0], "text": text} for text in texts]
    return told


def rendered(reading: Reading) -> str:
    return report.render(reading, letter.compose(reading))


def hostile_page() -> str:
    issues, log, told = {}, {}, {}
    for number, text in enumerate(HOSTILE, start=1):
        issues[f"ISSUE-{number}{text}"] = Issue(
            f"ISSUE-{number}{text}",
            Card(text, text, (text,), text, (text,), text),
            tickets=[number],
            unsure={number: 0.3},
            area=text,
            kind=text,
            may_be_one={text: 0.6, f"ISSUE-1{HOSTILE[0]}": 0.6},
            step_evidence=[[text]],
            held_back="" if number == 2 else None,
        )
        log[number] = DecisionRow(
            number,
            f"ISSUE-{number}{text}",
            "provisional",
            0.3,
            text,
            text,
            (1,),
            (text,),
            text,
            text,
            f"2025-01-0{number}T00:00:00Z",
            model=text,
            prompt_version=text,
            guards=(text,),
            short_description=text,
            second_choice=text,
            kind=text,
        )
        log[100 + number] = DecisionRow(100 + number, None, "ignored", reason=text, subject=text, url=text)
        log[200 + number] = DecisionRow(200 + number, None, "failed", reason=text, subject=text, url=text)
        talked: Any = conversation(number, f"{text} and some more words to be quoted from this", text)
        talked |= {"type": text, "tags": [text], "channel": text, "requester": text, "company": text, "resolved_at": text}
        told[number] = talked
    return rendered(read(issues, log, told.get))


class Elements(HTMLParser):
    """Collects start tags with attributes, and the text of the two blocks of JSON."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.json: dict[str, str] = {}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = str(dict(attrs).get("id") or "") if tag == "script" else ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.json[self._open] = self.json.get(self._open, "") + data


def test_hostile_text_adds_no_element_and_no_handler() -> None:
    tags = Elements(hostile_page()).tags
    assert [tag for tag, _ in tags].count("script") == 3
    assert not {tag for tag, _ in tags} & {"img", "base", "iframe", "object", "embed", "form "}
    names = {name for _, attributes in tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style", "action")]
    links = {str(attributes.get("href")) for tag, attributes in tags if tag in ("a", "link")}
    assert all(link.startswith(("#", "data:,")) for link in links)


def test_hostile_text_is_all_there_in_the_pages_json() -> None:
    found = Elements(hostile_page()).json
    data = json.loads(found["data"])
    assert [issue["card"]["short_description"] for issue in data["issues"]] == HOSTILE
    assert [json.loads(line)["messages"][1]["text"] for line in found["conversations"].split("\n")] == HOSTILE
    assert all(ticket["url"] == "" for ticket in data["tickets"])


@pytest.mark.parametrize(
    ("url", "linked"),
    [("https://acme.freshdesk.com/a/tickets/7", True), ("http://127.0.0.1:8080/a/tickets/7", False), ("javascript:alert(1)", False)],
)
def test_the_helpdesk_is_linked_unless_it_is_one_for_trying_out(url: str, linked: bool) -> None:
    page = rendered(read({"A": Issue("A", Card("a"), tickets=[7])}, {7: DecisionRow(7, "A", "new", 0.9, url=url)}))
    assert json.loads(Elements(page).json["data"])["tickets"][0]["url"] == (url if linked else "")


def test_the_policy_allows_just_this_script_and_style_and_no_request() -> None:
    policy = next(str(attributes["content"]) for tag, attributes in Elements(hostile_page()).tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'", policy)
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_in_the_page_points_to_a_network() -> None:
    page = rendered(read({}, {}))
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_equal_data_give_equal_bytes() -> None:
    assert hostile_page() == hostile_page()


@pytest.mark.parametrize(
    ("database", "command"),
    [
        ("output/silo_issues_db.json", "python -m main --apply-review review.json"),
        ("my seeds/seed.json", "python -m main --apply-review review.json --output 'my seeds/seed.json'"),
    ],
)
def test_the_page_tells_the_command_for_its_database(database: str, command: str) -> None:
    page = rendered(read({}, {}, database=Path(database)))
    assert json.loads(Elements(page).json["data"])["command"] == command


def test_an_empty_database_gives_a_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report.write(path, read({}, {}), weekly=tmp_path / "weekly.md")
    assert "No issue has a ticket yet." in path.read_text(encoding="utf-8")


def test_a_person_written_database_without_log_and_conversations_gives_a_page() -> None:
    known = Issue("WIFI", Card("Wi-Fi"), tickets=[1, 2], first_seen="2025-01-01", last_seen="2025-02-01")
    page = rendered(read({"WIFI": known}, {}))
    data = json.loads(Elements(page).json["data"])
    assert data["issues"][0]["person"] is True
    assert data["conversations"] == []


@pytest.mark.parametrize("seen", ["soon", "01.02.2025", "2025-W01-1", "=1+1", ""])
def test_days_that_people_wrote_in_their_own_way_are_not_drawn(seen: str) -> None:
    issues = {"A": Issue("A", Card("a"), tickets=[1], first_seen=seen, last_seen=seen)}
    assert trends.ticket_days(issues, {}) == {}
    rendered(read(issues, {}))


@pytest.mark.parametrize(
    ("days", "unit", "bars"),
    [
        ([], "week", 0),
        (["2025-03-10"], "week", 1),
        (["2025-01-01", "2025-03-10"], "week", 11),
        (["2024-01-01", "2025-03-10"], "month", 15),
        (["1990-01-01", "2025-03-10"], "month", 36),
        (["0001-01-01", "9999-12-31"], "month", 36),
    ],
    ids=["none", "one day", "weeks", "months", "many years", "all of time"],
)
def test_the_scale_fits_the_days(days: list[str], unit: str, bars: int) -> None:
    scale = trends.scale(days)
    assert (scale.unit, len(scale.starts)) == (unit, bars)
