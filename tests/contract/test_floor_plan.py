"""The floor plan: which folder may know which, and that nothing happens by being imported."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("cli", "freshdesk", "cleaning", "llm", "clustering", "knowledge", "review", "report", "common", "demo", "benchmarks", "testing")
DOORS = ("main", "env", "data_fetcher", "conversation_utils", "llm_client", "prompts_config", "issue_clusterer")
PROGRAM = {path for folder in FOLDERS[:9] for path in (ROOT / folder).glob("*.py")} | {ROOT / f"{door}.py" for door in DOORS}

ARROWS: dict[str, set[str]] = {
    "common": set(),
    "knowledge": {"common"},
    "freshdesk": {"common"},
    "llm": {"common"},
    "cleaning": {"common", "knowledge"},
    "prompts_config": {"common", "knowledge"},
    "clustering": {"common", "knowledge", "prompts_config", "cleaning.shorten", "llm.protocol", "llm.json_text"},
    "review": {"common", "knowledge"},
    "report": {"common", "knowledge", "cleaning.languages", "review.list", "review.groups", "llm.bill"},
    "env": {"common"},
    "data_fetcher": {"freshdesk", "env", "common", "knowledge"},
    "conversation_utils": {"cleaning", "env", "common", "knowledge"},
    "llm_client": {"llm", "env", "common", "knowledge"},
    "issue_clusterer": {"clustering", "env", "common", "knowledge", "prompts_config", "review.list", "llm.protocol", "llm.json_text"},
}
"""Who may import whom, apart from its own folder. `cli` may import all but `main`; `main` may import all that is not for tests."""


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Modules that a file imports anywhere in it, as `folder.module` or the name of a door."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: rooms are named whole"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module in FOLDERS else {module}
    return frozenset(found)


def room(path: Path) -> str:
    return path.stem if path.parent == ROOT else path.parent.name


def is_ours(name: str) -> bool:
    return name.split(".")[0] in (*FOLDERS, *DOORS)


def may_import(own: str, other: str) -> bool:
    folder = other.split(".")[0]
    if folder in ("benchmarks", "testing"):
        return False
    if own == "main":
        return True
    if own == "cli":
        return folder not in ("main", "demo")
    return folder == own or bool({folder, other} & ARROWS[own])


def test_arrows_point_one_way() -> None:
    wrong = [(path, name) for path in PROGRAM for name in imports(path) if is_ours(name) and not may_import(room(path), name)]
    assert not wrong, "; ".join(sorted(f"{path.relative_to(ROOT)} imports {name}" for path, name in wrong))


def test_the_demo_needs_nothing_made_for_tests() -> None:
    found = [(path.name, name) for path in (ROOT / "demo").glob("*.py") for name in imports(path)]
    assert not [(path, name) for path, name in found if name.split(".")[0] in ("benchmarks", "testing", "tests")]


def test_the_reader_of_imports_reads_imports() -> None:
    assert {"argparse", "env"} <= imports(ROOT / "cli" / "options.py")
    assert not may_import("common", "knowledge.issue")
    assert may_import("report", "review.list")
    assert not may_import("report", "review.apply")


def test_only_the_environment_room_reads_the_environment() -> None:
    def reads_it(path: Path) -> bool:
        nodes = ast.walk(parsed(path))
        return any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in nodes)

    assert [path.name for path in PROGRAM if reads_it(path)] == ["env.py"]


def test_every_module_says_what_it_is() -> None:
    assert not [path for path in PROGRAM if not (ast.get_docstring(parsed(path)) or "").strip()]


@pytest.mark.parametrize("name", ["env.get", "data_fetcher.fetch_resolved_ticket_ids", "data_fetcher.fetch_ticket",
    "conversation_utils.build_conversation", "llm_client.chat", "llm_client.chat_completion", "issue_clusterer.IssueClusterer",
    "main.main", "main.run"])  # fmt: skip
def test_names_of_the_plan_are_where_it_says(name: str) -> None:
    module, attribute = name.split(".")
    assert callable(getattr(__import__(module), attribute))


PROBE = """
import filelock  # on Python 3.10 it tries out links in a temporary folder of its own
import importlib
import sys
names = sys.argv[1:]
sys.dont_write_bytecode = True
seen = []
def watch(event, args):
    wants_to_write = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if wants_to_write or event in ("os.mkdir", "os.remove", "os.rename", "socket.connect", "subprocess.Popen", "_thread.start_new_thread"):
        seen.append((event, str(args[0])))
    if event == "open" and str(args[0]).endswith(".env"):
        seen.append((event, str(args[0])))
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
import logging
assert not logging.getLogger().handlers, "a module set up logging"
print(seen)
"""


@pytest.mark.slow
def test_nothing_runs_at_import(tmp_path: Path) -> None:
    """No file is written, no folder made, no `.env` read, no thread or process started, nobody called."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in sorted(PROGRAM)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE, *names],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
    assert list(tmp_path.iterdir()) == []
