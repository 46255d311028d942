"""How large the house is: lines of code and of tests, functions and their length, the largest module.

    python -m benchmarks.house              the tree as it stands
    python -m benchmarks.house --at v1.0    and as it stood at a commit, beside it

Counts every line of a Python file, empty ones and comments too; a function's length goes from `def` to its last line, docstring included.
"""

import argparse
import ast
import io
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONG = 40
_AWAY = (".venv", ".git", "node_modules", "build")


def figures(files: Mapping[str, str]) -> dict[str, str]:
    """What is counted, for the texts of Python files by path."""
    program = {path: text for path, text in files.items() if not path.startswith(("tests/", "benchmarks/"))}
    lengths = [length for path, text in program.items() for length in function_lengths(text).values()]
    long = {
        f"{path}:{name}": length
        for path, text in files.items()
        if not path.startswith("tests/")
        for name, length in function_lengths(text).items()
        if length > LONG
    }
    largest = max(program, key=lambda path: program[path].count("\n"))
    return {
        "lines, program": _lines(files, ""),
        "lines, demo": _lines(files, "demo/"),
        "lines, benchmarks": _lines(files, "benchmarks/"),
        "lines, tests": _lines(files, "tests/"),
        "modules, program and demo": str(len(program)),
        "functions": str(len(lengths)),
        "median function, lines": f"{statistics.median(lengths):g}",
        f"functions over {LONG} lines, tests aside": str(len(long)) + "".join(f" {name} ({long[name]})" for name in sorted(long)),
        "largest module": f"{largest} ({program[largest].count(chr(10))})",
    }


def function_lengths(text: str) -> dict[str, int]:
    """Lines of each function and method of a module, by name and place."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {f"{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes}


def _lines(files: Mapping[str, str], folder: str) -> str:
    """Lines of the files of a folder; "" stands for the top level."""
    return str(sum(text.count("\n") for path, text in files.items() if path.rpartition("/")[0] == folder.rstrip("/")))


def tree(root: Path) -> dict[str, str]:
    """The Python files below `root` by their path from it."""
    paths = (path.relative_to(root) for path in sorted(root.rglob("*.py")))
    return {path.as_posix(): (root / path).read_text(encoding="utf-8") for path in paths if not set(path.parts) & set(_AWAY)}


def tree_at(commit: str) -> dict[str, str]:
    """The Python files of a commit by path."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in packed.getmembers():
            content = packed.extractfile(member) if member.name.endswith(".py") else None
            if content is not None:
                found[member.name] = content.read().decode()
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", metavar="COMMIT", help="a commit to compare with")
    args = parser.parse_args(argv)
    now = figures(tree(ROOT))
    before = figures(tree_at(args.at)) if args.at else {}
    for name, value in now.items():
        print(f"{name}: {before[name]} -> {value}" if before else f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
