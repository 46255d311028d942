"""Lines of text from the HTML of a message, with what the marked-up nodes around each line are called.

Keeps the structure that people see: paragraphs, lists, table rows, links with their host, images by name. Keeps every word that is
shown and decodes entities once. Does not decide what is quoted or who speaks: the caller names the nodes that mean something.

Tags are read by libxml2 as a stream of events. A tree that repairs unclosed formatting as browsers do takes quadratic time and
memory on hostile input; the stream does not, and no depth of nesting loses text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree  # type: ignore[import-untyped] # ships no types; what is used of it stands in _stream

from cleaning.tags import BLANK_LINE_AROUND, BLOCKS, SKIPPED, decode, escape_what_is_no_tag, words_between_tags
from common.text import one_line, printable

MAX_DEPTH = 400
MEDIA_MARKER = re.compile(r"\[(?:image|attachment)(?:: [^\[\]\n]{0,400})?\]")
_MANY_BREAKS = re.compile(r"\n{3,}")
_CHUNK_BYTES = 8192
NodeMark = Callable[[str, Mapping[str, str]], "str | None"]


_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.I)
_KEEPS_BREAKS = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.I)
_NO_MARGIN = re.compile(r"margin(?:-top|-bottom)?\s*:\s*0", re.I)
_FILE_NAME = re.compile(r"[\w .()+-]{1,80}\.(?:png|jpe?g|gif|bmp|webp|svg|heic|tiff?)", re.I)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a message; `marks` are the names of the marked nodes around it, outermost first."""

    text: str
    marks: tuple[str, ...] = ()


def html_lines(source: str, *, mark: NodeMark = lambda tag, attributes: None) -> list[Line]:
    """The lines of an HTML message. `mark` names the nodes that mean something to the caller.

    Text without any tag is taken as it stands, only its entities decoded; a `<` that opens no HTML element is text.

    >>> [line.text for line in html_lines("<p>a &lt; b</p><ul><li>List<String></ul>")]
    ['a < b', '', '- List<String>']
    """
    text = printable(source)
    marked_up, tags = escape_what_is_no_tag(text)
    if not tags and not ("<!--" in text and "-->" in text):
        return text_lines(decode(text))
    try:
        lines = _stream(marked_up, mark)
    except _TooDeepError:
        return text_lines(words_between_tags(marked_up))
    if not any(line.text for line in lines) and text.rfind("<!--") > text.rfind("-->"):
        return text_lines(words_between_tags(marked_up))  # an unclosed comment swallowed the words
    return lines


def text_lines(text: str) -> list[Line]:
    """The lines of plain text, as they stand; of several empty ones, one.

    >>> text_lines("if a < b:\\n  List<String>")
    [Line(text='if a < b:', marks=()), Line(text='  List<String>', marks=())]
    """
    return [Line(line.replace("\u00a0", " ").replace("\t", " ").rstrip()) for line in _MANY_BREAKS.sub("\n\n", printable(text)).split("\n")]


class _TooDeepError(Exception):
    """Nested deeper than any mail: the tags mean nothing."""


@dataclass(slots=True)
class _Node:
    tag: str
    marks: tuple[str, ...] = ()
    hidden: bool = False
    keeps_breaks: bool = False
    link_host: str = ""
    link_text: list[str] = field(default_factory=list)
    children: int = 0  # items of a list, cells of a row
    gap: int = 0  # around it: 1 a new line, 2 an empty line as well


class _Reader:
    """Receives the parser's events and writes lines; the public methods' names are lxml's."""

    def __init__(self, mark: NodeMark) -> None:
        self._mark = mark
        self._nodes: list[_Node] = [_Node("")]
        self._links: list[_Node] = []
        self._parts: list[str] = []  # of the line being written
        self._bullet = ""
        self._as_written = False  # the line being written has text whose spaces count
        self._owed = 0  # before the next text: 1 a new line, 2 an empty line as well
        self._at_cell_start = False
        self.lines: list[Line] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._nodes) > MAX_DEPTH:
            raise _TooDeepError
        parent = self._nodes[-1]
        node = self._open(tag, attributes, parent)
        if not node.hidden:
            if not self._at_cell_start:
                self._owed = max(self._owed, node.gap)
            if node.marks is not parent.marks:
                self._end_line()
                self.lines.append(Line("", node.marks))
            self._show(tag, attributes, parent)
        self._nodes.append(node)
        if node.link_host:
            self._links.append(node)

    def end(self, tag: str) -> None:
        if len(self._nodes) == 1:
            return
        node = self._nodes[-1]
        if not node.hidden:
            if node.link_host:
                self._close_link(self._links.pop())
            if len(node.marks) != len(self._nodes[-2].marks) or tag == "li":
                self._end_line()
                self._bullet = ""
            self._owed = max(self._owed, node.gap)
        elif node.link_host:
            self._links.pop()
        self._nodes.pop()

    def data(self, text: str) -> None:
        node = self._nodes[-1]
        if node.hidden:
            return
        if not node.keeps_breaks:
            self._add(text)
            return
        first, *rest = text.split("\n")
        self._add(first)
        for line in rest:
            self._new_line()
            self._add(line)

    def comment(self, text: str) -> None:
        """Comments hold nothing that is shown."""

    def pi(self, target: str, data: str | None = None) -> None:
        """Processing instructions hold nothing that is shown."""

    def close(self) -> list[Line]:
        self._end_line()
        return self.lines

    def _open(self, tag: str, attributes: Mapping[str, str], parent: _Node) -> _Node:
        style = attributes.get("style", "") if attributes else ""
        node = _Node(tag, parent.marks, parent.hidden or tag in SKIPPED, parent.keeps_breaks or tag in ("pre", "textarea"))
        if style or "hidden" in attributes:
            node.hidden = node.hidden or "hidden" in attributes or bool(_HIDDEN.search(style))
            node.keeps_breaks = node.keeps_breaks or bool(_KEEPS_BREAKS.search(style))
        if not node.hidden and (name := self._mark(tag, attributes)):
            node.marks = (*parent.marks, name)
        if tag in BLOCKS:
            node.gap = 2 if tag in BLANK_LINE_AROUND and not _is_tight(attributes, style, parent) else 1
        if tag == "a":
            node.link_host = _host(attributes.get("href", ""))
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

    def _close_link(self, link: _Node) -> None:
        shown = "".join(link.link_text).casefold()
        if shown.strip() and link.link_host not in shown:
            self._add(f" ({link.link_host})")

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
            for link in self._links:
                link.link_text.append(text)
        elif self._owed or not (self._parts or self._nodes[-1].keeps_breaks):
            return  # white space at the start of a line is not shown
        self._as_written = self._as_written or self._nodes[-1].keeps_breaks
        self._parts.append(text)

    def _end_line(self) -> None:
        if not self._parts:
            return
        text = "".join(self._parts)
        self._parts.clear()
        text = text.rstrip() if self._as_written else " ".join(text.split())
        if text:
            self.lines.append(Line(self._bullet + text, self._nodes[-1].marks))
            self._bullet = ""
        self._as_written = False


def _is_tight(attributes: Mapping[str, str], style: str, parent: _Node) -> bool:
    """True for a paragraph that is set without space around: Word's, those in lists and table cells, those whose style says so."""
    return parent.tag in ("li", "td", "th") or attributes.get("class", "").startswith("Mso") or bool(style and _NO_MARGIN.search(style))


def _stream(marked_up: str, mark: NodeMark) -> list[Line]:
    parser = etree.HTMLParser(target=_Reader(mark), encoding="utf-8", huge_tree=True)
    source = f"<div>{marked_up}".encode()  # a first element, so that text before any tag is not moved about
    for start in range(0, len(source), _CHUNK_BYTES):  # the parser notices only between chunks that its reader refused
        parser.feed(source[start : start + _CHUNK_BYTES])
    lines: list[Line] = parser.close()
    return lines


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
