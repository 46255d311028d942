"""A built-in model that speaks the chat-completions API on loopback, so that the program can be tried with no key and no network.

It is a matcher of words, not a language model: it answers the program's four questions from the words of the prompt, remembers nothing
between calls and gives the same answer to the same prompt. It refuses every other question.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from common import times
from demo.card_writer import customer_texts, extract
from demo.prompt_reader import read_card, read_decision, read_issues, schema_name
from demo.word_matcher import DOUBTFUL, MATCHES, MERGES, alike_groups, likeness, shared
from prompts_config import NEW_ID

MODEL_NAME = "built-in-word-matcher"
MAX_BODY_BYTES = 20_000_000
CHARS_PER_TOKEN = 4


class BuiltInModel:
    """The model's server on a free loopback port; `start` gives its base URL. A context manager gives it too.

    `answer_with` replaces the model behind it and `latency_s` delays each answer, both for measuring.
    """

    def __init__(self, *, answer_with: "Callable[[Any], dict[str, Any]] | None" = None, latency_s: float = 0.0) -> None:
        self._answer_with = answer_with or answer
        self._latency_s = latency_s
        self._server: _Server | None = None

    def start(self) -> str:
        """The base URL, such as `http://127.0.0.1:50123/v1`, of the server that listens from now on."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answer_with, self._server.latency_s = self._answer_with, self._latency_s
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="built-in-model", daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def stop(self) -> None:
        """Stop listening; nothing happens if it never did."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def answer(messages: Any) -> dict[str, Any]:
    """The answer to one of the program's questions, in the form of its schema. Raises `ValueError` for what is none of them."""
    texts = _texts(messages)
    name = schema_name(texts.get("system", ""))
    answers: Mapping[str, Callable[[str], dict[str, Any]]] = {
        "issue_decision": _decision,
        "issue_overview": _overview,
        "issue_merge": _merge,
        "issue_card": _card,
    }
    if name not in answers or "user" not in texts:
        raise ValueError(f"{MODEL_NAME} answers only the schemas {', '.join(answers)}")
    return answers[name](texts["user"])


def _decision(user: str) -> dict[str, Any]:
    offered, ticket = read_decision(user)
    card = extract([ticket])
    shares = shared([issue.text for issue in offered], customer_texts(ticket) if ticket.by("customer") else [])
    ranked = sorted(range(len(offered)), key=lambda place: -shares[place])  # of equals the first
    best = shares[ranked[0]] if ranked else 0.0
    match = offered[ranked[0]] if best >= DOUBTFUL else None
    others = [offered[place].issue_id for place in ranked if shares[place] > 0 and offered[place] is not match]
    fields = card.as_json()
    if match is not None:
        fields |= {"category": "", "keywords": []}
    return {
        "short_description": fields.pop("short_description"),
        "issue_id": match.issue_id if match else NEW_ID,
        "second_choice": next(iter(others), NEW_ID if match else ""),
        "kind": "",
        **fields,
        "evidence": list(card.evidence),
        "confidence": _sureness(best) if match else round(0.95 - best, 2),
        "notes": "",
    }


def _sureness(score: float) -> float:
    """Confidence of a match: just sure enough at the threshold, growing with likeness; below it a doubt for people."""
    return round(min(0.95, 0.72 + 0.5 * (score - MATCHES)), 2) if score >= MATCHES else 0.6


def _overview(user: str) -> dict[str, Any]:
    """Groups of issues whose lines are alike; areas are a matter of meaning, and it has none."""
    issues = read_issues(user)
    groups = alike_groups([issue.text for issue in issues])
    return {"groups": [{"issue_ids": [issues[place].issue_id for place in group]} for group in groups if len(group) > 1], "areas": []}


def _merge(user: str) -> dict[str, Any]:
    issues = read_issues(user)
    texts = [issue.text for issue in issues]
    return {
        "merges": [
            {
                "issue_ids": [issues[place].issue_id for place in group],
                "confidence": round(min(0.95, 0.82 + 0.3 * (likeness(group, texts) - MERGES)), 2),
                "reason": "their words are alike",
            }
            for group in alike_groups(texts)
            if len(group) > 1
        ]
    }


def _card(user: str) -> dict[str, Any]:
    category, tickets = read_card(user)
    card = extract(tickets).as_json()
    return {**card, "category": category or card["category"], "misfits": [], "notes": ""}


def _texts(messages: Any) -> dict[str, str]:
    """The last text of each role; content may be text or a list of parts."""
    texts: dict[str, str] = {}
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        if isinstance(content, str):
            texts[str(message.get("role"))] = content
    return texts


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer_with: Callable[[Any], dict[str, Any]]
    latency_s = 0.0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away in mid-reply is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path.split("?")[0].rstrip("/") == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": MODEL_NAME, "object": "model", "owned_by": "built-in"}]})
        else:
            self._refuse(404, f"there is no {self.path} here")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._refuse(413, "a body of known and moderate length is needed")
            return
        body = self.rfile.read(int(length))
        if self.path.split("?")[0].rstrip("/") != "/v1/chat/completions":
            self._refuse(404, f"there is no {self.path} here")
            return
        try:
            request = json.loads(body)
            messages = request["messages"]
            text = json.dumps(self.server.answer_with(messages), ensure_ascii=False)
            times.sleep(self.server.latency_s)
            self._send(200, _completion(messages, text))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._refuse(400, f"the request is no question that this model can answer: {error!r}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the program logs its own calls."""

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})

    def _send(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _completion(messages: Any, text: str) -> dict[str, Any]:
    """The response around an answer; tokens are characters / 4. No clock: the same request gives the same bytes."""
    prompt = sum(len(part) for part in _texts(messages).values()) // CHARS_PER_TOKEN
    completion = max(1, len(text) // CHARS_PER_TOKEN)
    return {
        "id": "chatcmpl-built-in",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL_NAME,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }
