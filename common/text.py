"""Text that can be stored, sent and printed: valid Unicode, line feeds only, no control or direction-override characters.

Changes no word. Does not know HTML, mail or tickets.
"""

import re

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls, soft hyphen, zero-width space and BOM, embeddings, overrides and isolates; joiners and plain direction marks stay.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]")
# Any character that one of the patterns here is about; most texts hold none.
_ODD = re.compile(
    "[\r\x0b\x0c\x85\u2028\u2029\u200c\ud800-\udfff\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_UNSEEN = re.compile("[\U000e0000-\U000e0fff]+")  # tag letters, further variation selectors: seen by no person, read by models
_PADDING = re.compile(r"(?<!\w)\u200c|\u200c(?!\w)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` without what cannot be shown: controls go, line ends become LF, half a surrogate pair becomes U+FFFD.

    >>> printable("a\\x00b\\r\\nc\\ud83d")
    'ab\\nc\\ufffd'
    """
    if not _ODD.search(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _PADDING.sub("", _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text)))


def seen(text: str) -> str:
    """`text` without characters that show nothing and can carry hidden letters.

    >>> seen("pay\U000e0041")
    'pay'
    """
    return text if text.isascii() else _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """`text` printable, with every run of white space as one space.

    >>> one_line(" a\\n\\tb ")
    'a b'
    """
    return " ".join(printable(text).split())


def tidy(text: str) -> str:
    """`text` printable, no space at line ends, at most one empty line in a row, none at the ends."""
    lines = [line.rstrip() for line in printable(text).replace("\u00a0", " ").split("\n")]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip("\n")


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def for_terminal(text: object) -> str:
    """Text for one line of a terminal or log; control characters, line ends and direction marks become spaces.

    >>> for_terminal("  a\\x1b[31mb\\nc")
    '  a [31mb c'
    """
    return _CONTROL.sub(" ", str(text))
