"""Whether a JSON value has the form that a field of a file wants. Says nothing of what it means."""

from collections.abc import Callable
from typing import Any


def is_text(value: Any) -> bool:
    """True for a text."""
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    """True for a whole number above 0, such as a ticket's; `true` is none."""
    return type(value) is int and value > 0


def is_share(value: Any) -> bool:
    """True for a number from 0 to 1.

    >>> is_share(1), is_share(0.5), is_share(True), is_share("0.5")
    (True, True, False, False)
    """
    return type(value) in (int, float) and 0 <= value <= 1


def list_of(fits: Callable[[Any], Any]) -> Callable[[Any], bool]:
    """What tells a list whose entries all fit.

    >>> list_of(is_number)([1, 2]), list_of(is_number)([0]), list_of(is_number)({})
    (True, False, False)
    """
    return lambda value: isinstance(value, list) and all(map(fits, value))


def map_of(key_fits: Callable[[str], Any], fits: Callable[[Any], Any]) -> Callable[[Any], bool]:
    """What tells an object whose keys and values all fit.

    >>> map_of(str.isdecimal, is_share)({"171": 0.5}), map_of(str.isdecimal, is_share)({"x": 0.5})
    (True, False)
    """
    return lambda value: isinstance(value, dict) and all(map(key_fits, value)) and all(map(fits, value.values()))
