"""A message without the signature and legal notice below it.

Cuts only what is surely a signature: marked as one by the mail program, below the standard "-- " line, a phone's "Sent from my ...",
a known legal notice, or a formal closing with nothing but names and contact data below. Never cuts a message down to nothing.
"""

import re
from collections.abc import Sequence

from cleaning.mail_markup import SIGNATURE
from cleaning.markup import Line
from cleaning.quotes import has_words

_MAX_LINES = 12
_SEPARATOR = re.compile(r"^(?:--|—|––|__)\s?$|^-- \s*$")
_SENT_FROM = re.compile(
    r"^\W{0,3}(?:sent (?:from|via|with|using) (?:my |the )?[\w .'’+-]{2,60}|get outlook for \w+.{0,20}|von meinem .{2,40} gesendet|"
    r"gesendet (?:von|mit|über) .{2,60}|"
    r"diese nachricht wurde von meinem .{2,60}|holen sie sich outlook für .{2,30}|outlook für \w+ .{0,30}|envoyé (?:de|"
    r"depuis) (?:mon |l'|l’).{2,40}|téléchargez outlook pour .{2,30}|"
    r"obtenez outlook pour .{2,30}|enviado desde (?:mi )?.{2,40}|obtener outlook para .{2,30}|enviado (?:do|a partir do|pelo|"
    r"via) (?:meu )?.{2,40}|obter o? ?outlook para .{2,30}|"
    r"inviato da(?:l mio)? ?.{2,40}|scarica outlook per .{2,30}|ottieni outlook per .{2,30}|verstuurd vanaf (?:mijn )?.{2,40}|"
    r"verzonden (?:vanaf|met|via) (?:mijn )?.{2,40}|"
    r"outlook voor \w+ downloaden.{0,20}|skickat från min .{2,40}|sendt fra min .{2,40}|wysłane z (?:mojego )?.{2,40}|отправлено с .{2,40}|"
    r"iphoneから送信|我的iphone发送|从我的 ?\w+ ?发送)\W{0,4}$",
    re.I,
)
_NOTICE = re.compile(
    r"^\W{0,4}(?:(?:confidentiality|legal|privacy) (?:notice|note|disclaimer)\b|disclaimer\b\s*[:.-]|"
    r"(?:the information (?:contained )?in )?this (?:e-?mail|email|message|communication|transmission)(?: message)?(?:,? \(?(?:and|"
    r"including|together with) any .{2,60}?)?\)?,? "
    r"(?:is|are|may|contains?|and|has been|was) .{0,80}(?:confidential|intended|privileged)|"
    r"the (?:information|contents?) (?:contained |transmitted )?(?:in|of) this (?:e-?mail|message|"
    r"communication).{0,80}(?:confidential|intended|privileged)|"
    r"diese (?:e-?mail|nachricht).{0,60}(?:vertraulich|rechtlich geschützt)|(?:der inhalt|"
    r"die informationen?) (?:in )?dieser (?:e-?mail|nachricht).{0,60}vertraulich|"
    r"ce (?:message|courriel|mail|courrier électronique).{0,80}(?:confidentiel|destiné)|"
    r"este (?:mensaje|correo|e-?mail|mensagem).{0,100}(?:confidencial|privilegiad|dirigid|destinad)|"
    r"esta mensagem.{0,100}(?:confidencial|destinad)|"
    r"(?:questo messaggio|questa (?:e-?mail|comunicazione)|le informazioni contenute in quest).{0,100}(?:riservat|confidenzial|destinat)|"
    r"(?:dit (?:e-?mail)?bericht|deze e-?mail|de informatie (?:verzonden )?(?:in|met) dit).{0,100}(?:vertrouwelijk|bestemd)|"
    r"detta (?:meddelande|e-postmeddelande|mejl).{0,80}(?:konfidentiell|avsett)|denne e-?mail.{0,80}(?:fortrolig|beregnet)|"
    r"(?:niniejsza|ta) wiadomość.{0,80}(?:poufn|przeznaczon)|"
    r"please consider the environment before printing|think before you print|bitte denken sie an die umwelt|pensez à l'environnement|"
    r"before printing, think about the environment|(?:\[image[^\]]{0,60}\][ |]{0,3}(?:\([^)]{0,40}\)[ |"
    r"]{0,3})?)?virus-free\.? ?www\.avast|this email has been checked for viruses)",
    re.I,
)
_CLOSING = re.compile(
    r"^\W{0,2}(?:(?:with )?(?:best|kind|kindest|warm|warmest|many) (?:regards|wishes)|best regards and thanks|regards|rgds|br|"
    r"(?:thanks|thank you|many thanks)(?: and| &|,)? (?:best |kind )?regards|yours (?:sincerely|faithfully|truly)|"
    r"sincerely(?: yours)?|respectfully|cordially|"
    r"mit (?:freundlichen|besten|herzlichen|lieben|vielen) grü(?:ß|ss)en|(?:viele|beste|liebe|herzliche|schöne|freundliche) grü(?:ß|"
    r"ss)e(?: aus \w+)?|mfg|lg|vg|freundliche grüsse|"
    r"(?:bien )?cordialement|(?:bien |meilleures? |sincères )?salutations(?: distinguées)?|bien à vous|(?:un )?(?:saludo|"
    r"cordial saludo)s?(?: cordial(?:es)?)?|(?:muchos )?saludos(?: cordiales)?|"
    r"atentamente|atte|(?:com os )?(?:melhores )?cumprimentos|atenciosamente|att|abraços?|cordiali saluti|(?:distinti|"
    r"cordiali) saluti|saluti|"
    r"met vriendelijke groet(?:en)?|vriendelijke groet(?:en)?|mvg|hartelijke groet(?:en)?|groet(?:en|jes)?|med vänliga hälsningar|"
    r"vänliga hälsningar|mvh|venlig hilsen|med venlig hilsen|"
    r"z poważaniem|pozdrawiam|с уважением)\W{0,3}$",
    re.I,
)
_CONTACT = re.compile(
    r"@|\bwww\.|https?://|\b(?:tel|phone|fon|telefon|mobile?|cell|handy|fax|office|direct|t|m|p|f|e|w)\b\s?[.:|]|\+?\d[\d ()/.-]{6,}|"
    r"\b(?:gmbh|ltd|llc|inc|s\.?a\.?r\.?l|b\.?v|ag|plc|corp|s\.?p\.?a|s\.?r\.?l|s\.?l|z o\.?\s?o|ltda|ab|a/s|oy|kg)(?:\b|\.)|"
    r"\b(?:manager|director|engineer|officer|specialist|support|team|head of|ceo|cto|coo|cfo|assistant|consultant|administrator|"
    r"sales|leiter|geschäftsführer|\[image)\b",
    re.I,
)


def without_signature(lines: Sequence[Line]) -> list[Line]:
    """The lines above the signature; all of them if nothing is surely one or nothing else would be left.

    >>> [line.text for line in without_signature([Line("It fails."), Line("-- "), Line("Ann")])]
    ['It fails.']
    """
    for cut in (_marked, _below_separator, _notice, _sent_from, _closing, _sent_from):
        shorter = cut(lines)
        if any(has_words(line.text) for line in shorter):
            lines = shorter
    return list(lines)


def _marked(lines: Sequence[Line]) -> Sequence[Line]:
    return [line for line in lines if SIGNATURE not in line.marks]


def _below_separator(lines: Sequence[Line]) -> Sequence[Line]:
    for at in range(len(lines) - 1, -1, -1):
        if _SEPARATOR.match(lines[at].text):
            below = [line.text for line in lines[at + 1 :] if line.text]
            short = len(below) <= _MAX_LINES and all(len(text) <= 120 or _NOTICE.match(text) for text in below)
            return lines[:at] if short else lines
    return lines


def _notice(lines: Sequence[Line]) -> Sequence[Line]:
    """Cuts at the first legal notice among the last lines; what stands below it goes too."""
    cut, texts = len(lines), 0
    for at in range(len(lines) - 1, -1, -1):
        texts += bool(lines[at].text)
        if texts > _MAX_LINES:
            break
        if lines[at].text and _NOTICE.match(lines[at].text[:400]):
            cut = at
    return lines[:cut]


def _sent_from(lines: Sequence[Line]) -> Sequence[Line]:
    end = _last_text(lines, len(lines))
    while end >= 0 and len(lines[end].text) < 120 and _SENT_FROM.match(lines[end].text):
        end = _last_text(lines, end)
    return lines[: end + 1]


def _closing(lines: Sequence[Line]) -> Sequence[Line]:
    """Cuts at a formal closing when only names and contact data stand below it."""
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].text and len(lines[at].text) < 60 and _CLOSING.match(lines[at].text):
            below = [line.text for line in lines[at + 1 :] if line.text]
            sure = len(below) <= _MAX_LINES and all(_is_signature_line(text, first=number == 0) for number, text in enumerate(below))
            return lines[:at] if sure else lines
    return lines


def _is_signature_line(text: str, *, first: bool) -> bool:
    words = text.split()
    if len(text) > 120 or text.endswith("?") or len(words) > 14:
        return False
    if _CONTACT.search(text) or text.startswith("[image"):
        return True
    capitals = sum(word[:1].isupper() or not word[:1].isalpha() for word in words)
    return len(words) <= (5 if first else 8) and capitals >= len(words) - 1 and not text.endswith(("!", "."))


def _last_text(lines: Sequence[Line], end: int) -> int:
    at = end - 1
    while at >= 0 and not lines[at].text:
        at -= 1
    return at
