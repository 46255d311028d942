"""Pictures of the demo's page for the documents: overview, issue, review, dark, phone.

    python -m benchmarks.screenshots [FOLDER]      into docs/ unless another folder is named

Needs playwright (requirements-dev.txt) and Debian's Chromium. Runs the demo's two weeks in a folder of its own first.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from testing.process import ROOT, plain_environment

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Picture(NamedTuple):
    """One picture: where on the page, in which colours, how large a window."""

    name: str
    place: str
    scheme: str = "light"
    width: int = 1280
    height: int = 900


PICTURES = (
    Picture("report-overview", "#overview"),
    Picture("report-issue", "#issue/ISSUE-1020"),
    Picture("report-review", "#review"),
    Picture("report-review-dark", "#review", "dark"),
    Picture("report-list-dark", "#issues?area=Device%20faults%20and%20care", "dark"),
    Picture("report-phone", "#overview", "light", 390, 844),
)


def make(folder: Path) -> list[Path]:
    """The pictures, made anew in `folder`."""
    from playwright.sync_api import sync_playwright

    made = []
    with tempfile.TemporaryDirectory() as work, sync_playwright() as driver:
        for _ in range(2):
            subprocess.run([sys.executable, "-m", "main", "--demo"], cwd=work, env=plain_environment(), check=True, capture_output=True)
        page_file = Path(work) / "output" / "demo" / "report.html"
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        for picture in PICTURES:
            made.append(folder / f"{picture.name}.png")
            viewport = {"width": picture.width, "height": picture.height}
            context = browser.new_context(color_scheme="dark" if picture.scheme == "dark" else "light", viewport=viewport)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(f"file://{page_file}{picture.place}")
            page.wait_for_timeout(400)
            page.screenshot(path=made[-1])
            context.close()
        browser.close()
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    for path in make(parser.parse_args().folder):
        print(path)
