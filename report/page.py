"""The report page: one HTML file for people that needs no network, no server and no key.

Fills the templates with escaping on, puts the data in as inert JSON, and allows the browser just this script and this style. Decides
nothing; what a person decides in the page comes back as `review.json` (see review/apply.py).
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from common import files
from report import facts, letter
from report.letter import Letter
from report.overview import MAX_OUTSIDE, address, area_address, bars, first_screen, remark
from report.page_json import page_json
from report.reading import Reading
from review import list as review_list

TEMPLATES = Path(__file__).with_name("templates")


def write(path: Path, reading: Reading, *, weekly: Path, came_with_run: int | None = None) -> None:
    """Put the page at `path` and the weekly letter at `weekly`. Raises `Unwritable`.

    `came_with_run` is how many tickets the run decided, None where no run was.
    """
    week = letter.compose(reading)
    files.write_text(path, render(reading, week))
    letter.write(weekly, week, came_with_run=came_with_run)


def render(reading: Reading, week: Letter) -> str:
    """The page's text; equal data give equal bytes."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    pages = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    data = page_json(reading, week) | {"kind": review_list.KIND, "command": reading.command("--apply-review review.json")}
    data["stamp"] = hashlib.sha256(files.dump_json(data, indent=None).encode("utf-8", "replace")).hexdigest()[:16]
    text = pages.get_template(
        "report.html.j2"
    ).render(
        policy=_policy(script, style),
        script=Markup(script),  # noqa: S704 # our own file, not data
        style=Markup(style),  # noqa: S704 # our own file, not data
        data=inert_json(data),
        conversations=Markup("\n").join(inert_json(shown) for shown in reading.conversations),
        read=reading,
        trends=reading.trends,
        week=week,
        view=first_screen(reading),
        address=address,
        area_address=area_address,
        bars=bars,
        remark=remark,
        linked=facts.web_address,
        max_outside=MAX_OUTSIDE,
        as_of=max((row.updated_at for row in reading.log.values()), default="")[:10],
    )
    return text.encode("utf-8", "replace").decode()


def inert_json(value: Any) -> Markup:
    """JSON that can stand in a `<script type="application/json">`: nothing in it can close the element or begin another.

    >>> print(inert_json("</script><!--"))
    "\\u003c/script\\u003e\\u003c!--"
    """
    text = files.dump_json(value, indent=None)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 # no character that HTML knows is left in it


def _policy(script: str, style: str) -> str:
    """A Content-Security-Policy that allows this script and this style and no request at all."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
