import tracemalloc

import pytest

from cleaning.markup import Line, html_lines, text_lines
from common.text import printable, tidy


def text_of(html: str) -> str:
    return tidy("\n".join(line.text for line in html_lines(html)))


TEXTS = {
    "comparison is no tag": ("if a < b and c > d then List<String>", "if a < b and c > d then List<String>"),
    "a placeholder in angle brackets is no tag": ("type <your name> here <br> now", "type <your name> here\nnow"),
    "a letter and words are no tag": ("x <b and c> y", "x <b and c> y"),
    "an address in angle brackets is no tag": ("<p>Ann <ann@example.com></p>", "Ann <ann@example.com>"),
    "escaped markup is text": ("<p>&lt;b&gt;</p>", "<b>"),
    "entities are decoded once": ("<p>&amp;lt;b&amp;gt;</p>", "&lt;b&gt;"),
    "entities without any tag": ("R&amp;D &lt;b&gt;", "R&D <b>"),
    "line ends of plain text stay": ("one\ntwo", "one\ntwo"),
    "line ends inside a paragraph are spaces": ("<p>one\ntwo</p>", "one two"),
    "breaks and blocks": ("<div>a<br>b</div><div>c</div>", "a\nb\nc"),
    "paragraphs are set apart": ("<p>a</p><p>b</p>", "a\n\nb"),
    "Word's paragraphs are not": ('<p class="MsoNormal">a</p><p class="MsoNormal">b</p>', "a\nb"),
    "formatting does not break words": ("un<b>do</b>ne", "undone"),
    "lists": ("<ul><li>a</li><li><p>b</p></li></ul>", "- a\n- b"),
    "numbered lists": ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
    "rows of a table": ("<table><tr><td>a</td><td><p>b</p></td></tr><tr><td>c</td><td>d</td></tr></table>", "a | b\nc | d"),
    "preformatted": ("<pre>a\n  b</pre>", "a\n  b"),
    "a link is its text and host": ('<a href="https://kb.example.com/x?token=1">guide</a>', "guide (kb.example.com)"),
    "a link that shows its host": ('<a href="https://kb.example.com/x">https://kb.example.com/x</a>', "https://kb.example.com/x"),
    "a mail link": ('<a href="mailto:a@example.com">write</a>', "write"),
    "an image by its alt text": ('a <img src="x?token=1" alt="red lamp"> b', "a [image: red lamp] b"),
    "an image by its file name": ('<p><img src="https://x.example/shot.png?token=1"></p>', "[image: shot.png]"),
    "a tracking pixel": ('<p>a<img src="https://t.example/o.gif" width="1" height="1"></p>', "a"),
    "the editor's cursor": ('<p>a<img id="cursor" src="x.png"></p>', "a"),
    "an emoji drawn as an image": ('<p>ok <img alt="😀" src="e.png"></p>', "ok 😀"),
    "what is not shown": ('<style>p{}</style><script>x()</script><div style="display: none">no</div><p>yes</p>', "yes"),
    "comments and conditional comments": ("<!-- a --><!--[if mso]>no<![endif]-->b", "b"),
    "an unclosed comment does not swallow the words": ("<!-- <p>words", "<!--\nwords"),
    "an encoding named inside does not count": ('<meta charset="latin1"><p>é€ü日本</p>', "é€ü日本"),
    "no-break spaces": ("<p>a&nbsp;&nbsp;b</p>", "a b"),
    "huge character references": (f"&#{'9' * 5000}; words", "\ufffd words"),
    "what is set in no size is not shown, unless a size is set inside": (
        '<div style="font-size:0px">no<p style="font-size:12px">yes</p></div>',
        "yes",
    ),
    "what cannot be seen through is shown, what can is not": ('<p style="opacity:0.5">yes</p><p style="opacity:0">no</p>', "yes"),
    "what is cut off at no height": ('<div style="max-height:0;overflow:hidden">no</div><div style="max-height:0">yes</div>', "yes"),
    "a style that is never closed does not swallow the words": ("<style>p{}<p>words</p>", "p{}\n\nwords"),
    "a title that is never closed": ("<title>a</title><p>b</p><title>c<p>words</p>", "b\n\nc\n\nwords"),
    "a smiley of Word": ('<p>Fine <span style="font-family:Wingdings">J</span> Jo</p>', "Fine 🙂 Jo"),
    "a list that starts later": ('<ol start="4"><li>a<li>b</ol>', "4. a\n5. b"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("html", "wanted"), TEXTS.values(), ids=TEXTS.keys())
def test_html_becomes_the_lines_that_people_see(html: str, wanted: str) -> None:
    assert text_of(html) == wanted


def test_marks_name_the_nodes_around_a_line() -> None:
    def mark(tag: str, attributes: object) -> str | None:
        return "q" if tag == "blockquote" else None

    lines = [line for line in html_lines("a<blockquote>b<blockquote>c</blockquote></blockquote>d", mark=mark) if line.text]
    assert lines == [Line("a"), Line("b", ("q",)), Line("c", ("q", "q")), Line("d")]


def test_plain_text_keeps_every_character_that_can_be_shown() -> None:
    assert [line.text for line in text_lines("a < b\r\n<b>  x</b>&amp;")] == ["a < b", "<b>  x</b>&amp;"]


@pytest.mark.parametrize("size", [100, 8191, 8192, 8193, 30_000])
def test_no_character_is_lost_where_the_parser_is_fed_in_pieces(size: int) -> None:
    words = "日本語é😀<b>x</b> " * (size // 10)
    assert text_of(f"<p>{words}</p>") == words.replace("<b>", "").replace("</b>", "").strip()


def test_ten_thousand_nested_tags_keep_their_words() -> None:
    for tag in ("div", "b", "blockquote", "table", "ul"):
        assert "words" in text_of(f"<{tag}>" * 10_000 + "words" + f"</{tag}>" * 10_000)


def test_what_stands_too_deep_keeps_the_marks_of_what_is_around_it() -> None:
    def mark(tag: str, attributes: object) -> str | None:
        return "q" if tag == "blockquote" else None

    lines = html_lines("<p>above</p>" + "<blockquote>old " * 3000 + "</blockquote>" * 3000, mark=mark)
    assert [line.text for line in lines if line.text and "q" not in line.marks] == ["above"]
    assert sum(line.text.count("old") for line in lines) == 3000


@pytest.mark.slow
def test_many_links_around_many_lines_take_little_memory() -> None:
    tracemalloc.start()
    html_lines('<a href="http://x.example">' * 190 + "a<br>" * 40_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined() -> None:
    assert printable("a\ud83d\ude00b\ud83d") == "a😀b\ufffd"
