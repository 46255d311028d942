"""The shapes of what redaction looks for, and the words that tell them from look-alikes; tables only.

Every pattern reads folded text (`cleaning.matching`): ASCII digits, blanks, dashes and quotation marks only. Each is bounded or begins only
where a word begins, so that a scan takes linear time on any text. A new token shape is a line in `token_shapes.tsv`, a new key word one
in `words.json`; words of a language belong into `languages/<code>.json`.
"""

import re
from pathlib import Path

_TOKENS = dict(line.split("\t") for line in (Path(__file__).parent / "token_shapes.tsv").read_text(encoding="utf-8").splitlines())
TOKEN = re.compile(rf"(?<![\w-])(?:{'|'.join(_TOKENS.values())})(?![\w-])")
LONG_WORD = re.compile(r"[!-~]{18}")  # every token, also one of no known shape, holds so many characters without a blank

_BLOCK = r"(?:[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?|PGP [A-Z ]{3,30}|ENCRYPTED [A-Z ]{3,30})"
KEY_BLOCK = re.compile(
    rf"-----BEGIN {_BLOCK}-----(?:(?:(?!-----).){{0,20000}}-----END [A-Z0-9 ]{{3,50}}-----|[A-Za-z0-9+/=\s]{{0,10000}})", re.S
)

_SCHEME = r"(?<!\w)(?:[a-z][a-z0-9+]{1,15}(?::[a-z0-9]{1,15})?)://"
URL_LOGIN = re.compile(rf"{_SCHEME}(?P<value>[^\s/@<>\"']{{0,200}}:[^\s/@<>\"']{{1,200}})@", re.I)
URL_PARAMETER = re.compile(
    r"[?&;#](?:[\w-]{0,20}(?:token|secret|passw(?:or)?d|pwd|signature|credential|apikey|api[_-]key|access[_-]key|session|otp|"
    r"jwt)[\w-]{0,20}"
    r"|key|sig|auth|code|sid|hash|hmac|pass|pin|t|s|st|ticket|x-amz-[\w-]{1,30}|skoid|se|sp|login|invite|"
    r"reset)=(?P<value>[^\s&#<>\"')\]]{4,4000})",
    re.I,
)
URL_STEP = re.compile(
    r"/(?:[\w-]{0,20}(?:reset|verify|verification|confirm|invit|unsubscribe|activat|magic|token|auth|join|share|password|signin|"
    r"login)[\w-]{0,12})/"
    r"(?P<value>(?=[\w~.=-]{0,40}\d)[\w~.=-]{6,500})",
    re.I,
)
URL_TOKEN = re.compile(
    r"(?<=/)(?P<value>(?=[A-Za-z_~.=-]{0,60}\d)(?=[\d_~.=-]{0,60}[A-Za-z])(?!\d{4}-\d\d)(?!(?:[a-z]{2,}|\d{1,4})(?:-[a-z0-9]{1,40}){2,12}(?:[/?#\s.]|"
    r"$))[\w~.=-]{24,500})(?=[/?#\s)\]]|$)"
)
URL_HOOK = re.compile(r"(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/(?P<value>[\w/-]{16,300})", re.I)
URL_PHONE = re.compile(
    r"(?:\bwa\.me/|\bphone=|\b(?:tel|sms|callto|whatsapp):(?://)?|signal\.me/#p/|\bt\.me/)(?P<value>(?:\+|%2B)?\d[\d().-]{6,18}\d)", re.I
)

BEARER = re.compile(
    r"\b(?:bearer|basic|token|apikey|key|secret)\s+[\"'`]?(?P<value>(?=[^\s]{0,80}\d)(?=[^\s]{0,80}[a-z])[\w.~+/=-]{16,4000})", re.I
)
SOCIAL_SECURITY = re.compile(r"\b(?:ssn|social security(?: number| no\.?)?)\W{0,4}(?:is )?(?P<value>\d{3}[- ]?\d{2}[- ]?\d{4})\b", re.I)
MYSQL_PASSWORD = re.compile(
    r"\b(?:mysql\w{0,10}|mariadb(?:-\w{1,10})?)\b(?:(?!mysql|mariadb)[^\n]){0,200}?\s-p(?P<value>[^\s\"'-][^\s\"']{2,127})"
    r"|\bsshpass\s+-p\s?[\"']?(?P<other>[^\s\"']{3,128})|\bredis-cli\b[^\n]{0,80}?\s-a\s[\"']?(?P<third>[^\s\"']{3,128})"
)
USER_PASSWORD = re.compile(r"(?<=\s)(?:-u|-U|-a|--user|--proxy-user|--auth)[ =]{1,2}[\"']?(?P<value>[\w.@%+-]{1,64}:[^\s\"']{3,128})")
CLIENT_COMMAND = re.compile(r"\b(?:curl|wget|https?|httpie|xh|smbclient)\b")
FRESHDESK_KEY = re.compile(r"(?<![\w-])[A-Za-z0-9]{20}(?![\w-])")

NO_SECRET_BEFORE_KEY = re.compile(
    r"(?:activation|product|licen[sc]e|primary|foreign|public|registry|sort|cache|partition|object|order|hot|function|escape|enter|"
    r"return|shift|arrow|the|a|this|that|wrong|right|left|each|every)[ _-]?$",
    re.I,
)
FOR_WHAT = (
    r"(?:\s+(?:wi-?fi|wlan|router|admin|μου|μας|saya|anda|kami|của tôi))?"
    r"(?:\s+(?:for|für|to|of|pour|de|para|per|voor|för|til|till|от|для|do|pro|за|για)\s+[^\s:=|]{1,40}(?:\s[^\s:=|]{1,30})?)?"
)
OWNER = re.compile(r"\b(?:my|our|new|old|temporary|current|mein|unser|neues|altes|mon|notre|mi|nuestra|minha|mijn|mia)\s$", re.I)

_AT = r"(?:@\s?|%40|\s?@\s?(?=[\w-]{2,}\.)|\s?[\[({]\s?(?:at|@|ät|arroba|chiocciola|собака)\s?[\])}]\s?)"
_DOT = r"(?:\.|\s?[\[({]\s?(?:dot|punkt|point|punto|ponto|точка)\s?[\])}]\s?)"
EMAIL = re.compile(
    rf"(?<![\w.+%-])[\w.!#$&'*+=?^`{{|}}~-]{{0,63}}\w[-+]?{_AT}(?:[^\W_][\w-]{{0,62}}{_DOT}){{1,8}}[^\W\d_][\w-]{{1,62}}", re.I
)
EMAIL_QUOTED = re.compile(r"\"[^\"\n@]{1,64}\"@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_][\w-]{1,62}")
# Told in words. The words for @ that have no other use stand with a dot of either kind; "at" only with the word for a dot, or where the
# name before it is no word or the mail provider is known: "won't charge at all. No" and "the form at shop.example.com" are no addresses.
_SURE_AT = (
    "arroba|arobase|arrobase|chiocciola|собака|собачка|małpa|zavináč|kukac|snabel-a|krøllalfa|apenstaartje|παπάκι|골뱅이|アットマーク"
)
_DOT_WORD = "dot|punkt|punktum|point|punto|ponto|punt|точка|крапка|kropka|tečka|bodka|pont|τελεία|nokta|ドット|점"
_LABEL = r"[^\W_][\w-]{1,62}"
_TOP_LEVEL = r"(?:com|net|org|info|biz|edu|gov|app|dev|example|[a-z]{2})(?![\w/-])"
_PROVIDER = "gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|gmx|icloud|aol|proton|protonmail|t-online|yandex|naver"
_PLACED = (
    "account|online|banking|shop|shopping|store|page|site|website|it|us|me|them|him|her|look|looking|visit|available|order|ordered|login"
)
EMAIL_IN_WORDS = re.compile(
    rf"(?<![\w.+%-])(?:[\w.+-]{{2,64}}\s(?:{_SURE_AT})\s(?:{_LABEL}(?:\.|\s(?:{_DOT_WORD})\s)){{1,3}}"
    rf"|(?!(?:{_PLACED})\s)[\w.+-]{{2,64}}\s(?:at|ät)\s(?:(?!(?:the|a|this|that|each|every|which|one|www)\s){_LABEL}\s(?:dot|punkt)\s){{1,3}}"
    rf"|[^\W\d_]{{2}}[\w-]{{0,40}}[._][\w.-]{{0,40}}[^\W_]\sat\s(?:{_LABEL}\.){{1,3}}|[\w+-]{{2,64}}\sat\s(?:{_PROVIDER})\.(?:co\.)?){_TOP_LEVEL}",
    re.I,
)
AT_WORDS = (" at ", " ät ", *(f" {word} " for word in _SURE_AT.split("|")))
LONG_RANDOM = re.compile(r"(?<![\w/+.=-])(?=\S{32})[A-Za-z0-9_+/-]{32,4000}={0,2}(?![\w/+-])")

# The patterns of numbers begin with the digit itself and look back from there: so a scan passes over everything else at once.
CARD = re.compile(r"\d(?<![\w.,-]\d)(?:[ ._-]?\d){12,18}(?![\w-]|[.,]\d)")
CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|"
    r"6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12}|35\d{14}|62\d{17}"
)
CARD_WORD = re.compile(
    r"(?:\b(?:card|visa|mastercard|amex|american express|maestro|kreditkarte|karte|carte|tarjeta|cartão|carta|kaart|cc|kort|karta|kártya|"
    r"kortti|kart|карта|карты|κάρτα|kartica)\b|カード|卡号|信用卡|카드)[^\d]{0,30}$",
    re.I,
)

IPV4 = re.compile(r"\d(?<![\w.-]\d)\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![\w-]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:])[0-9a-fA-F]{0,4}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:])")
TO_VERSION = (
    r"(?:[ ,.:]{1,2}(?:from|to|number|is|nr|von|auf|de|du|a|à|vers|da|van|naar|z|ze|do|na|para|с|на|до|з|din|la|fra|til|från|till|dan|ke))"
)
OF_ADDRESS = re.compile(r"\b(?:ip|address|adresse|dirección|indirizzo|endereço|адрес|host|server|ping)\b", re.I)
BEFORE_VERSION = re.compile(r"(?:\b(?:(?:up|down)grad\w{1,4} (?:to|from)|updat\w{1,4} (?:to|from)|v) ?|\w/|\bv)$", re.I)

_PHONE_START = r"[+(\d](?<![\w.#/,+%$€£_-][+(\d])(?<!\d [+(\d])(?:(?<=\+)\s?\d|(?<=\()\+?\d|(?<=\d))"
PHONE = re.compile(rf"{_PHONE_START}(?:[ ().\-/]{{0,3}}\d){{6,14}}(?![\w%]|[-.,:/]\d)")
PHONE_WITH_EXTENSION = re.compile(rf"{_PHONE_START}(?:[ ().\-/]{{0,3}}\d){{6,14}}(?= ?(?:x|ext)\.? ?\d{{1,6}}\b)", re.I)
_SEP = r"[ .\-/]"
# (country, shape that nobody mistakes for another number)
PHONE_SHAPES: tuple[tuple[str, str], ...] = (
    ("North America", rf"(?:1{_SEP})?\(?[2-9]\d\d\)?{_SEP}{{1,2}}[2-9]?\d\d{_SEP}\d{{4}}"),
    ("North America", rf"\([2-9]\d\d\)\d{{3}}{_SEP}\d{{4}}"),
    ("national, with the trunk zero", rf"\(?0\d{{1,5}}\)?{_SEP}{{1,3}}\d(?:[ \-/]?\d){{4,9}}"),
    ("France, Belgium, Morocco", r"0\d(?:[ .\-]\d\d){4}"),
    ("an area code in brackets", r"\(0\d{1,5}\)\s?\d[\d ]{4,10}"),
    ("mobile numbers as one word", r"0[1-9]\d{8,10}"),
    ("international, with two zeros", r"00(?:1|2[07]|3[0-69]|4[013-9]|5\d|6[0-6]|7|8[1246]|9[0-58]|35\d|42[01]|97\d)[\d ()\-/]{7,14}"),
    ("Russia, Kazakhstan", r"8[ \-]?\(?[3-9]\d\d\)?[ \-]?\d{3}[ \-]\d\d[ \-]?\d\d"),
    ("Brazil", r"\(\d\d\) ?9?\d{4}[ \-]\d{4}"),
    ("Brazil", r"\d\d 9\d{4}-\d{4}"),
    ("China", r"1[3-9]\d[ \-]\d{4}[ \-]\d{4}"),
    ("India", r"[6-9]\d{4}[ \-]\d{5}"),
    ("Italy", r"3[2-9]\d[ .\-]\d{3}[ .\-]?\d{3,4}"),
)
PHONE_SHAPE = re.compile("|".join(shape for _, shape in PHONE_SHAPES))
FIVE_PAIRS = re.compile(r"0\d([ .-])\d\d(?:\1\d\d){3}")  # no date has five numbers with one sign between
SHORT_PHONE_WORD = re.compile(r"(?<![^\W\d_])[tmpfhгтм]\s?[.:]\s?[^\d\n]{0,3}$", re.I)
NUMBER_NOUN = r"(?:number|numbers|num|no|nr|n|id|code|nummer|numéro|número|numero|n°|nº|номер|č|sz|αρ|رقم)"
NUMBER_SIGN = re.compile(r"[#№]\s?$")
DATE_LIKE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|"
    r"3[01])[-./](?:19|20)?\d\d)(?!\d)"
)

IBAN_START = re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)(?<![A-Za-z0-9][A-Za-z]{2}\d\d)(?=[ ._-]?[A-Za-z0-9])")  # two letters stand before
IBAN_WORD = re.compile(r"\biban\b\W{0,3}(?:is |ist |lautet )?\W{0,2}$", re.I)
