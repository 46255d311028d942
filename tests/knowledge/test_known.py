"""What somebody brings along: added whole or not at all, every clash named."""

from pathlib import Path

import pytest

from common.errors import Unreadable, Unusable
from knowledge import known
from knowledge.issue import Card, Issue, render


def here() -> dict[str, Issue]:
    return {"ISSUE-1": Issue("ISSUE-1", Card("Lid leaks"), tickets=[1, 2], merged_from=["ISSUE-2"])}


def seed(tmp_path: Path, *issues: Issue) -> Path:
    path = tmp_path / "seed.json"
    path.write_text(render(issues), encoding="utf-8")
    return path


def test_issues_of_another_database_come_along_with_their_tickets(tmp_path: Path) -> None:
    found = known.load(seed(tmp_path, Issue("ISSUE-7", Card("Pump dead"), tickets=[7])), here())
    assert ([issue.issue_id for issue in found.issues], found.issues[0].tickets, found.same) == (["ISSUE-7"], [7], 0)


def test_what_is_here_word_for_word_is_no_clash(tmp_path: Path) -> None:
    found = known.load(seed(tmp_path, *here().values()), here())
    assert (found.issues, found.same) == ((), 1)


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        (Issue("ISSUE-1", Card("Another"), tickets=[9]), "the id ISSUE-1 is taken here by ISSUE-1"),
        (Issue("ISSUE-2", Card("Another"), tickets=[9]), "the id ISSUE-2 is taken here by ISSUE-1"),
        (Issue("ISSUE-9", Card("Another"), tickets=[9], merged_from=["ISSUE-1"]), "the id ISSUE-1 is taken"),
        (Issue("ISSUE-9", Card("Another"), tickets=[2, 9]), "ticket 2 stands here in ISSUE-1"),
    ],
    ids=["id", "alias here", "alias there", "ticket"],
)
def test_a_clash_is_named_and_nothing_is_added(issue: Issue, words: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="adds nothing") as refused:
        known.load(seed(tmp_path, Issue("ISSUE-50", Card("Fine"), tickets=[50]), issue), here())
    assert words in str(refused.value)
    assert "begin with an empty one (--output NEW.json)" in str(refused.value)


def test_a_clash_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="in 1 place\n  ISSUE-1: ticket 2 stands here in ISSUE-1\n"):
        known.load(seed(tmp_path, Issue("ISSUE-1", Card("Another"), tickets=[2])), here())


@pytest.mark.parametrize(
    ("mine", "ignored", "theirs", "words"),
    [
        ({"reviewed": [3]}, [], {"tickets": [3]}, "a person took ticket 3 out here"),
        ({}, [3], {"tickets": [3]}, "a person took ticket 3 out here"),
        ({}, [], {"tickets": [3], "reviewed": [3, 2]}, "a person took ticket 2 out there, and it stands here in ISSUE-1"),
        ({"reviewed": [3]}, [], {"tickets": [4], "reviewed": [3]}, ""),
    ],
    ids=["in the database", "in the log alone", "on the other side", "on both sides"],
)
def test_a_ticket_that_a_person_took_out_comes_back_by_no_seed(
    mine: dict[str, list[int]], ignored: list[int], theirs: dict[str, list[int]], words: str, tmp_path: Path
) -> None:
    issues = {"ISSUE-1": Issue("ISSUE-1", Card("Lid leaks"), tickets=[1, 2], **mine)}  # type: ignore[arg-type]
    path = seed(tmp_path, Issue("ISSUE-9", Card("Pump dead"), **theirs))  # type: ignore[arg-type]
    if not words:
        assert [issue.issue_id for issue in known.load(path, issues, ignored=ignored).issues] == ["ISSUE-9"]
        return
    with pytest.raises(Unusable) as refused:
        known.load(path, issues, ignored=ignored)
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["", "42", "[", "<<<<<<< HEAD"])
def test_what_is_no_database_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable, match="adds nothing"):
        known.load(path, here())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_of_known_problems_becomes_issues_that_people_wrote(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    rows = [
        ["Title", "Owner", "Description"],
        ["Pump dead", "x", "No light at all."],
        ["LID LEAKS", "x", "here already"],
        ["", "x", "y"],
        ["Beep", "x", ""],
    ]
    path.write_text("\ufeff" + "".join(separator.join(row) + "\n" for row in rows), encoding="utf-8")
    found = known.load(path, {**here(), "KNOWN-1": Issue("KNOWN-1", Card("Old"))})
    assert [(issue.issue_id, issue.card.category, issue.card.short_description) for issue in found.issues] == [
        ("KNOWN-2", "Pump dead", "No light at all."),
        ("KNOWN-3", "Beep", ""),
    ]
    assert found.same == 1
    assert all(issue.written_by_person() and issue.status == "confirmed" and not issue.tickets for issue in found.issues)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "title;text\nx;y\n"])
def test_a_table_without_the_two_columns_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Unusable, match="title and description"):
        known.load(path, {})


@pytest.mark.parametrize(
    "text",
    [
        'title,description\nPump dead,"no end\nBeep,b\nLamp,c\n',
        'title,description\nPump dead,"no end\nBeep,"b"\n',
        f"title,description\nBeep,{'x' * 140_000}\n",
    ],
    ids=["a mark without an end", "a mark that ends elsewhere", "a cell without bounds"],
)
def test_a_table_that_cannot_be_read_whole_adds_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable, match=r"known.csv adds nothing: .*below line 1.*quotation mark"):
        known.load(path, {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="there is no"):
        known.load(tmp_path / "nowhere.json", {})
