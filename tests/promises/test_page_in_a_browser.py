"""The report page in a real browser: read, searched, reviewed, exported, applied; hostile text stays text and no request leaves it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from knowledge import decision
from knowledge import issue as issue_db
from knowledge.conversation import Conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from knowledge.paths import RunFiles
from report import page as report
from report.reading import read
from review import apply
from review import list as review_list

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
AXE = util.find_spec("axe_playwright_python")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(util.find_spec("playwright") is None, reason="playwright is not installed"),
]
HOSTILE = [
    "<script>document.title='run'</script>",
    '"><img src="https://evil.example/a.png" onerror="document.title=\'run\'">',
    "</script><script>document.title='run'</script>",
    "<!--<script>{{7*7}}",
    "a\u202eb\x1b[31m",
]


@dataclass
class Walk:
    """A database on disk, its page in a browser, and what the browser asked for or complained about."""

    files: RunFiles
    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def write_page(self) -> None:
        issues, log = issue_db.load(self.files.database), decision.load(self.files.decisions)
        report.write(self.files.report_page, read(issues, log, conversation), weekly=self.files.weekly)

    def open(self, place: str = "") -> None:
        self.page.goto(f"file://{self.files.report_page}{place}")

    def export(self) -> Path:
        self.page.evaluate("location.hash = '#decisions'")
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="Export review.json").click()
        assert download.value.suggested_filename == "review.json"
        path = self.files.database.with_name("review.json")
        download.value.save_as(path)
        return path


def await_rows(page: "Page", count: int) -> None:
    """Wait for the list of issues to have so many rows; the page's policy forbids waiting by a script of ours."""
    from playwright.sync_api import expect

    expect(page.locator("#issue-list li:not(.none)")).to_have_count(count)


def conversation(ticket_id: int) -> Conversation:
    said: list[Any] = [
        {
            "speaker": "user",
            "text": f"Customer words that have it {ticket_id} {HOSTILE[ticket_id % 5]}",
            "private": False,
            "incoming": True,
        },
        {"speaker": "agent", "text": "Agent words", "private": False, "incoming": False},
        {"speaker": "agent", "text": "Internal words", "private": True, "incoming": False},
    ]
    return {
        "ticket_id": ticket_id,
        "subject": "s",
        "status": 5,
        "source": 1,
        "type": None,
        "tags": ["vip"] if ticket_id == 2 else [],
        "created_at": "2025-01-01T00:00:00Z",
        "updated_at": "2025-01-01T00:00:00Z",
        "url": "",
        "ignored": None,
        "redacted": True,
        "cleaner_version": 1,
        "conversation": [message | {"created_at": "2025-01-01T00:00:00Z"} for message in said],
    }


def write_database(folder: Path) -> RunFiles:
    """Five issues; tickets 11 to 15 wait for review, each alone in an issue of its own and meant for ISSUE-1 or ISSUE-2."""
    files = RunFiles(folder / "silo_issues_db.json")
    issues = [
        Issue(
            "ISSUE-1", Card("Wi-Fi setup fails", HOSTILE[0], ("wi-fi",), HOSTILE[1], (HOSTILE[2],), HOSTILE[3]), "confirmed", 0.9, [1, 3, 5]
        ),
        Issue("ISSUE-2", Card("Lid leaks", "Air gets in.", ("lid",), "", (), ""), "confirmed", 0.9, [2, 4]),
        *(
            Issue(f"ISSUE-{number}", Card(f"Doubtful {number} {HOSTILE[4]}"), tickets=[number], unsure={number: 0.5})
            for number in range(11, 16)
        ),
    ]
    rows = []
    for issue in issues:
        issue.seal_card()
        issue.first_seen, issue.last_seen = "2025-01-01", "2025-03-01"
        for ticket in issue.tickets:
            meant = ("ISSUE-1" if ticket % 2 else "ISSUE-2") if ticket > 10 else None
            rows.append(
                DecisionRow(
                    ticket,
                    issue.issue_id,
                    "provisional" if meant else "matched",
                    0.5 if meant else 0.9,
                    meant,
                    f"Reason {HOSTILE[ticket % 5]}",
                    (1,),
                    subject=f"Subject {ticket} {HOSTILE[ticket % 5]}",
                    url=f"https://acme.freshdesk.com/a/tickets/{ticket}",
                    created_at=f"2025-0{ticket % 3 + 1}-01T00:00:00Z",
                    model="test-model",
                    prompt_version="0a1b2c3d",
                    decided_by="model",
                )
            )
    issues[0].area, issues[0].kind, issues[1].kind = "Devices", "how-to", "bug"
    issues[0].may_be_one = {"ISSUE-2": 0.6}
    files.database.write_text(issue_db.render(issues), encoding="utf-8")
    files.decisions.write_text(decision.render(rows), encoding="utf-8")
    review_list.write(files.flagged, issue_db.load(files.database), decision.load(files.decisions))
    return files


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture(params=[("light", 1280, 900)], ids=["desktop"])
def walk(request: pytest.FixtureRequest, tmp_path: Path, browser: "Browser") -> Iterator[Walk]:
    scheme, width, height = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce")
    made = Walk(write_database(tmp_path), context.new_page())
    made.page.on("request", lambda asked: made.requests.append(asked.url))
    made.page.on("console", lambda message: made.complaints.append(message.text))
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on("dialog", lambda dialog: made.complaints.append(dialog.message))
    made.write_page()
    made.open()
    yield made
    context.close()
    assert made.complaints == []
    assert [url for url in made.requests if not url.startswith((f"file://{made.files.report_page}", "data:,", "blob:"))] == []


def test_five_tickets_are_reviewed_exported_applied_and_gone_from_the_next_page(walk: Walk) -> None:
    page = walk.page
    page.get_by_role("link", name="Review 5", exact=True).click()
    page.get_by_role("link", name="One by one").click()
    assert page.locator("#review-count").inner_text() == "0 of 5 tickets decided"
    page.get_by_role("button", name="Take the suggestion").click()
    page.get_by_role("button", name="Right as it stands").click()
    page.get_by_role("button", name="New issue").click()
    page.get_by_role("button", name="Ignore").click()
    page.get_by_role("button", name="Move elsewhere").click()
    page.get_by_label("Which issue does it belong to?").fill("ISSUE-2")
    page.get_by_role("button", name="Move", exact=True).click()
    assert page.locator("#decisions-title").is_visible()
    assert page.locator("#decisions-body li").count() == 5
    result = apply.apply_file(walk.export(), walk.files)
    issues = issue_db.load(walk.files.database)
    assert {name: made.tickets for name, made in issues.items()} == {
        "ISSUE-1": [1, 3, 5, 11],
        "ISSUE-2": [2, 4, 14],
        "ISSUE-13": [13],
        "ISSUE-15": [15],
    }
    assert result.flagged == 0
    rows = decision.load(walk.files.decisions)
    assert [(rows[ticket].outcome, rows[ticket].decided_by) for ticket in range(11, 16)] == [
        ("reviewed", "person"),
        ("ignored", "person"),
        ("reviewed", "person"),
        ("reviewed", "person"),
        ("reviewed", "person"),
    ]
    walk.write_page()
    walk.open("?again#review")
    assert page.locator("#review-body").inner_text().startswith("No ticket is waiting for review.")  # one pair of issues is left
    assert page.locator("#decisions-badge").inner_text() == "0"  # what was applied no longer waits in the browser


def test_the_keyboard_alone_reviews_and_undoes(walk: Walk) -> None:
    page = walk.page
    page.get_by_role("link", name="Review 5", exact=True).click()
    page.get_by_role("link", name="One by one").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#review-ticket:focus")
    for key in ("c", "ArrowRight", "a", "u", "u"):
        page.keyboard.press(key)
    assert page.locator("#review-count").inner_text() == "0 of 5 tickets decided"
    page.keyboard.press("n")
    assert page.locator("#review-count").inner_text() == "1 of 5 tickets decided"


def test_issues_are_searched_filtered_and_opened(walk: Walk) -> None:
    page = walk.page
    page.get_by_role("link", name="Issues").click()
    assert page.locator("#found").inner_text() == "7 issues, 10 tickets"
    for words, count in (("wi-fi", 1), ("wifi", 1), ("#14", 1), ("air lid", 1), ("nowhere", 0), ("", 7)):
        page.get_by_label("Search", exact=True).fill(words)
        await_rows(page, count)
    page.get_by_label("with tickets for review").check()
    await_rows(page, 5)
    page.get_by_label("with tickets for review").uncheck()
    page.get_by_text("More filters").click()
    page.locator("#state").select_option("more")
    await_rows(page, 2)
    page.get_by_label("From", exact=True).fill("2025-03-02")
    await_rows(page, 0)
    page.get_by_label("From", exact=True).fill("")
    page.locator("#issue-list a").first.click()
    assert page.locator("#issue-title").inner_text() == "Wi-Fi setup fails"
    page.locator("#ticket-3 summary").click()
    assert page.locator("#ticket-3 li.evidence .who").inner_text().endswith("evidence")
    assert (
        page.locator("#ticket-3").get_by_role("link", name="in Freshdesk").get_attribute("href") == "https://acme.freshdesk.com/a/tickets/3"
    )


def test_a_filtered_list_has_an_address_that_can_be_sent(walk: Walk) -> None:
    page = walk.page
    walk.open("?a#issues?area=Devices&kind=how-to")
    await_rows(page, 1)
    assert page.get_by_label("Area").input_value() == "Devices"
    walk.open("?b#issues?tag=vip&language=English")
    await_rows(page, 1)
    assert page.locator("#found").inner_text() == "1 issue of 7, 1 ticket"
    assert page.get_by_label("Tag").is_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    await_rows(page, 7)
    page.get_by_label("Search", exact=True).fill("nowhere")
    await_rows(page, 0)
    assert page.evaluate("location.hash") == "#issues?q=nowhere"
    page.get_by_role("button", name="Clear search and filters").click()
    await_rows(page, 7)
    walk.open("?c#issues?area=No such area&order=nonsense&from=never")
    await_rows(page, 7)


def test_a_chip_leads_to_its_list(walk: Walk) -> None:
    from playwright.sync_api import expect

    page = walk.page
    page.get_by_role("link", name="Bugs to report 1").click()
    expect(page.locator("#bugs")).to_be_in_viewport()
    page.get_by_role("link", name="Articles to write 1").click()
    expect(page.locator("#articles")).to_be_in_viewport()


def test_a_table_a_quote_and_lists_to_copy_stand_in_front(walk: Walk) -> None:
    page = walk.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert "Your first 5 problems are 80 %" in page.locator(".headline").inner_text()
    row = page.locator(".problems tbody tr").first
    assert "Customer words" in row.inner_text()
    page.get_by_text("Week to ").click()
    page.get_by_role("button", name="Copy as a letter").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")  # what is copied arrives in its own time
    assert page.evaluate("navigator.clipboard.readText()").startswith("Support, week to 2025-03-01\n\n4 tickets were opened in this week")
    html = page.evaluate("navigator.clipboard.read().then((items) => items[0].getType('text/html')).then((blob) => blob.text())")
    assert "<h3>Support, week to 2025-03-01</h3>" in html
    page.get_by_role("button", name="Copy the article: Wi-Fi setup fails").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("# Wi-Fi setup fails\n\n")
    assert "## What to do\n\n1. " in copied
    page.get_by_role("button", name="Copy the bug report: Lid leaks").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("Lid leaks\n")
    assert "- #4 https://acme.freshdesk.com/a/tickets/4" in copied


def test_why_a_ticket_is_here_is_told_beside_the_next_best(walk: Walk) -> None:
    page = walk.page
    walk.open("?w#ticket/12")
    page.get_by_text("Why here?").click()
    told = page.locator("#ticket-12 .why").inner_text()
    assert "It is in Doubtful 12" in told
    assert "The model meant Lid leaks" in told


def test_review_keys_live_after_a_dialog_and_after_a_reload(walk: Walk) -> None:
    page = walk.page
    walk.open("?k#review/11")
    page.keyboard.press("m")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    assert page.locator("#review-count").inner_text() == "1 of 5 tickets decided"
    page.reload()
    page.keyboard.press("c")
    assert page.locator("#review-count").inner_text() == "2 of 5 tickets decided"


def test_two_groups_and_a_pair_are_settled_by_three_buttons(walk: Walk) -> None:
    page = walk.page
    walk.open("?g#review")
    first, second = page.locator(".group").nth(0), page.locator(".group").nth(1)
    assert "3 unsure tickets probably belong to Wi-Fi setup fails" in first.inner_text()
    assert "2 unsure tickets probably belong to Lid leaks" in second.inner_text()
    first.get_by_role("checkbox").nth(2).uncheck()
    first.get_by_role("button", name="Accept: move ticked there").click()
    page.locator(".group").nth(1).get_by_role("button", name="Ticked are issues of their own").click()
    assert page.locator("#review-count").inner_text() == "4 of 5 tickets decided"
    page.locator(".group").nth(2).get_by_role("button", name="Not the same").click()
    result = apply.apply_file(walk.export(), walk.files)
    issues = issue_db.load(walk.files.database)
    assert {name: made.tickets for name, made in issues.items()} == {
        "ISSUE-1": [1, 3, 5, 11, 13],
        "ISSUE-2": [2, 4],
        "ISSUE-12": [12],
        "ISSUE-14": [14],
        "ISSUE-15": [15],
    }
    assert "ISSUE-2" in issues["ISSUE-1"].distinct_from
    assert result.flagged == 1
    walk.write_page()
    walk.open("?after#review")
    assert page.locator(".group").count() == 1
    assert "1 unsure ticket probably belongs to Wi-Fi setup fails" in page.locator(".group").inner_text()


def test_text_that_speaks_to_the_model_is_told_on_the_card_and_ticked_by_nobody_else(walk: Walk) -> None:
    page, log = walk.page, decision.load(walk.files.decisions)
    log[13] = replace(log[13], guards=("suspicious text", "conversation shortened"))
    walk.files.decisions.write_text(decision.render(log.values()), encoding="utf-8")
    walk.write_page()
    walk.open("?s#review")
    group = page.locator(".group").first
    row = group.locator("li", has_text="#13")
    assert row.locator(".tag").all_inner_texts() == ["suspicious text", "conversation shortened"]
    assert "speaks to the model" in group.locator(".note").inner_text()
    assert [box.is_checked() for box in group.get_by_role("checkbox").all()] == [False, True, True]  # the one to look at stands first
    group.get_by_role("button", name="Accept: move ticked there").click()
    assert page.locator("#review-count").inner_text() == "2 of 5 tickets decided"
    walk.open("?s#review/13")
    assert page.locator("#review-body .ticket-card .tag.flagged").all_inner_texts() == ["for review", "suspicious text"]


def test_counts_on_the_overview_follow_what_is_decided_here(walk: Walk) -> None:
    page = walk.page
    assert page.get_by_role("link", name="Real doubts 5").is_visible()
    walk.open("?c#review/11")
    page.keyboard.press("c")
    page.evaluate("location.hash = '#overview'")
    assert page.get_by_role("link", name="Real doubts 4").is_visible()
    page.evaluate("location.hash = '#review'")
    page.get_by_role("button", name="Not the same").click()
    page.evaluate("location.hash = '#overview'")
    assert page.locator("[data-look=pairs]").is_hidden()


def test_what_a_browser_kept_is_told_once_when_a_review_is_applied_and_when_it_is_undone(walk: Walk) -> None:
    page = walk.page
    walk.open("?u#review/11")
    page.keyboard.press("c")
    page.keyboard.press("c")
    apply.apply_file(walk.export(), walk.files)
    walk.write_page()
    page.reload()
    assert page.locator("#status").inner_text().startswith("2 decisions made here before: applied already")
    page.reload()
    assert page.locator("#status").inner_text() == ""
    apply.undo(walk.files)
    walk.write_page()
    page.reload()
    assert page.locator("#status").inner_text() == "2 decisions made here before, not in the database yet: carried over, see Decisions."
    assert page.locator("#decisions-badge").inner_text() == "2"
    page.reload()
    assert page.locator("#status").inner_text() == ""


def test_merge_split_edit_and_keep_apart_reach_the_database(walk: Walk) -> None:
    page = walk.page
    walk.open("#issue/ISSUE-1")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Category").last.fill("Wi-Fi on 5 GHz")
    page.get_by_label("Steps, one a line").fill("Use 2.4 GHz.\n\nTry again.")
    page.get_by_role("button", name="Keep these words").click()
    page.get_by_role("button", name="Merge with").click()
    page.get_by_label("The other issue").fill("ISSUE-11 | whatever")
    page.get_by_role("button", name="Merge", exact=True).click()
    page.get_by_role("button", name="Not the same as").click()
    page.get_by_label("The other issue").fill("Lid")
    page.get_by_role("button", name="Keep apart").click()
    page.get_by_label("Choose ticket 3").check()
    page.get_by_role("button", name="Split off").click()
    page.get_by_label("Category").last.fill("Router too old")
    page.get_by_role("button", name="Split off", exact=True).click()
    assert page.locator("#decisions-badge").inner_text() == "4"
    page.reload()
    assert page.locator("#decisions-badge").inner_text() == "4"  # kept in the browser until exported
    apply.apply_file(walk.export(), walk.files)
    issues = issue_db.load(walk.files.database)
    first = issues["ISSUE-1"]
    assert (first.card.category, first.card.resolution_steps, first.tickets) == (
        "Wi-Fi on 5 GHz",
        ("Use 2.4 GHz.", "Try again."),
        [1, 5, 11],
    )
    assert first.written_by_person()
    assert (first.merged_from, first.distinct_from) == (["ISSUE-11"], ["ISSUE-2", "ISSUE-3"])
    assert (issues["ISSUE-3"].card.category, issues["ISSUE-3"].tickets) == ("Router too old", [3])
    walk.write_page()
    walk.open()
    assert page.locator("#decisions-badge").inner_text() == "0"


def test_hostile_text_is_shown_as_text(walk: Walk) -> None:
    page = walk.page
    walk.open("#issue/ISSUE-1")
    shown = page.locator("#issue").inner_text()
    assert all(text in shown for text in HOSTILE[:4])
    for row in page.locator("details.ticket summary").all():
        row.click()
    walk.open("?groups#review")
    assert "<script>" in page.locator("#review-body").inner_text()
    walk.open("?review#review/11")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.title() == "Support issues"
    assert page.locator("img, iframe, object, embed").count() == 0


@pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed")
@pytest.mark.parametrize(
    "walk", [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844)], indirect=True, ids=["light", "dark", "phone"]
)
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_screen(walk: Walk) -> None:
    page = walk.page
    assert AXE is not None
    assert AXE.origin is not None
    axe = (Path(AXE.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(axe)
    found = []
    for place in ("#overview", "#issues", "#issue/ISSUE-1", "#issue/ISSUE-2", "#review", "#review/11", "#decisions"):
        page.evaluate("place => { location.hash = place }", place)
        page.wait_for_timeout(50)
        if place == "#issue/ISSUE-1":
            page.locator("details.ticket summary").first.click()
        if place == "#issue/ISSUE-2":
            page.get_by_role("button", name="Edit").click()
        if place == "#review/11":
            page.get_by_role("button", name="Right as it stands").click()
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [
            (place, finding["id"], node["html"][:120])
            for finding in result["violations"]
            if finding["impact"] in ("serious", "critical", "moderate")
            for node in finding["nodes"]
        ]
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), place
        page.keyboard.press("Escape")
    assert found == []


def test_a_dialog_closes_with_escape_and_changes_nothing(walk: Walk) -> None:
    page = walk.page
    walk.open("#issue/ISSUE-1")
    page.get_by_role("button", name="Edit").click()
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert page.locator("#decisions-badge").inner_text() == "0"


def test_a_printed_page_shows_the_issue_without_its_controls(walk: Walk) -> None:
    page = walk.page
    walk.open("#issue/ISSUE-1")
    page.emulate_media(media="print")
    assert page.locator("#issue-title").is_visible()
    assert not page.locator("#filters").is_visible()
    assert not page.get_by_role("button", name="Merge with").is_visible()


def test_without_scripts_the_overview_can_be_read(tmp_path: Path, browser: "Browser") -> None:
    walk = Walk(write_database(tmp_path), browser.new_context(java_script_enabled=False).new_page())
    walk.write_page()
    walk.open()
    assert "Scripts are off" in walk.page.locator("#view-overview").inner_text()
    assert walk.page.get_by_role("link", name="Wi-Fi setup fails").first.is_visible()
    walk.page.context.close()


def test_decisions_of_another_database_in_this_browser_are_left_out(walk: Walk) -> None:
    page = walk.page
    walk.open("#review/11")
    page.get_by_role("button", name="Right as it stands").click()
    issues = issue_db.load(walk.files.database)
    del issues["ISSUE-11"]
    walk.files.database.write_text(issue_db.render(issues.values()), encoding="utf-8")
    walk.write_page()
    page.reload()
    assert page.locator("#decisions-badge").inner_text() == "0"
    assert "1 decision made here before: applied already, or no longer fit" in page.locator("#status").inner_text()


def test_ten_thousand_tickets_open_in_under_two_seconds(tmp_path: Path, browser: "Browser") -> None:
    issues, log = {}, {}
    for number in range(1, 1_001):
        tickets = list(range(number * 10, number * 10 + 10))
        issues[f"ISSUE-{number}"] = Issue(f"ISSUE-{number}", Card(f"Category {number}", "d" * 100), tickets=tickets)
        for ticket in tickets:
            log[ticket] = DecisionRow(ticket, f"ISSUE-{number}", "matched", 0.9, subject="s" * 40, created_at="2025-01-01T00:00:00Z")
    path = tmp_path / "report.html"
    report.write(path, read(issues, log, conversation), weekly=path.with_name("weekly.md"))
    page = browser.new_page()

    def loaded_ms() -> float:
        page.goto("about:blank")
        page.goto(f"file://{path}#issues")
        return float(json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])"))["loadEventEnd"])

    assert any(loaded_ms() < 2_000 for _ in range(5)), "the best of five: others may be at work on this machine"
    await_rows(page, 1_000)
    page.close()
