"""A `.env` file as editors, shells and secret managers write it."""

import os
import threading
import time

import pytest

import env
from common import env_file
from common.errors import Unusable
from tests.test_env import dotenv


def test_a_dotenv_file_fills_what_the_environment_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv('FRESHDESK_DOMAIN=file\nFRESHDESK_API_KEY="from file"\nLLM_MODEL=file # a comment\nBATCH_SIZE=\n')
    monkeypatch.setenv("FRESHDESK_DOMAIN", "real")
    monkeypatch.setenv("LLM_MODEL", "")
    assert env.get("FRESHDESK_DOMAIN") == "real"
    assert env.get("FRESHDESK_API_KEY") == "from file"
    assert env.get("LLM_MODEL") == "file", "an empty value counts as missing"
    assert env.get("BATCH_SIZE") is None
    assert env.get("BATCH_SIZE", "9") == "9"
    assert env.get("NOT_THERE", None) is None


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfLLM_MODEL=m\n", id="BOM"),
        pytest.param(b"LLM_MODEL=m\r\n", id="CRLF"),
        pytest.param(b"export LLM_MODEL='m'", id="export and quotes"),
        pytest.param(b"junk without equals\nLLM_MODEL = m\n", id="junk around it"),
    ],
)
def test_a_dotenv_file_is_read_as_editors_write_it(content: bytes) -> None:
    dotenv(content)
    assert env.get("LLM_MODEL") == "m"


def test_dollar_signs_in_a_key_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_X", "boom")
    dotenv("FRESHDESK_API_KEY=a${HOME_X}$b\n")
    assert env.get("FRESHDESK_API_KEY") == "a${HOME_X}$b"


def test_a_dotenv_file_in_another_encoding_is_named_and_no_content_shown() -> None:
    dotenv("LLM_MODEL=ü".encode("cp1252"))
    with pytest.raises(Unusable, match=r"cannot read \.env: byte 10 is no UTF-8\. Save it as UTF-8 text"):
        env.load_settings()


NOT_HEEDED = [
    ("INCLUDE_PRIVATE_NOTES: 0", "line 2 of .env is neither blank, nor a comment, nor NAME=value; is INCLUDE_PRIVATE_NOTES=... meant"),
    ("include_private_notes=0", "line 2 of .env sets include_private_notes, which is no setting; is INCLUDE_PRIVATE_NOTES meant"),
    ("INCLUDE-PRIVATE-NOTES=0", "is INCLUDE_PRIVATE_NOTES=... meant"),
    ("INCLUDE.PRIVATE.NOTES=0", "is neither blank"),
    ("INCLUDE_PRIVATE_NOTE=0", "is INCLUDE_PRIVATE_NOTES meant"),
    ("INCLUDE_PRVIATE_NOTES=0", "is INCLUDE_PRIVATE_NOTES meant"),
    ("INCLUDEPRIVATENOTES=0", "is INCLUDE_PRIVATE_NOTES meant"),
    ("set INCLUDE_PRIVATE_NOTES=0", "is INCLUDE_PRIVATE_NOTES=... meant"),
    ("setx INCLUDE_PRIVATE_NOTES 0", "is INCLUDE_PRIVATE_NOTES=... meant"),
    ('$env:INCLUDE_PRIVATE_NOTES="0"', "is INCLUDE_PRIVATE_NOTES=... meant"),
    ("INCLUDE_PRIVATE_NOTES", "is INCLUDE_PRIVATE_NOTES=... meant"),
    ("INCLUDE_PRIVATE_NOTES 0", "is INCLUDE_PRIVATE_NOTES=... meant"),
    ("[settings]", "line 2 of .env is neither blank"),
    ("// no notes", "line 2 of .env is neither blank"),
    ("hello world", "line 2 of .env is neither blank"),
    ('KB_LANGUAGE="German\nINCLUDE_PRIVATE_NOTES=0\nCATEGORIES=""', "is neither blank|value of several lines"),
    ("KB_LANGUAGE='German\nINCLUDE_PRIVATE_NOTES=0\nCATEGORIES=''", "is neither blank|value of several lines"),
    ('OTHER="x\nINCLUDE_PRIVATE_NOTES=0\n"', r"line 2 of .env \(OTHER\) has a value of several lines"),
    ('KB_LANGUAGE="German\nINCLUDE_PRIVATE_NOTES=0', "is neither blank"),
]


@pytest.mark.parametrize(("text", "words"), NOT_HEEDED, ids=[text for text, _ in NOT_HEEDED])
def test_a_line_that_would_not_be_heeded_ends_the_run_before_any_call(complete: pytest.MonkeyPatch, text: str, words: str) -> None:
    dotenv(f"# mine\n{text}\nBATCH_SIZE=2\n")
    with pytest.raises(Unusable, match=words.replace("...", r"\.\.\.")):
        env.load_settings()


@pytest.mark.parametrize(
    "text",
    ["", "# INCLUDE_PRIVATE_NOTES: 0", "  ", "export KB_LANGUAGE=German", "OTHER_TOOL=1",
     "SSH_KEY=\"-----BEGIN\nabc=\n-----END\"", "IGNORE_ME=1",
     "'KB_LANGUAGE'=German", "KB_LANGUAGE = German", "\r\nOTHER=1\r\n"],
)  # fmt: skip
def test_what_sets_nothing_of_ours_is_no_hindrance(complete: pytest.MonkeyPatch, text: str) -> None:
    dotenv(f"{text}\nBATCH_SIZE=2\n")
    settings = env.load_settings()
    assert settings.batch_size == 2
    assert settings.language == ("German" if "German" in text else "English")


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_that_docker_leaves_about_a_value_are_taken_off(complete: pytest.MonkeyPatch, quote: str) -> None:
    for name, value in (("LLM_API_KEY", "sk-abc"), ("LLM_MODEL", "gpt"), ("INCLUDE_PRIVATE_NOTES", "0"), ("KB_LANGUAGE", "")):
        complete.setenv(name, f"{quote}{value}{quote}")
    settings = env.load_settings()
    assert (settings.llm_api_key, settings.llm_model, settings.include_private_notes, settings.language) == (
        "sk-abc",
        "gpt",
        False,
        "English",
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_dotenv_file_in_the_encodings_of_windows_is_read(complete: pytest.MonkeyPatch, encoding: str) -> None:
    dotenv("BATCH_SIZE=2\r\nKB_LANGUAGE=German\r\n".encode(encoding))
    assert (env.load_settings().batch_size, env.load_settings().language) == (2, "German")


def test_a_dotenv_file_that_is_a_pipe_is_read_once(complete: pytest.MonkeyPatch) -> None:
    env.DOTENV_PATH.unlink(missing_ok=True)
    os.mkfifo(env.DOTENV_PATH)

    def serve() -> None:
        with open(env.DOTENV_PATH, "wb") as pipe:
            pipe.write(b"BATCH_SIZE=2\n")
            time.sleep(0.1)
            pipe.write(b"KB_LANGUAGE=German\n")

    server = threading.Thread(target=serve)
    server.start()
    assert (env.load_settings().batch_size, env.get("KB_LANGUAGE")) == (2, "German")
    server.join()


def test_a_pipe_that_is_closed_empty_is_named(complete: pytest.MonkeyPatch) -> None:
    env.DOTENV_PATH.unlink(missing_ok=True)
    os.mkfifo(env.DOTENV_PATH)
    env_file._pipe_content.cache_clear()  # the name and the inode may be those of another test's pipe
    server = threading.Thread(target=lambda: open(env.DOTENV_PATH, "wb").close())
    server.start()
    with pytest.raises(Unusable, match=r"cannot read \.env: it is a pipe out of which nothing came"):
        env.load_settings()
    server.join()


def test_a_folder_in_place_of_the_dotenv_file_is_named(complete: pytest.MonkeyPatch) -> None:
    env.DOTENV_PATH.unlink(missing_ok=True)
    env.DOTENV_PATH.mkdir()
    with pytest.raises(Unusable, match=r"\.env is a folder"):
        env.load_settings()
