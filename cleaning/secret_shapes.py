"""The shapes of what redaction looks for, and the words that tell them from look-alikes; tables only.

Every pattern reads folded text (`cleaning.matching`): ASCII digits, blanks, dashes and quotation marks only. Each is bounded or begins only
where a word begins, so that a scan takes linear time on any text. A new token shape is a line in `TOKENS`, a new key word one in
`PASSWORD_WORDS` or `SECRET_WORDS`; words of a language belong into `languages/<code>.json`.
"""

import re

from cleaning.matching import word_set

# Tokens by the shape that their makers give them: (whose, pattern). Each stands alone or in a sentence.
TOKENS: tuple[tuple[str, str], ...] = (
    ("OpenAI, Anthropic, OpenRouter", r"sk-(?:proj-|ant-|or-|live-|test-|svcacct-|admin-)?[\w-]{16,250}"),
    ("Stripe", r"(?:sk|pk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{14,120}"),
    ("ClickUp", r"pk_\d{6,10}_[A-Za-z0-9]{20,60}"),
    ("GitHub", r"gh[pousr]_[A-Za-z0-9]{20,255}"),
    ("GitHub fine-grained", r"github_pat_\w{20,255}"),
    ("GitLab", r"gl[a-z]{2,5}-[\w-]{18,60}"),
    ("Slack", r"xox[abeoprs]-[\w-]{10,200}"),
    ("Slack app", r"xapp-[\w-]{10,200}"),
    ("AWS access key id", r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ABIA|ACCA)[A-Z0-9]{16}"),
    ("Google", r"AIza[\w-]{30,45}"),
    ("Google OAuth", r"ya29\.[\w-]{20,300}"),
    ("Google OAuth client", r"GOCSPX-[\w-]{20,60}"),
    ("JSON Web Token", r"eyJ[\w-]{8,4000}\.[\w-]{8,4000}(?:\.[\w-]{0,4000})?"),
    ("SendGrid", r"SG\.[\w-]{16,40}\.[\w-]{16,80}"),
    ("Brevo", r"xkeysib-[0-9a-f]{40,80}-[A-Za-z0-9]{8,32}"),
    ("Mailgun", r"key-[0-9a-f]{32}"),
    ("Mailchimp", r"[0-9a-f]{32}-us\d{1,3}"),
    ("Twilio", r"(?:AC|SK)[0-9a-f]{32}"),
    ("npm", r"npm_[A-Za-z0-9]{30,60}"),
    ("PyPI", r"pypi-[\w-]{30,250}"),
    ("Shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,60}"),
    ("Hugging Face", r"hf_[A-Za-z0-9]{20,60}"),
    ("DigitalOcean", r"do[opr]_v1_[0-9a-f]{40,80}"),
    ("Square", r"(?:sq0[a-z]{3}-[\w-]{20,60}|EAAA[\w-]{40,100})"),
    ("Facebook", r"EAA[A-Za-z0-9]{30,300}"),
    ("Linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,60}"),
    ("Notion", r"(?:ntn|secret)_[A-Za-z0-9]{40,60}"),
    ("Dropbox", r"sl\.[\w-]{60,300}"),
    ("Figma", r"figd_[\w-]{30,60}"),
    ("Airtable", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{40,80}"),
    ("Databricks", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("Doppler", r"dp\.[a-z]{2,4}\.[A-Za-z0-9]{30,60}"),
    ("Grafana", r"gl(?:sa|c)_[A-Za-z0-9]{20,120}(?:_[0-9a-f]{8})?"),
    ("PlanetScale", r"pscale_[a-z]{2,6}_[\w-]{30,60}"),
    ("Pulumi", r"pul-[0-9a-f]{40}"),
    ("Postman", r"PMAK-[0-9a-f]{20,30}-[0-9a-f]{30,40}"),
    ("Sentry", r"sntry[su]_[\w=+/-]{40,250}"),
    ("Vault", r"hv[sbr]\.[\w-]{20,250}"),
    ("Atlassian", r"AT(?:ATT|CTT|BB)[\w-]{20,300}(?:=[0-9A-F]{8})?"),
    ("1Password", r"A3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-[A-Z0-9]{5}){3}"),
    ("Azure AD", r"[\w.~-]{3}\dQ~[\w.~-]{30,40}"),
    ("age", r"AGE-SECRET-KEY-1[0-9A-Z]{50,60}"),
    ("Netlify", r"nf[pcou]_[A-Za-z0-9]{30,60}"),
    ("Supabase", r"sb[ps]_[a-z0-9_]{36,60}"),
    ("Groq", r"gsk_[A-Za-z0-9]{40,60}"),
    ("Replicate", r"r8_[A-Za-z0-9]{30,45}"),
    ("xAI", r"xai-[A-Za-z0-9]{60,100}"),
    ("Perplexity", r"pplx-[A-Za-z0-9]{40,60}"),
    ("Vercel", r"vc[a-z]_[A-Za-z0-9]{24,80}"),
    ("Render", r"rnd_[A-Za-z0-9]{24,60}"),
    ("Telegram", r"\d{8,12}:AA[\w-]{30,40}"),
)
TOKEN = re.compile(rf"(?<![\w-])(?:{'|'.join(pattern for _, pattern in TOKENS)})(?![\w-])")
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

# One list of key words for four syntaxes (label or sentence, JSON key and code, XML tag, environment name and flag). After a word for a
# password anything is one that is not a known word of sentences; after the other words a value must look random.
PASSWORD_WORDS = ("password", "passwort", "passwd", "passphrase", "pass phrase", "paasword", "kennwort", "mdp")
SHORT_PASSWORD_WORDS = ("pw", "p/w", "pwd", "pass", "pin", "pin code", "pin-code", "puk", "cvv", "cvv2", "cvc", "cvc2", "pgpass")
SECRET_WORDS = (
    *("secret", "token", "apikey", "api key", "api_key", "api-key", "api-schlüssel", "clé api", "clé d'api", "clave api", "clave de api"),
    *("chave api", "chave de api", "chave da api", "chiave api", "wi-fi key", "wifi key", "wlan key", "wlan-schlüssel", "wpa key"),
    *("wpa2 key", "network key", "security key", "netzwerkschlüssel", "access key", "accesskey", "authorization", "credentials"),
    *("credential", "zugangsdaten", "anmeldedaten", "logindaten", "login data", "login details", "identifiants", "accesos", "credenciales"),
    *("credenziali", "credenciais", "inloggegevens", "dane logowania", "přihlašovací údaje", "учетные данные", "учётные данные"),
    *("ключ api", "api ключ", "api-ключ", "api密钥", "api 密钥", "密钥", "apiキー", "アクセスキー", "api 키", "api키"),
)
GLUED_WORDS = (
    *("password", "passwort", "passwd", "passphrase", "paasword", "kennwort", "secret", "token", "apikey", "accesskey", "credential"),
    *("authorization", "lozinka", "salasana", "wachtwoord", "lösenord", "contraseña"),
)
SHORT_SECRET_WORDS = ("key", "auth", "psk", "sid", "x-api-key")
NO_SECRET_BEFORE_KEY = re.compile(
    r"(?:activation|product|licen[sc]e|primary|foreign|public|registry|sort|cache|partition|object|order|hot|function|escape|enter|"
    r"return|shift|arrow|the|a|this|that|wrong|right|left|each|every)[ _-]?$",
    re.I,
)
PAIR_WORDS = (
    *(
        "id",
        "user",
        "username",
        "user name",
        "userid",
        "user id",
        "login",
        "account",
        "email",
        "e-mail",
        "name",
        "benutzer",
        "benutzername",
    ),
    *("utilisateur", "identifiant", "usuario", "utente", "usuário", "gebruiker", "gebruikersnaam", "användare", "bruker", "bruger"),
    *(
        "użytkownik",
        "uživatel",
        "felhasználó",
        "utilizator",
        "логин",
        "пользователь",
        "kullanıcı",
        "아이디",
        "계정",
        "ユーザー",
        "用户名",
        "帳號",
    ),
)
NO_PASSWORDS = word_set(
    "a accepted again and app are as at be been blank by can cannot change changed contraseña correct count default denied does doesn "
    "doesn't does-not email empty error expired failed field file for forgotten from generated getting has hint if in incorrect "
    "invalid is ist it its leer link locked longer lost mail manager maybe me missing must my need needed never new nicht no none not "
    "nothing now null of off ok old on only or our page policy please prompt protected protection rejected required requires reset "
    "right same saved screen sent set should so still strength that the then there this to too true false type unknown valid via was "
    "weak what when which will with working works wrong you your falsch abgelaufen ungültig vergessen oublié incorrecto incorrecta "
    "olvidada inválida errata dimenticata vergeten verkeerd optional n/a undefined redacted asked broken compromised different entered "
    "forgot gone hidden hashed here identical immer listed known mandatory nowhere ready resetting sometimes somehow stored stuck "
    "twice unchanged unsafe updated useless visible weird wiped alt neu richtig weg bon mauvais perdu string str int bool boolean "
    "text number any example value xxxx xxxxx xxxxxx nil undef yes user username input public private bearer basic misspelled "
    "spelled written displayed shown deleted removed inactive active disabled enabled "
    "неверный неправильный не забыл забыла отсутствует ошибка błędne nieprawidłowe złe zapomniałem špatné neplatné felejtettem rossz "
    "hibás greșită incorectă hatalı yanlış unuttum غير خاطئة خطأ نسيت שגויה שכחתי לא نادرست اشتباه 错误 不正确 忘记 忘了 错 无效 不对 "
    "틀렸습니다 잊어버렸어요 잊음 間違い 違います 忘れました 無効 salah lupa sai quên väärä unohtunut fel glömt forkert glemt feil "
    "pogrešna netočna  грешна забравена невірний забув λάθος ξέχασα"
)
FOR_WHAT = (
    r"(?:\s+(?:wi-?fi|wlan|router|admin|μου|μας|saya|anda|kami|của tôi))?"
    r"(?:\s+(?:for|für|to|of|pour|de|para|per|voor|för|til|till|от|для|do|pro|за|για)\s+[^\s:=|]{1,40}(?:\s[^\s:=|]{1,30})?)?"
)
OWNER = re.compile(r"\b(?:my|our|new|old|temporary|current|mein|unser|neues|altes|mon|notre|mi|nuestra|minha|mijn|mia)\s$", re.I)
SHORT_CODE_WORDS = ("tan", "pin", "puk", "cvv", "cvv2", "cvc", "cvc2", "pin code", "pincode", "pin-code", "passcode")

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
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22, "CY": 28,
    "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
    "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26,
    "UA": 29, "VG": 24, "XK": 20,
}  # fmt: skip
