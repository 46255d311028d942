"""Small mistakes put into the code one by one, to see whether the tests notice: a mutation check with a list of its own.

    python -m benchmarks.mutants issue_clusterer.py prompts_config.py common/files.py [--each 25] [--seed 1]

Works on a copy of the project. Prints each mutant that no test caught, with its line, and the share that was caught; exits 1 below 90 %.
"""

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "*cache*", "output", "conversations", "*.pyc")
TESTS = {
    "issue_clusterer.py": (
        "test_issue_clusterer",
        "test_checkpoint",
        "test_decision_wave",
        "test_consolidation",
        "test_main",
        "test_faults",
    ),
    "prompts_config.py": ("test_prompts_config", "test_ticket_question", "test_model_answers", "test_hostile", "test_main"),
    "common/files.py": ("test_safe_files", "test_faults", "test_issue_db", "test_checkpoint"),
    "clustering/answers.py": ("test_model_answers", "test_ticket_question", "test_hostile", "test_main"),
}
_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file with one mistake in it."""

    file: str
    line: int
    what: str
    source: str


def mutants(path: Path) -> list[Mutant]:
    """Every mistake that this program knows to make in a file, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    decorators = {id(inner) for node in ast.walk(tree) for outer in getattr(node, "decorator_list", ()) for inner in ast.walk(outer)}
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in decorators:  # `slots=False` changes nothing that anyone could see
            continue
        for number, _ in enumerate(_mistakes(node)):
            wrong = copy.deepcopy(tree)
            target = next(other for at, other in enumerate(ast.walk(wrong)) if at == place)
            what = list(_mistakes(target))[number]()
            source = ast.unparse(ast.fix_missing_locations(wrong))
            found.append(Mutant(path.name, getattr(node, "lineno", 0), what, source))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.what))


def _mistakes(node: ast.AST) -> Iterator["_Mistake"]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _OTHER:
            yield _Mistake(node, "ops", [_OTHER[type(op)]()])
        case ast.BoolOp(op=op):
            yield _Mistake(node, "op", _OTHER[type(op)]())
        case ast.BinOp(op=op) if type(op) in _OTHER and not isinstance(node.left, ast.Name | ast.Subscript):
            yield _Mistake(node, "op", _OTHER[type(op)]())
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield _Mistake(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Constant(value=bool()):
            yield _Mistake(node, "value", not node.value)
        case ast.Constant(value=int() | float() as number):
            yield _Mistake(node, "value", number + 1)
        case ast.Return(value=ast.expr()):
            yield _Mistake(node, "value", ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield _Mistake(node, "value", ast.Constant(None))
        case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign(target=ast.Attribute()):
            yield _Mistake(node, "value", ast.Constant(None))


@dataclass(frozen=True, slots=True)
class _Mistake:
    node: ast.AST
    field: str
    value: object

    def __call__(self) -> str:
        """Make it; what it was."""
        before = ast.unparse(self.node)
        setattr(self.node, self.field, self.value)
        return f"{before[:90]}  ->  {ast.unparse(ast.fix_missing_locations(self.node))[:90]}".replace("\n", " ")


def is_caught(mutant: Mutant, folder: Path) -> bool:
    """Whether a test of that file fails, or does not end, with the mistake in it."""
    work = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(ROOT, work / "project", ignore=LEFT_OUT)
    (work / "project" / mutant.file).write_text(mutant.source, encoding="utf-8")
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-o", "addopts="]
    try:
        for name in TESTS[mutant.file]:
            if not (work / "project" / "tests" / f"{name}.py").exists():
                continue
            test = [*command, f"tests/{name}.py"]
            if subprocess.run(test, cwd=work / "project", capture_output=True, timeout=240).returncode != 0:
                return True
    except subprocess.TimeoutExpired:
        return True
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Try the mutants; 1 if fewer than nine in ten were caught."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("files", nargs="+", choices=sorted(TESTS))
    parser.add_argument("--each", type=int, default=25, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    draw = random.Random(args.seed)
    chosen = [mutant for name in args.files for mutant in _some(mutants(ROOT / name), args.each, draw)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(args.jobs) as pool:
        caught = []
        for mutant, noticed in zip(chosen, pool.map(lambda mutant: is_caught(mutant, Path(folder)), chosen), strict=True):
            caught.append(noticed)
            if not noticed:
                print(f"survived: {mutant.file}:{mutant.line}: {mutant.what}", flush=True)
    print(f"{sum(caught)} of {len(caught)} mutants caught ({100 * sum(caught) / len(caught):.0f} %), seed {args.seed}")
    return 0 if sum(caught) >= 0.9 * len(caught) else 1


def _some(found: list[Mutant], number: int, draw: random.Random) -> list[Mutant]:
    return sorted(draw.sample(found, min(number, len(found))), key=lambda mutant: mutant.line)


if __name__ == "__main__":
    sys.exit(main())
