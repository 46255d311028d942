"""The review list in a real spreadsheet program: no cell runs, and what it saves is read back right."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from review import list as review_list

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


def convert(path: Path, form: str, folder: Path, *, utf8: bool = True) -> Path:
    """The file as LibreOffice saves it, in a profile of its own; a CSV is opened as UTF-8 or as what the system's locale suggests."""
    assert SOFFICE is not None
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    as_utf8 = ["--infilter=Text - txt - csv (StarCalc):44,34,76"] if path.suffix == ".csv" and utf8 else []
    command = [SOFFICE, profile, "--headless", *as_utf8, "--convert-to", form, "--outdir", str(folder), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / f"{path.stem}.{form.split(':')[0]}"


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


def test_no_cell_is_a_formula(listed: Path, tmp_path: Path) -> None:
    sheet = convert(listed, "fods", tmp_path).read_text(encoding="utf-8")
    assert "＝1+41" in sheet
    assert "table:formula" not in sheet
    assert not re.search(r">42<", sheet)


@pytest.mark.parametrize(
    ("options", "utf8"),
    [("44,34,76", True), ("59,34,76", True), ("9,34,65535", True), ("59,34,1", True), ("59,34,76", False)],
    ids=["commas", "semicolons", "tabs in UTF-16", "semicolons in a Windows code page", "opened in the wrong encoding"],
)
def test_what_it_saves_is_read_back(listed: Path, tmp_path: Path, options: str, utf8: bool) -> None:
    (tmp_path / "saved").mkdir()
    book = convert(listed, "ods", tmp_path, utf8=utf8)
    saved = convert(book, f"csv:Text - txt - csv (StarCalc):{options}", tmp_path / "saved")
    rows = review_list.parse(saved.read_bytes(), name="saved")
    assert [row.cells["ticket_id"] for row in rows] == [str(number) for number in range(1, len(TEXTS) + 1)]
    assert [row.cells["issue_id"] for row in rows] == [f"=ISSUE-{number}" for number in range(1, len(TEXTS) + 1)]
