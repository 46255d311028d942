"""The review list lists what nobody has reviewed, runs no formula, survives a spreadsheet and keeps what a person wrote."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Unreadable
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from review import list as review_list

CONTRACT_HEADER = "ticket_id,confidence,issue_id,category,suggested_issue_id,suggested_category,reason,subject,url,decision,target_issue_id"


def database() -> dict[str, Issue]:
    issues = [
        Issue("ISSUE-9", Card("Wi-Fi setup fails"), tickets=[9, 10], reviewed=[10], unsure={10: 0.3}, merged_from=["ISSUE-8"]),
        Issue("ISSUE-171", Card("Wi-Fi drops"), tickets=[171], unsure={171: 0.62}),
        Issue("ISSUE-100", Card("Lid leaks"), tickets=[100, 101], unsure={100: 0.0, 101: 0.7, 500: 0.2}),
    ]
    return {issue.issue_id: issue for issue in issues}


def log() -> dict[int, DecisionRow]:
    row = DecisionRow(
        171,
        "ISSUE-171",
        "provisional",
        0.62,
        "ISSUE-8",
        reason="It drops.",
        subject="Wi-Fi",
        url="https://acme.freshdesk.com/a/tickets/171",
    )
    return {171: row}


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_header_stands_to_the_letter_also_in_an_empty_list() -> None:
    assert review_list.render({}, {}) == "\ufeff" + CONTRACT_HEADER + "\n"


def test_the_list_holds_unreviewed_tickets_below_the_line_in_ticket_order() -> None:
    rows = read(review_list.render(database(), {}))
    assert [(row["ticket_id"], row["confidence"], row["issue_id"]) for row in rows] == [
        ("100", "0.0", "ISSUE-100"),
        ("171", "0.62", "ISSUE-171"),
    ]


def test_a_suggestion_that_was_merged_names_the_issue_it_went_to() -> None:
    row = read(review_list.render(database(), log()))[1]
    assert (row["suggested_issue_id"], row["suggested_category"]) == ("ISSUE-9", "Wi-Fi setup fails")
    assert (row["reason"], row["subject"], row["url"]) == ("It drops.", "Wi-Fi", "https://acme.freshdesk.com/a/tickets/171")


def test_a_suggestion_that_is_gone_keeps_its_id() -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, "ISSUE-404")}
    row = read(review_list.render(database(), rows))[1]
    assert (row["suggested_issue_id"], row["suggested_category"]) == ("ISSUE-404", "")


def test_an_empty_file_holds_nothing_that_could_be_lost(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"\n")
    assert review_list.load_filled(tmp_path / "list.csv") == review_list.load_filled(tmp_path / "none.csv") == {}


FORMULAS = {
    "equals": "=HYPERLINK(A1)",
    "plus": "+1",
    "minus": "-1+2",
    "at": "@SUM(A1)",
    "tab": "\t=1",
    "carriage return": "\r=1",
    "after spaces": "   =1",
    "after a zero-width space": "\u200b=1",
    "fullwidth equals": "＝1",
    "fullwidth plus": "＋1",
    "fullwidth minus": "－1",
    "fullwidth at": "＠SUM",
    "after a line break": "\n=1",
    "after a no-break space": "\u00a0=1",
}


@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS.keys())
@pytest.mark.parametrize("column", ["subject", "reason"])
def test_a_cell_that_would_run_is_made_harmless(text: str, column: str) -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, **{column: text})}  # type: ignore[arg-type] # a text field
    cell = read(review_list.render(database(), rows))[1][column]
    assert cell.startswith("'")


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula_either() -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, subject="a; =1;@b")}
    line = review_list.render(database(), rows).splitlines()[2]
    assert not any(cell.strip().startswith(("=", "@")) for cell in line.split(";"))


@given(st.text(alphabet="'=+-@; aＡ\u200b＝\"," + "x"))
def test_a_harmless_cell_reads_back_right(text: str) -> None:
    assert review_list.original(review_list.harmless(text)) == text
    assert review_list.harmless(text)[:1] not in tuple("=+-@＝")


def test_issue_ids_that_look_like_formulas_come_back_as_they_were() -> None:
    issues = {"=X": Issue("=X", Card("+Lid"), tickets=[5], unsure={5: 0.1})}
    text = review_list.render(issues, {})
    assert read(text)[0]["issue_id"] == "'=X"
    assert review_list.parse(text.encode(), name="list")[0].cells["issue_id"] == "=X"


def test_text_that_no_cell_can_hold_is_brought_into_shape() -> None:
    subject = "a\x1b[31m\ud800\u202eb\nc\0" + "x" * 50_000
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, subject=subject)}
    cell = read(review_list.render(database(), rows).encode().decode())[1]["subject"]
    assert cell.startswith("a [31m b c xx")
    assert len(cell) == review_list.MAX_CELL_CHARS


def fill(text: str, ticket: int, decision: str, target: str = "") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, review_list.COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in read(text):
        writer.writerow(row | ({"decision": decision, "target_issue_id": target} if row["ticket_id"] == str(ticket) else {}))
    return out.getvalue()


def test_filled_columns_are_carried_into_the_next_list(tmp_path: Path) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text(fill(review_list.render(database(), {}), 171, "move", "ISSUE-9"), encoding="utf-8")
    assert review_list.write(path, database(), log()) == 2
    row = read(path.read_text(encoding="utf-8"))[1]
    assert (row["decision"], row["target_issue_id"], row["subject"]) == ("move", "ISSUE-9", "Wi-Fi")
    before = path.read_bytes()
    review_list.write(path, database(), log())
    assert path.read_bytes() == before


def test_a_missing_quotation_mark_loses_nobodys_decisions(tmp_path: Path) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text('ticket_id,decision,target_issue_id\n171,"confirm,\n172,ignore,\n173,confirm,\n', encoding="utf-8")
    with pytest.raises(Unreadable, match=r"row 2: a line break .* quotation mark"):
        review_list.load_filled(path)


def test_a_filled_row_that_is_no_longer_flagged_stays_until_it_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text(fill(review_list.render(database(), {}), 171, "confirm"), encoding="utf-8")
    issues = database()
    issues["ISSUE-171"].unsure.clear()
    review_list.write(path, issues, {})
    assert [row["ticket_id"] for row in read(path.read_text(encoding="utf-8"))] == ["100", "171"]
    issues["ISSUE-171"].reviewed.append(171)
    review_list.write(path, issues, {})
    assert [row["ticket_id"] for row in read(path.read_text(encoding="utf-8"))] == ["100"]


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04zip", b"just text", b"ticket_id,decision\nabc,confirm\n", b"ticket_id,decision\n5,new\n5,confirm\n", b"\xff\xfe\x00"],
    ids=["a spreadsheet file", "no table", "a filled row without a number", "a ticket filled in twice", "broken UTF-16"],
)
def test_a_list_that_cannot_be_read_is_kept_beside_the_new_one(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_bytes(content)
    review_list.write(path, database(), {})
    assert (tmp_path / "flagged_for_review.csv.unreadable").read_bytes() == content
    assert path.read_text(encoding="utf-8").startswith("\ufeffticket_id,")
    assert "kept as flagged_for_review.csv.unreadable" in caplog.text


def resaved(separator: str, encoding: str, columns: list[str], newline: str = "\r\n") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=newline)
    writer.writerow(columns)
    cells = {"ticket_id": "171", "decision": "Move", "target_issue_id": "ISSUE-9", "reason": 'Größe; "x", a\nb', "Notiz": "von Ute"}
    writer.writerow([cells.get(column, "") for column in columns])
    writer.writerow([""] * len(columns))
    return out.getvalue().encode(encoding)


ALL = list(review_list.COLUMNS)
RESAVED = {
    "as written": resaved(",", "utf-8-sig", ALL, "\n"),
    "no BOM": resaved(",", "utf-8", ALL),
    "semicolons": resaved(";", "utf-8-sig", ALL),
    "semicolons in a Windows code page": resaved(";", "cp1252", ALL),
    "tabs in UTF-16": resaved("\t", "utf-16", ALL),
    "UTF-16 without a BOM": resaved("\t", "utf-16-le", ALL),
    "columns in another order": resaved(";", "utf-8", ALL[::-1]),
    "columns added and gone": resaved(",", "utf-8", ["Notiz", "decision", "reason", "target_issue_id", "ticket_id"]),
    "header in capitals": resaved(",", "utf-8", [name.upper() for name in ("ticket_id", "decision", "target_issue_id")]).replace(
        b"\r\n,,", b"\r\n171,Move,ISSUE-9", 1
    ),
    "a BOM taken for letters": resaved(";", "utf-8", ["\ufeff".encode().decode("cp1252") + "ticket_id", *ALL[1:]]).replace(
        b"\r\n;", b"\r\n171;", 1
    ),
    "a line that names the separator": b"sep=;\r\n" + resaved(";", "utf-8", ALL),
}


@pytest.mark.parametrize("content", RESAVED.values(), ids=RESAVED.keys())
def test_a_list_that_a_spreadsheet_saved_again_is_read(content: bytes) -> None:
    rows = review_list.parse(content, name="list")
    assert len(rows) == 1
    assert rows[0].number == 2
    cells = rows[0].cells
    assert (cells["ticket_id"], cells["decision"], cells["target_issue_id"]) == ("171", "Move", "ISSUE-9")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column ticket_id and no column decision"),
        (b"ticket_id,issue_id\n1,2\n", "no column decision"),
        (b"ticket_id,decision,decision\n1,new,\n", "a column twice: decision"),
        (b"ticket_id,decision\n1," + b"x" * 200_000 + b"\n", "not a readable CSV"),
    ],
    ids=["empty", "no decision", "a column twice", "an endless cell"],
)
def test_what_is_no_list_is_refused_with_a_reason(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        review_list.parse(content, name="list.csv")


def test_a_list_of_ten_thousand_rows_is_written_and_read() -> None:
    issues = {"A": Issue("A", Card("x"), tickets=list(range(1, 10_001)), unsure=dict.fromkeys(range(1, 10_001), 0.5))}
    assert len(review_list.parse(review_list.render(issues, {}).encode(), name="list")) == 10_000
