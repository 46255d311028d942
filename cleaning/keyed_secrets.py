"""Secrets that only the words around them tell: passwords, keys and one-time codes behind their names, in commands and in pairs.

One list of key words stands for all ways of writing them: a label or a sentence, a JSON key or code, an XML tag, an environment variable,
a flag. Finds places in folded text and changes nothing.
"""

import re
from collections.abc import Iterator

from cleaning import languages
from cleaning.matching import UNSPACED_CHARS, Place, Plain, Rule, WordPattern, before, longest_first, shape

_UNSPACED_COPULAS = "は|が|는|은|是|为|為|คือ|เป็น"
IS = rf"(?:[ \n](?:{longest_first(languages.words('is') | {'to', 'auf', '='})})(?=[ :])|{_UNSPACED_COPULAS})"
_FOR_WHAT = (
    r"(?:\s+(?:wi-?fi|wlan|router|admin|μου|μας|saya|anda|kami|của tôi))?"
    r"(?:\s+(?:for|für|to|of|pour|de|para|per|voor|för|til|till|от|для|do|pro|за|για)\s+[^\s:=|]{1,40}(?:\s[^\s:=|]{1,30})?)?"
)
_VALUE = (
    r"(?:(?P<quote>[\"'`])(?P<quoted>(?:(?!(?P=quote))[^\n]){3,200})(?P=quote)"
    rf"|[\"'`(]?(?:bearer |basic )?(?P<plain>(?:[^\s\"'`<>\[\]|;&,{UNSPACED_CHARS}]|[;&,](?!\s?[\w ]{{1,24}}?\s?[=:|])){{3,400}}))"
)
_SEPARATOR = (
    r"(?:(?P<attribute>[\"']\s{1,3}(?:value|content|default)\s?=\s?)"
    rf"|[\"'`*\])]{{0,2}}(?:{IS})?(?P<sure>\s{{0,3}}(?:[:=]{{1,2}}>?|->|=>|\|)\s{{0,3}})"
    r"|(?P<tag>>)"
    rf"|(?P<is>{IS}\s?:?\s?)"
    r"|(?P<below>[ ]?\n)(?=\S{5,128}[ ]?(?:\n|$))"
    r"|(?P<blank>[ \t]{1,4}(?:>[ \t]{1,2})?))"
)
# After a word for a password anything is one that is not a known word of sentences; after the other words a value must look random.
_PASSWORDS, _SHORT_PASSWORDS = languages.words("passwords"), languages.listed("short_password_names")
_SHORT_SECRETS, _GLUED_NAMES = languages.listed("short_secret_names"), languages.listed("glued_names")
_NO_PASSWORDS = languages.listed("no_passwords")
_KNOWN_PASSWORDS = _PASSWORDS | _SHORT_PASSWORDS
_GLUED = longest_first(_GLUED_NAMES)
_HUMPS = "(?<=[A-Z])(?:pw|pwd|pass)|(?<=[a-z])(?:Pw|PW|Pwd|PWD|Pass|PASS|Key|KEY|Pin)"
# Key words as labels, JSON keys, tags, names of variables and flags; long ones also glued to what stands before and behind them.
_KEYED = (
    WordPattern(
        _PASSWORDS | languages.listed("secret_names"),
        lambda words: rf"(?P<word>(?i:{words}|{_GLUED}))(?P<suffix>[\w-]{{0,16}}?){_FOR_WHAT}{_SEPARATOR}{_VALUE}",
        flags=0,
        glued=_GLUED_NAMES,
    ),
    WordPattern(
        _SHORT_PASSWORDS | _SHORT_SECRETS,
        lambda words: rf"(?P<word>(?i:{words})|{_HUMPS})(?![^\W\d_])(?P<suffix>[\w-]{{0,16}}?){_FOR_WHAT}{_SEPARATOR}{_VALUE}",
        flags=0,
        glued=("pw", "pwd", "pass", "key", "pin"),
    ),
)
_PAIR = WordPattern(
    languages.listed("user_names"),
    lambda words: (
        rf"{words}\)?\s?(?:[/&+|,:(]|\s)\s?(?:{longest_first(_KNOWN_PASSWORDS)})\)?"
        r"\s?(?:[:=>(-]{1,2}|\s)\s?(?P<value>[^\s/:|,()]{2,64}(?:\s?[/:|,(]{1,2}\s?|\s)(?P<last>[^\s\"'<>\[\]]{4,128}))"
    ),
)
_NO_VALUE = re.compile(r"[\w.]*\($|\$|%\w|\{|\*{3}|<|https?:|[\W_]*$|process\.env|os\.environ|\[")
_PLAIN_NUMBERED = re.compile(r"[^\W\d_]+[-.]?\d{1,2}|v?\d+(?:\.\d+)+\w{0,6}|[^\W\d_]+(?:-[^\W\d_]+)+")
_NO_SECRET_BEFORE_KEY = re.compile(
    r"(?:activation|product|licen[sc]e|primary|foreign|public|registry|sort|cache|partition|object|order|hot|function|escape|enter|"
    r"return|shift|arrow|the|a|this|that|wrong|right|left|each|every)[ _-]?$",
    re.I,
)
_OWNER = re.compile(r"\b(?:my|our|new|old|temporary|current|mein|unser|neues|altes|mon|notre|mi|nuestra|minha|mijn|mia)\s$", re.I)
DATE_LIKE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|"
    r"3[01])[-./](?:19|20)?\d\d)(?!\d)"
)
_FLAG = re.compile(r"(?:^|[\s\"'(])--?[\w-]{0,30}$")


def _keyed(plain: Plain) -> Iterator[Place]:
    """Places of values behind key words."""
    for words in _KEYED:
        pattern, at = words.of(plain), 0
        while pattern is not None and (match := pattern.search(plain.text, at)):
            group = "plain" if match["quoted"] is None else "quoted"
            if _is_keyed_secret(match, match[group]):
                at = match.end()
                yield match.start(group), match.end(group) - (match[group].endswith(")") and "(" not in match[group])
            else:
                at = match.end("word")  # what was no secret may hold the next key word


def _is_keyed_secret(match: "re.Match[str]", written: str) -> bool:
    """Whether the value behind a key word is a secret: behind "password is" stands a sentence as often as a password."""
    value = written.strip(".,;!?\"'`()")
    if not value or value.casefold() in _NO_PASSWORDS or _NO_VALUE.match(written):
        return False
    word, sure = match["word"].lower(), match["sure"] is not None or match["attribute"] is not None or match["tag"] is not None
    if word not in _KNOWN_PASSWORDS and not (word.endswith(("passwort", "password")) and word.isascii()):
        return _is_keyed_token(match, word, value, sure=sure or match["is"] is not None)
    if match["tag"] is not None:
        return "</" in match.string[match.end() : match.end() + 3] or is_mixed(value)
    if sure and not match["suffix"] and not _is_doubtful(match):
        return True
    if match["blank"] is not None and _FLAG.search(before(match)):
        return not value.startswith("-")
    return is_mixed(value) if match["is"] is None else _is_said_password(match, value)


def _is_doubtful(match: "re.Match[str]") -> bool:
    """A separator that stands as often between a heading and what comes below it, or between the cells of a heading."""
    between = match["sure"] or ""
    if "\n" in between:
        return True
    return "|" in between and (match.string[match.end() : match.end() + 3].strip(" ").startswith("|") or "|" in before(match))


def _is_keyed_token(match: "re.Match[str]", word: str, value: str, *, sure: bool) -> bool:
    """Behind words for keys, tokens and codes only what looks random is a secret."""
    digits, letters = sum(char.isdigit() for char in value), sum(char.isalpha() for char in value)
    if match["blank"] is not None and _FLAG.search(before(match)):
        sure = True
    if word in _SHORT_SECRETS:
        return (
            sure
            and len(value) >= 10
            and digits >= 2
            and letters >= 2
            and not _NO_SECRET_BEFORE_KEY.search(before(match))
            and is_mixed(value)
        )
    if word in languages.words("one_time_codes") and word not in _KNOWN_PASSWORDS:
        return False
    if not sure:
        return len(value) >= 12 and digits >= 2 and letters >= 2 and is_mixed(value)
    return (
        len(value) >= 8
        and (digits > 0 or (match["sure"] is not None and any(char in "_+/=-" for char in value)))
        and not _PLAIN_NUMBERED.fullmatch(value)
    )


def is_mixed(value: str) -> bool:
    """Written like a password: letters with digits or signs among them, and no word with a number behind it, no version, no date."""
    if len(value) < 5 or _PLAIN_NUMBERED.fullmatch(value) or DATE_LIKE.search(value):
        return False
    if value.isdigit():
        return len(value) >= 6
    if not any(char.isalpha() for char in value):
        return False
    return any(char.isdigit() for char in value) or any(char in "!#$%^&*+=~?@_" for char in value[1:])


def _is_said_password(match: "re.Match[str]", value: str) -> bool:
    if match["quote"] or ":" in match["is"]:
        return True
    if any(char.isdigit() for char in value) or any(not char.isalnum() and char not in "-'/" for char in value[1:-1]):
        return True
    if not value.isascii() and not value.isalnum():
        return False
    if value.isascii() and not value[1:].islower():
        return True
    if value.endswith(("ed", "ing", "en", "able", "ible", "iert", "é", "ado", "ada", "ato", "ata")):
        return False  # what has been done to it, not what it is
    end = match.end()
    ends = match.string[end : end + 1] in ("", "\n") or match.string[end - 1] in ".,;!"
    return ends and bool(_OWNER.search(match.string[max(0, match.start() - 12) : match.start()]))


_LOGIN = WordPattern(
    languages.listed("user_names") - languages.listed("no_logins"),
    lambda words: rf"{words}\s?[:=]\s?(?P<value>[^\s/:|,]{{2,64}}\s?/\s?(?P<last>[^\s/\"'<>\[\]]{{5,128}}))",
)


def _pairs(plain: Plain) -> Iterator[Place]:
    """Places of "name / password" behind such a heading, or behind a word for a login."""
    for match in _LOGIN.finditer(plain):
        if is_mixed(match["last"]):
            yield match.span("value")
    for match in _PAIR.finditer(plain):
        last = match["last"].rstrip(".,;)")
        if is_mixed(last) or (not match["value"][: -len(match["last"])].isspace() and "/" in match["value"] and not last.isalpha()):
            yield match.span("value")


_DIGITS = r"(?P<value>(?:[A-Z]-)?(?:\d{3,4}[ -]\d{3,5}|\d{3,8})|(?=[a-z-]*\d)[a-z\d]{4,6}-[a-z\d]{4,6})(?![\w-]|[.,]\d)"
_MORE_CODES = re.compile(r"[ ,;\n]{1,3}(?P<value>\d{3,4}[ -]\d{3,5}|\d{6,8}|(?=[a-z-]*\d)[a-z\d]{4,6}-[a-z\d]{4,6})(?![\w-])", re.I)
_CODE_OF_ONES_OWN = re.compile(r"(?<![\w.,-])(?P<value>\d{3,8}) is your (?P<of>(?:[\w-]{1,20} ){0,2})code\b", re.I)
_CODE_WORDS = languages.words("one_time_codes") | languages.listed("short_code_names")
_CODE_BEHIND = WordPattern(
    _CODE_WORDS,
    lambda words: rf"{words}[^\W\d_]{{0,3}}{_FOR_WHAT}[\"')]?(?:{IS})?\s{{0,2}}[:=|>-]{{0,2}}\s{{0,2}}[\"'(]?{_DIGITS}",
)
_CODE_BEFORE = WordPattern(
    languages.words("one_time_codes"),
    lambda words: rf"(?<![\w.,-]){_DIGITS}[\"')]?(?:{IS}|[ ]?[:>-])[^\d\n]{{0,40}}?{words}",
)


def _one_time_codes(plain: Plain) -> Iterator[Place]:
    """Places of codes that let somebody in once, behind or before the words that say so."""
    for match in _CODE_BEHIND.finditer(plain):
        more: re.Match[str] | None = match
        while more is not None:  # backup codes come in lists
            yield more.span("value")
            more = _MORE_CODES.match(plain.text, more.end("value"))
    for match in _CODE_BEFORE.finditer(plain):
        yield match.span("value")
    for match in _CODE_OF_ONES_OWN.finditer(plain.text) if " is your " in plain.text else ():
        if languages.words("numbers").isdisjoint(match["of"].lower().split()):
            yield match.span("value")


_NAMED_LOGIN = r"(?<=\s)(?:-u|-U|-a|--user|--proxy-user|--auth)[ =]{1,2}[\"']?(?P<value>[\w.@%+-]{1,64}:[^\s\"']{3,128})"
_CLIENT_COMMAND = re.compile(r"\b(?:curl|wget|https?|httpie|xh|smbclient)\b")


def _is_login(match: "re.Match[str]") -> bool:
    """Whether "name:password" behind a flag is a login, as in `curl -u`."""
    return _CLIENT_COMMAND.search(before(match, reach=300)) is not None or is_mixed(match["value"].partition(":")[2])


RULES = (
    Rule("SECRET", shape(_NAMED_LOGIN, flags=0, accepts=_is_login), (" -u", " -a", " --user", " --proxy-user", " --auth")),
    Rule("SECRET", _pairs),
    Rule("SECRET", _keyed),
    Rule("SECRET", _one_time_codes),
)
