"""Fields of a payload that may be of any type, read as what they should be.

Never raises; what cannot be read is missing.
"""

import re
from typing import Any


def number(value: Any) -> int | None:
    """The whole number that a field holds, also as text or as a decimal; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(-?[0-9]{1,18})(?:\.0*)?\s*", value)
        return int(match[1]) if match else None
    if isinstance(value, float):
        return int(value) if value == value and abs(value) < 2**53 and value == int(value) else None
    return value if isinstance(value, int) else None


def flag(value: Any) -> bool:
    """True for true, 1 and their texts."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().casefold() in ("true", "1"))


def items(value: Any) -> list[Any]:
    """The entries of a field that is a list; none otherwise."""
    return value if isinstance(value, list) else []


def strings(value: Any) -> list[str]:
    """The texts of a field that is a list of texts or a bare one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item.strip()]


def is_set(value: Any) -> bool:
    """True for a field that somebody filled with anything but a no."""
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "false", "no", "0", "none", "null")
    return bool(value)
