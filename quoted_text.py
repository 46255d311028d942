"""What is new in a message: its lines without the history that mail programs put below or around it.

Knows how mail programs mark history, in the markup (Gmail, Outlook, Apple Mail, Thunderbird, Freshdesk and others) and in words (ten
languages). Cuts no signature and stores nothing of what it cut. When in doubt a line stays: a quote too many is better than a sentence
too few, and a message that had words is never emptied.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from html_text import Line

# Marks that `mail_mark` gives to nodes. HISTORY_BELOW is a point, the others are containers.
QUOTE, SOFT_QUOTE, HISTORY_BELOW, SIGNATURE, FORWARD = "quote", "soft quote", "history below", "signature", "forward"


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_QUOTE_CLASSES = _word_set(
    "freshdesk_quote gmail_quote gmail_extra yahoo_quoted moz-cite-prefix moz-forward-container zmail_extra protonmail_quote "
    "zendesk_quote WordSection1_quote tutanota_quote mailbird_quote quoted-text quoted_text OutlookMessageHeader ms-outlook-quote "
    "gmail_quote_container hs_reply front-quote intercom-quote help-scout-quote cse-quoted-text skype_quote"
)
_QUOTE_IDS = re.compile(
    r"(?:yahoo_quoted|isForwardContent|mail-editor-reference-message-container|reply-intro|oriMsgHtmlSeperator|"
    r"ms-outlook-mobile-body-separator-line)"
)
_BELOW_IDS = re.compile(r"(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|OLK_SRC_BODY_SECTION|zwchr|divtagdefaultwrapper_quote)", re.I)
_OUTLOOK_RULE = re.compile(r"border:\s*none;\s*border-top:\s*solid\s*#(?:E1E1E1|B5C4DF)", re.I)
_SIGNATURE_NAMES = re.compile(
    r"gmail_signature|moz-signature|(?:x_)*(?:ms-outlook-mobile-)?signature|AppleMailSignature|protonmail_signature_block(?:-user)?|"
    r"zmail_signature|yahoo-signature|tutanota_signature|freshdesk_signature|fd-signature|email-signature|__signature__",
    re.I,
)


def mail_mark(tag: str, attributes: Mapping[str, str]) -> str | None:
    """The meaning of a node to mail programs: one of this module's marks, or None."""
    classes, node_id = attributes.get("class", "").split(), attributes.get("id", "")
    if _BELOW_IDS.fullmatch(node_id) or (tag == "hr" and attributes.get("tabindex") == "-1"):
        return HISTORY_BELOW
    if any(_SIGNATURE_NAMES.fullmatch(name) for name in (*classes, node_id)):
        return SIGNATURE
    if "moz-forward-container" in classes:
        return FORWARD
    if any(name in _QUOTE_CLASSES or name.removeprefix("x_") in _QUOTE_CLASSES for name in classes) or _QUOTE_IDS.match(node_id):
        return QUOTE
    if tag == "blockquote":
        return _blockquote_mark(attributes)
    style = attributes.get("style", "")
    return HISTORY_BELOW if tag == "div" and _OUTLOOK_RULE.search(style) else None


_OUTLOOK_SUBJECT_OR_SENT = re.compile(
    r"^\W{0,3}(?:subject|sent|betreff|gesendet|objet|envoyé|asunto|enviad[oa]|assunto|oggetto|inviato|onderwerp|verzonden|ämne|"
    r"skickat|emne|sendt|"
    r"temat|wysłano|тема|件名|主题)",
    re.I | re.M,
)
_RULE = re.compile(r"border:\s*none;\s*border-top:\s*solid\s*#(?:E1E1E1|B5C4DF)", re.I)
_INDENT = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.I)


def _blockquote_mark(attributes: Mapping[str, str]) -> str | None:
    if attributes.get("type", "").lower() == "cite" or "cite" in attributes:
        return QUOTE
    return None if _INDENT.search(attributes.get("style", "")) and "border-left:1px" not in attributes.get("style", "") else SOFT_QUOTE


@dataclass(frozen=True, slots=True)
class NewLines:
    """`lines` that are new. `only_quoted`: nothing was, so the quoted words stay."""

    lines: tuple[Line, ...]
    only_quoted: bool = False


def new_lines(lines: Sequence[Line], *, keep_forwards: bool = True, headers_mean_forward: bool = False) -> NewLines:
    """The lines of a message without its history.

    `keep_forwards`: a mail that the message says it forwards is what it is about, so its words stay and only its header lines go.
    `headers_mean_forward`: so is what stands below bare header lines (From, Sent, To, Subject), as in Outlook's forwards.

    >>> [line.text for line in new_lines([Line("It fails."), Line("On 3 May 2025, Ann wrote:"), Line("> Hello")]).lines]
    ['It fails.']
    """
    kept = _Walker(lines, keep_forwards=keep_forwards, headers_mean_forward=headers_mean_forward).kept()
    if any(_has_words(line.text) for line in kept):
        return NewLines(tuple(kept))
    uncut = tuple(line for line in lines if not _is_reply_marker(line.text))
    if kept_images := [line for line in kept if line.text.strip()]:
        return NewLines(tuple(kept_images))  # a picture above the history: the words below are not new
    return NewLines(uncut, only_quoted=any(_has_words(line.text) for line in uncut))


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in re.sub(r"\[(?:image|attachment)[^\]]*\]", "", text))


_WROTE = (
    "wrote|writes|schrieb|geschrieben|a écrit|écrit|a ecrit|escribió|escribio|escreveu|ha scritto|scritto|schreef|geschreven|"
    "skrev|napisał|napisał\\(a\\)|napisała|kirjoitti|написал|написала|пишет|yazdı|написав|wrote the following"
)
_ATTRIBUTION_END = re.compile(
    rf"(?:(?<!\w)(?:{_WROTE})(?!\w)[^:：\n]{{0,120}}|のメール|写道|寫道|作成|님이 작성|כתב[/הא]*|كتب)\s?[:：]\s*$", re.I
)
_OPENING_WORD = re.compile(r"^\W{0,3}(?:on|am|le|el|em|il|op|den|w dniu|dnia|em|a|в|on the)\s", re.I)
_DATE = re.compile(r"\d{4}|\d{1,2}[:.h]\d{2}|\d{1,2}[./-]\d{1,2}|\b\d{1,2}\.?\s+\w{3,}")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.\w")
_TIME_AND_ADDRESS = re.compile(r"\d{1,2}[:.h]\d{2}.{0,200}[<(\[][^<>()\s]{1,64}@[^<>()\s]{1,200}[>)\]]+\s?[:：]\s*$")
_ORIGINAL_MESSAGE = re.compile(
    r"^\W{0,3}[-_=*]{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|original-nachricht|"
    r"message d['’]origine|"
    r"message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig meddelelse|"
    r"ursprungligt meddelande|wiadomość oryginalna|исходное сообщение|reply message|antwort nachricht)\s*[-_=*]{2,}\s*$",
    re.I,
)
_FORWARDED = re.compile(
    r"^\W{0,3}(?:[-_=*]{2,}\s*)?(?:forwarded message|begin forwarded message|weitergeleitete nachricht|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail)|message transféré|"
    r"message transmis|début du message (?:transféré|réexpédié)|mensaje reenviado|inicio del mensaje reenviado|"
    r"mensagem (?:encaminhada|reencaminhada)|início da mensagem (?:encaminhada|reencaminhada)|"
    r"messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht)\s*(?:from .{1,80}|"
    r"von .{1,80})?:?\s*(?:[-_=*]{2,})?\s*$",
    re.I,
)
_REPLY_MARKER = re.compile(
    r"##-.{0,120}-##|(?:please )?(?:type|write) your (?:reply|response) above this line|reply above this line|"
    r"bitte (?:antworten sie|schreiben sie ihre antwort) (?:oberhalb|über) dieser (?:zeile|linie)|"
    r"-{2,}\s*(?:please )?reply above this line\s*-{2,}",
    re.I,
)
_FROM_LABEL = r"from|von|de|da|van|fra|från|od|от|expéditeur|remitente|mittente|afzender|差出人|发件人|寄件者"
_HEADER_LABEL = (
    rf"{_FROM_LABEL}|sent|date|to|cc|bcc|subject|reply-to|gesendet|datum|an|kopie|betreff|antwort an|envoyé|envoyé le|à|objet|date d'envoi|"
    r"enviado|enviado el|enviada em|enviado em|fecha|para|asunto|data|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|"
    r"skickat|till|ämne|sendt|til|emne|wysłano|do|temat|дата|кому|тема|importance|wichtigkeit|priority|送信日時|宛先|件名|发送时间|收件人|主题"
)
_HEADER_LINE = re.compile(rf"^\W{{0,3}}(?:{_HEADER_LABEL})\s?\*?\s?[:：]\*?\s*\S?", re.I)
_FROM_LINE = re.compile(rf"^\W{{0,3}}(?:{_FROM_LABEL})\s?\*?\s?[:：]\*?\s*\S", re.I)
_SUBJECT_OR_SENT = re.compile(
    r"^\W{0,3}(?:subject|sent|betreff|gesendet|objet|envoyé|asunto|enviad[oa]|assunto|oggetto|inviato|onderwerp|verzonden|ämne|"
    r"skickat|emne|sendt|"
    r"temat|wysłano|тема|件名|主题)",
    re.I | re.M,
)
_RULE = re.compile(r"^[_\-=*]{5,}$")


def _is_reply_marker(text: str) -> bool:
    return len(text) < 200 and bool(_REPLY_MARKER.search(text))


_POINTS_BELOW = re.compile(
    r"\b(?:below|underneath|forward(?:ed|ing)?|fyi|siehe unten|unten|weiter(?:leitung|geleitet)|ci-dessous|transf[eé]r\w+|abajo|"
    r"reenv\w+|abaixo|encaminh\w+|"
    r"di seguito|sotto|inoltr\w+|hieronder|onderstaand\w*|doorgestuurd)\b",
    re.I,
)
_MAX_ATTRIBUTION_CHARS = 300


class _Walker:
    """One pass over the lines; each rule says where its piece of history ends."""

    def __init__(self, lines: Sequence[Line], *, keep_forwards: bool, headers_mean_forward: bool) -> None:
        self._lines = lines
        self._keep_forwards = keep_forwards
        self._headers_mean_forward = headers_mean_forward
        self._kept: list[Line] = []
        self._base = 0  # how many marks of a line belong to a forward whose words stay
        self._attributed = False  # the line before said whose words come

    def kept(self) -> list[Line]:
        at = 0
        while at < len(self._lines):
            attributed, before = self._attributed, at
            at = self._step(at)
            if attributed and any(line.text for line in self._lines[before:at]):
                self._attributed = False
        return self._kept

    def _step(self, at: int) -> int:
        """Keep or cut from line `at`; the number of the next line."""
        line = self._lines[at]
        if line.marks and (end := self._marked(at)) > at:
            return end
        if line.text.startswith(">"):
            return self._prefixed(at)
        if line.text and len(line.text) <= _MAX_ATTRIBUTION_CHARS and (end := self._worded(at)) > at:
            return end
        self._kept.append(line)
        return at + 1

    def _marked(self, at: int) -> int:
        """The end of history that the markup shows at line `at`; `at` if there is none."""
        marks = self._lines[at].marks[self._base :]
        if QUOTE in marks or (FORWARD in marks and not self._keep_forwards):
            return self._forward_within(at) or self._end_of(at, {QUOTE, FORWARD})
        if SOFT_QUOTE in marks:
            return self._soft_quote(at)
        if marks and marks[-1] == HISTORY_BELOW and self._has_kept_words():
            return self._header_block(at) or len(self._lines)
        return at

    def _worded(self, at: int) -> int:
        """The end of history that words show at line `at`; `at` if there is none."""
        text = self._lines[at].text
        if _FORWARDED.match(text):
            return self._forward(at) if self._keep_forwards else len(self._lines)
        if _is_reply_marker(text):
            return len(self._lines) if self._has_kept_words() else at + 1
        if length := self._attribution(at):
            self._attributed = True
            return at + length
        if _ORIGINAL_MESSAGE.match(text):
            return self._header_block(at + 1) or len(self._lines)
        return self._header_block(at) or at

    def _has_kept_words(self) -> bool:
        return any(_has_words(line.text) for line in self._kept)

    def _end_of(self, at: int, names: set[str]) -> int:
        while at < len(self._lines) and names.intersection(self._lines[at].marks[self._base :]):
            at += 1
        return at

    def _next_text(self, at: int) -> int:
        """The first line from `at` on that has text; the number of lines if there is none."""
        while at < len(self._lines) and not self._lines[at].text:
            at += 1
        return at

    def _soft_quote(self, at: int) -> int:
        """A plain blockquote is history unless the writer uses it to show something within a message of theirs."""
        end = self._end_of(at, {SOFT_QUOTE})
        nested = any(sum(mark in (QUOTE, SOFT_QUOTE) for mark in line.marks) > 1 for line in self._lines[at:end])
        introduced = next((line.text for line in reversed(self._kept) if line.text), "").endswith((":", "："))
        last = self._next_text(end) == len(self._lines)
        if self._attributed or nested or not self._has_kept_words() or (last and not introduced):
            return end
        self._kept.extend(self._lines[at:end])
        return end

    def _prefixed(self, at: int) -> int:
        end = at
        while end < len(self._lines) and self._lines[end].text.startswith(">"):
            end += 1
            following = self._next_text(end)
            if following < len(self._lines) and self._lines[following].text.startswith(">"):
                end = following
        if end == at + 1 and not self._attributed and re.match(r">\s?[=\d]", self._lines[at].text):
            self._kept.append(self._lines[at])  # "> 5 GB"
        return end

    def _attribution(self, at: int) -> int:
        """How many lines from `at` on say "On ... wrote:"; 0 if they do not, or if what follows may be the writer's own."""
        text = ""
        for length in range(1, 5):
            if at + length > len(self._lines) or not self._lines[at + length - 1].text:
                return 0
            text = f"{text} {self._lines[at + length - 1].text}"
            if len(text) > _MAX_ATTRIBUTION_CHARS:
                return 0
            if _ATTRIBUTION_END.search(text) or _TIME_AND_ADDRESS.search(text):
                return self._trusted(text, at, length)
            if not (_OPENING_WORD.match(text) and _DATE.search(text)):
                return 0
        return 0

    def _trusted(self, text: str, at: int, length: int) -> int:
        following = self._next_text(at + length)
        if following == len(self._lines):
            return length if _DATE.search(text) else 0
        if self._is_quoted(following):
            return length
        sure = bool(_DATE.search(text)) and bool(_OPENING_WORD.match(text.strip()) or _ADDRESS.search(text))
        return len(self._lines) - at if sure and self._has_kept_words() else 0

    def _is_quoted(self, at: int) -> bool:
        line = self._lines[at]
        return line.text.startswith(">") or bool({QUOTE, SOFT_QUOTE}.intersection(line.marks[self._base :]))

    def _header_block(self, at: int) -> int:
        """Where a block of mail headers and what it stands above ends; 0 if line `at` begins none."""
        start = self._next_text(at)
        if start == len(self._lines) or not _FROM_LINE.match(self._lines[start].text):
            return 0
        end, labels, text = start, 0, ""
        while end < min(len(self._lines), start + 16) and (not self._lines[end].text or _HEADER_LINE.match(self._lines[end].text)):
            labels += bool(self._lines[end].text)
            text += f"\n{self._lines[end].text}"
            end += 1
        if labels < 3 or not (_SUBJECT_OR_SENT.search(text) or _ADDRESS.search(text)):
            return 0
        while self._kept and (not self._kept[-1].text or _RULE.match(self._kept[-1].text)):
            self._kept.pop()
        return end if self._means_forward() else len(self._lines)

    def _means_forward(self) -> bool:
        if self._headers_mean_forward:
            return True
        text = " ".join(line.text for line in self._kept[:12])
        return self._keep_forwards and len(text.split()) <= 12 and bool(_POINTS_BELOW.search(text))

    def _forward_within(self, at: int) -> int:
        """The line after a forward's own words about itself, when a quoting node holds a forward that stays; else 0."""
        first = self._next_text(at)
        if not self._keep_forwards or first == len(self._lines) or not _FORWARDED.match(self._lines[first].text):
            return 0
        self._base = len(self._lines[first].marks)
        return self._forward(first)

    def _forward(self, at: int) -> int:
        end = self._next_text(at + 1)
        if end < len(self._lines):
            self._base = max(self._base, len(self._lines[end].marks))
        while end < len(self._lines) and (not self._lines[end].text or _HEADER_LINE.match(self._lines[end].text)):
            end += 1
        return end
