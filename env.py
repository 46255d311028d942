"""Settings from the environment and `.env`, checked all at once.

The real environment wins over `.env` beside this file; an empty value counts as missing. Makes no HTTP call and keeps nothing global.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values

T = TypeVar("T")

DOTENV_PATH = Path(__file__).with_name(".env")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ConfigError(Exception):
    """Settings are missing or wrong; the message names every one of them and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Times in seconds, prices in USD per million tokens; None means not set."""

    freshdesk_url: str
    freshdesk_api_key: str = field(repr=False)
    llm_base_url: str
    llm_api_key: str = field(repr=False)
    llm_model: str
    batch_size: int = 3
    freshdesk_rate_window_s: float = 60.0
    freshdesk_rate_share: float = 0.8
    llm_workers: int = 4
    llm_timeout_s: float = 120.0
    llm_temperature: float | None = None
    llm_max_tokens: int | None = None
    llm_price_in: float | None = None
    llm_price_cached: float | None = None
    llm_price_out: float | None = None
    embedding_model: str | None = None
    embedding_api_base_url: str | None = None
    embedding_api_key: str | None = field(default=None, repr=False)
    product_context: str = ""
    language: str = "English"
    categories: tuple[str, ...] = ()
    include_private_notes: bool = True
    redact: bool = True
    ignore_field: str | None = None


def get(key: str, default: str | None = None) -> str | None:
    """The value of one setting: real environment, else `.env`, else `default`; an empty value counts as missing."""
    return _lookup(_dotenv(), key) or default


def load_settings() -> Settings:
    """Every setting, checked. Raises `ConfigError` that names all that is missing or wrong."""
    read = _Reader(_dotenv())
    settings = Settings(
        freshdesk_url=read.required("FRESHDESK_DOMAIN", freshdesk_url),
        freshdesk_api_key=read.required("FRESHDESK_API_KEY", _secret),
        llm_base_url=read.required("LLM_API_BASE_URL", read.model_url),
        llm_api_key=read.required("LLM_API_KEY", _secret),
        llm_model=read.required("LLM_MODEL", str),
        batch_size=read.optional("BATCH_SIZE", _whole(1, 50), 3),
        freshdesk_rate_window_s=read.optional("FRESHDESK_RATE_WINDOW_S", _number(0.01, 86_400), 60.0),
        freshdesk_rate_share=read.optional("FRESHDESK_RATE_SHARE", _number(0.01, 1), 0.8),
        llm_workers=read.optional("LLM_WORKERS", _whole(1, 256), 4),
        llm_timeout_s=read.optional("LLM_TIMEOUT_S", _number(0.1, 86_400), 120.0),
        llm_temperature=read.optional("LLM_TEMPERATURE", _number(0, 2), None),
        llm_max_tokens=read.optional("LLM_MAX_TOKENS", _whole(1, 1_000_000), None),
        llm_price_in=read.optional("LLM_PRICE_IN", _number(0, 100_000), None),
        llm_price_cached=read.optional("LLM_PRICE_CACHED", _number(0, 100_000), None),
        llm_price_out=read.optional("LLM_PRICE_OUT", _number(0, 100_000), None),
        embedding_model=read.optional("EMBEDDING_MODEL", str, None),
        embedding_api_base_url=read.optional("EMBEDDING_API_BASE_URL", read.model_url, None),
        embedding_api_key=read.optional("EMBEDDING_API_KEY", _secret, None),
        product_context=read.optional("PRODUCT_CONTEXT", _text_file, ""),
        language=read.optional("KB_LANGUAGE", _language, "English"),
        categories=read.optional("CATEGORIES", _lines_file, ()),
        include_private_notes=read.optional("INCLUDE_PRIVATE_NOTES", _switch, True),
        redact=read.optional("REDACT", _switch, True),
        ignore_field=read.optional("IGNORE_FIELD", _field_name, None),
    )
    read.raise_problems()
    return settings


def freshdesk_url(value: str) -> str:
    """The account's address: `acme`, `acme.freshdesk.com` or its URL; other hosts and http only on loopback. Raises ValueError.

    >>> freshdesk_url("acme"), freshdesk_url("https://acme.freshdesk.com/")
    ('https://acme.freshdesk.com', 'https://acme.freshdesk.com')
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", value) and value.lower() != "localhost":
        return f"https://{value.lower()}.freshdesk.com"
    parts = urlsplit(value if "://" in value else f"https://{value}")
    host = (parts.hostname or "").lower()
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be acme, acme.freshdesk.com or its https address, without user, query or fragment")
    if host in LOOPBACK and parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "https" and parts.port in (None, 443) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}\.freshdesk\.com", host):
        return f"https://{host}"
    raise ValueError("must be acme, acme.freshdesk.com or its https address; other hosts would be handed your key")


def model_url(value: str, *, plain_http: bool = False) -> str:
    """The model server's address; `http://` only on loopback unless `plain_http`. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that begins with https:// (or http:// on this machine)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must hold no user, password or fragment; the key goes into its own setting")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not plain_http:
        raise ValueError("would send tickets and key unencrypted; use https://, or set LLM_ALLOW_HTTP=1 for a network you trust")
    return value


@dataclass(slots=True)
class _Reader:
    """Reads settings one by one and collects what is wrong."""

    dotenv: Mapping[str, str | None]
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def required(self, key: str, convert: Callable[[str], str]) -> str:
        if _lookup(self.dotenv, key) is None:
            self.missing.append(key)
            return ""
        return self.optional(key, convert, "")

    def optional(self, key: str, convert: Callable[[str], T], default: T) -> T:
        value = _lookup(self.dotenv, key)
        if value is None:
            return default
        if not _is_text(value):
            self.wrong.append(f"{key} holds bytes that are not UTF-8 text")
            return default
        try:
            return convert(value)
        except ValueError as error:
            self.wrong.append(f"{key} {error}")
            return default

    def model_url(self, value: str) -> str:
        return model_url(value, plain_http=self.optional("LLM_ALLOW_HTTP", _switch, False))

    def raise_problems(self) -> None:
        parts = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        parts += self.wrong
        if parts:
            where = "in the environment or in .env (copy .env.example to .env and fill it in)"
            raise ConfigError(f"settings to mend {where}: {'; '.join(parts)}")


def _dotenv() -> Mapping[str, str | None]:
    if not DOTENV_PATH.is_file():
        return {}
    try:
        return dotenv_values(DOTENV_PATH, encoding="utf-8-sig", interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {DOTENV_PATH.name}: {error}. Save it as UTF-8 text.") from error


def _lookup(dotenv: Mapping[str, str | None], key: str) -> str | None:
    value = (os.environ.get(key) or "").strip() or (dotenv.get(key) or "").strip()
    return value or None


def _is_text(value: str) -> bool:
    """False where Python put half a character for a byte of the environment that is not UTF-8; nothing can send or store that."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _secret(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds a character that no key has (a space, a line break or a letter outside ASCII)")
    return value


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}, not {value[:40]!r}")
        return number

    return convert


def _whole(low: int, high: int) -> Callable[[str], int]:
    def convert(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {value[:40]!r}")
        return int(value)

    return convert


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(f"must be 1 or 0, not {value[:40]!r}")
    return words[value.lower()]


def _field_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,100}", value):
        raise ValueError("must be the name of a Freshdesk field, such as cf_no_issue")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z ()-]{1,39}", value):
        raise ValueError("must be the English name of a language, such as German")
    return value


def _text_file(value: str) -> str:
    path = Path(value)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names a file that cannot be read ({value[:80]})") from error
    if len(text) > 20_000:
        raise ValueError(f"names a file of more than 20 000 characters ({value[:80]})")
    return text


def _lines_file(value: str) -> tuple[str, ...]:
    lines = [" ".join(line.split()) for line in _text_file(value).splitlines()]
    kept = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not kept:
        raise ValueError(f"names a file without a category ({value[:80]})")
    return kept
