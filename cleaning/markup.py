"""Lines of text from the HTML of a message, with what the marked-up nodes around each line are called.

Keeps the structure that people see: paragraphs, lists, table rows, links with their host, images by name. Keeps every word that is
shown and decodes entities once. Does not decide what is quoted or who speaks: the caller names the nodes that mean something.

Tags are read by libxml2 as a stream of events. A tree that repairs unclosed formatting as browsers do takes quadratic time and
memory on hostile input; the stream does not, and no depth of nesting loses text.
"""

import html
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from lxml import etree  # type: ignore[import-untyped] # ships no types; what is used of it stands in _stream

from cleaning.languages import listed
from common.text import one_line, printable

MAX_DEPTH = 400
MEDIA_MARKER = re.compile(r"\[(?:image|attachment)(?:: [^\[\]\n]{0,400})?\]")
_MANY_BREAKS = re.compile(r"\n{3,}")
_CHUNK_BYTES = 8192
NodeMark = Callable[[str, Mapping[str, str]], "str | None"]


BLANK_LINE_AROUND, SKIPPED = listed("html_with_blank_lines"), listed("html_hidden")
BLOCKS = BLANK_LINE_AROUND | listed("html_blocks")
_SHOWN = {"br", "img", "li", "td", "th"}  # by themselves, not only by what is in them
_KNOWN = BLOCKS | SKIPPED | listed("html_inline")
_OFFICE_PREFIXES = ("o:", "v:", "w:", "m:", "st1:", "x:", "u1:", "u2:", "u3:", "u4:", "u5:")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:_-]*)([^<>]*)(>?)")
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>|<![^<>]*>|<\?[^<>]*>")
_LONG_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{7,});?")


def _escape_what_is_no_tag(text: str) -> tuple[str, int]:
    """The text with each `<` escaped that opens no HTML element, and how many tags are left."""
    found = _TAG.findall(text)
    others = {parts for parts in set(found) if not _is_tag(parts[1].lower(), parts[2], closed=bool(parts[3]))}
    if not others:
        return text, len(found)
    tags = sum(parts not in others for parts in found)
    return _TAG.sub(lambda match: "&lt;" + match[0][1:] if match.groups() in others else match[0], text), tags


def _is_tag(name: str, rest: str, *, closed: bool) -> bool:
    if name not in _KNOWN and not name.startswith(_OFFICE_PREFIXES):
        return False
    rest = rest.strip().rstrip("/")
    if not rest:
        return closed
    if "=" in rest and rest[0] not in "=<>!":
        return True
    return closed and len(name) > 1 and " " not in rest and rest.isalpha()  # <td nowrap>


def _decode(text: str) -> str:
    """`text` with its character references decoded once; absurdly long ones are U+FFFD.

    >>> _decode("R&amp;D &amp;lt;")
    'R&D &lt;'
    """
    return printable(html.unescape(_LONG_REFERENCE.sub("\ufffd", text)))


def _words_between_tags(marked_up: str) -> str:
    """The words between the tags of something that is no mail, by a plain scan."""
    return _decode(_ANY_TAG.sub(lambda match: "\n" if (match[2] or "").lower() in BLOCKS or match[2] == "br" else "", marked_up))


_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)", re.I)
_NO_HEIGHT = re.compile(r"height\s*:\s*0(?:px|pt|em)?\s*(?:;|!|$)", re.I)
_CUT_OFF = re.compile(r"overflow\s*:\s*hidden", re.I)
_FONT_SIZE = re.compile(r"font-size\s*:\s*([\d.]{1,8})", re.I)
_FONT = re.compile(r"font-family\s*:\s*[\"']?([\w ]{1,40})", re.I)
_MAX_STYLE_CHARS = 2000
_WINGDINGS = str.maketrans({"J": "🙂", "K": "😐", "L": "🙁", "à": "→", "ü": "✓", "û": "✗", "§": "▪", "ß": "←"})
_SWALLOWING = ("iframe", "noframes", "object", "script", "style", "svg", "template", "title")
_KEEPS_BREAKS = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.I)
_NO_MARGIN = re.compile(r"margin(?:-top|-bottom)?\s*:\s*0", re.I)
_FILE_NAME = re.compile(r"[\w .()+-]{1,80}\.(?:png|jpe?g|gif|bmp|webp|svg|heic|tiff?)", re.I)


class Line(NamedTuple):
    """One line of a message; `marks` are the names of the marked nodes around it, outermost first."""

    text: str
    marks: tuple[str, ...] = ()


def html_lines(source: str, *, mark: NodeMark = lambda tag, attributes: None) -> list[Line]:
    """The lines of an HTML message. `mark` names the nodes that mean something to the caller.

    Text without any tag is taken as it stands, only its entities decoded; a `<` that opens no HTML element is text.

    >>> [line.text for line in html_lines("<p>a &lt; b</p><ul><li>List<String></ul>")]
    ['a < b', '', '- List<String>']
    """
    text = _without_swallowing(printable(source))
    marked_up, tags = _escape_what_is_no_tag(text)
    if not tags and not ("<!--" in text and "-->" in text):
        return text_lines(_decode(text))
    lines = _stream(marked_up, mark)
    if not any(line.text for line in lines) and text.rfind("<!--") > text.rfind("-->"):
        return text_lines(_words_between_tags(marked_up))  # an unclosed comment swallowed the words
    return lines


def text_lines(text: str) -> list[Line]:
    """The lines of plain text, as they stand; of several empty ones, one.

    >>> text_lines("if a < b:\\n  List<String>")
    [Line(text='if a < b:', marks=()), Line(text='  List<String>', marks=())]
    """
    return [Line(line.replace("\u00a0", " ").replace("\t", " ").rstrip()) for line in _MANY_BREAKS.sub("\n\n", printable(text)).split("\n")]


def _without_swallowing(text: str) -> str:
    """The text without tags whose element is not shown and never closed, so that it does not swallow all that follows."""
    small = text.lower() if "<" in text else ""
    for name in _SWALLOWING:
        last_opened = small.rfind(f"<{name}")
        last_closed = small.rfind(f"</{name}") if last_opened >= 0 else 0
        if last_opened > last_closed:
            start = max(0, last_closed)
            text = text[:start] + re.sub(rf"<{name}\b[^<>]*(?<!/)>", "", text[start:], flags=re.I)
            small = text.lower()
    return text


@dataclass(slots=True)
class _Node:
    tag: str
    marks: tuple[str, ...] = ()
    hidden: bool = False
    keeps_breaks: bool = False
    no_size: bool = False
    symbols: bool = False
    link_host: str = ""
    children: int = 0  # items of a list, cells of a row
    gap: int = 0  # around it: 1 a new line, 2 an empty line as well


class _Reader:
    """Receives the parser's events and writes lines; the names `start`, `end`, `data` and `close` are lxml's.

    Comments and processing instructions hold nothing that is shown: lxml passes them over where a reader has no method for them.
    """

    def __init__(self) -> None:
        self.begin(lambda tag, attributes: None)

    def begin(self, mark: NodeMark) -> None:
        """Be ready for a message."""
        self._mark = mark
        self._nodes: list[_Node] = [_Node("")]
        self._links: list[tuple[str, list[str]]] = []  # host and shown words of the links that are open
        self._parts: list[str] = []  # of the line being written
        self._bullet = ""
        self._as_written = False  # the line being written has text whose spaces count
        self._owed = 0  # before the next text: 1 a new line, 2 an empty line as well
        self._at_cell_start = False
        self.lines: list[Line] = []
        self.too_deep: tuple[str, ...] | None = None  # the marks where the nesting got deeper than any mail's

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._nodes) > MAX_DEPTH and self.too_deep is None:
            self.too_deep = self._nodes[-1].marks
        parent = self._nodes[-1]
        node = self._open(tag, attributes, parent)
        if not node.hidden:
            if node.gap > self._owed and not self._at_cell_start:
                self._owed = node.gap
            if node.marks is not parent.marks:
                self._end_line()
                self.lines.append(Line("", node.marks))
            if tag in _SHOWN:
                self._show(tag, attributes, parent)
        self._nodes.append(node)
        if node.link_host:
            self._links.append((node.link_host, []))

    def end(self, tag: str) -> None:
        if len(self._nodes) == 1:
            return
        node = self._nodes[-1]
        if not node.hidden:
            if node.link_host:
                self._close_link(*self._links.pop())
            if len(node.marks) != len(self._nodes[-2].marks) or tag == "li":
                self._end_line()
                self._bullet = ""
            if node.gap > self._owed:
                self._owed = node.gap
        elif node.link_host:
            self._links.pop()
        self._nodes.pop()

    def data(self, text: str) -> None:
        node = self._nodes[-1]
        if node.hidden or node.no_size:
            return
        if node.symbols:
            text = text.translate(_WINGDINGS)
        if not node.keeps_breaks:
            self._add(text)
            return
        first, *rest = text.split("\n")
        self._add(first)
        for line in rest:
            self._new_line()
            self._add(line)

    def close(self) -> list[Line]:
        self._end_line()
        return self.lines

    def _open(self, tag: str, attributes: Mapping[str, str], parent: _Node) -> _Node:
        hidden, keeps_breaks = parent.hidden or tag in SKIPPED, parent.keeps_breaks or tag in ("pre", "textarea")
        node = _Node(tag, parent.marks, hidden, keeps_breaks, parent.no_size, parent.symbols)
        style = ""
        if attributes:
            style = attributes.get("style", "")[:_MAX_STYLE_CHARS]
            if style or "hidden" in attributes or tag == "font":
                _dress(node, style, attributes)
            if tag == "ol":
                node.children = _start_of(attributes)
            elif tag == "a":
                node.link_host = _host(attributes.get("href", ""))
        if not node.hidden and (name := self._mark(tag, attributes)):
            node.marks = (*parent.marks, name)
        if tag in BLOCKS:
            node.gap = 2 if tag in BLANK_LINE_AROUND and not _is_tight(attributes, style, parent) else 1
        return node

    def _show(self, tag: str, attributes: Mapping[str, str], parent: _Node) -> None:
        if tag == "br":
            self._new_line()
        elif tag == "img":
            self._add(_image(attributes))
        elif tag == "li":
            parent.children += 1
            self._end_line()
            depth = sum(1 for outer in self._nodes[-12:] if outer.tag in ("ul", "ol"))
            self._bullet = "  " * max(0, depth - 1) + (f"{parent.children}. " if parent.tag == "ol" else "- ")
        elif tag in ("td", "th"):
            if parent.children and self._parts:
                self._owed = 0
                self._add(" | ")
            parent.children += 1
            self._at_cell_start = True

    def _close_link(self, host: str, words: Sequence[str]) -> None:
        shown = "".join(words).casefold()
        if shown.strip() and host not in shown:
            self._add(f" ({host})")

    def _new_line(self) -> None:
        if self._parts and not self._owed:
            self._end_line()
        else:
            self._pay()
            self._empty_line()

    def _empty_line(self) -> None:
        """One is enough: nobody sees more, and a million of them take memory."""
        line = Line("", self._nodes[-1].marks)
        if not self.lines or self.lines[-1] != line:
            self.lines.append(line)

    def _pay(self) -> None:
        owed, self._owed = self._owed, 0
        if owed:
            self._end_line()
        if owed > 1 and self.lines and self.lines[-1].text:
            self._empty_line()

    def _add(self, text: str) -> None:
        if text.strip():
            self._pay()
            self._at_cell_start = False
            if self._links:
                self._links[-1][1].append(text)
        elif self._owed or not (self._parts or self._nodes[-1].keeps_breaks):
            return  # white space at the start of a line is not shown
        self._as_written = self._as_written or self._nodes[-1].keeps_breaks
        self._parts.append(text)

    def _end_line(self) -> None:
        if not self._parts:
            return
        text = "".join(self._parts) if len(self._parts) > 1 else self._parts[0]
        self._parts.clear()
        text = text.rstrip() if self._as_written else " ".join(text.split())
        if text:
            self.lines.append(Line(self._bullet + text, self._nodes[-1].marks))
            self._bullet = ""
        self._as_written = False


def _is_tight(attributes: Mapping[str, str], style: str, parent: _Node) -> bool:
    """True for a paragraph that is set without space around: Word's, those in lists and table cells, those whose style says so."""
    if parent.tag in ("li", "td", "th") or (attributes and attributes.get("class", "").startswith("Mso")):
        return True
    return bool(style and _NO_MARGIN.search(style))


def _dress(node: _Node, style: str, attributes: Mapping[str, str]) -> None:
    """Give a node what its style says: whether it is seen, keeps its line ends, is set in a font of pictures."""
    cut_off = bool(_CUT_OFF.search(style) and _NO_HEIGHT.search(style))
    node.hidden = node.hidden or "hidden" in attributes or cut_off or bool(_HIDDEN.search(style))
    node.keeps_breaks = node.keeps_breaks or bool(_KEEPS_BREAKS.search(style))
    if size := _FONT_SIZE.search(style):
        node.no_size = not size[1].strip("0.")
    if font := _FONT.search(style):
        node.symbols = font[1].strip().lower() == "wingdings"
    elif face := attributes.get("face"):
        node.symbols = face.strip().lower() == "wingdings"


def _start_of(attributes: Mapping[str, str]) -> int:
    """How many items a numbered list counts before its first."""
    start = attributes.get("start", "").strip()
    return int(start) - 1 if start.isascii() and start.isdigit() and len(start) < 7 else 0


_free = threading.local()


def _stream(marked_up: str, mark: NodeMark) -> list[Line]:
    reader, parser = _free.__dict__.pop("parser", None) or _new_parser()
    reader.begin(mark)
    source = f"<div>{marked_up}".encode()  # a first element, so that text before any tag is not moved about
    rest = b""
    for start in range(0, len(source), _CHUNK_BYTES):
        parser.feed(source[start : start + _CHUNK_BYTES])
        if reader.too_deep is not None:
            following = source.find(b"<", start + _CHUNK_BYTES)
            parser.feed(source[start + _CHUNK_BYTES : following] if following >= 0 else source[start + _CHUNK_BYTES :])
            rest = source[following:] if following >= 0 else b""
            break
    lines: list[Line] = parser.close()
    if rest:  # what stands deeper is read by a plain scan, as part of the node where the limit was reached
        marks = reader.too_deep or ()
        lines += [Line(line.text, marks) for line in text_lines(_words_between_tags(rest.decode())) if line.text]
    if len(source) <= _CHUNK_BYTES:
        _free.parser = (reader, parser)  # another takes longer to make than a short message to read
    return lines


def _new_parser() -> "tuple[_Reader, etree.HTMLParser]":
    reader = _Reader()
    return reader, etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True)


def _host(href: str) -> str:
    """The host of a web link, "" for anything else.

    >>> _host("https://user:secret@kb.example.com/a?token=1")
    'kb.example.com'
    """
    if not href[:8].strip().lower().startswith(("http:", "https:")):
        return ""
    try:
        host = urlsplit(href.strip()).hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[\w.-]{1,253}", host) else ""


def _image(attributes: Mapping[str, str]) -> str:
    """`[image: name]`; "" for tracking pixels and the editor's cursor; an emoji drawn as an image is the emoji."""
    if attributes.get("id") == "cursor" or {attributes.get("width", ""), attributes.get("height", "")} & {"0", "1", "0px", "1px"}:
        return ""
    name = one_line(attributes.get("alt") or attributes.get("title") or "")[:80]
    if name and len(name) <= 8 and not any(char.isascii() for char in name) and not any(char.isalpha() for char in name):
        return name
    if not name:
        found = _FILE_NAME.fullmatch(attributes.get("src", "").split("?")[0].split("@")[0].rsplit("/", 1)[-1].removeprefix("cid:"))
        name = found[0] if found else ""
    name = name.replace("[", "(").replace("]", ")")
    return f"[image: {name}]" if name else "[image]"
