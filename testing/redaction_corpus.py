"""Sentences with planted secrets, and sentences with look-alikes that must stay; the same ones for the same seed.

Made from lists of sentence frames and makers of values, so that no line of any file looks like a real key to those who scan for such.
Says nothing about what redaction does: it is written from how people write these things.
"""

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SEED = 20250724
Maker = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Planted:
    """A sentence with a value in it; `kind` says what the value is, `secret` whether it must go."""

    kind: str
    text: str
    value: str
    secret: bool

    def is_right(self, redacted: str) -> bool:
        """True when no piece of four or more characters of a secret is left, or a look-alike stands there whole."""
        if not self.secret:
            return self.value in redacted
        around = self.text.replace(self.value, " ")
        pieces = [piece for piece in re.findall(r"\w{4,}", self.value) if piece not in around] or [self.value]
        return not any(piece in redacted for piece in pieces)


def corpus(*, per_frame: int = 3, seed: int = SEED) -> list[Planted]:
    """All cases, secrets first; at least 300 of each sort."""
    draw = random.Random(seed)
    return [*_planted(_SECRETS, draw, per_frame, secret=True), *_planted(_LOOK_ALIKES, draw, per_frame, secret=False)]


def _planted(table: dict[str, tuple[list[Maker], list[str]]], draw: random.Random, per_frame: int, *, secret: bool) -> Iterator[Planted]:
    for kind, (makers, frames) in table.items():
        for number, frame in enumerate(frames):
            for turn in range(per_frame):
                value = makers[(number * per_frame + turn) % len(makers)](draw)
                yield Planted(kind, frame.replace("{}", value), value, secret)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice(string.digits) for _ in range(count))


def _chars(draw: random.Random, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Random characters that hold a digit, a small and a capital letter where the alphabet has them."""
    must = [
        draw.choice([char for char in alphabet if test(char)])
        for test in (str.isdigit, str.islower, str.isupper)
        if any(map(test, alphabet))
    ]
    chars = must + [draw.choice(alphabet) for _ in range(count - len(must))]
    draw.shuffle(chars)
    return "".join(chars)


def _shape(pattern: str) -> Maker:
    """A value of a shape: 9 a digit, 8 a digit but 0 and 1, X a capital, h a hex digit."""
    alphabets = {"9": string.digits, "8": "23456789", "X": string.ascii_uppercase, "h": "0123456789abcdef"}
    return lambda draw: "".join(draw.choice(alphabets.get(char, char)) for char in pattern)


def _luhn(prefix: str, length: int, groups: str = "") -> Maker:
    def make(draw: random.Random) -> str:
        body = prefix + _digits(draw, length - len(prefix) - 1)
        total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
        number = body + str(-total % 10)
        if not groups:
            return number
        parts = [number[:4], number[4:10], number[10:]] if length == 15 else [number[at : at + 4] for at in range(0, length, 4)]
        return groups.join(parts)

    return make


def _iban(country: str, length: int, *, spaced: bool, bank: str = "") -> Maker:
    def make(draw: random.Random) -> str:
        body = bank + _digits(draw, length - 4 - len(bank))
        check = 98 - int("".join(str(int(char, 36)) for char in f"{body}{country}00")) % 97
        number = f"{country}{check:02d}{body}"
        return " ".join(number[at : at + 4] for at in range(0, length, 4)) if spaced else number

    return make


def _ip(draw: random.Random) -> str:
    return f"{draw.choice((10, 31, 84, 172, 192, 203))}.{draw.randrange(1, 255)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"


def _ip6(draw: random.Random) -> str:
    return f"2001:db8:{draw.randrange(4096):x}:{draw.randrange(4096):x}::{draw.randrange(1, 4096):x}"


def _key(*pieces: str, count: int, alphabet: str = string.ascii_letters + string.digits) -> Maker:
    prefix = "".join(pieces)
    return lambda draw: prefix + _chars(draw, count, alphabet)


def _jwt(draw: random.Random) -> str:
    return "ey" + "J" + _chars(draw, 20) + ".ey" + "J" + _chars(draw, 40) + "." + _chars(draw, 43)


_FIRST = [
    "anna",
    "ben",
    "carla",
    "dmitri",
    "elif",
    "farid",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "kemal",
    "lena",
    "mateo",
    "nora",
    "oskar",
    "petra",
]
_LAST = ["arnold", "baptiste", "castro", "dvorak", "eriksen", "fontaine", "garcia", "huber", "ivanova", "jensen", "keller", "lopez"]


def _email(form: str) -> Maker:
    def make(draw: random.Random) -> str:
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        return form.format(first=first, last=last, f=first[0], n=draw.randrange(10, 99), First=first.title(), Last=last.title())

    return make


_EMAILS = [
    _email("{first}.{last}@example.com"),
    _email("{f}{last}{n}@mail.example.org"),
    _email("{First}.{Last}@Example.COM"),
    _email("{first}_{last}+shop@sub.example.co.uk"),
    _email("{first}-{last}@example-firma.de"),
    _email("{last}{n}@münchen.example"),
    _email("{first}.{last} (at) example.net"),
    _email("{first}%40example.com"),
]
_PHONES = [
    _shape("+49 888 8899999"),
    _shape("+44 20 7999 9999"),
    _shape("+1 (855) 855-9999"),
    _shape("(855) 855-9999"),
    _shape("855-855-9999"),
    _shape("855.855.9999"),
    _shape("+33 6 99 99 99 99"),
    _shape("06 99 99 99 99"),
    _shape("0171 9999999"),
    _shape("030/9999 9999"),
    _shape("0049 171 9999999"),
    _shape("+31 6-99999999"),
    _shape("+39 399 999 9999"),
    _shape("+34 899 99 99 99"),
    _shape("+5511988889999"),
    _shape("+919888899999"),
    _shape("1-855-855-9999"),
    _shape("020 8999 9999"),
]
_CARDS = [
    _luhn("4", 16, " "),
    _luhn("4", 16),
    _luhn("52", 16, "-"),
    _luhn("55", 16, " "),
    _luhn("37", 15, " "),
    _luhn("34", 15),
    _luhn("6011", 16, " "),
    _luhn("2221", 16),
]
_IBANS = [
    _iban("DE", 22, spaced=True),
    _iban("DE", 22, spaced=False),
    _iban("FR", 27, spaced=True),
    _iban("NL", 18, spaced=True, bank="INGB"),
    _iban("GB", 22, spaced=False, bank="WEST"),
    _iban("ES", 24, spaced=True),
    _iban("AT", 20, spaced=True),
    _iban("CH", 21, spaced=False),
]
_UNDERSCORE = "_"
_KEYS = [
    _key("sk", "-proj-", count=40),
    _key("sk", _UNDERSCORE, "live", _UNDERSCORE, count=24),
    _key("gh", "p_", count=36),
    _key("AK", "IA", count=16, alphabet=string.ascii_uppercase + string.digits),
    _key("AI", "za", count=35),
    _key("xox", "b-", count=30),
    _key("gl", "pat-", count=20),
    _jwt,
    lambda draw: f"S{'G'}.{_chars(draw, 22)}.{_chars(draw, 43)}",
    _key("hf", "_", count=34),
]
_PASSWORDS: list[Maker] = [
    lambda draw: _chars(draw, 10),
    lambda draw: draw.choice(_FIRST).title() + _digits(draw, 4) + "!",
    lambda draw: "".join(draw.choice(string.ascii_lowercase) for _ in range(9)),
    lambda draw: f"{draw.choice(_LAST)}#{_digits(draw, 2)}${_chars(draw, 3)}",
]
_TOKENS: list[Maker] = [
    lambda draw: _chars(draw, 32),
    _shape("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"),
    lambda draw: _chars(draw, 43, string.ascii_letters + string.digits + "-_"),
]
_NAMES: list[Maker] = [
    lambda draw: f"{draw.choice(_FIRST).title()} {draw.choice(_LAST).title()}",
    lambda draw: draw.choice(_FIRST).title(),
]

_SECRETS: dict[str, tuple[list[Maker], list[str]]] = {
    "EMAIL": (
        _EMAILS,
        [
            "Please write to {} instead.",
            "My account is {}, the other one is closed.",
            "{}",
            "Contact: <{}>",
            "I never got the mail at {}. Why?",
            "Bitte an {} senden, danke.",
            "mon adresse est {} ;",
            "login={}",
            "E-mail:{}",
            "cc {}, and close the ticket",
            "(the user {} cannot log in)",
            "Usuario: {}\nError 42",
            'He registered as "{}".',
            "From {} to you",
            "user {}: quota exceeded",
            "Il mio indirizzo è {}.",
            "mail to {}!",
            "https://shop.example.com/reset?email={}&x=1",
            "Adres e-mail: {}",
            "I used {} / my wife's",
        ],
    ),
    "PHONE": (
        _PHONES,
        [
            "Please call me at {}.",
            "My number is {}",
            "Tel.: {}",
            "{}",
            "You can reach me under {} after six.",
            "Rufen Sie mich unter {} an.",
            "Telefon: {}, gerne abends",
            "Mon téléphone : {}",
            "Mobile {} or by mail",
            "(phone {})",
            "WhatsApp {} please",
            "Mi teléfono es {}.",
            "Bel mij op {} a.u.b.",
            "I called from {} and nobody answered",
            "M: {}",
            "Ring {} twice",
            "Il mio cellulare: {}",
            "contact number - {}",
            "Call {}, ask for Jo",
            "Fax: {}",
            "We tried {} yesterday.",
            "text me on {} thanks",
            "Handy: {}",
        ],
    ),
    "CARD": (
        _CARDS,
        [
            "My card {} was charged twice.",
            "Card number: {}",
            "{}",
            "I paid with {} exp 04/27.",
            "Kreditkarte {} wurde belastet",
            "the Visa {}, please refund",
            "carte bancaire {}",
            "cc {}",
            "It is {}.",
            "Tarjeta: {} caduca 05/26",
            "charged to {} on Monday",
            "(card: {})",
        ],
    ),
    "IBAN": (
        _IBANS,
        [
            "IBAN: {}",
            "Please refund to {}.",
            "{}",
            "Meine IBAN lautet {}, danke",
            "mon IBAN {} est correct",
            "Account {} at the same bank",
            "Überweisung an {} bitte",
            "(iban {})",
            "the bank details are {} and my name",
            "Cuenta: {}",
            "IBAN {}\nBIC ABCDEFGH",
            "debit from {} failed",
        ],
    ),
    "IP": (
        [_ip, _ip, _ip, _ip6],
        [
            "The request came from {}.",
            "IP: {}",
            "ping {} times out",
            "My address is {} now",
            "blocked {} in the firewall",
            "client {} connected",
            "Die IP-Adresse {} ist gesperrt",
            "from {} port 443",
            "[{}] login failed",
            "http server on {}",
            "adresse IP {}",
            "X-Forwarded-For: {}",
        ],
    ),
    "KEY": (
        _KEYS,
        [
            "My API key is {}",
            "api_key={}",
            "I pasted {} into the form.",
            "Authorization: Bearer {}",
            "key: {}",
            "export TOKEN={}",
            'curl -H "Authorization: Bearer {}" https://api.example.com',
            "{}",
            "token {} does not work",
            'config: {"secret": "{}"}',
            "It says invalid key: {}.",
            "der Schlüssel {} geht nicht",
            "client_secret={}&x=1",
            "use {} for the test",
            "(key {})",
        ],
    ),
    "PASSWORD": (
        _PASSWORDS,
        [
            "password: {}",
            "Password = {}",
            "My user is bob and the password: {} thanks",
            "Passwort: {}",
            "mot de passe : {}",
            "contraseña: {}",
            "senha: {}",
            "wachtwoord: {}",
            "pwd={}",
            "pass phrase: {}",
            "Das Kennwort: {}",
            "login admin / password: {}",
            "Wifi password: {}\nSSID home",
            "hasło: {}",
            'the password is "{}"',
        ],
    ),
    "CODE": (
        [_shape("899999"), _shape("8999")],
        ["My verification code is {}", "PIN: {}", "The one-time code: {}", "OTP {}", "security code {} was refused", "2FA code: {}"],
    ),
    "LINK": (
        _TOKENS,
        [
            "I clicked https://app.example.com/reset?token={} and got an error",
            "https://app.example.com/invite/{}",
            "Link: https://files.example.com/d?sig={}&x=1",
            "open https://example.com/login?session={} please",
            "https://s3.example.com/a.pdf?X-Amz-Signature={}",
            "ftp://bob:{}@files.example.com/in",
            "https://user:{}@git.example.com/repo.git",
            "callback https://example.com/cb#access_token={}&state=1",
            "https://example.com/verify/{}/",
            "See https://example.com/u?key={}.",
            "postgres://app:{}@db.example.com:5432/prod",
            "https://hooks.example.com/services/{}",
        ],
    ),
    "NAME": (
        _NAMES,
        [
            "Hi {},\nthe lamp is dark.",
            "Hello {}\n\nIt works.",
            "Dear Mr. {},\nplease wait.",
            "Hallo Frau {},\ndas geht nicht.",
            "Bonjour {},\nmerci.",
            "My name is {}. I bought a lamp.",
            "Liebe {},\ndanke.",
            "Hola {}:\ngracias",
            "Beste {},\nhet werkt.",
            "Olá {},\nobrigado",
            "It works now.\n\nThanks,\n{}",
            "Das geht nicht.\nViele Grüße\n{}",
            "Merci\n\n{}",
        ],
    ),
}

_LOOK_ALIKES: dict[str, tuple[list[Maker], list[str]]] = {
    "order": (
        [
            _shape("8999999999"),
            _shape("99-99999-99999"),
            _shape("855-9999999-9999999"),
            _shape("XX-999999"),
            _shape("1999999999999999"),
            _shape("899999"),
        ],
        [
            "My order {} is late.",
            "Order number: {}",
            "Bestellung {} fehlt",
            "order #{}",
            "Bestellnummer {}",
            "commande {} non reçue",
            "pedido {} incompleto",
            "the order no. {} was cancelled",
            "Auftrag {}",
            "invoice {}",
            "Rechnung Nr. {} ist falsch",
            "facture {}",
            "ticket {} is the same",
            "case {} refers",
            "customer number {}",
        ],
    ),
    "version": (
        [
            _shape("8.9.8"),
            _shape("9.9.9.99"),
            _shape("10.9.99.9"),
            _shape("v8.9.9"),
            _shape("89.9.9999.99"),
            _shape("8.9.9-beta.8"),
            _shape("2025.8.9"),
        ],
        [
            "I use version {}.",
            "Firmware {} fails",
            "after the update to version {} it broke",
            "App version: {}",
            "build {}",
            "driver {} is installed",
            "Version {} unter Windows 11",
            "since release {}",
            "Software {}",
            "firmware version {} on both",
            "la version {} plante",
            "works with version {}",
        ],
    ),
    "error": (
        [
            _shape("0x8007h99h"),
            _shape("E-9999"),
            _shape("89999"),
            _shape("ERR_89"),
            _shape("0xC9999999"),
            _shape("-899"),
            _shape("SQL99999"),
            _shape("599"),
        ],
        [
            "Error {} comes back.",
            "error code {}",
            "It shows {} on the display",
            "Fehler {} beim Start",
            "erreur {}",
            "code: {}",
            "HTTP {} from the server",
            "exit status {}",
            "fault {} again",
            "Fehlercode {}!",
            "stop code {}",
            "it fails with {}.",
        ],
    ),
    "date": (
        [
            _shape("2025-08-19"),
            _shape("24.08.2025"),
            _shape("08/19/2025"),
            _shape("2025-08-19T18:24:46Z"),
            _shape("19.08.25 18:24"),
            _shape("2025-08-19 18:24:46,999"),
            _shape("18:24:46.999"),
            _shape("2025/08/19 18:24"),
            _shape("20250819T182446"),
            _shape("19-08-2025"),
        ],
        [
            "It happened on {}.",
            "{} ERROR pump blocked",
            "since {} nothing works",
            "am {} gekauft",
            "le {} à midi",
            "date: {}",
            "between {} and today",
            "Log {}: started",
            "bought {}",
            "until {}",
            "[{}] INFO ready",
            "delivered {} at the door",
        ],
    ),
    "device": (
        [
            _shape("SN-9999-XX99"),
            _shape("XX9999999999"),
            _shape("9X9X-9999-8888"),
            _shape("RT-AX89U"),
            _shape("C9999999"),
            _shape("hh:hh:hh:hh:hh:hh"),
            _shape("359999999999999"),
            _shape("4006381999999"),
            _shape("SM-G998B"),
            _shape("WH-8000XM8"),
        ],
        [
            "Serial number {}",
            "S/N: {}",
            "model {} in white",
            "Seriennummer: {}",
            "the serial is {}",
            "IMEI {}",
            "Modell {}",
            "device id {}",
            "part {} is missing",
            "EAN {}",
            "article {}",
            "n° de série {}",
        ],
    ),
    "measure": (
        [
            _shape("8 999 999"),
            _shape("89.999,99"),
            _shape("8,999.99"),
            _shape("899 x 899"),
            _shape("89.9999"),
            _shape("8999 mAh"),
            _shape("8.9 GHz"),
            _shape("8999999999 bytes"),
        ],
        [
            "It costs {} EUR.",
            "size {}",
            "the file has {} in it",
            "resolution {}",
            "amount {}",
            "it reads {} now",
            "total: {}",
            "wir messen {} dort",
            "about {} of them",
            "up to {} allowed",
        ],
    ),
    "reference": (
        [
            _shape("1Z999X99XX99999999"),
            _shape("hhhhhhhh-hhhh-4hhh-8hhh-hhhhhhhhhhhh"),
            _shape("XX999999999XX"),
            _shape("RMA-2025-9999"),
            _shape("REQ8999999"),
            _shape("JVGL99999999999999"),
            _shape("hhhhhhh"),
            _shape("PO 8899-9999"),
        ],
        [
            "tracking {}",
            "Sendungsnummer {}",
            "reference {}",
            "request id {}",
            "RMA {} is open",
            "commit {} broke it",
            "Ref.: {}",
            "job {} failed",
            "shipment {} is lost",
            "suivi {}",
        ],
    ),
    "words": (
        [
            lambda draw: draw.choice(("wrong", "expired", "not accepted", "required", "never sent", "incorrect", "too short")),
            lambda draw: draw.choice(("reset", "changed yesterday", "not working", "invalid", "asked for twice")),
        ],
        [
            "The password is {}.",
            "It says: password {}",
            "My PIN is {}",
            "The API key was {}",
            "the token is {} again",
            "Passwort ist {}",
            "password: {}",
            "the reset link is {}",
            "the card was {}",
            "the phone is {}",
        ],
    ),
    "place": (
        [
            _shape("255.255.255.0/24"),
            _shape("127.0.0.1"),
            _shape("0.0.0.0"),
            _shape("localhost:8989"),
        ],
        ["the mask is {}", "it listens on {}", "bind to {} only"],
    ),
    "greeting": (
        [lambda draw: draw.choice(("Team", "Support", "all", "there", "Sir or Madam", "together"))],
        ["Hi {},\nthe lamp is dark.", "Hello {},\nit works", "Dear {},\nplease help", "Good morning {},\nit is on"],
    ),
    "link": (
        [
            lambda draw: draw.choice(
                (
                    "articles/how-to-reset-the-router",
                    "2025/07/release-notes",
                    "de/hilfe?page=2",
                    "downloads/app-3.2.1.zip",
                    "kb?id=4711",
                    "products/lamp-2000-white",
                )
            )
        ],
        ["I read https://help.example.com/{} already", "see https://www.example.com/{}.", "(https://example.com/{})"],
    ),
    "code": (
        [
            lambda draw: draw.choice(
                (
                    "if (a < b) return x;",
                    "std::vector<int> v;",
                    "SELECT * FROM orders WHERE id = 4711",
                    "List<String> names",
                    "int main(void)",
                    "rm -rf build/",
                )
            )
        ],
        ["I typed {} here", "the line {} fails", "{}"],
    ),
}
