"""Exports hold what the database holds, and text in them stays text."""

import csv
import io
import os
import re
from pathlib import Path
from typing import Any

import pytest

from common.errors import Unusable
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import exports


def database() -> tuple[dict[str, Issue], dict[int, DecisionRow]]:
    wifi = Issue("ISSUE-1", Card("Wi-Fi setup fails", "No 2.4 GHz.", ("wi-fi",), "5 GHz only.", ("Use 2.4 GHz.", "Retry."), "Seen often."))
    wifi.status, wifi.tickets, wifi.first_seen, wifi.last_seen = "confirmed", [1, 2, 3], "2024-11-30", "2025-02-01"
    lid = Issue("ISSUE-4", Card("=Lid"), tickets=[4, 5])
    days = {1: "2024-11-30T23:30:00-02:00", 2: "2025-02-01T00:00:00Z", 3: "2025-02-01T00:00:00Z", 4: "2025-02-01T00:00:00Z"}
    log = {
        ticket: DecisionRow(
            ticket,
            "ISSUE-1",
            "matched",
            0.9,
            subject=f"Subject {ticket}",
            url=f"https://acme.freshdesk.com/a/tickets/{ticket}",
            evidence=(1, 4),
            created_at=day,
        )
        for ticket, day in days.items()
    }
    return {"ISSUE-1": wifi, "ISSUE-4": lid}, log


def test_an_article_has_problem_cause_steps_and_linked_evidence() -> None:
    issues, log = database()
    assert "Ticket 1" not in exports.article(issues["ISSUE-1"], log), "links to internal tickets only where they are asked for"
    text = exports.article(issues["ISSUE-1"], log, evidence=True)
    assert text.startswith("# Wi-Fi setup fails\n\nNo 2.4 GHz.\n\n## Cause\n\n5 GHz only.\n\n## Solution\n\n1. Use 2.4 GHz.\n2. Retry.\n")
    assert "- [Ticket 1](<https://acme.freshdesk.com/a/tickets/1>): Subject 1 (messages 1, 4)\n" in text
    assert text.endswith("\n")


def test_only_confirmed_issues_become_articles(tmp_path: Path) -> None:
    issues, log = database()
    files = exports.write_markdown(tmp_path / "articles", issues, log)
    assert [path.name for path in files] == ["wi-fi-setup-fails.md"]
    assert "[Wi-Fi setup fails](wi-fi-setup-fails.md): 3 tickets" in files[0].with_name("index.md").read_text(encoding="utf-8")


def test_no_confirmed_issue_gives_an_index_that_says_so(tmp_path: Path) -> None:
    exports.write_markdown(tmp_path, {}, {})
    assert "No issue is worth an article yet." in (tmp_path / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/p.png)",
        "```",
        "# title",
        "1. one",
        "https://evil.example",
    ],
)
def test_text_in_an_article_stays_text(text: str) -> None:
    lines = exports.article(Issue("ISSUE-1", Card(text, text)), {}).splitlines()
    for line in (lines[0].removeprefix("# "), lines[2]):
        assert line == exports.plain(text)
        assert "<" not in line.replace("\\<", "")
        assert not re.search(r"(?<!\\)\]\(", line)
        assert "https:" not in line
        assert not line.startswith(("#", "`", "1."))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://evil.example", "https://a.example/)(<script>", ""])
def test_an_address_that_is_no_plain_web_address_is_not_linked(url: str) -> None:
    issue = Issue("ISSUE-1", Card("x"), tickets=[1])
    assert "](" not in exports.article(issue, {1: DecisionRow(1, "ISSUE-1", "new", url=url)}, evidence=True)


def test_ids_that_people_chose_stay_within_the_folder(tmp_path: Path) -> None:
    names = ["../../etc", "a/b", "a b", "index", "...", "A-B", "a\ud800"]
    issues = {name: Issue(name, Card(name, root_cause="x"), status="confirmed") for name in names}
    files = exports.write_markdown(tmp_path / "out", issues, {})
    assert len(set(files)) == len(names)
    assert sorted(tmp_path.rglob("*.md")) == sorted([*files, tmp_path / "out" / "index.md"])
    assert all(path.parent == tmp_path / "out" for path in files)


def test_the_table_counts_tickets_by_utc_month_without_gaps(tmp_path: Path) -> None:
    path = tmp_path / "issues.csv"
    exports.write_month_table(path, *database())
    text = path.read_text(encoding="utf-8")
    assert text.startswith("\ufeffissue_id,category,status,tickets,first_seen,last_seen,2024-12,2025-01,2025-02,no_date\n")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    assert [rows[0][month] for month in ("2024-12", "2025-01", "2025-02", "no_date")] == ["1", "0", "2", "0"]
    assert (rows[1]["category"], rows[1]["2025-02"], rows[1]["no_date"]) == ("'=Lid", "1", "1")


def test_the_table_of_an_empty_database_is_its_header(tmp_path: Path) -> None:
    exports.write_month_table(tmp_path / "issues.csv", {}, {})
    text = (tmp_path / "issues.csv").read_text(encoding="utf-8")
    assert text == "\ufeffissue_id,category,status,tickets,first_seen,last_seen\n"


@pytest.mark.parametrize(
    "text", ["1https://evil.example", "_https://evil.example", "äWWW.evil.example", "mail me@evil.example", "xmpp:me@x"]
)
def test_no_address_in_an_article_becomes_a_link(text: str) -> None:
    assert not re.search(r"(?i)(https?|xmpp|mailto):|www\.|[a-z]@", exports.plain(text))


def markdown(path: Path) -> None:
    exports.write_markdown(path, *database())


def months(path: Path) -> None:
    exports.write_month_table(path, *database())


FOREIGN = {"settings": b"KEY=1\n", "an index": b"# Support issues\n", "a table": b"issue_id,category\n1,x\n", "zeros": bytes(9)}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_an_export_writes_over_no_strangers_file(tmp_path: Path, content: bytes) -> None:
    for name in ("index.md", "wi-fi-setup-fails.md", "notes.txt", "table.csv"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_bytes(content)
        with pytest.raises(Unusable):
            months(folder / name)
        with pytest.raises(Unusable):
            markdown(folder)
        with pytest.raises(Unusable):
            markdown(folder / name)
        assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [(name, content)]


def test_an_export_writes_over_nothing_over_empty_and_over_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("new", "empty", "new", "empty"):
        markdown(tmp_path / folder)
    mine = tmp_path / "new" / "wi-fi-setup-fails.md"
    mine.write_text("# Wi-Fi, as I would put it\n", encoding="utf-8")
    with pytest.raises(Unusable, match=r"wi-fi-setup-fails\.md was not made by this kind of export"):
        markdown(tmp_path / "new")
    (tmp_path / "empty.csv").touch()
    for name in ("new.csv", "empty.csv", "new.csv"):
        months(tmp_path / name)
    exports.write_month_table(tmp_path / "new.csv", {}, {})


@pytest.mark.parametrize("write", [markdown, months])
def test_an_export_into_a_device_or_a_pipe_is_refused(tmp_path: Path, write: Any) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(Unusable):
            write(path)


def titled(*titles: str) -> dict[str, Issue]:
    return {
        f"ISSUE-{n}": Issue(f"ISSUE-{n}", Card(title, root_cause="x"), "confirmed", tickets=[n]) for n, title in enumerate(titles, start=1)
    }


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (("Lid: leaks air!",), ["lid-leaks-air.md"]),
        (("Gerät lädt nicht",), ["gerat-ladt-nicht.md"]),
        (("شحن",), ["issue-1.md"]),
        (("../../etc/passwd",), ["etc-passwd.md"]),
        (("x" * 300,), [f"{'x' * 60}.md"]),
    ],
)
def test_an_article_is_named_by_its_title(titles: tuple[str, ...], names: list[str], tmp_path: Path) -> None:
    assert [path.name for path in exports.write_markdown(tmp_path / "out", titled(*titles), {})] == names


@pytest.mark.parametrize("title", ["con", "Index", "LPT1"])
def test_no_article_has_a_name_that_is_taken(title: str, tmp_path: Path) -> None:
    (path,) = exports.write_markdown(tmp_path / "out", titled(title), {})
    assert path.stem.startswith(f"{title.lower()}-")


def test_titles_that_read_alike_have_files_of_their_own(tmp_path: Path) -> None:
    paths = exports.write_markdown(tmp_path / "out", titled("Lid leaks", "lid: LEAKS"), {})
    assert len({path.name for path in paths}) == 2


def test_an_article_whose_title_is_gone_goes_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    exports.write_markdown(folder, titled("Lid leaks", "Pump dead"), {})
    (folder / "mine.md").write_text("# My own\n", encoding="utf-8")
    exports.write_markdown(folder, titled("Lid drips", "Pump dead"), {})
    assert {path.name for path in folder.iterdir()} == {"index.md", "lid-drips.md", "pump-dead.md", "mine.md"}


def test_the_table_of_tickets_has_a_row_a_ticket_and_no_formula(tmp_path: Path) -> None:
    issue = Issue("ISSUE-1", Card("=1+1"), "confirmed", tickets=[2, 1], unsure={2: 0.5}, area="@App", kind="bug")
    log = {
        1: DecisionRow(1, "ISSUE-1", "matched", 0.9, url="javascript:1", created_at="2025-01-02T00:00:00Z"),
        2: DecisionRow(2, "ISSUE-1", "provisional", 0.5, url="https://acme.freshdesk.com/a/tickets/2"),
    }
    path = tmp_path / "tickets.csv"
    assert exports.write_ticket_table(path, {"ISSUE-1": issue}, log, separator=";") == 2
    assert exports.write_ticket_table(path, {"ISSUE-1": issue}, log, separator=";") == 2, "over an earlier one"
    assert path.read_text(encoding="utf-8-sig").splitlines() == [
        "ticket_id;issue_id;category;area;kind;date;confidence;url",
        "1;ISSUE-1;'=1+1;'@App;bug;2025-01-02;0.9;",
        "2;ISSUE-1;'=1+1;'@App;bug;;0.5;https://acme.freshdesk.com/a/tickets/2",
    ]
    (tmp_path / "mine.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(Unusable):
        exports.write_ticket_table(tmp_path / "mine.csv", {}, {})


def test_what_came_once_and_what_tells_nothing_gets_no_article_and_is_counted() -> None:
    issues = {
        "A": Issue("A", Card("a", resolution_steps=("Turn it.",)), "confirmed", tickets=[1, 2]),
        "B": Issue("B", Card("b", "It leaks."), "confirmed", tickets=[3, 4]),
        "C": Issue("C", Card("c", root_cause="Worn."), tickets=[5]),
        "D": Issue("D", Card("d"), tickets=[6]),
    }
    assert [name for name, issue in issues.items() if exports.worth_an_article(issue)] == ["A"]
    assert exports.left_out(issues) == "2 issues that came only once and nobody checked, 1 issue without cause and steps"
    assert exports.left_out({"A": issues["A"]}) == ""
