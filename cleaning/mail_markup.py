"""What the nodes of a message mean to the mail programs that wrote them: history, forward, signature.

Only reads tags and attributes. What becomes of the text in such a node is decided by others.
"""

import re
from collections.abc import Mapping

# Marks of nodes. HISTORY_BELOW is a point after which history stands, the others are containers.
QUOTE, SOFT_QUOTE, HISTORY_BELOW, SIGNATURE, FORWARD = "quote", "soft quote", "history below", "signature", "forward"

_QUOTE_NAMES = frozenset(
    [
        "freshdesk_quote",
        "gmail_quote",
        "gmail_quote_container",
        "gmail_extra",
        "yahoo_quoted",
        "yahoo-quoted-begin",
        "iosymail",
        "moz-cite-prefix",
        "zmail_extra",
        "protonmail_quote",
        "tutanota_quote",
        "ik_mail_quote",
        "OutlookMessageHeader",
        "front-blockquote",
        "quoted-text",
        "hs_reply",
        "isReplyContent",
        "mailcontent",
        "origbody",
        "reply139content",
        "oriMsgHtmlSeperator",
        "mail-editor-reference-message-container",
        "ms-outlook-mobile-body-separator-line",
    ]
)
_YAHOO_QUOTE = re.compile(r"ydp\w{1,20}yahoo_quoted\w*|yahoo_quoted_\w+")
_BELOW_IDS = re.compile(r"(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|OLK_SRC_BODY_SECTION|zwchr)", re.I)
_OUTLOOK_RULE = re.compile(r"border:\s*none;\s*border-top:\s*solid\s*#(?:E1E1E1|B5C4DF)", re.I)
_SIGNATURE_NAMES = re.compile(
    r"gmail_signature(?:_prefix)?|moz-signature|(?:x_)*(?:ms-outlook-mobile-)?signature|(?:x_)*AppleMailSignature|"
    r"protonmail_signature_block(?:-user)?|zmail_signature|yahoo-signature|tutanota_signature|freshdesk_signature|fd-signature|"
    r"email-signature|composer_signature|editorUserSignature",
    re.I,
)
_INDENT = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.I)


def mail_mark(tag: str, attributes: Mapping[str, str]) -> str | None:
    """The meaning of a node: one of this module's marks, or None.

    >>> mail_mark("div", {"class": "gmail_quote"}), mail_mark("div", {"class": "row"})
    ('quote', None)
    """
    names = [*attributes.get("class", "").split(), attributes.get("id", "")] if attributes else []
    if (names and _BELOW_IDS.fullmatch(names[-1])) or (tag == "hr" and attributes.get("tabindex") == "-1"):
        return HISTORY_BELOW
    for name in filter(None, names):
        if name == "moz-forward-container":
            return FORWARD
        if name.removeprefix("x_") in _QUOTE_NAMES or _YAHOO_QUOTE.fullmatch(name):
            return QUOTE
        if _SIGNATURE_NAMES.fullmatch(name):
            return SIGNATURE
    if tag == "blockquote":
        return _blockquote_mark(attributes)
    if tag != "div":
        return None
    if attributes.get("name") == "quote":
        return QUOTE
    return HISTORY_BELOW if _OUTLOOK_RULE.search(attributes.get("style", "")) else None


def _blockquote_mark(attributes: Mapping[str, str]) -> str | None:
    """A blockquote that says it cites is history; one that only indents is layout; any other may be either."""
    if attributes.get("type", "").lower() == "cite" or "cite" in attributes:
        return QUOTE
    return None if _INDENT.search(attributes.get("style", "")) else SOFT_QUOTE
