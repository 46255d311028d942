"""The review list lists what nobody has reviewed, runs no formula, survives a spreadsheet and keeps what a person wrote."""

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Unreadable, Unusable
from common.text import for_spreadsheet, from_spreadsheet
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from review import list as review_list
from testing.reviews import revised

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


def test_the_list_holds_unreviewed_tickets_below_the_line_doubts_before_nods() -> None:
    rows = read(review_list.render(database(), {}))
    assert [(row["ticket_id"], row["confidence"], row["issue_id"]) for row in rows] == [
        ("171", "0.62", "ISSUE-171"),
        ("100", "0.0", "ISSUE-100"),
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_list_with_another_separator_reads_back(separator: str) -> None:
    text = review_list.render(database(), log(), separator=separator)
    assert text.splitlines()[0].count(separator) == CONTRACT_HEADER.count(",")
    rows = review_list.parse(text.encode(), name="list")
    assert [(row.cells["ticket_id"], row.cells["suggested_issue_id"]) for row in rows] == [("171", "ISSUE-9"), ("100", "")]


def test_a_suggestion_that_was_merged_names_the_issue_it_went_to() -> None:
    row = read(review_list.render(database(), log()))[0]
    assert (row["suggested_issue_id"], row["suggested_category"]) == ("ISSUE-9", "Wi-Fi setup fails")
    assert (row["reason"], row["subject"], row["url"]) == ("It drops.", "Wi-Fi", "https://acme.freshdesk.com/a/tickets/171")


def test_a_suggestion_that_is_gone_keeps_its_id() -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, "ISSUE-404")}
    row = read(review_list.render(database(), rows))[0]
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
    cell = read(review_list.render(database(), rows))[0][column]
    assert cell.startswith("'")


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula_either() -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, subject="a; =1;@b")}
    line = review_list.render(database(), rows).splitlines()[1]
    assert not any(cell.strip().startswith(("=", "@")) for cell in line.split(";"))


@given(st.text(alphabet="'=+-@; aＡ\u200b＝\"," + "x"))
def test_a_harmless_cell_reads_back_right(text: str) -> None:
    assert from_spreadsheet(for_spreadsheet(text)) == text
    assert for_spreadsheet(text)[:1] not in tuple("=+-@＝")


def test_issue_ids_that_look_like_formulas_come_back_as_they_were() -> None:
    issues = {"=X": Issue("=X", Card("+Lid"), tickets=[5], unsure={5: 0.1})}
    text = review_list.render(issues, {})
    assert read(text)[0]["issue_id"] == "'=X"
    assert review_list.parse(text.encode(), name="list")[0].cells["issue_id"] == "=X"


def test_text_that_no_cell_can_hold_is_brought_into_shape() -> None:
    subject = "a\x1b[31m\ud800\u202eb\nc\0" + "x" * 50_000
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, subject=subject)}
    cell = read(review_list.render(database(), rows).encode().decode())[0]["subject"]
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
    row = read(path.read_text(encoding="utf-8"))[0]
    assert (row["decision"], row["target_issue_id"], row["subject"]) == ("move", "ISSUE-9", "Wi-Fi")
    before = path.read_bytes()
    review_list.write(path, database(), log())
    assert path.read_bytes() == before


def test_a_missing_quotation_mark_loses_nobodys_decisions(tmp_path: Path) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text('ticket_id,decision,target_issue_id\n171,"confirm,\n172,ignore,\n173,confirm,\n', encoding="utf-8")
    with pytest.raises(Unreadable, match=r"below line 1: unexpected end of data; is a quotation mark missing"):
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


MISFITS = {
    "another issue": ({"issue_id": "ISSUE-100"}, "it was in ISSUE-100 and is ISSUE-171 now"),
    "another suggestion": ({"suggested_issue_id": "ISSUE-9"}, "the suggestion was ISSUE-9 and is none now"),
    "no decision": ({"decision": "confirn"}, "'confirn' is none of"),
    "a target that is gone": ({"decision": "move", "target_issue_id": "ISSUE-4"}, "'ISSUE-4' is no issue of this database"),
    "a ticket that is gone": ({"ticket_id": "4711"}, "ticket 4711: it is in no issue of this database"),
}


@pytest.mark.parametrize(("changes", "words"), MISFITS.values(), ids=MISFITS)
def test_a_filled_row_that_fits_no_more_stays_as_it_is_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, str], words: str
) -> None:
    path, issues = tmp_path / "flagged_for_review.csv", {issue.issue_id: issue for issue in database().values()}
    (row,) = (row for row in read(review_list.render(issues, {})) if row["ticket_id"] == "171")
    seen = row | {"decision": "confirm", "subject": "as the person saw it"} | changes
    out = io.StringIO()
    writer = csv.DictWriter(out, review_list.COLUMNS)
    writer.writeheader()
    writer.writerow(seen)
    path.write_text(out.getvalue(), encoding="utf-8")
    review_list.write(path, issues, {})
    assert seen in read(path.read_text(encoding="utf-8"))
    assert f"{path}: 1 filled rows stay as they are" in caplog.text
    assert words in caplog.text
    if "suggest" not in words:  # else it is what the person looked at
        with pytest.raises(Unusable):
            revised(path, issues, {})


def test_a_filled_row_that_is_no_longer_flagged_has_the_words_of_today(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, issues = tmp_path / "flagged_for_review.csv", database()
    path.write_text(fill(review_list.render(issues, {}), 171, "confirm"), encoding="utf-8")
    issues["ISSUE-171"].unsure.clear()
    review_list.write(path, issues, {171: DecisionRow(171, "ISSUE-171", "new", 0.9, subject="Router", reason="Sure now")})
    row = next(row for row in read(path.read_text(encoding="utf-8")) if row["ticket_id"] == "171")
    assert (row["subject"], row["reason"], row["confidence"], row["decision"]) == ("Router", "Sure now", "0.9", "confirm")
    assert not caplog.records


def test_a_target_may_be_called_by_its_title(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text(fill(review_list.render(database(), {}), 171, "move", "lid leaks"), encoding="utf-8")
    review_list.write(path, database(), {})
    assert not caplog.records


def test_each_row_that_fits_no_more_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text("ticket_id,issue_id,decision\n171,ISSUE-9,confirm\n100,ISSUE-9,confirm\n", encoding="utf-8")
    review_list.write(path, database(), {})
    assert "2 filled rows stay as they are" in caplog.text
    assert "ticket 100: it was in ISSUE-9 and is ISSUE-100 now; ticket 171: it was in ISSUE-9 and is ISSUE-171 now" in caplog.text


def test_an_old_lists_suggestion_of_the_tickets_own_issue_fits_only_while_nothing_else_is_suggested(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text("ticket_id,issue_id,suggested_issue_id,decision\n171,ISSUE-171,ISSUE-171,accept\n", encoding="utf-8")
    review_list.write(path, database(), {})
    assert not caplog.records
    review_list.write(path, database(), {171: DecisionRow(171, "ISSUE-171", "provisional", 0.6, "ISSUE-9")})
    assert "the suggestion was none and is ISSUE-9 now" in caplog.text, "the list that was written in between has no suggestion"
    caplog.clear()
    path.write_text("ticket_id,issue_id,suggested_issue_id,decision\n171,ISSUE-171,ISSUE-171,accept\n", encoding="utf-8")
    review_list.write(path, database(), {171: DecisionRow(171, "ISSUE-171", "provisional", 0.6, "ISSUE-9")})
    assert "the suggestion was ISSUE-171 and is ISSUE-9 now" in caplog.text


def test_what_a_person_left_of_the_columns_is_enough(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "flagged_for_review.csv"
    path.write_text("ticket_id,decision\n171,confirm\n", encoding="utf-8")
    review_list.write(path, database(), log())
    assert not caplog.records
    assert read(path.read_text(encoding="utf-8"))[0]["subject"] == "Wi-Fi"


TAKEN_OUT = {
    "all but what is needed": ("ticket_id", "decision"),
    "the suggested id": ("ticket_id", "issue_id", "suggested_category", "decision"),
    "the ids": ("ticket_id", "suggested_category", "decision"),
    "where it was": ("ticket_id", "suggested_issue_id", "decision"),
}


@pytest.mark.parametrize("columns", TAKEN_OUT.values(), ids=TAKEN_OUT)
@pytest.mark.parametrize("verb", ["accept", "confirm"])
def test_a_run_puts_nothing_new_beside_a_persons_word_where_the_other_columns_were_taken_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, columns: tuple[str, ...], verb: str
) -> None:
    path, issues, before = tmp_path / "flagged_for_review.csv", database(), log()
    (row,) = (row for row in read(review_list.render(issues, before)) if row["ticket_id"] == "171")
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerow(row | {"decision": verb})
    path.write_text(out.getvalue(), encoding="utf-8")
    review_list.write(path, issues, before, before=lambda: (issues, before))
    assert not caplog.records
    (same,) = (row for row in read(path.read_text(encoding="utf-8")) if row["ticket_id"] == "171")
    assert same == row | {"decision": verb}
    path.write_text(out.getvalue(), encoding="utf-8")
    after = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.5, "ISSUE-100", reason="A lid", subject="Wi-Fi")}
    review_list.write(path, issues, after, before=lambda: (issues, before))
    assert "ticket 171: the suggestion was ISSUE-9 and is ISSUE-100 now" in caplog.text
    (kept,) = (row for row in read(path.read_text(encoding="utf-8")) if row["ticket_id"] == "171")
    assert [kept[column] for column in ("issue_id", "suggested_issue_id", "suggested_category", "decision")] == [
        "ISSUE-171",
        "ISSUE-9",
        "Wi-Fi setup fails",
        verb,
    ]
    review_list.write(path, issues, after)
    assert kept in read(path.read_text(encoding="utf-8")), "nor does the next run"
    home = "ISSUE-9" if verb == "accept" else "ISSUE-171"
    assert 171 in revised(path, issues, after).issues[home].tickets


def test_a_suggestion_that_nobody_saw_is_not_accepted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, issues = tmp_path / "flagged_for_review.csv", database()
    path.write_text(fill(review_list.render(issues, {}), 171, "accept"), encoding="utf-8")
    review_list.write(path, issues, log())
    assert "ticket 171: the suggestion was none and is ISSUE-9 now" in caplog.text
    with pytest.raises(Unusable, match="there is no suggestion to accept"):
        revised(path, issues, log())


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


@pytest.mark.slow
def test_a_list_of_ten_thousand_rows_is_written_and_read() -> None:
    issues = {"A": Issue("A", Card("x"), tickets=list(range(1, 10_001)), unsure=dict.fromkeys(range(1, 10_001), 0.5))}
    assert len(review_list.parse(review_list.render(issues, {}).encode(), name="list")) == 10_000


# What a person's file may have become


@pytest.mark.parametrize(
    ("cell", "ticket"),
    [
        ("171", 171), (" 171.0 ", 171), ("171,0", 171), ("171.00", 171), ("171.0000", 171), ("1000", 1000),
        ("1,000", None), ("1.000", None), ("23.000", None), ("456,000", None), ("1 000", None), ("1'000", None), ("1\u202f000", None),
        ("1.000.000", None), ("0171", None), ("1.7E+02", None), ("171.5", None), ("-171", None), ("", None), ("1" * 30, None),
        ("١٧١", None), ("1." + "0" * 100_000, None),
    ],
)  # fmt: skip
def test_a_ticket_number_is_read_only_where_it_can_mean_one_ticket(cell: str, ticket: int | None) -> None:
    assert review_list.ticket_number(cell) == ticket


HEAD = ",".join(review_list.COLUMNS)
GOOD = "169,0.62,ISSUE-1,Lid,ISSUE-9,Wi-Fi,why,Old router,https://x/169,confirm,"
BROKEN = {
    "thousands": (HEAD, "1.000,0.6,ISSUE-1,Lid,,,why,Old,https://x,confirm,", "is no ticket number"),
    "all in one column": (HEAD, '"170,0.6,ISSUE-1,Lid,,,why,""Old"",https://x,confirm,"', "is no ticket number"),
    "another separator": (HEAD, GOOD.replace("169", "170").replace(",", ";"), "is no ticket number"),
    "tabs": (HEAD, GOOD.replace("169", "170").replace(",", "\t"), "is no ticket number"),
    "a remark below": (HEAD, "please ask Ute,,,,,,,,,,", "is no ticket number"),
    "a remark beside": (HEAD, GOOD.replace("169", "170") + ",,look!", "text beyond the header"),
    "a cell too many": (HEAD, "170,0.6,ISSUE-1,Lid, seal and rim,,,why,Old,https://x,confirm,x", "text beyond the header"),
    "a cell too few": (HEAD, "170,0.6,ISSUE-1,Lid,,why,Old,https://x,confirm,", "it has 10 cells and the header 11"),
    "a cell too few, ends left off": (HEAD, "170,0.6,ISSUE-1,Lid,,why,Old,https://x,confirm", "'confirm' stands under url"),
    "a semicolon behind each line": (HEAD + ";", "170,0.6,ISSUE-1,Lid,,,why,Old,https://x,,;confirm", "target_issue_id but no decision"),
    "a stray quote": (HEAD, f'170,0.6,"Lid,,,,why,Old,https://x,,\n{GOOD},"x', "is a quotation mark missing"),
    "a stray quote that is closed": (HEAD, f'170,0.6,ISSUE-1,"Lid,,,why,Old,https://x,,\n{GOOD[:-1]}"', "a cell missing|line break|it has"),
    "two stray quotes": (
        HEAD,
        f'170,"0.6,ISSUE-1,Lid,,,why,Old,https://x,new,\n{GOOD}\n171",0.6,I,L,,,w,O,https://x,new,',
        "line break under",
    ),
    "a quote in a decision": (HEAD, '170,0.6,ISSUE-1,Lid,,,why,Old,https://x,"confirm\nno",', "line break"),
}


@pytest.mark.parametrize(("head", "row", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_row_that_does_not_fit_the_header_is_named_and_nothing_is_applied(tmp_path: Path, head: str, row: str, words: str) -> None:
    path = tmp_path / "flagged_for_review.csv"
    for rows in ([GOOD, row], [row, GOOD.replace("169", "180")]):
        path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
        with pytest.raises(Unusable, match=f"(?s)({words})"):
            revised(path, {**database(), "ISSUE-1": Issue("ISSUE-1", Card("Lid"), tickets=[169, 180])}, {})


@pytest.mark.parametrize(("head", "row", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_list_with_a_broken_row_is_set_aside_whole_before_a_new_one_is_written(tmp_path: Path, head: str, row: str, words: str) -> None:
    if "no decision" in words:
        pytest.skip("its rows can be read, so they are carried over")
    path = tmp_path / "flagged_for_review.csv"
    contents = [f"{head}\n{GOOD}\n{row}\n", f"{head}\n{row}\n"]
    for content in contents:
        path.write_text(content, encoding="utf-8")
        review_list.write(path, database(), {})
        assert read(path.read_text(encoding="utf-8"))[0]["ticket_id"] == "171"
    kept = [tmp_path / f"flagged_for_review.csv{ending}.unreadable" for ending in ("", ".2")]
    assert [file.read_text(encoding="utf-8") for file in kept] == contents


SWALLOWED = {
    "the number in the middle": 'issue_id,ticket_id,decision,subject\n"ISSUE-1,169,,x\nISSUE-1",180,confirm,y\n',
    "a column of one's own first": 'who,issue_id,ticket_id,decision\n"Ute,ISSUE-1,169,\nTom",ISSUE-1,180,confirm\n',
    "a column of one's own last": 'ticket_id,decision,who\n169,,"Ute\n180,confirm,Tom"\n',
    "a column of one's own between": 'ticket_id,who,decision\n169,"Ute,confirm\n180,Tom",ignore\n',
    "a whole row between": 'ticket_id,decision,who\n169,confirm,"Ute\n180,ignore,Tom\n181,new,Ann"\n',
    "a whole row between two remarks": 'ticket_id,decision,who\n169,confirm,"Ute\n180,ignore,Tom\nand Ann"\n',
    "a row whose last cell is empty": 'who,ticket_id,decision\n"Ute,169,confirm\n",180,ignore\n',
    "semicolons": 'who;ticket_id;decision\n"Ute;169;\nTom";180;confirm\n',
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["of Unix", "of Windows", "of old"])
@pytest.mark.parametrize("text", SWALLOWED.values(), ids=SWALLOWED)
def test_a_row_that_a_quotation_mark_swallowed_is_seen_wherever_it_stands(tmp_path: Path, text: str, end: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text.replace("\n", end).encode())
    with pytest.raises(Unusable, match="is a quotation mark missing"):
        revised(path, {"ISSUE-1": Issue("ISSUE-1", Card("Lid"), tickets=[169, 180])}, {})


@pytest.mark.parametrize("remark", ["two\nlines", "asked Ute, Tom\nand Ann", "-\n-"], ids=["lines", "names", "dashes"])
def test_a_remark_of_several_lines_in_a_column_of_ones_own_is_no_hindrance(remark: str) -> None:
    (row,) = review_list.parse(f'ticket_id,issue_id,subject,decision,who\n169,ISSUE-1,Lid,confirm,"{remark}"\n'.encode(), name="list")
    assert (row.ticket_id, row.problem) == (169, "")


def test_a_pipe_or_folder_in_the_lists_place_is_no_list(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    with pytest.raises(Unreadable, match="no regular file but a device, pipe or socket"):
        review_list.load_filled(tmp_path / "list.csv")
    for path, words in ((tmp_path / "list.csv", "no regular file"), (tmp_path, "it is a folder"), (Path("/dev/full"), "no regular file")):
        with pytest.raises(Unreadable, match=words):
            revised(path, {}, {})


def test_a_ticket_that_stands_where_it_was_meant_has_no_suggestion_but_a_reason() -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "matched", 0.62, "ISSUE-171", reason="Same router")}
    row = next(row for row in read(review_list.render(database(), rows)) if row["ticket_id"] == "171")
    assert (row["suggested_issue_id"], row["suggested_category"]) == ("", "")
    assert row["reason"] == "stands where it was meant, but in doubt: Same router"


READABLE = {
    "two BOMs": "\ufeff\ufeff" + HEAD + "\n" + GOOD,
    "a BOM taken for letters before a quote": 'ï»¿"ticket_id",' + HEAD.partition(",")[2] + "\n" + GOOD,
    "a BOM, and one taken for letters": "\ufeffï»¿" + HEAD + "\n" + GOOD,
    "a quoted line that names the separator": f'"sep=,"\n{HEAD}\n{GOOD}',
    "empty lines first": f"\n\n{HEAD}\n{GOOD}",
    "empty cells first": f",,,,,,,,,,\n{HEAD}\n{GOOD}",
    "a type first": f"#TYPE System.Management.Automation.PSCustomObject\n{HEAD}\n{GOOD}",
    "a table's name first": f"Tabelle 1\n{HEAD}\n{GOOD}",
    "a table's name in a row of its own form": ("Tabelle 1;;;;;;;;;;\n" + HEAD + "\n" + GOOD).replace(",", ";"),
    "empty cells left off the end": f"{HEAD}\n{GOOD[:-1]}",
    "more empty cells at the end": f"{HEAD},,\n{GOOD},,,",
    "an empty row between": f"{HEAD}\n,,,,,,,,,,\n{GOOD}\n\n",
    "spaces about the names": f"{HEAD.replace(',', ' , ')}\n{GOOD}",
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE.keys())
def test_what_stands_about_the_table_is_no_hindrance(text: str) -> None:
    (row,) = review_list.parse(text.encode(), name="list")
    assert (row.problem, row.ticket_id, row.cells["decision"], row.cells["subject"]) == ("", 169, "confirm", "Old router")


SNEAKY = [
    'a;"=1+1;b', 'Lid;"=HYPERLINK("x";"y");', 'x;" @SUM(1);', 'x;;"=1;', 'x; "" \'=1;', 'x,"=1', "x, -5", "x|=1", 'x;"\u200b=1', '"=1',
    " '\"+1",
]  # fmt: skip


def begins(line: str, mark: str, *, quotes: bool) -> list[str]:
    """The cells of a line as a reader sees them that splits at `mark`, with or without regard for quotes."""
    if quotes:
        return next(csv.reader([line], delimiter=mark))
    return [cell.strip().strip('"').strip() for cell in line.split(mark)]


@pytest.mark.parametrize("quotes", [True, False], ids=["with quotes", "blind to quotes"])
@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
@pytest.mark.parametrize("text", SNEAKY)
def test_no_cell_begins_as_a_formula_wherever_a_spreadsheet_splits(text: str, mark: str, quotes: bool) -> None:
    rows = {171: DecisionRow(171, "ISSUE-171", "provisional", 0.62, subject=text, reason=text)}
    for line in review_list.render(database(), rows).splitlines()[1:]:
        cells = begins(line, mark, quotes=quotes)
        assert not [cell for cell in cells if cell.lstrip(" \u200b")[:1] in tuple("=+-@")], cells
    assert from_spreadsheet(for_spreadsheet(text)) == text
