"""The report page is one inert file: hostile text stays text, equal data give equal bytes, nothing is asked of any network."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from knowledge.conversation import Conversation
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Card, Issue
from report import page as report
from report import page_data, trends

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
    return {
        "ticket_id": ticket_id,
        "subject": "s",
        "status": 5,
        "source": 1,
        "type": None,
        "tags": [],
        "created_at": "2025-01-01T00:00:00Z",
        "updated_at": "2025-01-01T00:00:00Z",
        "url": "",
        "ignored": None,
        "redacted": True,
        "cleaner_version": 1,
        "conversation": [
            {"speaker": "user", "text": text, "private": False, "incoming": True, "created_at": "2025-01-01T00:00:00Z"} for text in texts
        ],
    }


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
    return report.render(issues=issues, log=log, conversation_of=told.get)


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
    page = report.render(issues={"A": Issue("A", Card("a"), tickets=[7])}, log={7: DecisionRow(7, "A", "new", 0.9, url=url)})
    assert json.loads(Elements(page).json["data"])["tickets"][0]["url"] == (url if linked else "")


def test_the_policy_allows_just_this_script_and_style_and_no_request() -> None:
    policy = next(str(attributes["content"]) for tag, attributes in Elements(hostile_page()).tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'", policy)
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_in_the_page_points_to_a_network() -> None:
    page = report.render(issues={}, log={})
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
    page = report.render(issues={}, log={}, database=Path(database))
    assert json.loads(Elements(page).json["data"])["command"] == command


def test_an_empty_database_gives_a_page(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report.write(path, issues={}, log={})
    assert "No issue has a ticket yet." in path.read_text(encoding="utf-8")


def test_a_person_written_database_without_log_and_conversations_gives_a_page() -> None:
    page = report.render(
        issues={"WIFI": Issue("WIFI", Card("Wi-Fi"), tickets=[1, 2], first_seen="2025-01-01", last_seen="2025-02-01")}, log={}
    )
    data = json.loads(Elements(page).json["data"])
    assert data["issues"][0]["person"] is True
    assert data["conversations"] == []


@pytest.mark.parametrize("seen", ["soon", "01.02.2025", "2025-W01-1", "=1+1", ""])
def test_days_that_people_wrote_in_their_own_way_are_not_drawn(seen: str) -> None:
    issues = {"A": Issue("A", Card("a"), tickets=[1], first_seen=seen, last_seen=seen)}
    assert trends.ticket_days(issues, {}) == {}
    report.render(issues=issues, log={})


def overview_of(days: dict[str, list[str]], **more: Any) -> page_data.Overview:
    issues, log, number = {}, {}, 0
    for name, seen in days.items():
        issue = Issue(name, Card(f"About {name}"))
        for day in seen:
            number += 1
            issue.tickets.append(number)
            log[number] = DecisionRow(number, name, "matched", 0.9, created_at=f"{day}T12:00:00Z")
        issues[name] = issue
    source = page_data.Source(issues, log, trends.ticket_days(issues, log), lambda _: None, **more)
    return page_data.overview(source, page_data.read(source))


def test_growing_issues_have_more_tickets_in_four_weeks_than_in_the_four_before() -> None:
    view = overview_of(
        {
            "steady": ["2025-01-05", "2025-02-10", "2025-03-10"],
            "rising": ["2025-02-05", "2025-03-08", "2025-03-09", "2025-03-10"],
            "once": ["2025-03-10"],
        }
    )
    assert [(row.issue_id, row.recent, row.before, row.arrow) for row in view.rows if row.moves == "growing"] == [("rising", 3, 1, "up")]
    assert view.moving == {"growing": 1, "new": 1, "back": 0}


def test_an_issue_that_was_quiet_and_came_back_is_named() -> None:
    view = overview_of({"back": ["2025-01-01", "2025-01-02", "2025-03-20"], "gone": ["2025-01-01"], "now": ["2025-03-25"]})
    assert [(row.issue_id, row.moves, row.quiet) for row in view.rows] == [("back", "back", 77), ("gone", "", 0), ("now", "new", 0)]


def test_the_headline_is_the_share_of_the_first_five() -> None:
    view = overview_of({f"issue {number}": ["2025-01-01"] * number for number in range(1, 9)})
    assert (view.first_count, view.first_share) == (5, 83.3)  # 8 + 7 + 6 + 5 + 4 of 36
    assert [row.share for row in view.rows][:2] == [22.2, 19.4]


def test_a_ticket_that_states_no_problem_is_counted_apart() -> None:
    issues = {
        "A": Issue("A", Card("Lid leaks"), tickets=[1, 2]),
        "B": Issue("B", Card("Thanks"), tickets=[3], unsure={3: 0.5}, held_back=""),
        "C": Issue("C", Card("Lid drips"), tickets=[4], unsure={4: 0.6}, held_back="A"),
    }
    source = page_data.Source(issues, {}, {}, lambda _: None)
    view = page_data.overview(source, page_data.read(source))
    assert ([row.issue_id for row in view.rows], view.looks.no_problem) == (["A", "C"], 1)


@pytest.mark.parametrize(
    ("issue", "said"),
    [
        (Issue("A", Card("a"), tickets=[1]), "single"),
        (Issue("A", Card("a"), tickets=[1, 2]), "seen more than once"),
        (Issue("A", Card("a"), tickets=[1, 2, 3], unsure={1: 0.2, 3: 0.1}), "seen more than once, 2 of 3 unsure"),
        (Issue("A", Card("a"), tickets=[1, 2], reviewed=[1]), "checked by a person"),
    ],
)
def test_a_machines_counting_is_told_from_a_persons_checking(issue: Issue, said: str) -> None:
    issue.seal_card()
    assert page_data.state(issue) == said


def kinds(**more: Any) -> page_data.Overview:
    issues = {
        "HOW": Issue("HOW", Card("Lid upside down", resolution_steps=("Turn it.",)), tickets=[1, 2, 3], kind="how-to"),
        "FEW": Issue("FEW", Card("Beep", resolution_steps=("Hold minus.",)), tickets=[4, 5], kind="how-to"),
        "NOFIX": Issue("NOFIX", Card("Smell"), tickets=[6, 7, 8], kind="how-to"),
        "OLD": Issue("OLD", Card("Crash"), tickets=[11, 12, 13, 14], kind="bug"),
        "UP": Issue("UP", Card("Too hot"), tickets=[21, 22, 23, 24], kind="bug"),
    }
    days = {21: "2025-01-01", 22: "2025-03-20", 23: "2025-03-21", 24: "2025-03-22", 11: "2025-01-01", 12: "2025-01-02"}
    source = page_data.Source(issues, more.get("log", {}), days, lambda _: None)
    return page_data.overview(source, page_data.read(source))


def test_articles_are_how_to_questions_with_a_fix_and_bugs_that_grow_come_first() -> None:
    view = kinds()
    assert [row.issue_id for row in view.articles] == ["HOW"]
    assert [row.issue_id for row in view.bugs] == ["UP", "OLD"]
    assert view.kinds_known


def test_failed_and_set_aside_tickets_are_listed_with_their_reasons() -> None:
    log = {
        1: DecisionRow(1, None, "failed", reason="gone (404)", subject="Lid", url="https://acme.freshdesk.com/a/tickets/1"),
        2: DecisionRow(2, None, "ignored", reason="a survey", url="javascript:alert(1)"),
        3: DecisionRow(3, None, "ignored", reason="a survey"),
        4: DecisionRow(4, None, "failed", reason="filtered", failures=FAILURES_TO_SET_ASIDE),
    }
    page = report.render(issues={}, log=log, database=Path("output/seed.json"))
    view = kinds(log=log)
    assert (view.failed, view.left_out) == (2, 2)
    assert [(group.title, group.count) for group in view.outside] == [
        ("Failed", 1),
        ("Failed in the same words in 3 runs and tried no more", 1),
        ("Left out: a survey", 2),
    ]
    assert "python -m main --ticket-ids 4 --output output/seed.json" in page
    assert "python -m main --ticket-ids 1 --output output/seed.json" in page
    assert "gone (404)" in page
    assert "javascript:" not in page


def test_account_and_model_are_those_of_most_tickets() -> None:
    log = {
        number: DecisionRow(number, "A", "matched", url=f"https://{host}/a/tickets/{number}", model=model)
        for number, (host, model) in enumerate(
            [("acme.freshdesk.com", "m-2"), ("acme.freshdesk.com", "m-2"), ("old.freshdesk.com", "m-1")], start=1
        )
    }
    view = kinds(log=log)
    assert (view.account, view.model) == ("acme.freshdesk.com", "m-2")


def test_a_long_conversation_is_cut_and_says_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_data, "MAX_CONVERSATION_CHARS", 10)
    source = page_data.Source({"A": Issue("A", Card("a"), tickets=[1])}, {}, {}, lambda _: conversation(1, "x" * 8, "y" * 8, "z"))
    assert [(message["text"], message["cut"]) for message in page_data.read(source).conversations[0]["messages"]] == [
        ("x" * 8, 0),
        ("yy", 6),
        ("", 1),
    ]


def test_beyond_a_size_flagged_and_newest_conversations_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_data, "MAX_ALL_CONVERSATIONS_CHARS", 150)
    issues = {"A": Issue("A", Card("a"), tickets=[1, 2, 3], unsure={1: 0.2})}
    source = page_data.Source(issues, {}, {2: "2025-01-01", 3: "2025-01-02"}, lambda ticket: conversation(ticket, "x" * 30))
    assert [shown["id"] for shown in page_data.read(source).conversations] == [1, 3]


@pytest.mark.parametrize(
    ("days", "unit", "bars"),
    [
        ([], "week", 0),
        (["2025-03-10"], "week", 1),
        (["2025-01-01", "2025-03-10"], "week", 11),
        (["2024-01-01", "2025-03-10"], "month", 15),
        (["1990-01-01", "2025-03-10"], "month", 36),
        (["0001-01-01", "9999-12-31"], "month", 36),
        (["junk", "2025-02-30"], "week", 0),
    ],
    ids=["none", "one day", "weeks", "months", "many years", "all of time", "no days"],
)
def test_the_scale_fits_the_days(days: list[str], unit: str, bars: int) -> None:
    scale = trends.scale(days)
    assert (scale.unit, len(scale.starts)) == (unit, bars)
