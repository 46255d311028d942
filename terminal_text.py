"""Strangers' text made fit for a terminal: no control or escape characters, no direction marks. Changes nothing else."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: object) -> str:
    """Text for one line of a terminal or log; control characters, line ends and direction marks become spaces.

    >>> printable("  a\\x1b[31mb\\nc")
    '  a [31mb c'
    """
    return _CONTROL.sub(" ", str(text))
