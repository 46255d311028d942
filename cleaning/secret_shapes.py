"""The shapes of what redaction looks for and the words that tell them from look-alikes; tables only.

Every pattern is bounded or starts only where a word starts, so that a scan takes linear time on any text.
"""

import re


def _words(*parts: str) -> str:
    return "|".join(parts)


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,10000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?")

_SCHEME = r"(?<!\w)(?:https?|ftps?|sftp|ssh|wss?|postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|smtp|imap|ldaps?|jdbc:\w{1,20})://"
URL_LOGIN = re.compile(rf"{_SCHEME}(?P<value>[^\s/@<>\"']{{1,200}}:[^\s/@<>\"']{{1,200}})@", re.I)
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
    r"(?<=/)(?P<value>(?=[A-Za-z_~.=-]{0,60}\d)(?=[\d_~.=-]{0,60}[A-Za-z])(?!\d{4}-\d\d)(?![a-z]{2,}(?:-[a-z0-9]+){2,}(?:[/?#\s.]|"
    r"$))[\w~.=-]{24,500})(?=[/?#\s)\]]|$)"
)

KNOWN_KEY = re.compile(
    r"(?<![\w-])(?:"
    + _words(
        r"sk-(?:proj-|ant-|or-|live-|test-)?[\w-]{16,250}",
        r"(?:sk|pk|rk|whsec)_(?:live|test)?_?[A-Za-z0-9]{14,120}",
        r"gh[pousr]_[A-Za-z0-9]{20,255}",
        r"github_pat_\w{20,255}",
        r"glpat-[\w-]{18,60}",
        r"xox[abeoprs]-[\w-]{10,200}",
        r"xapp-[\w-]{10,200}",
        r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}",
        r"AIza[\w-]{30,45}",
        r"ya29\.[\w-]{20,300}",
        r"eyJ[\w-]{8,4000}\.[\w-]{8,4000}(?:\.[\w-]{0,4000})?",
        r"SG\.[\w-]{16,40}\.[\w-]{16,80}",
        r"key-[0-9a-f]{32}",
        r"AC[0-9a-f]{32}",
        r"npm_[A-Za-z0-9]{30,60}",
        r"pypi-[\w-]{30,250}",
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,60}",
        r"hf_[A-Za-z0-9]{20,60}",
        r"dop_v1_[0-9a-f]{40,80}",
        r"sq0[a-z]{3}-[\w-]{20,60}",
        r"EAA[A-Za-z0-9]{30,300}",
    )
    + r")(?![\w-])"
)
KEY_HINTS = (
    *("sk-", "sk_", "pk_", "rk_", "whsec", "gh", "glpat-", "xox", "xapp-", "akia", "asia", "agpa", "aida", "aroa", "aiza", "ya29."),
    *("eyj", "sg.", "key-", "ac", "npm_", "pypi-", "shp", "hf_", "dop_v1_", "sq0", "eaa"),
)
BEARER = re.compile(
    r"\b(?:bearer|basic|token|apikey|key|secret)\s+[\"'`]?(?P<value>(?=[^\s]{0,80}\d)(?=[^\s]{0,80}[a-z])[\w.~+/=-]{16,4000})", re.I
)
SOCIAL_SECURITY = re.compile(r"\b(?:ssn|social security(?: number| no\.?)?)\W{0,4}(?:is )?(?P<value>\d{3}[- ]?\d{2}[- ]?\d{4})\b", re.I)

NO_PASSWORDS = _word_set(
    "a accepted again and app are as at be been blank by can cannot change changed contraseña correct count default denied does "
    "doesn does-not email empty error "
    "expired failed field file for forgotten from generated getting has hint if in incorrect invalid is ist it its leer link locked "
    "longer lost "
    "mail manager maybe me missing must my need needed never new nicht no none not nothing now null of off ok old on only or our "
    "page policy please "
    "prompt protected protection rejected required requires reset right same saved screen sent set should so still strength that the "
    "then there this "
    "to too true false type unknown valid via was weak what when which will with working works wrong you your falsch abgelaufen "
    "ungültig vergessen "
    "oublié incorrecto incorrecta olvidada inválida errata dimenticata vergeten verkeerd optional n/a undefined redacted asked "
    "broken compromised different entered forgot gone hidden hashed here identical immer listed known mandatory nowhere protected "
    "ready reset resetting sometimes somehow stored stuck there twice unchanged unsafe updated useless visible weird wiped alt neu "
    "richtig weg bon mauvais perdu"
)
_PASSWORD_WORDS = _words(
    r"passwords?|passwd|pass\s?phrase|pass\s?code|passwort|kennwort|zugangscode|mot de passe|mdp|contraseñ?a|clave(?: de acceso)?|"
    r"senha|palavra-passe|parola d'ordine|wachtwoord|"
    r"lösenord|adgangskode|passord|hasło|пароль|pwd|pw|pass(?=\s?[:=])|pin(?:[ -]?code)?|cvv2?|cvc2?|puk"
)
PASSWORD_HINTS = (
    *("pass", "kennwort", "zugangscode", "mdp", "mot de", "contrase", "clave", "senha", "palavra", "parola", "wachtwoord", "lösenord"),
    *("adgangskode", "hasło", "пароль", "pwd", "pw", "pin", "cv", "puk"),
)
PASSWORD = re.compile(
    rf"(?<!\w)(?:{_PASSWORD_WORDS})(?:\s+(?:for|für|to|of|pour|de|para|per|voor)\s+[^\s:=]{{1,40}}(?:\s[^\s:=]{{1,30}})?)?"
    rf"(?:(?P<sure>\s{{0,3}}[:=：→]{{1,2}}\s{{0,3}}|\s(?:is|ist|est|es|é|è)\s?:\s?|\s(?:is|ist|est|es|é|è|was|war|to|"
    rf"auf)\s(?=[\"'`“„«]))|\s(?:is|ist|est|es|é|è|was|war|to|auf)\s)"
    rf"[\"'`“„«]?(?P<value>[^\s\"'`”“»<>\[]{{3,128}})",
    re.I,
)
SECRET_HINTS = ("key", "token", "secret", "auth", "schlüssel", "clé", "clave", "chave", "chiave")
ASSIGNED_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:[\w-]{0,20}(?:api[ _-]?(?:key|token|secret)|(?:access|auth|secret|client|private|refresh|session|bot|"
    r"personal|webhook|license|licence)[ _-](?:key|token|secret|id_token)|secret|token)|x-api-key|authorization|auth|"
    r"api-schlüssel|clé (?:d'|d’)?api|clave api|chave (?:de |da )?api|chiave api)"
    r"(?P<sure>\s{0,3}[:=]\s{0,3}|\s(?:is|ist|est|es|é|è)\s?:?\s)[\"'`]?(?:bearer\s|"
    r"basic\s)?(?P<value>(?=[^\s]{0,60}[\d_+/=-])[^\s\"'`<>\[,;]{8,4000})",
    re.I,
)
ONE_TIME_CODE = re.compile(
    r"(?P<word>code|otp|tan|pin|puk|cvv2?|cvc2?)(?:\s(?:is|was|ist|lautet))?\s{0,2}[:=]?\s{0,2}(?P<value>\d{3}[ -]?\d{3,5}|\d{3,8})\b",
    re.I,
)
ONE_TIME_WORD = re.compile(
    r"\b(?:(?:verification|one[- ]time|security|confirmation|login|authentication|2fa|mfa|otp|sms|access|bestätigungs|sicherheits|tan)"
    r"[ -]?(?:pass)?code|otp|tan|pin|puk|cvv2?|cvc2?)$",
    re.I,
)
EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.!#$&'*+=?^`{|}~-]{0,63}\w[-+]?(?:@|%40|\s?[\[({]\s?(?:at|@)\s?[\])}]\s?)"
    r"(?:[^\W_][\w-]{0,62}(?:\.|\s?[\[({]\s?(?:dot|punkt)\s?[\])}]\s?)){1,8}[^\W\d_][\w-]{1,62}",
    re.I,
)
LONG_RANDOM = re.compile(r"(?<![\w/+.=-])(?=\S{32})[A-Za-z0-9_+/-]{32,4000}={0,2}(?![\w/+-])")

CARD = re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?![\w-]|[.,]\d)")
CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|"
    r"6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12}|35\d{14}|62\d{17}"
)
CARD_WORD = re.compile(
    r"\b(?:card|visa|mastercard|amex|american express|maestro|kreditkarte|karte|carte|tarjeta|cartão|carta|kaart|cc)\b[^\d]{0,30}$", re.I
)

IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-fA-F:])[0-9a-fA-F]{0,4}:(?:[0-9a-fA-F]{0,4}:){1,6}[0-9a-fA-F]{0,4}(?![\w:])")
VERSION_WORD = re.compile(
    r"(?:\b(?:version|ver|v|firmware|fw|build|release|driver|treiber|software|update|patch|versión|versão|versione|versie|sdk|app|"
    r"bios|api|library|"
    r"(?:up|down)grad\w{1,4} (?:to|from)|updat\w{1,4} (?:to|from)|"
    r"chrome|firefox|edge|safari|android|ios|windows|macos|office|outlook)\b[^\w\n]{0,3}(?:number |is |to |from |nr\.? ?)?|[/v])$",
    re.I,
)

PHONE = re.compile(r"(?<![\w.#/,+%$€£_-])(?<!\d )(?:\+\s?|\(\+?)?\d(?:[ ().\-/\u2010-\u2015\u00a0]{0,3}\d){6,14}(?![\w%]|[-.,:/]\d)")
_SEP = r"[ .\-/\u2010-\u2015\u00a0]"
PHONE_SHAPE = re.compile(
    _words(
        rf"(?:1{_SEP})?\(?[2-9]\d\d\)?{_SEP}{{1,2}}[2-9]?\d\d{_SEP}\d{{4}}",  # North America
        rf"\([2-9]\d\d\)\d{{3}}{_SEP}\d{{4}}",
        rf"\(?0\d{{1,5}}\)?{_SEP}{{1,3}}\d(?:[ \-/]?\d){{4,9}}",  # national, with the trunk zero
        r"0\d(?:[ .\-]\d\d){4}",  # France
        r"\(0\d{1,5}\)\s?\d[\d ]{4,10}",
        r"0[1-9]\d{8,10}",  # mobile numbers as one word
        r"00(?:1|2[07]|3[0-69]|4[013-9]|5\d|6[0-6]|7|8[1246]|9[0-58]|35\d|42[01]|97\d)[\d ()\-/]{7,14}",
    )
)
PHONE_WORD = re.compile(
    r"\b(?:phone|tel|telephone|call(?: me| us)?|mobile|cell|cellphone|whatsapp|fax|handy|telefon\w*|rückruf|ruf\w*|mobil\w*|"
    r"erreichbar|téléphone|portable|appele[rz]|"
    r"móvil|teléfono|llam\w+|celular|telefone|telem[óo]vel|ligue|telefono|cellulare|chiam\w+|telefoon\w*|bel|bellen|mobiel|reach me|"
    r"reach us|text me|dial|sms|"
    r"contact number|signal|viber|callback)\b[^\d\n]{0,24}$|\b[tmp]\s?:\s?[^\d\n]{0,3}$",
    re.I,
)
NUMBER_WORD = re.compile(
    r"(?:\b(?:order|ordernr|orders|auftrag\w*|bestell\w*|commande|pedido|ordine|bestelling|ticket|case|fall|vorgang\w*|ref|reference|"
    r"referenz|référence|referencia|referência|riferimento|"
    r"serial|serien\w*|série|serie|seriale|s/?n|imei|imsi|iccid|model|modell|modèle|modelo|modello|sku|part|artikel\w*|article|item|"
    r"product|produkt\w*|invoice|inv|rechnung\w*|facture|factura|fatura|"
    r"fattura|factuur|tracking|sendung\w*|shipment|parcel|paket\w*|suivi|seguimiento|version|firmware|build|error|errors|fehler\w*|"
    r"erreur|fout|erro|errore|code|id|ean|upc|isbn|gtin|barcode|"
    r"transaction|transaktion\w*|customer|kunden\w*|client|cliente|klant\w*|contract|vertrag\w*|device|gerät\w*|mac|batch|lot|po|rma|"
    r"request|job|event|timestamp|log|line|policy|"
    r"account|konto\w*|subscription|booking|buchung\w*|reservation|license|lizenz\w*|asset|number of|size|bytes|amount|total|price|"
    r"port|row|record|pid|process|meter|zähler\w*)\b"
    r"(?:[\s._-]{0,2}(?:number|numbers|num|no|nr|id|code|nummer|numéro|número|numero|n°|nº))?[\s:.#=№°º\"'(-]{0,4}(?:(?:is|was|ist|"
    r"war|est|es|é|è) )?|[#№]\s?)$",
    re.I,
)
DATE_LIKE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|"
    r"3[01])[-./](?:19|20)?\d\d)(?!\d)"
)

IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \u00a0-]?[A-Za-z0-9])")
IBAN_WORD = re.compile(r"\biban\b\W{0,3}(?:is |ist |lautet )?\W{0,2}$", re.I)
OWNER = re.compile(r"\b(?:my|our|new|old|temporary|current|mein|unser|neues|altes|mon|notre|mi|nuestra|minha|mijn|mia)\s$", re.I)
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22, "CY": 28,
    "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
    "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21,
    "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24,
    "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26,
    "UA": 29, "VG": 24, "XK": 20,
}  # fmt: skip

NO_NAMES = _word_set(
    "admin administrator agent all alle anfrage bot business care center client contact customer customers damen desk dear "
    "department dept dev everyone everybody "
    "folks friend friends gmbh group guys help helpdesk herren hi inc info it kundenservice kundendienst llc ltd madam mailer "
    "marketing mesdames messieurs monsieur "
    "madame my no noreply office operations order orders reply sales seller service services sir sirs sir/madam señores señor señora "
    "signore support system team "
    "there today tous toutes user webmaster world y'all zusammen equipo équipe equipe todos tutti allemaal iedereen again and any ag "
    "co company corp corporation "
    "web shop store online mail tech technical news newsletter accounts accounting invoice kontakt vertrieb einkauf buchhaltung rechnung "
    "returns feedback hello press jobs hr legal security data group marketing product products "
    "google siri alexa cortana bixby assistant "
    "freshdesk freddy the thank thanks ihr euer your our we you"
)
_NAME = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]{1,20}(?:[-'’][^\W\d_]{2,20})?"
_TITLE = (
    r"(?:(?:[Mm]rs?|[Mm]s|[Mm]iss|[Dd]r|[Pp]rof|[Hh]errn?|[Ff]rau|[Mm]onsieur|[Mm]adame|[Mm]me|[Ss]eñora?|[Ss]ra?|"
    r"[Ss]enhora?|[Ss]ignora?|[Ss]ig|[Mm]eneer|[Mm]evrouw|[Dd]e heer)\.?[ \t])?"
)
_SAID_NAME = rf"{_TITLE}(?P<name>{_NAME}(?:[ \t]{_NAME}){{0,2}})"
_PERSON = rf"{_SAID_NAME}(?=[ \t]{{0,2}}(?:[,!.:;–-]|$))"
GREETED_NAME = re.compile(
    r"(?:^[ \t]{0,4}|(?<=[.!?,] ))(?:[Hh]i|[Hh]ello|[Hh]ey|[Dd]ear|[Gg]ood (?:morning|afternoon|evening|day)|[Hh]allo|[Ll]iebe[rs]?|"
    r"[Ss]ehr geehrte[rs]?|[Gg]uten (?:Tag|Morgen|Abend)|[Ss]ervus|[Mm]oin|"
    r"[Bb]onjour|[Cc]her|[Cc]hère|[Ss]alut|[Hh]ola|[Ee]stimad[oa]|[Qq]uerid[oa]|[Bb]uenos días|[Bb]uenas(?: tardes)?|[Oo]l[áa]|"
    r"[Pp]rezad[oa]|[Cc]ar[oa]|[Bb]om dia|[Bb]oa tarde|"
    r"[Cc]iao|[Gg]entile|[Bb]uongiorno|[Ss]alve|[Bb]este|[Gg]eachte|[Hh]oi|[Dd]ag|[Gg]oede(?:morgen|middag)|[Hh]ej|[Hh]ei|[Kk]ära|"
    r"[Kk]ære|[Dd]zień dobry|[Cc]ześć|[Mm]erhaba|[Ss]ayın)"
    rf",?[ \t]{{1,2}}{_PERSON}",
    re.M,
)
GREETING_HINTS = (
    *(
        "hi ",
        "hi,",
        "hello",
        "hey ",
        "hey,",
        "dear ",
        "good ",
        "hallo",
        "liebe",
        "geehrte",
        "guten ",
        "servus",
        "moin",
        "bonjour",
        "cher ",
        "chère ",
    ),
    *(
        "salut",
        "hola",
        "estimad",
        "querid",
        "buen",
        "olá",
        "ola ",
        "prezad",
        "caro ",
        "cara ",
        "bom dia",
        "boa tarde",
        "ciao",
        "gentile",
        "salve",
    ),
    *("beste", "geachte", "hoi ", "dag ", "goede", "hej", "hei ", "kära", "kære", "dzień", "cześć", "merhaba", "sayın"),
)
CLOSING_HINTS = (
    *(
        "thank",
        "cheers",
        "regards",
        "best",
        "dank",
        "grüße",
        "gruß",
        "lg",
        "vg",
        "mfg",
        "merci",
        "cordial",
        "gracias",
        "saludos",
        "obrigad",
    ),
    *("abraço", "grazie", "saluti", "bedankt", "groet", "tack", "mvh", "dziękuję", "pozdrawiam"),
)
INTRODUCTION_HINTS = ("name i", "heiße", "appelle", "nom est", "llamo", "nombre es", "chiamo", "nome é", "chamo", "naam is", "ik ben")
INTRODUCED_NAME = re.compile(
    r"(?:[Mm]y name is|[Mm]ein [Nn]ame ist|[Ii]ch heiße|[Jj]e m['’]appelle|[Mm]on nom est|[Mm]e llamo|[Mm]i nombre es|[Mm]i chiamo|"
    r"[Mm]eu nome é|[Mm]e chamo|[Cc]hamo-me|[Mm]ijn naam is|[Ii]k ben)"
    rf",?[ \t]{{1,2}}{_SAID_NAME}(?!\w)",
    re.M,
)
CLOSED_NAME = re.compile(
    r"^[ \t]{0,4}(?:(?:[Mm]any |[Bb]est |[Kk]ind )?(?:[Tt]hanks(?: again| in advance| a lot)?|[Tt]hank you(?: very much)?|[Cc]heers|"
    r"[Rr]egards)|[Bb]est|"
    r"[Vv]ielen Dank|[Dd]anke|(?:[Vv]iele |[Ll]iebe |[Bb]este )?(?:Grüße|Gruß)|LG|VG|MfG|[Mm]erci(?: d'avance)?|[Cc]ordialement|"
    r"(?:[Mm]uchas )?[Gg]racias|"
    r"[Ss]aludos|[Oo]brigad[oa]|[Aa]braço|[Gg]razie(?: mille)?|[Ss]aluti|[Bb]edankt|[Gg]roet(?:en|jes)?|[Tt]ack|[Mm]vh|[Dd]ziękuję|"
    r"[Pp]ozdrawiam)"
    rf"[,.!]?[ \t]?\n{{1,2}}{_PERSON}",
    re.M,
)
_LAST_WORDS = _words(
    *("Yes", "No", "Ok", "Okay", "Thanks", "Thank", "Cheers", "Bye", "Done", "Fixed", "Solved", "Regards", "Sorry", "Please", "Hello"),
    *("Danke", "Ja", "Nein", "Merci", "Oui", "Non", "Gracias", "Sí", "Obrigado", "Grazie", "Bedankt", "Nee"),
)
# A name alone on the last line, below a finished sentence and an empty line.
LAST_LINE_NAME = re.compile(rf"\n\n(?<=[.!?)😀-🙏]\n\n)(?!(?:{_LAST_WORDS})\b)(?P<name>{_NAME})(?=\s*\Z|\n\[(?:attachment|image))")
