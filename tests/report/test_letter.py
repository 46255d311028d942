"""The Monday letter: dated by the newest ticket, a screen long, and plain Markdown whatever tickets say."""

from pathlib import Path

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import letter
from report.facts import TicketFacts
from report.letter import Letter
from report.page_json import page_json
from report.reading import read


def data() -> tuple[dict[str, Issue], dict[int, DecisionRow]]:
    """A quarter: lids leak all the time, crashes grow, a code is new."""
    days = {
        "LID": ["2025-01-01", "2025-02-01", "2025-03-01", "2025-03-28"],
        "CRASH": ["2025-02-20", "2025-03-26", "2025-03-27", "2025-03-28", "2025-03-30"],
        "CODE": ["2025-03-29"],
    }
    issues, log, number = {}, {}, 0
    for name, seen in days.items():
        issue = Issue(name, Card(f"About {name}", resolution_steps=("Turn it.",)), kind="how-to" if name == "LID" else "bug")
        for day in seen:
            number += 1
            issue.tickets.append(number)
            log[number] = DecisionRow(number, name, "matched", 0.9, created_at=f"{day}T08:00:00Z")
        issues[name] = issue
    return issues, log


def letter_of(issues: dict[str, Issue], log: dict[int, DecisionRow], **replies: int) -> Letter:
    """The letter; `t1=3`: three replies to ticket 1."""
    reading = read(issues, log)
    reading.facts |= {int(ticket[1:]): TicketFacts(replies=count) for ticket, count in replies.items()}
    return letter.compose(reading)


def test_the_letter_says_what_came_moved_and_would_have_saved_most() -> None:
    issues, log = data()
    text = letter.render(letter_of(issues, log, t1=3, t2=2))
    assert text.startswith("# Support, week to 2025-03-30\n\n6 tickets were opened in this week, 0 in the week before.\n")
    assert "**Growing**\n\n- About CRASH: 4 in the last four weeks, 1 before\n" in text
    assert "**New**\n\n- About CODE: 1 ticket\n" in text
    assert "**Articles that would have saved most**\n\n- About LID: 4 tickets, 5 replies\n" in text
    assert len(text.splitlines()) < 40


def test_equal_data_give_equal_bytes_whatever_the_order(tmp_path: Path) -> None:
    issues, log = data()
    letter.write(tmp_path / "a.md", letter_of(issues, log))
    turned = dict(reversed(issues.items()))
    letter.write(tmp_path / "b.md", letter_of(turned, dict(reversed(log.items()))))
    assert (tmp_path / "a.md").read_bytes() == (tmp_path / "b.md").read_bytes()


def test_a_week_in_which_nothing_came_in_says_so() -> None:
    issues, log = data()
    text = letter.render(letter_of(issues, log), came_with_run=0)
    assert "The last run brought no new ticket" in text
    assert letter.render(letter_of({}, {}), came_with_run=0) == "# Support\n\nNo ticket with a known day yet.\n"


def test_what_tickets_say_stays_text() -> None:
    evil = "<script>alert(1)</script> [x](javascript:1)\n# big\x1b[31m"
    issue = Issue("E", Card(evil), tickets=[1])
    log = {1: DecisionRow(1, "E", "new", 0.9, created_at="2025-01-01T00:00:00Z")}
    text = letter.render(letter_of({"E": issue}, log))
    assert "<script" not in text.replace("\\<script", "")
    assert "\n# big" not in text
    assert "\x1b" not in text


def test_the_week_ends_with_the_newest_ticket_even_if_it_stands_in_no_issue() -> None:
    issues, log = data()
    before = letter_of(issues, log)
    log[99] = DecisionRow(99, None, "ignored", decided_by="person", created_at="2025-03-30T09:00:00Z")
    after = letter_of(issues, log)
    assert (before.last_day, before.opened.split()[0]) == ("2025-03-30", "6")
    assert (after.last_day, after.opened.split()[0]) == ("2025-03-30", "7")
    last = max(issues["CRASH"].tickets)
    issues["CRASH"].tickets.remove(last)  # ignored by a person: the week does not move
    log[last] = DecisionRow(last, None, "ignored", decided_by="person", created_at=log[last].created_at)
    assert (letter_of(issues, log).last_day, letter_of(issues, log).opened) == (after.last_day, after.opened)


def test_the_letter_to_copy_holds_no_mark_of_markdown() -> None:
    issues, log = data()
    issues["CODE"].card = Card("E07 (kettle) *again*")
    made = letter_of(issues, log)
    assert made.title == "Support, week to 2025-03-30"
    (part,) = [part for part in page_json(read(issues, log), made)["letter"]["parts"] if part["title"] == "New"]
    assert part["entries"] == ["E07 (kettle) *again*: 1 ticket"]
