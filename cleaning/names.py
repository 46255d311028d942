"""Names of people in texts: those that the helpdesk knows, in any form, and those that a text tells by greeting, signing or introducing.

Finds places and changes nothing. Particles, common words and names of roles, companies and mailboxes are no names by themselves.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from cleaning import languages
from cleaning.matching import (
    LETTER,
    UNSPACED,
    UNSPACED_LETTER,
    Place,
    Plain,
    WordPattern,
    bare,
    before,
    folded,
    longest_first,
)

MAX_PEOPLE = 20_000
# Words of `words.json`. Particles are parts of names and forms of address that are never looked for alone; common names are words too:
# looked for alone only where they are written like a name in the middle of a sentence.
PARTICLES, COMMON, NO_NAMES = (languages.listed(name) for name in ("particles", "common_names", "no_names"))
_CHINESE_FAMILY, _KOREAN_FAMILY = (f"[{''.join(languages.listed(name))}]" for name in ("chinese_families", "korean_families"))
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_GAP = re.compile(r"[ ._'-]{1,2}")
_MIN_SMALL = 5  # letters of a single name that is found in small letters too
_MIN_STEM = 4

_STOPS = languages.listed("name_stops")
_ENDINGS = tuple(sorted(map(bare, languages.listed("name_endings")), key=lambda ending: (-len(ending), ending)))
_VOWELS = "aeiouyаеиоуыэюяьαεηιοω"
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n|*•>()\"-])[ \t\"'(]{0,4}$")


class People:
    """Names to look for; the first who has a name keeps it."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: list[str] = []
        self._known: set[str] = set()
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)
        self._stems: dict[str, int] = {}
        self._unspaced: dict[str, int] = {}
        self._heads: frozenset[str] = frozenset()
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Take note of a person; what is no person's name is passed over."""
        words = re.findall(r"[^\W\d_][^\s,;<>()\"]*", folded(name))
        whole = " ".join(words)
        is_unspaced = UNSPACED.search(whole) is not None
        if not 0 < len(words) <= 5 or len(self._names) >= MAX_PEOPLE or any(map(is_no_name, words)):
            return
        if len(whole) < (2 if is_unspaced else 3) or bare(whole) in self._known:
            return
        self._known.add(bare(whole))
        self._names.append(whole)
        (self._add_unspaced if is_unspaced else self._add_spaced)(words, len(self._names) - 1)

    def _add_spaced(self, words: list[str], number: int) -> None:
        for form in map(bare, dict.fromkeys(_spellings(" ".join(words)))):
            tokens = _TOKEN.findall(form)
            for token in tokens:
                self._by_word[token].append(number)
                if len(token) > _MIN_STEM:
                    self._stems.setdefault(token, number)
                    self._stems.setdefault(token[:-1] if token[-1] in _VOWELS else token, number)
            for glued in {"".join(tokens), "".join(token for token in tokens if token not in PARTICLES)}:
                self._by_word[glued].append(number)
            self._heads |= Plain(form).heads

    def _add_unspaced(self, words: list[str], number: int) -> None:
        whole = "".join(words)
        for form in (whole, *(word for word in words if len(word) >= 2)):
            self._unspaced.setdefault(bare(form), number)
        if len(words) == 1 and 2 <= len(whole) <= 4:
            for title in ("先生", "女士", "小姐", "様", "さん", "님"):
                self._unspaced.setdefault(whole[0] + title, number)

    def person(self, name: str) -> str:
        """The whole name of the first known person with the first word of `name`; `name` itself if there is none."""
        first = _TOKEN.search(bare(folded(name)))
        known = self._by_word.get(first[0]) if first and first[0] not in PARTICLES else None
        return self._names[known[0]] if known else " ".join(name.split())

    def find(self, page: Plain) -> dict[Place, str]:
        """Where known names stand in a text, and the whole name of each person."""
        if not self._names:
            return {}
        plain = bare(page.text)
        forms = longest_first(form for form in self._unspaced if form in plain)
        found = {match.span(): self._names[self._unspaced[match[0]]] for match in re.finditer(forms, plain)} if forms else {}
        tokens = [] if self._heads.isdisjoint(page.heads) else list(_TOKEN.finditer(plain))
        at = 0
        while at < len(tokens):
            taken, place = self._at(tokens, at, page.text, plain)
            at += taken
            found.update(place)
        return found

    def _at(self, tokens: list["re.Match[str]"], at: int, text: str, plain: str) -> tuple[int, dict[Place, str]]:
        """(how many tokens to go on, the place and person of the name that begins with the token `at`)."""
        word, start = self._part(tokens[at])
        people = self._by_word.get(word, [])
        if not people or word in PARTICLES:
            return 1, {} if people else self._inflected(word, start, text)
        last, shared, taken, parts = tokens[at], set(people), 1, 1
        for following in tokens[at + 1 : at + 6]:
            both = shared & set(self._by_word.get(following[0].removesuffix("'s"), []))
            if not both or not _GAP.fullmatch(plain, tokens[at + taken - 1].end(), following.start()):
                break
            shared, taken = both, taken + 1
            if following[0] not in PARTICLES:
                last, parts = following, parts + 1
        if parts == 1 and not _may_stand_alone(word, start, text):
            return 1, {}
        return taken, {(start, last.end() - (2 if last[0].endswith("'s") else 0)): self._names[min(shared)]}

    def _part(self, token: "re.Match[str]") -> tuple[str, int]:
        """The part of a token that may be a name, and where it begins: in "d'Ann" and "Ann's" it is Ann."""
        word = token[0]
        if word in self._by_word or "'" not in word:
            return word, token.start()
        before, _, after = word.partition("'")
        return (after, token.start() + len(before) + 1) if after in self._by_word else (before, token.start())

    def _inflected(self, word: str, start: int, text: str) -> dict[Place, str]:
        if len(word) <= _MIN_STEM or text[start].islower() or word in COMMON or is_no_name(word):
            return {}
        stems = (self._stems.get(word.removesuffix(ending)) for ending in _ENDINGS if word.endswith(ending))
        number = next((number for number in stems if number is not None), None)
        return {} if number is None else {(start, start + len(word)): self._names[number]}


def _may_stand_alone(word: str, start: int, text: str) -> bool:
    """Whether a single part of a name, written as it stands in the text, stands for a person."""
    small = text[start].islower()
    if len(word) < 3 or word in COMMON:
        return len(word) >= 3 and not small and not _SENTENCE_START.search(text[max(0, start - 8) : start])
    return not small or len(word) >= _MIN_SMALL or (start > 0 and text[start - 1] in "_-./@")


people_of = functools.lru_cache(maxsize=4)(People)
"""The people of a helpdesk by their names, put together once for all tickets."""


def _spellings(name: str) -> Iterator[str]:
    """A name as it is written, and with letters written out."""
    yield name
    yield name.translate({ord("ß"): "ss", ord("æ"): "ae", ord("ø"): "oe", ord("å"): "aa"})
    yield re.sub("[äöüÄÖÜ]", lambda umlaut: bare(umlaut[0]) + "e", name).replace("ß", "ss")


def is_no_name(word: str) -> bool:
    """True for words of roles, companies and greetings, which no name holds."""
    return word.strip(".,!").casefold() in NO_NAMES


# What a text itself tells: patterns whose group `name` is where a name may stand.
_WORD = rf"[^\W\d_](?:{LETTER}{{1,23}}(?:[-']{LETTER}{{2,20}})?|\.)"
_UNSPACED_WORD = rf"(?:[\u0e00-\u0e7f]{{2,24}}|{UNSPACED_LETTER}{{1,8}})"
_NAME = rf"(?P<name>{_WORD}(?:[ \t]{_WORD}){{0,3}})"
_ANY_NAME = rf"(?P<name>{_WORD}(?:[ \t]{_WORD}){{0,3}}|{_UNSPACED_WORD}(?: {_UNSPACED_WORD})?)"
_FROM = longest_first(word for word in languages.words("from") if not UNSPACED.match(word))
_TITLES = rf"(?:(?:{longest_first(word for word in languages.words('titles') if not UNSPACED.match(word))})\.?[ \t]{{1,2}}){{0,2}}"
_BEHIND_NAMES = {word for code in ("ja", "zh", "ko") for word in languages.by_language("titles")[code] if UNSPACED.match(word)}
_ENDS = rf"(?=[ \t]{{0,2}}(?:[,!.:;|(\n@-]|$)|[ \t](?:{_FROM})[ \t])"
_BEGINS = r"(?:^[ \t]{0,4}|(?<=[.!?,>] ))"
_AND = "and|und|et|y|e|i|og|och|en|&|\\+|и|і|og|ja|och|a|și"
_CONJUNCTIONS = frozenset(_AND.split("|"))
_SIGNING, _OPENING = (languages.words(kind) | languages.words("thanks") for kind in ("closings", "greetings"))
_I_M = re.I | re.M

_GREETED = WordPattern(_OPENING, lambda words: rf"{_BEGINS}{words},?[ \t]{{1,2}}{_TITLES}{_NAME}{_ENDS}", flags=_I_M)
_HONOURED = WordPattern(
    _BEHIND_NAMES,
    lambda words: rf"^[ \t]{{0,4}}(?P<name>{UNSPACED_LETTER}{{1,6}}?(?: {UNSPACED_LETTER}{{1,4}}?)??) ?{words}{_ENDS}",
    flags=re.M,
)
_GREETED_UNSPACED = WordPattern(
    [word for word in _OPENING if UNSPACED.match(word)],
    lambda words: rf"{_BEGINS}{words}[ ,]{{0,2}}(?P<name>{UNSPACED_LETTER}{{2,10}}?)(?:{longest_first(_BEHIND_NAMES)}){_ENDS}",
    flags=re.M,
)
_THAI_TITLES = "|".join(entry.removesuffix("{}") for entry in languages.by_language("addressed")["th"])
_THAI_NAME = r"(?P<name>[\u0e00-\u0e7f]{2,24}(?: [\u0e00-\u0e7f]{2,24})?)"
_GREETED_THAI = WordPattern(
    languages.by_language("greetings")["th"],
    lambda words: rf"{_BEGINS}{words}(?:(?<=คุณ)|[ ,]{{0,3}}(?:{_THAI_TITLES})) ?{_THAI_NAME}{_ENDS}",
    flags=re.M,
)
_SIGNED = WordPattern(
    _SIGNING,
    lambda words: (
        rf"(?:{_BEGINS}|(?<=[.!?,])(?={UNSPACED_LETTER}))(?:[^\W\d_]{{2,12}}(?: [^\W\d_]{{2,12}})? (?:{_AND}) )?(?P<closing>{words})"
        rf"[,.!]?[ \t]?\n{{1,2}}(?=[ \t]{{0,4}}{_ANY_NAME}[ \t]?(?:[,|(\n@]|$|[ \t](?:{_FROM})[ \t]))"
    ),
    flags=_I_M,
)
_SIGNED_BESIDE = WordPattern(
    languages.words("closings"),
    lambda words: rf"^[ \t]{{0,4}}{words}[,.]?[ \t](?P<name>{_WORD}(?: {_WORD}){{0,2}})[.,]?[ \t]{{0,2}}(?=\s*\Z|\n\n|\n\[)",
    flags=_I_M,
)
_LAST_LINE = WordPattern(
    (), lambda _: rf"\n\n(?<=[.!?)😀-🙏]\n\n)(?P<name>{_WORD})(?=\s*\Z|\n\[(?:attachment|image))", flags=0, glued=("\n\n",)
)
_INTRODUCED = WordPattern(languages.words("introductions"), lambda words: rf"{words}[,:]?[ \t]{{1,2}}{_TITLES}{_NAME}(?!\w)")
_I_AM = WordPattern(languages.words("i_am"), lambda words: rf"{_BEGINS}{words},?[ \t]{{1,2}}{_TITLES}{_NAME}(?=\W|$)", flags=_I_M)
_HERE = WordPattern(
    (), lambda _: rf"(?:^|(?<=[,.!] ))(?P<name>{_WORD} {_WORD})(?= here\b ?(?:[,.!-]|from\b|at\b))", flags=re.M, glued=(" here",)
)
_INTRODUCED_UNSPACED = (
    WordPattern(
        [word for word in languages.words("introductions") if UNSPACED.match(word)],
        lambda words: (
            rf"{words} ?(?P<name>(?:[\u0e00-\u0e7f]{{2,24}}|{UNSPACED_LETTER}{{2,8}}?)(?: {_UNSPACED_WORD}?)?)"
            r"(?=です|と申|とい|と言|입니다|이라|라고|이에|예요|이고|ค่ะ|ครับ|[ ,.!;\n]|$)"
        ),
    ),
    WordPattern(
        ("我是", "这是", "這是"), lambda words: rf"{words}(?P<name>{_CHINESE_FAMILY}[\u4e00-\u9fff]{{1,2}})(?=[,.!;\n ]|$)", flags=0
    ),
    WordPattern(
        ("と申します", "といいます", "と言います"),
        lambda words: rf"(?:私は|わたしは|^)(?P<name>{UNSPACED_LETTER}{{2,6}}?(?: {UNSPACED_LETTER}{{1,4}}?)?){words}",
        flags=re.M,
    ),
    WordPattern(
        ("저는", "나는"), lambda words: rf"{words} ?(?P<name>{_KOREAN_FAMILY}[가-힣]{{2}})(?=입니다|이라고|라고|이고|예요)", flags=0
    ),
)
_LABELLED = WordPattern(
    languages.words("name_labels"),
    lambda words: (
        rf"(?:^|(?<=[|;(,])|(?<=[.,] ))[ \t*-]{{0,4}}{words} ?[\"'*]?[ \t]{{0,2}}[:=|][ \t]{{0,2}}\*?{_TITLES}"
        rf"{_ANY_NAME}(?=(?: ?(?:{longest_first(_BEHIND_NAMES)}))?[ \t]{{0,2}}(?:[|,;.)\n*]|$))"
    ),
    flags=_I_M,
)
_FORMS = [form for form in languages.words("addressed") if not UNSPACED.match(form.strip("{}"))]
_ADDRESSED = WordPattern(
    [form.removesuffix(" {}") for form in _FORMS if form.endswith("}")],
    lambda words: rf"(?<![\w.&])(?P<title>{words})\.?[ \t\n]{_TITLES}(?={_NAME}(?!\w))",
)
_ADDRESSED_BEHIND = WordPattern(
    [form.removeprefix("{} ") for form in _FORMS if form.startswith("{")],
    lambda words: rf"(?P<name>{_WORD}(?: {_WORD})?) (?P<title>{words})(?![\w])",
)
_KANJI = "\u4e00-\u9fff々"
_ADDRESSED_UNSPACED = (
    WordPattern(("先生", "女士", "小姐", "太太"), lambda words: rf"(?P<name>{_CHINESE_FAMILY}[\u4e00-\u9fff]{{0,2}}?){words}", flags=0),
    WordPattern(
        ("様", "さん", "さま", "氏"),
        lambda words: rf"(?<![{_KANJI}\u30a0-\u30ffおご])(?P<name>[{_KANJI}]{{2,4}}(?<![員者屋店手社方師客主家人様])){words}(?![{_KANJI}])",
        flags=0,
    ),
    WordPattern(("님", "씨"), lambda words: rf"(?<![가-힣])(?P<name>{_KOREAN_FAMILY}[가-힣]{{2}}(?<!자)) ?{words}", flags=0),
)
_AGENTS_LAST_LINE = re.compile(
    rf"(?<=[.!?,)\n]\n)(?P<name>{_WORD}(?: {_WORD})?)"
    rf"(?=(?: (?:{_FROM}) (?P<company>[^\W\d_a-z]{LETTER}{{0,20}})[^\n]{{0,40}})?(?:\s*\Z|\n\[(?:attach|image)))"
)
_MORE_AFTER_I_AM = re.compile(rf"[ \t]{{0,2}}(?:[,.!;(\n]|$|-|(?:{_FROM}|{_AND}|here|with|speaking|writing|again)(?![^\W\d_]))", re.I)
_HERE_BEHIND = re.compile(r"[ \t]{1,2}(?:from|here|speaking|aus|hier|von)\b", re.I)


def _found(plain: Plain, place: Callable[["re.Match[str]"], Place | None], *patterns: WordPattern) -> Iterator[Place]:
    """The places of names in the matches of patterns."""
    return (found for pattern in patterns for match in pattern.finditer(plain) if (found := place(match)))


def told(plain: Plain) -> Iterator[Place]:
    """Places of names that a text tells: greeted, introduced, signed, labelled or addressed."""
    yield from greeted(plain)
    yield from _found(plain, _signed, _SIGNED)
    yield from _found(plain, _labelled, _LABELLED)
    yield from introduced(plain)
    yield from _found(plain, _with_title, _ADDRESSED)
    yield from _found(plain, _before_title, _ADDRESSED_BEHIND)
    yield from _found(plain, written_as_name, _SIGNED_BESIDE, _LAST_LINE, *_ADDRESSED_UNSPACED)
    if "|" in plain.text:
        yield from _in_columns(plain.text)


def greeted(plain: Plain) -> Iterator[Place]:
    """Places of names that a text greets."""
    yield from _found(plain, _greeted, _GREETED)
    yield from _found(plain, written_as_name, _HONOURED, _GREETED_UNSPACED, _GREETED_THAI)


def introduced(plain: Plain) -> Iterator[Place]:
    """Places of names by which somebody introduces himself."""
    yield from _found(plain, _introduced_by, _INTRODUCED)
    yield from _found(plain, _said_to_be, _I_AM)
    yield from _found(plain, written_as_name, _HERE, *_INTRODUCED_UNSPACED)


def last_line(text: str) -> "re.Match[str] | None":
    """The last line of an agent's message that is a name alone, or with the company behind it: its place is `name`."""
    match = _AGENTS_LAST_LINE.search(text)
    return None if match is None or (match["company"] and is_no_name(match["company"])) else match


def written_as_name(match: "re.Match[str]") -> Place | None:
    """The place of the name in a match, if it is written like one: capitals (where a script has them), and no word of roles in it."""
    words = match["name"].split()
    company = next((at for at, word in enumerate(words) if at and word in languages.words("from") and word not in PARTICLES), len(words))
    if not _are_name(words[:company]) or match["name"].lower() in _SIGNING:
        return None
    return match.start("name"), match.end("name") if company == len(words) else match.start("name") + len(" ".join(words[:company]))


def _are_name(words: list[str]) -> bool:
    if any(map(is_no_name, words)) or all(word.lower() in PARTICLES for word in words) or words[0].lower() in _CONJUNCTIONS:
        return False
    return all(not word[0].islower() or word in PARTICLES for word in words)


def _greeted(match: "re.Match[str]") -> Place | None:
    """In a script without capitals more than two words are a sentence."""
    has_case = match["name"][0].upper() != match["name"][0].lower()
    return written_as_name(match) if has_case or len(match["name"].split()) <= 2 else None


def _signed(match: "re.Match[str]") -> Place | None:
    """A closing of few letters is a value where a label stands above it: "Brand:\\nLG\\nKettle"."""
    is_value = len(match["closing"]) <= 4 and match.string[: match.start()].rstrip().endswith(":")
    return None if is_value else written_as_name(match)


def _labelled(match: "re.Match[str]") -> Place | None:
    return None if match["name"].lower() in _HEADINGS else written_as_name(match)


def _with_title(match: "re.Match[str]") -> Place | None:
    place = _leading_name(match, most=2 if match["name"][0].isupper() else 1)
    return place if place and _is_title(match) else None


def _before_title(match: "re.Match[str]") -> Place | None:
    """The name before a form of address; at a sentence's beginning, where any word has a capital, only before one with a capital."""
    words = match["name"].split()
    begins = _SENTENCE_START.search(match.string[max(0, match.start() - 8) : match.start()]) is not None
    if len(words) == 2 and (begins or not _are_name(words[:1])):
        begins = False
        del words[0]
    if not _are_name(words) or (begins and match["title"].islower()):
        return None
    return match.end("name") - len(" ".join(words)), match.end("name")


def _is_title(match: "re.Match[str]") -> bool:
    """Whether a form of address is written like one: a short one with a capital or a full stop, none in capitals before small letters."""
    title = match["title"].strip(".")
    if title.isupper() and len(title) > 1 and not match["name"].split()[0].isupper():
        return False
    if len(title) == 1 and (title.isupper() != (title.lower() == "m") or before(match, reach=2).strip(" ").isdigit()):
        return False  # of one letter only "M. Durand" has a capital
    dotted = "." in match.string[match.start() : match.end("title") + 1]
    return dotted or title[0].isupper() or len(title) > 2 or not title.isascii()


_HEADINGS = NO_NAMES.union(*map(languages.words, ("name_labels", "phones", "numbers", "versions", "passwords")))
_PLAIN_LABELS = frozenset(words[0] for words in languages.by_language("name_labels").values())


def _in_columns(text: str) -> Iterator[Place]:
    """Places of names in the cells below a heading for names."""
    heads: list[str] = []
    start = 0
    for line in text.split("\n"):
        cells = line.split("|") if "|" in line and len(line) <= _MAX_ROW else []
        if not cells:
            heads = []
        elif len(cells) != len(heads):
            heads = _headings(cells)
        else:
            at = start
            for cell, head in zip(cells, heads, strict=True):
                name = cell.strip()
                if head and _is_cell_name(name.split(), sure=head not in _PLAIN_LABELS or len(_names_in(heads)) > 1):
                    yield at + cell.index(name), at + cell.index(name) + len(name)
                at += len(cell) + 1
        start += len(line) + 1


_MAX_ROW = 1000  # characters


def _headings(cells: list[str]) -> list[str]:
    """The cells of a row in small letters, those that are no heading for names as ""; nothing where a cell is no heading at all."""
    heads = [cell.strip(" *:").lower() for cell in cells]
    if not _names_in(heads) or any(head and head not in _HEADINGS and head.split()[-1] not in _HEADINGS for head in heads):
        return []
    return [head if head in languages.words("name_labels") else "" for head in heads]


def _names_in(heads: list[str]) -> list[str]:
    return [head for head in heads if head in languages.words("name_labels")]


def _is_cell_name(words: list[str], *, sure: bool) -> bool:
    """Whether a cell holds a name; below a heading that things have too only two words or more of which none is a common one."""
    if not 0 < len(words) <= 4 or not all(_WHOLE_WORD.fullmatch(word) for word in words) or not _are_name(words):
        return False
    return sure or UNSPACED.match(words[0]) is not None or (len(words) > 1 and not all(bare(word) in COMMON for word in words))


_WHOLE_WORD = re.compile(rf"{_WORD}|{_UNSPACED_WORD}")


def _introduced_by(match: "re.Match[str]") -> Place | None:
    """The words up to the first that no name holds; after "my name is" in small letters too."""
    small_too = match[0].lower().startswith(("my ", "name is", "i am called")) and match["name"][0].islower()
    return _leading_name(match, small_too=small_too)


def _said_to_be(match: "re.Match[str]") -> Place | None:
    """After "I am" and "this is" stands anything: only two or more words like a name, or one with "here" or "from" behind it, are one."""
    place = _leading_name(match)
    if place is None:
        return None
    whole = [word for word in match.string[slice(*place)].split() if word not in PARTICLES]
    behind = match.string[place[1] : place[1] + 24]
    return place if (_MORE_AFTER_I_AM if len(whole) > 1 else _HERE_BEHIND).match(behind) else None


def _leading_name(match: "re.Match[str]", *, small_too: bool = False, most: int = 4) -> Place | None:
    """The place of the first words of a match that are written like a name; particles stand only between them."""
    start = at = end = match.start("name")
    taken = 0  # words that are no particles
    for number, word in enumerate(match["name"].split()):
        at = match.string.index(word, at) + len(word)
        if taken == most or word in _STOPS or is_no_name(word):
            break
        if word.lower() in PARTICLES:
            continue
        if word[0].islower() and not (small_too and number < 2):
            break
        taken, end = taken + 1, at
    return (start, end - (match.string[end - 1] == ".")) if taken else None
