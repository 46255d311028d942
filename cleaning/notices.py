"""Messages that nobody said: auto-replies and the notes that a merge leaves, told by their words where the payload has no field for it.

Strict on purpose: a sentence that only mentions an absence or a merge is a person's. Knows no payload.
"""

import re

_MERGED_INTO = re.compile(
    r"^\W{0,5}(?:this (?:ticket|request|case|conversation) (?:is|was|has been|got) (?:now )?(?:closed and |"
    r"automatically )?merged (?:in ?to|with) (?:the )?"
    r"|(?:closed and )?merged into (?:the )?"
    r"|dieses ticket (?:ist|wurde) (?=.{0,120}(?:zusammeng|verschm|gemerg|überführt))(?:geschlossen und )?(?:wurde )?(?:mit|"
    r"in) (?:dem |das )?"
    r"|ce ticket (?:est|a été) (?:fermé|clos|clôturé)?(?: et )?(?:a été )?fusionné (?:avec|dans) (?:le )?"
    r"|este (?:ticket|tíquete) (?:está|ha sido|se ha|foi) (?:cerrado y |fechado e )?(?:se ha )?(?:fusionado|combinado|mesclado|"
    r"unido) (?:con|en|ao?|com o|no) (?:el )?"
    r"|questo ticket (?:è|è stato) (?:chiuso e )?(?:unito|fuso) (?:al|nel|con il) "
    r"|dit ticket is (?:gesloten en )?samengevoegd (?:met|in) )"
    r"(?:ticket|request|case|tíquete|id|with id|number|nr\.?|no\.?|mit der id|[ #:])*\[?\s?#?(?P<id>[1-9][0-9]{0,17})\b",
    re.I,
)
_MERGED_FROM = re.compile(
    r"^\W{0,5}(?:merged from ticket\b|(?:ticket|the ticket|ticket with id|tickets?)\W{0,3}#?\[?\d[\d, #]*\]?.{0,80}?\b(?:is|was|were|"
    r"has been|have been) merged (?:in ?to|with) this (?:ticket|one)|"
    r"(?:zusammengeführt|zusammengefügt) aus ticket|fusionné (?:depuis|à partir) d[ue] ticket|fusionado (?:desde|"
    r"del) (?:el )?ticket)[^\n]{0,200}",
    re.I,
)
_MERGED_WORDS = re.compile(
    r"(?:description|beschreibung|descripción|descrição|descrizione|beschrijving)\s{0,2}:\s*(?P<words>.+)", re.I | re.S
)
_AUTO_REPLY = re.compile(
    r"^\W{0,5}(?:auto(?:matic|mated)?[- ]?(?:reply|response|answer)\b|out of (?:the )?office(?: auto-?reply| notification|"
    r" message)?\s*[:.\n]|"
    r"this is an auto(?:matic|mated|matically generated)[- ]?(?:e-?mail |mail )?(?:reply|response|message|notification|e-?mail|"
    r"acknowledge?ment|note)\b|"
    r"automatische (?:antwort|e-?mail)\b|abwesenheitsnotiz|automatische abwesenheits\w+|dies ist eine automatische?\w*|"
    r"réponse automatique|message automatique|"
    r"ceci est (?:un|une) (?:message|réponse|courriel) automatique|respuesta automática|esta es una respuesta automática|"
    r"resposta automática|esta é uma (?:resposta|mensagem) automática|"
    r"risposta automatica|questa è una risposta automatica|automatisch antwoord|dit is een automatisch\w* (?:antwoord|bericht))",
    re.I,
)
_ABSENT = re.compile(
    r"^(?:(?:hi|hello|dear|hallo|guten tag|bonjour|hola|thank you for your (?:e-?mail|"
    r"message))[^\n]{0,60}\n+)?\W{0,3}(?:thank you for your (?:e-?mail|message)[.,!]?\s{0,3})?"
    r"(?:i am|i'm|i will be|i’m) (?:currently |presently )?(?:out of (?:the |my )?office|on (?:annual |parental |maternity |"
    r"sick )?(?:leave|vacation|holiday))\b[^\n]{0,200}"
    r"(?:return|back|until|limited access|no access)",
    re.I,
)
_FORWARD_SUBJECT = re.compile(r"^\s*(?:fwd?|wg|wtr|tr|rv|enc|i|vs|doorst|weitergeleitet)\s?:", re.I)
_MAX_NOTE_CHARS = 600


def merged_into(text: str) -> int | None:
    """The number of the ticket that this note says its own was merged into; None for any other text.

    >>> merged_into("This ticket is closed and merged into ticket 182")
    182
    """
    match = _MERGED_INTO.match(text[:400]) if len(text) <= _MAX_NOTE_CHARS else None
    return int(match["id"]) if match else None


def merged_from_text(text: str) -> str | None:
    """What the customer of a merged ticket had written, by the note that the merge left; "" if it holds nothing; None for any other text.

    >>> merged_from_text("Merged from ticket 9\\nSubject: Wi-Fi\\nDescription: It drops")
    'It drops'
    """
    match = _MERGED_FROM.match(text)
    if match is None:
        return None
    words = _MERGED_WORDS.search(text, match.start())
    if words is not None:
        return words["words"].strip()
    rest = text[match.end() :].strip()
    return rest if len(rest.split()) > 12 else ""


def is_auto_reply(text: str, *, incoming: bool) -> bool:
    """True for a text that calls itself automatic, or a customer's notice of absence with nothing else in it.

    >>> is_auto_reply("Automatic reply: I am away", incoming=True), is_auto_reply("The automatic reply fails", incoming=True)
    (True, False)
    """
    if _AUTO_REPLY.match(text):
        return True
    return incoming and len(text) <= _MAX_NOTE_CHARS and bool(_ABSENT.match(text))


def forwards_by_subject(subject: str) -> bool:
    """True for a subject that a mail program gives to what it forwards.

    >>> forwards_by_subject("WG: Router"), forwards_by_subject("Re: FW update fails")
    (True, False)
    """
    return bool(_FORWARD_SUBJECT.match(subject))
