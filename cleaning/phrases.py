"""The words that mail programs write around what they quote or forward, in ten languages; tables only.

Whether a line that matches is really history is not decided here.
"""

import re

_WROTE = (
    "wrote|writes|schrieb|geschrieben|a écrit|écrit|a ecrit|escribió|escribio|escreveu|ha scritto|scritto|schreef|geschreven|"
    "skrev|napisał|napisał\\(a\\)|napisała|kirjoitti|написал|написала|пишет|yazdı|написав|wrote the following"
)
ATTRIBUTION_END = re.compile(
    rf"(?:(?<!\w)(?:{_WROTE})(?!\w)[^:：\n]{{0,120}}|のメール|写道|寫道|作成|님이 작성|כתב[/הא]*|كتب)\s?[:：]\s*$", re.I
)
OPENING_WORD = re.compile(r"^\W{0,3}(?:on|am|le|el|em|il|op|den|w dniu|dnia|em|a|в|on the)\s", re.I)
DATE = re.compile(r"\d{4}|\d{1,2}[:.h]\d{2}|\d{1,2}[./-]\d{1,2}|\b\d{1,2}\.?\s+\w{3,}")
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.\w")
TIME_AND_ADDRESS = re.compile(r"\d{1,2}[:.h]\d{2}.{0,200}[<(\[][^<>()\s]{1,64}@[^<>()\s]{1,200}[>)\]]+\s?[:：]\s*$")
ORIGINAL_MESSAGE = re.compile(
    r"^\W{0,3}[-_=*]{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|original-nachricht|"
    r"message d['’]origine|"
    r"message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|oprindelig meddelelse|"
    r"ursprungligt meddelande|wiadomość oryginalna|исходное сообщение|reply message|antwort nachricht)\s*[-_=*]{2,}\s*$",
    re.I,
)
FORWARDED = re.compile(
    r"^\W{0,3}(?:[-_=*]{2,}\s*)?(?:forwarded message|begin forwarded message|weitergeleitete nachricht|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail)|message transféré|"
    r"message transmis|début du message (?:transféré|réexpédié)|mensaje reenviado|inicio del mensaje reenviado|"
    r"mensagem (?:encaminhada|reencaminhada)|início da mensagem (?:encaminhada|reencaminhada)|"
    r"пересылаемое сообщение|пересланное сообщение|vidarebefordrat meddelande|videresendt meddelelse|przekazana wiadomość|"
    r"messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht)\s*(?:from .{1,80}|"
    r"von .{1,80})?:?\s*(?:[-_=*]{2,})?\s*$",
    re.I,
)
REPLY_MARKER = re.compile(
    r"##-.{0,120}-##|(?:please )?(?:type|write) your (?:reply|response) above this line|reply above this line|"
    r"bitte (?:antworten sie|schreiben sie ihre antwort) (?:oberhalb|über) dieser (?:zeile|linie)|"
    r"-{2,}\s*(?:please )?reply above this line\s*-{2,}",
    re.I,
)
_FROM_LABEL = r"from|von|de|da|van|fra|från|od|от|от кого|expéditeur|remitente|mittente|afzender|差出人|发件人|寄件者"
_HEADER_LABEL = (
    rf"{_FROM_LABEL}|sent|date|to|cc|bcc|subject|reply-to|gesendet|datum|an|kopie|betreff|antwort an|envoyé|envoyé le|à|objet|date d'envoi|"
    r"enviado|enviado el|enviada em|enviado em|fecha|para|asunto|data|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|"
    r"skickat|till|ämne|sendt|til|emne|wysłano|do|temat|дата|кому|тема|отправлено|копия|importance|wichtigkeit|priority|送信日時|宛先|件名|"
    r"发送时间|收件人|主题"
)
HEADER_LINE = re.compile(rf"^\W{{0,3}}(?:{_HEADER_LABEL})\s?\*?\s?[:：]\*?\s*\S?", re.I)
FROM_LINE = re.compile(rf"^\W{{0,3}}(?:{_FROM_LABEL})\s?\*?\s?[:：]\*?\s*\S", re.I)
SUBJECT_OR_SENT = re.compile(
    r"^\W{0,3}(?:subject|sent|betreff|gesendet|objet|envoyé|asunto|enviad[oa]|assunto|oggetto|inviato|onderwerp|verzonden|ämne|"
    r"skickat|emne|sendt|"
    r"temat|wysłano|тема|отправлено|件名|主题)",
    re.I | re.M,
)
RULE = re.compile(r"^[_\-=*]{5,}$")


POINTS_BELOW = re.compile(
    r"\b(?:below|underneath|forward(?:ed|ing)?|fyi|siehe unten|unten|weiter(?:leitung|geleitet)|ci-dessous|transf[eé]r\w+|abajo|"
    r"reenv\w+|abaixo|encaminh\w+|"
    r"di seguito|sotto|inoltr\w+|hieronder|onderstaand\w*|doorgestuurd)\b",
    re.I,
)
