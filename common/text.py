"""Text that can be stored, sent and printed: valid Unicode, line feeds only, no control or direction-override characters.

Changes no word. Does not know HTML, mail or tickets.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from os.path import commonprefix

CHARS_PER_TOKEN = 4  # of a model, about
_LEAST_SECRET_CHARS = 6  # a shorter key is a placeholder such as "none", which is also a word
_PART_CHARS = 8
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls, soft hyphen, zero-width space and BOM, embeddings, overrides and isolates; joiners and plain direction marks stay.
_UNPRINTABLE_CHARS = "\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
_UNPRINTABLE = re.compile(f"[{_UNPRINTABLE_CHARS}]")
# Any character that one of the patterns here is about; most texts hold none.
_ODD = re.compile(f"[\r\x0b\x0c\x85\u2028\u2029\u200c\ud800-\udfff{_UNPRINTABLE_CHARS}]")
_UNSEEN = re.compile("[\U000e0000-\U000e0fff]+")  # tag letters, further variation selectors: seen by no person, read by models
_PADDING = re.compile(r"(?<!\w)\u200c|\u200c(?!\w)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_valid(text: str) -> bool:
    """False where a half of a surrogate pair stands in `text`, which nothing can send or store.

    >>> is_valid("ü"), is_valid("a\\ud83d")
    (True, False)
    """
    return text.isascii() or _SURROGATE.search(text) is None


def valid(text: str) -> str:
    """`text` with two halves of a surrogate pair put together and a lone one as U+FFFD.

    >>> valid("a\\ud83d")
    'a\ufffd'
    """
    return text if is_valid(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shortened(text: str, max_chars: int) -> str:
    """`text`, or its beginning with an ellipsis where it is longer than `max_chars`.

    >>> shortened("Lid leaks", 5)
    'Lid…'
    """
    return text if len(text) <= max_chars else text[: max_chars - 1].rstrip() + "…"


def thousands(number: int) -> str:
    """A whole number in groups of three.

    >>> thousands(12345)
    '12 345'
    """
    return f"{number:,}".replace(",", " ")


def counted(count: int, thing: str = "ticket") -> str:
    """A count with its noun.

    >>> counted(1), counted(1200, "new issue")
    ('1 ticket', '1 200 new issues')
    """
    return f"{thousands(count)} {thing}{'' if count == 1 else 's'}"


def first_few(lines: Sequence[str], most: int) -> list[str]:
    """The first `most` lines, and a last one that says how many more there are, if any.

    >>> first_few(["a", "b", "c"], 2)
    ['a', 'b', 'and 1 more']
    """
    return [*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else [])]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines whose columns stand below one another.

    >>> aligned([("a", "b"), ("long", "c")])
    ['a     b', 'long  c']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def one_letter_off(one: str, other: str) -> bool:
    """True for two words that differ by one letter changed, added or left out, or by two neighbours that changed places.

    >>> [one_letter_off("tickets", word) for word in ("ticket", "thckets", "tikcets", "tickets", "notes")]
    [True, True, True, False, False]
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if any(one[start + left_out :] == other[start + added :] for left_out, added in ((1, 1), (1, 0), (0, 1))):
        return True
    return one[start + 2 :] == other[start + 2 :] and one[start : start + 2] == other[start : start + 2][::-1]


def printable(text: str) -> str:
    """`text` without what cannot be shown: controls go, line ends become LF, half a surrogate pair becomes U+FFFD.

    >>> printable("a\\x00b\\r\\nc\\ud83d")
    'ab\\nc\\ufffd'
    """
    if not _ODD.search(text):
        return text
    return _PADDING.sub("", _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", valid(text))))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` with [key] for each secret, and for each part of one that is 8 characters or longer and holds a digit.

    >>> without_secrets("sk-12345678 is no key, nor is 345678", ["sk-12345678"]), without_secrets("try ...k-123456", ["sk-12345678"])
    ('[key] is no key, nor is 345678', 'try ...[key]')
    """
    for secret in secrets:
        if len(secret) >= _LEAST_SECRET_CHARS:
            text = text.replace(secret, "[key]")
        for start, part in _parts(secret):
            if part in text:
                before, *pieces = text.split(part)
                tail = secret[start + _PART_CHARS :]
                more = [len(commonprefix((piece, tail))) for piece in pieces]  # noqa: RUF071 - letters are what is compared
                text = "[key]".join([before, *(piece[length:] for piece, length in zip(pieces, more, strict=True))])
    return text


@functools.lru_cache(maxsize=16)
def _parts(secret: str) -> tuple[tuple[int, str], ...]:
    """Where each run of characters begins that would give a part of the secret away; words in it, such as sk-proj-, do not."""
    runs = ((start, secret[start : start + _PART_CHARS]) for start in range(len(secret) - _PART_CHARS + 1))
    return tuple((start, run) for start, run in runs if any(char.isdigit() for char in run))


def without_hidden(text: str) -> str:
    """`text` without characters that show nothing and can carry hidden letters.

    >>> without_hidden("pay\U000e0041")
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


_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CELL_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def for_terminal(text: object) -> str:
    """Text for one line of a terminal or log; control characters, line ends and direction marks become spaces.

    >>> for_terminal("  a\\x1b[31mb\\nc")
    '  a [31mb c'
    """
    return _CONTROL.sub(" ", str(text))


def for_cell(text: str, max_chars: int) -> str:
    """Text for one cell of a table: one line of at most `max_chars`, no control or direction-changing characters.

    >>> for_cell("a\\x07\\nb", 9)
    'a b'
    """
    return shortened(" ".join(_CELL_BREAKS.sub(" ", _DIRECTION.sub("", text[: max_chars * 2])).split()), max_chars)


_RUNS = r"[\s'\"\u200b-\u200f\u2060\ufeff]*[=+\-@\uff0b\uff0d\uff1d\uff20\u2212]"
"""What a spreadsheet may run where a cell begins so, whatever blanks and quotes it takes off first."""
_FORMULA = re.compile(rf"{_RUNS}|'*[\t\r\n]")
_INNER_FORMULA = re.compile(rf"([,;|])(?={_RUNS})")
_INNER_MARK = re.compile(rf"([,;|])'(?={_RUNS})")


def for_spreadsheet(text: str) -> str:
    """A cell's text that no spreadsheet runs as a formula, whatever separator it splits at; `from_spreadsheet` gives the text back.

    >>> for_spreadsheet("=1+1"), for_spreadsheet("a;=1"), for_spreadsheet("plain")
    ("'=1+1", "a;'=1", 'plain')
    """
    inner = _INNER_FORMULA.sub(r"\1'", text)  # a spreadsheet set to another separator, or blind to quotes, begins a cell there
    return "'" + inner if _FORMULA.match(inner) else inner


def from_spreadsheet(cell: str) -> str:
    """The text that `for_spreadsheet` made a cell of.

    >>> [from_spreadsheet(for_spreadsheet(text)) for text in ("=1", "'=1", "'quoted'", "a;-1")]
    ['=1', "'=1", "'quoted'", 'a;-1']
    """
    outer = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _INNER_MARK.sub(r"\1", outer)
