"""Every module of the program has the test file of its own name, and every test file beside contract/ and promises/ a module."""

from pathlib import Path

from tests.contract.test_floor_plan import PROGRAM, ROOT

TESTS = ROOT / "tests"


def mirrored(path: Path) -> str:
    """The test file of a module, from tests/.

    >>> mirrored(ROOT / "llm" / "store.py"), mirrored(ROOT / "env.py")
    ('llm/test_store.py', 'test_env.py')
    """
    return (path.parent.relative_to(ROOT) / f"test_{path.name}").as_posix()


def test_every_module_has_the_test_file_of_its_name() -> None:
    wanted = {mirrored(path) for path in PROGRAM if path.name != "__init__.py"}
    assert not {name for name in wanted if not (TESTS / name).is_file()}


def test_every_test_file_is_a_modules() -> None:
    folders = [path for path in TESTS.iterdir() if path.name not in ("contract", "promises")]
    found = [path for folder in (TESTS, *folders) for path in folder.glob("test_*.py")]
    modules = {mirrored(path) for path in (*ROOT.glob("*.py"), *ROOT.glob("*/*.py"))}
    assert not {path.relative_to(TESTS).as_posix() for path in found} - modules
