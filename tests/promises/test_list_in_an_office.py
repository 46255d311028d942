"""The review list in a real spreadsheet program, in the languages that write numbers otherwise: no cell runs, and what it saves is read
back right."""

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from review import list as review_list
from testing import reviews
from testing.reviews import revised

SOFFICE = shutil.which("soffice")
pytestmark = [pytest.mark.thirdparty, pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")]
TEXTS = [
    "=1+41",
    '=HYPERLINK("http://127.0.0.1:9/")',
    "+41+1",
    "-41-1",
    "@SUM(41;1)",
    "\t=1+41",
    "＝1+41",
    "x;=1+41",
    "  =1+41",
    'Größe, "quoted"\nline',
]


LANGUAGES = {"de-DE": ";", "en-US": ",", "fr-FR": ";", "sv-SE": ";"}
"""How a spreadsheet of each language separates columns; only one of them writes 0.62 with a point."""
LANGUAGE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{}</value></prop></item></oor:items>"""
Office = Callable[..., Path]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Saves a file as LibreOffice does, in a profile for each language; `opened` says how a CSV is read, "" for the system's own way."""

    def convert(path: Path, form: str, folder: Path, *, opened: str = "44,34,76", language: str = "en-US") -> Path:
        assert SOFFICE is not None
        profile = tmp_path_factory.getbasetemp() / f"profile-{language}"
        if not profile.exists():
            (profile / "user").mkdir(parents=True)
            (profile / "user" / "registrymodifications.xcu").write_text(LANGUAGE.format(language), encoding="utf-8")
        how = [f"--infilter=Text - txt - csv (StarCalc):{opened}"] if path.suffix == ".csv" and opened else []
        command = [SOFFICE, f"-env:UserInstallation=file://{profile}", "--headless", *how, "--convert-to", form, "--outdir", str(folder)]
        subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=180)
        return folder / f"{path.stem}.{form.split(':')[0]}"

    return convert


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "flagged.csv"
    issues = {
        f"=ISSUE-{number}": Issue(f"=ISSUE-{number}", Card(text), tickets=[number], unsure={number: 0.5})
        for number, text in enumerate(TEXTS, 1)
    }
    log = {number: DecisionRow(number, None, "new", reason=text, subject=text) for number, text in enumerate(TEXTS, 1)}
    review_list.write(path, issues, log)
    return path


def test_no_cell_is_a_formula(listed: Path, tmp_path: Path, office: Office) -> None:
    sheet = office(listed, "fods", tmp_path).read_text(encoding="utf-8")
    assert "＝1+41" in sheet
    assert "table:formula" not in sheet
    assert not re.search(r">42<", sheet)


@pytest.mark.parametrize(
    ("options", "opened"),
    [("44,34,76", "44,34,76"), ("59,34,76", "44,34,76"), ("9,34,65535", "44,34,76"), ("59,34,1", "44,34,76"), ("59,34,76", "")],
    ids=["commas", "semicolons", "tabs in UTF-16", "semicolons in a Windows code page", "opened in the wrong encoding"],
)
def test_what_it_saves_is_read_back(listed: Path, tmp_path: Path, office: Office, options: str, opened: str) -> None:
    (tmp_path / "saved").mkdir()
    book = office(listed, "ods", tmp_path, opened=opened)
    saved = office(book, f"csv:Text - txt - csv (StarCalc):{options}", tmp_path / "saved")
    rows = review_list.parse(saved.read_bytes(), name="saved")
    assert [row.cells["ticket_id"] for row in rows] == [str(number) for number in range(1, len(TEXTS) + 1)]
    assert [row.cells["issue_id"] for row in rows] == [f"=ISSUE-{number}" for number in range(1, len(TEXTS) + 1)]


@pytest.mark.parametrize("separator", [",", ";"], ids=["written with commas", "written with semicolons"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_persons_decisions_come_back_from_every_language(tmp_path: Path, office: Office, language: str, separator: str) -> None:
    """Numbers and dates are looked for in every cell, and cells are saved as that language shows them: what is applied is the same."""
    issues, log = many_tickets()
    filled = tmp_path / "filled.csv"
    filled.write_text(with_decisions(review_list.render(issues, log, separator=separator), separator), encoding="utf-8")
    (tmp_path / "saved").mkdir()
    book = office(filled, "ods", tmp_path, opened=f"{ord(separator)},34,76,1,,0,false,true", language=language)
    form = f"csv:Text - txt - csv (StarCalc):{ord(LANGUAGES[language])},34,76,1,,0,false,true"
    saved = office(book, form, tmp_path / "saved", language=language)
    assert ("1.00E+05" if language == "en-US" else "1,00E+05") in saved.read_text(encoding="utf-8"), "the language had no effect"
    wanted, found = revised(filled, issues, log), revised(saved, issues, log)
    assert len(found.done) == 7
    assert found.done == wanted.done
    assert issue_db.render(found.issues.values()) == issue_db.render(wanted.issues.values())


def many_tickets() -> tuple[dict[str, Issue], dict[int, DecisionRow]]:
    """The small database of other tests, with tickets whose numbers and words a spreadsheet likes to write anew."""
    issues, log = reviews.database(), reviews.log()
    for ticket, word in ((1000, "1,000"), (12_345_678, "1/2"), (99_999_999_999, "3.4"), (20_250_101, "1e5")):
        home = f"ISSUE-{ticket}"
        issues[home] = reviews.issue(home, word, [ticket], unsure={ticket: 0.62}, first_seen="2025-01-01", last_seen="2025-01-01")
        log[ticket] = DecisionRow(
            ticket, home, "provisional", 0.62, "ISSUE-1", word, subject="1.2.2025", created_at="2025-01-01T00:00:00Z", decided_by="model"
        )
    return issues, log


def with_decisions(text: str, separator: str) -> str:
    """The list with a decision in each row, a target where one is needed."""
    verbs = {"5": "accept", "6": "confirm", "7": "ignore", "1000": "accept", "12345678": "move", "99999999999": "new"}
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=separator))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    for row in rows:
        verb = verbs.get(row["ticket_id"], "confirm")
        writer.writerow(row | {"decision": verb, "target_issue_id": "ISSUE-7" if verb == "move" else ""})
    return "\ufeff" + out.getvalue()
