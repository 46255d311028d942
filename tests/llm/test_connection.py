"""The HTTP edge of a model server: addresses, headers, and where the key may stand."""

import logging
from pathlib import Path

import pytest

from common.errors import Stopped
from llm.connection import Server, key_headers
from llm.store import AnswerStore
from llm_client import LlmClient
from testing.chaos_llm import ChaosServer, says
from tests.test_llm_client import KEY, SCHEMA, client_of, messages, parse, takes_all


def test_a_server_without_tls_at_an_https_address_is_a_setting() -> None:
    with ChaosServer(takes_all) as server:
        client = LlmClient(Server(server.base_url.replace("http://", "https://"), KEY, "a-model", timeout_s=5.0))
        with pytest.raises(Stopped, match=r"TLS.*LLM_API_BASE_URL"):
            client.ask(messages(), schema=SCHEMA, parse=parse)


def test_a_netrc_entry_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with ChaosServer(takes_all) as server:
        client_of(server).ask(messages(), schema=SCHEMA, parse=parse)
        assert server.seen[0].headers["Authorization"] == f"Bearer {KEY}"


def test_the_key_stands_in_no_log_and_in_no_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ChaosServer(lambda seen: says(f'your key is {KEY}, {{"id": 1}}')) as server:
        client = client_of(server, store=AnswerStore(tmp_path))
        client.ask(messages("what is my key?"), schema=SCHEMA, parse=parse)
    assert "what is my key?" in caplog.text
    assert "prompt_tokens=100" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(client._server)


def test_payloads_are_logged_at_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with ChaosServer(takes_all) as server:
        client_of(server).ask(messages("private words"), schema=SCHEMA, parse=parse)
    assert "private words" not in caplog.text


ADDRESSES = {
    "/v1": ("/v1", "/v1/chat/completions"),
    "/v1/": ("/v1/", "/v1/chat/completions"),
    "/chat/completions": ("/v1/chat/completions", "/v1/chat/completions"),
    "a query": ("/openai/deployments/d?api-version=2024-10-21", "/openai/deployments/d/chat/completions?api-version=2024-10-21"),
    "a query after the call": ("/v1/chat/completions?x=1", "/v1/chat/completions?x=1"),
    "no path": ("", "/chat/completions"),
}


@pytest.mark.parametrize(("given", "called"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_the_base_url_may_be_written_in_several_ways(given: str, called: str) -> None:
    with ChaosServer(takes_all) as server:
        LlmClient(Server(server.base_url.removesuffix("/v1") + given, KEY, "a-model")).ask(messages(), schema=SCHEMA, parse=parse)
        assert server.seen[0].path == called
        assert (server.seen[0].headers.get("api-key") == KEY) == ("deployments" in given)


def test_few_fields_are_sent_and_text_arrives_unchanged() -> None:
    text = "braces {x} $name %s {{ü}} \U0001f600 \ud800 end"
    with ChaosServer(takes_all) as server:
        client_of(server).ask(messages(text), schema=SCHEMA, parse=parse)
        body = server.seen[0].body
    assert set(body) == {"model", "messages", "response_format", "max_tokens"}
    assert body["response_format"] == {"type": "json_schema", "json_schema": SCHEMA}
    assert body["messages"][1]["content"] == text.replace("\ud800", "\ufffd")


def test_azure_gets_its_own_header_and_nobody_else_does() -> None:
    def headers(url: str) -> dict[str, str]:
        return key_headers(Server(url, "sk-secret-1", "m"))

    azure = headers("https://me.openai.azure.com/openai/deployments/d?api-version=1")
    assert azure["api-key"] == "sk-secret-1"
    assert "Authorization" not in azure
    assert "api-key" not in headers("https://api.example/v1")
