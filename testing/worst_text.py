"""Text that costs a cleaner most: a head and a piece to repeat, by what the piece is meant to slow down; and a ticket made of it."""

from typing import Any

WORST: dict[str, tuple[str, str]] = {
    "blanks in pre in quote": ("<blockquote type=cite><pre>", " "),
    "forward+blanks": ("<blockquote type=cite><pre>Weitergeleitete Nachricht von ", " "),
    "blank": ("", " "),
    "brs": ("", "<br>"),
    "nested div": ("", "<div>x"),
    "nested bq": ("", "<blockquote>w "),
    "bq cite": ("", "<blockquote type=cite>w </blockquote>"),
    "gt": ("", "&gt; a<br>"),
    "gt known": ("", "&gt; red button<br>"),
    "known lines": ("", "please press the red button<br>"),
    "known words one line": ("<p>", "press red "),
    "quoted known one line": ("<blockquote>", "press red "),
    "attribution": ("", "On 3 May 2025, x wrote:<br>"),
    "dashes": ("", "-- <br>"),
    "labels": ("", "From: a@b.de<br>"),
    "labels d": ("", "Date: 3.5.2025<br>"),
    "label char": ("", "a:"),
    "rule": ("", "---- x ----<br>"),
    "underscore": ("", "_____<br>"),
    "underscoreline": ("", "_"),
    "dash line": ("", "-"),
    "hr": ("", "<hr tabindex=-1>x"),
    "zwchr": ("", "<br id=zwchr>x "),
    "reply marker": ("", "##- Please type your reply above this line -##<br>"),
    "links": ("", '<a href="http://x.example">y'),
    "190links": ('<a href="http://x.example">' * 190, "a<br>"),
    "closings": ("", "Best regards<br>"),
    "closing+name": ("", "Best regards<br>Ann Lee<br>"),
    "notice": ("", "confidential recipient "),
    "notices": ("", "confidential recipient<br><br>"),
    "iphone": ("", "iPhone "),
    "iphones": ("", "Sent from my iPhone<br><br>"),
    "sig": ("", "<div class=gmail_signature>x</div>"),
    "at": ("", "a@"),
    "addr lt": ("", "&lt;<br>a@b<br>"),
    "www": ("", "www.a.de "),
    "phone": ("", "+49 1 "),
    "merged": ("", "merged "),
    "automatic": ("Automatic reply ", "automatic reply "),
    "absent": ("", "absent 3. "),
    "undelivered": ("", "undeliverable a@b.de "),
    "desc": ("Merged from ticket 9\nDescription: ", "Description: "),
    "style": ("", "<style>"),
    "title": ("", "<title>"),
    "image": ("", "[image: "),
    "amp": ("", "&"),
    "lt": ("", "<"),
    "cjk": ("<p>", "按钮"),
    "paren": ("", "(a.b"),
    "http": ("", "http://"),
    "digits": ("", "1"),
    "dots": ("", "1."),
    "quote signs": ("", " &gt;"),
    "colon line": ("", "a:<br>"),
    "date word": ("", "May 3 "),
    "table": ("", "<table><tr><td>x"),
    "li": ("", "<ul><li>x"),
    "comment": ("", "<!--"),
    "attr": ("", '<p style="height:0 '),
    "surr": ("", "\ud800"),
    "open formatting": ("", "<b>"),
    "paragraphs of open formatting": ("", "<p><b><i>w"),
    "attributes": ("", "<p a=1 b=2 "),
    "open images": ("", "<img alt="),
    "unmatched ends": ("", "</p></span>"),
    "wrong ends": ("", "<div></span>"),
    "line feeds": ("", "\n"),
    "chat": ("", "10:12 Ann: it hums<br>"),
    "chat of two": ("", "Ann: it hums<br>Agent: wipe it<br>"),
    "names below a heading": ("<pre>Name | Order\n", "Ann Lee | 4\n"),
    "titles": ("", "Mr. Ann and "),
}
_ASKED = "<p>Hello there,</p><p>please press the red button.</p><p>Which colour does it show?</p>"


def worst_text(name: str, size: int) -> str:
    """About `size` characters of one kind."""
    head, piece = WORST[name]
    return head + piece * max(1, (size - len(head)) // len(piece))


def worst_ticket(body: str, *, reply: bool) -> dict[str, Any]:
    """A ticket with this body as its opening, or as the answer to an agent's question."""
    if not reply:
        return {"id": 1, "description": body, "requester_id": 7}
    asked = {"id": 2, "body": _ASKED, "incoming": False, "user_id": 9, "created_at": "2025-05-03T07:00:00Z"}
    answer = {"id": 3, "body": body, "incoming": True, "user_id": 7, "created_at": "2025-05-03T08:00:00Z"}
    return {"id": 1, "description": "<p>The lamp is dark.</p>", "requester_id": 7, "conversations": [asked, answer]}
