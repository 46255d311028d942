"""The rooms of the house: which module may know which, and that nothing happens by being imported."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import house

ROOT = Path(__file__).resolve().parent.parent
MODULES = {path.stem: path for path in sorted(ROOT.glob("*.py"))}
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")}

FRESHDESK = {
    "data_fetcher", "freshdesk_client", "ticket_search", "search_windows", "search_query", "rate_gate",
}  # fmt: skip
MODEL = {
    "llm_client", "llm_http", "llm_dialect", "llm_refusals", "llm_bill", "answer_store", "answer_reader", "answer_json", "call_gate",
    "llm_calls", "embedding_client", "batch_files",
}  # fmt: skip
ISSUES = {
    "issue_clusterer", "issue_db", "issue_memory", "decision_wave", "consolidation", "checkpoint", "ticket_question", "candidate_index",
    "model_answers", "prompts_config", "decision_log", "review", "review_list", "review_file", "review_steps", "review_draft",
    "agreement", "exports", "report", "report_data", "trends", "fused_index",
}  # fmt: skip
NETWORK = {"requests", "urllib3", "http"}


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Top-level names that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: rooms are flat, an import relative to nothing"
            found.add((node.module or "").split(".")[0])
    return frozenset(found)


@functools.cache
def reachable(name: str) -> frozenset[str]:
    """All our modules that come along when one is imported, itself included."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports(MODULES[module]) & MODULES.keys()
    return frozenset(seen)


def test_the_reader_of_imports_reads_imports() -> None:
    assert {"argparse", "env", "run_files"} <= imports(MODULES["command_line"])
    assert reachable("command_line") >= {"command_line", "env", "ticket_source", "data_fetcher"}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "main"])
def test_no_module_imports_main(name: str) -> None:
    assert "main" not in imports(MODULES[name])


@pytest.mark.parametrize("name", [name for name in MODULES if name != "main"])
def test_no_room_leans_on_demo_or_benchmarks(name: str) -> None:
    assert not imports(MODULES[name]) & (PACKAGES - {"tests"})


def test_the_rooms_go_one_way_and_never_in_a_circle() -> None:
    for name in MODULES:
        for other in imports(MODULES[name]) & MODULES.keys():
            assert name not in reachable(other), f"{name} and {other} need each other"


@pytest.mark.parametrize("name", sorted(FRESHDESK & MODULES.keys()))
def test_the_freshdesk_edge_knows_nothing_of_models_and_issues(name: str) -> None:
    assert not reachable(name) & (MODEL | ISSUES)


@pytest.mark.parametrize("name", sorted(MODEL & MODULES.keys()))
def test_the_model_edge_knows_nothing_of_freshdesk_and_issues(name: str) -> None:
    assert not reachable(name) & (FRESHDESK | ISSUES)


@pytest.mark.parametrize("name", sorted(ISSUES & MODULES.keys()))
def test_the_rooms_of_issues_talk_to_no_network(name: str) -> None:
    assert not reachable(name) & (FRESHDESK | MODEL - {"answer_json"})
    assert not {found for module in reachable(name) for found in imports(MODULES[module])} & NETWORK


@pytest.mark.parametrize("name", ["conversation_utils", "html_text", "quoted_text", "redaction", "text_weights"])
def test_cleaning_knows_no_network_and_no_issue(name: str) -> None:
    assert not reachable(name) & (FRESHDESK | MODEL | ISSUES)


def test_only_main_shows_a_progress_bar() -> None:
    assert [name for name in MODULES if "tqdm" in imports(MODULES[name])] == ["main"]


def test_only_the_environment_room_reads_the_environment() -> None:
    def reads_it(path: Path) -> bool:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        return any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in nodes)

    assert [name for name, path in MODULES.items() if reads_it(path)] == ["env"]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_stays_one_duty_long(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    assert (ast.get_docstring(ast.parse(text)) or "").strip()
    assert len(text.splitlines()) <= 500


PROBE = """
import filelock  # on Python 3.10 it tries out links in a temporary folder of its own
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
    __import__(name)
import logging
assert not logging.getLogger().handlers, "a module set up logging"
print(seen)
"""


def test_nothing_runs_at_import(tmp_path: Path) -> None:
    """No file is written, no folder made, no `.env` read, no thread or process started, nobody called."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE, *MODULES],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
    assert list(tmp_path.iterdir()) == []


def test_no_function_is_longer_than_forty_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert house.main([]) == 0
    figures = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert figures["functions over 40 lines, tests aside"] == "0"
    assert int(figures["functions"]) > 1_000


def test_the_length_of_a_function_goes_from_def_to_its_last_line() -> None:
    assert house.function_lengths("x = 1\ndef a():\n    '''Doc.'''\n\n    return 1\n\nclass B:\n    def c(self): ...\n") == {
        "a:2": 4,
        "c:8": 1,
    }
