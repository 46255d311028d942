"""Which `<` opens an HTML element and which is text, and what the elements mean for the lines of a message.

Parses nothing: a scan over the text that takes linear time whatever it holds.
"""

import html
import re

from common.text import printable


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


BLANK_LINE_AROUND = _names("p h1 h2 h3 h4 h5 h6 ul ol table blockquote pre")
BLOCKS = BLANK_LINE_AROUND | _names(
    "address article aside caption center dd details dialog dir div dl dt fieldset figcaption figure footer form header "
    "hr html body legend li main menu nav section summary tbody tfoot thead tr"
)
SKIPPED = _names("head iframe math noframes object optgroup option script style svg template title")
_INLINE = _names(
    "a abbr acronym applet area audio b base basefont bdi bdo big br button canvas cite code col colgroup data datalist del dfn "
    "em embed font frame frameset i img input ins kbd label link map mark marquee meta meter nobr noscript output param picture "
    "progress q rp rt ruby s samp select small source span strike strong sub sup td textarea th time track tt u var video wbr xml"
)
_KNOWN = BLOCKS | SKIPPED | _INLINE
_OFFICE_PREFIXES = ("o:", "v:", "w:", "m:", "st1:", "x:", "u1:", "u2:", "u3:", "u4:", "u5:")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:_-]*)([^<>]*)(>?)")
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|<![^<>]*>|<\?[^<>]*>")
_LONG_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{7,});?")


def escape_what_is_no_tag(text: str) -> tuple[str, int]:
    """The text with each `<` escaped that opens no HTML element, and how many tags are left."""
    tags = 0

    def keep_or_escape(match: re.Match[str]) -> str:
        nonlocal tags
        if _is_tag(match[2].lower(), match[3], closed=bool(match[4])):
            tags += 1
            return match[0]
        return "&lt;" + match[0][1:]

    return _TAG.sub(keep_or_escape, text), tags


def _is_tag(name: str, rest: str, *, closed: bool) -> bool:
    if name not in _KNOWN and not name.startswith(_OFFICE_PREFIXES):
        return False
    rest = rest.strip().rstrip("/")
    if not rest:
        return closed
    if "=" in rest and rest[0] not in "=<>!":
        return True
    return closed and len(name) > 1 and " " not in rest and rest.isalpha()  # <td nowrap>


def decode(text: str) -> str:
    """`text` with its character references decoded once; absurdly long ones are U+FFFD.

    >>> decode("R&amp;D &amp;lt;")
    'R&D &lt;'
    """
    return printable(html.unescape(_LONG_REFERENCE.sub("\ufffd", text)))


def words_between_tags(marked_up: str) -> str:
    """The words between the tags of something that is no mail, by a plain scan."""
    return decode(_ANY_TAG.sub(lambda match: "\n" if (match[2] or "").lower() in BLOCKS or match[2] == "br" else "", marked_up))
