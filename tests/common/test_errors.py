"""Expected trouble: each class, and each way in which a run ends, has its exit status and its word."""

import ast
import builtins

import pytest

from common.errors import Ended, Exit, Stopped, TicketFailed, Trouble, Unreadable, Unusable, Unwritable
from tests.contract.test_floor_plan import PROGRAM, parsed

EXPECTED = {Trouble: 1, Stopped: 1, Unwritable: 1, Unusable: 2, Unreadable: 2}


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", None))
def test_trouble_has_its_exit_status(kind: type[Trouble], status: int) -> None:
    assert kind("words").exit_status == status
    assert isinstance(kind("words").exit_status, Exit)


def test_a_tickets_failure_ends_no_run() -> None:
    assert not issubclass(TicketFailed, Trouble)


def test_how_a_run_ended_is_told_in_words_of_their_own() -> None:
    assert len({ended.value for ended in Ended}) == len(Ended)
    assert all(ended.value.islower() for ended in Ended)


BUILT_IN = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)}


@pytest.mark.slow
def test_every_exception_of_the_program_is_caught_by_its_name_somewhere() -> None:
    nodes = [node for path in PROGRAM for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef | ast.ExceptHandler)]
    bases = {node.name: {ast.unparse(base) for base in node.bases} for node in nodes if isinstance(node, ast.ClassDef)}
    ours: set[str] = set()
    while more := {name for name, above in bases.items() if above & (BUILT_IN | ours)} - ours:
        ours |= more
    handlers = [node.type for node in nodes if isinstance(node, ast.ExceptHandler) and node.type is not None]
    caught = {name.id for handler in handlers for name in ast.walk(handler) if isinstance(name, ast.Name)}
    assert ours - caught == set()
    assert len(ours) <= 12
