"""A built-in model that speaks the chat-completions API on loopback, so that the program can be tried with no key and no network.

It is a matcher of words, not a language model: it answers the program's four questions from the words of the prompt, remembers nothing
between calls and gives the same answer to the same prompt. It refuses every other question.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from common.text import CHARS_PER_TOKEN
from demo.card_writer import customer_texts, extract
from demo.loopback import LoopbackServer, Reply, Request
from demo.prompt_reader import Question, read_card, read_decision, read_issues, read_question
from demo.word_matcher import DOUBTFUL, MATCHES, alike_groups, shared
from prompts_config import NEW_ID

MODEL_NAME = "built-in-word-matcher"
SURE_OF_A_MERGE = 0.85


class BuiltInModel(LoopbackServer):
    """The model's server, whose base URL ends in /v1; `answer_with` replaces the model behind it."""

    def __init__(self, *, answer_with: Callable[[Any], dict[str, Any]] | None = None) -> None:
        super().__init__()
        self._answer_with = answer_with or answer

    def start(self) -> str:
        """The base URL, such as `http://127.0.0.1:50123/v1`, of the server that listens from now on."""
        return f"{super().start()}/v1"

    def respond(self, request: Request) -> Reply:
        """The completion that a request asks for, or why there is none."""
        path = request.target.split("?")[0].rstrip("/")
        if (request.method, path) == ("GET", "/v1/models"):
            return _json(200, {"object": "list", "data": [{"id": MODEL_NAME, "object": "model", "owned_by": "built-in"}]})
        if (request.method, path) != ("POST", "/v1/chat/completions"):
            return _refusal(404, f"there is no {request.target} here")
        try:
            messages = json.loads(request.body)["messages"]
            return _json(200, _completion(read_question(messages), json.dumps(self._answer_with(messages), ensure_ascii=False)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return _refusal(400, f"{error!r}: no chat completion, or none of this program's questions")


def answer(messages: Any) -> dict[str, Any]:
    """The answer to one of the program's questions, in the form of its schema. Raises `ValueError` for what is none of them."""
    question = read_question(messages)
    answers = {"issue_decision": _decision, "issue_overview": _overview, "issue_merge": _merge, "issue_card": _card}
    return answers[question.schema](question.user)


def _decision(user: str) -> dict[str, Any]:
    offered, ticket = read_decision(user)
    card, evidence = extract([ticket])
    shares = shared([issue.text for issue in offered], customer_texts(ticket) if ticket.by("customer") else [])
    ranked = sorted(range(len(offered)), key=lambda place: -shares[place])  # of equals the first
    best = shares[ranked[0]] if ranked else 0.0
    match = offered[ranked[0]] if best >= DOUBTFUL else None
    others = [offered[place].issue_id for place in ranked if shares[place] > 0 and offered[place] is not match]
    return {
        **card.to_json(),
        **({} if match is None else {"category": "", "keywords": []}),
        "issue_id": match.issue_id if match else NEW_ID,
        "second_choice": next(iter(others), NEW_ID if match else ""),
        "kind": "",
        "evidence": evidence,
        "confidence": sureness(best) if match else round(0.95 - best, 2),
    }


def sureness(score: float) -> float:
    """Confidence of a match: just sure enough at the threshold, growing with likeness; below it a doubt for people."""
    return round(min(0.95, 0.72 + 0.5 * (score - MATCHES)), 2) if score >= MATCHES else 0.6


def _alike(user: str) -> list[list[str]]:
    """Ids of the issues of a question in groups that are alike."""
    issues = read_issues(user)
    return [[issues[place].issue_id for place in group] for group in alike_groups([issue.text for issue in issues])]


def _overview(user: str) -> dict[str, Any]:
    """Groups of issues whose lines are alike; areas are a matter of meaning, and it has none."""
    return {"groups": [{"issue_ids": ids} for ids in _alike(user)], "areas": []}


def _merge(user: str) -> dict[str, Any]:
    return {"merges": [{"issue_ids": ids, "confidence": SURE_OF_A_MERGE, "reason": "their words are alike"} for ids in _alike(user)]}


def _card(user: str) -> dict[str, Any]:
    category, tickets = read_card(user)
    card = extract(tickets)[0].to_json()
    return {**card, "category": category or card["category"], "misfits": []}


def _json(status: int, value: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode())


def _refusal(status: int, message: str) -> Reply:
    return _json(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})


def _completion(question: Question, text: str) -> dict[str, Any]:
    """The response around an answer; tokens are characters / 4. No clock: the same request gives the same bytes."""
    prompt = len(question.system + question.user) // CHARS_PER_TOKEN
    completion = max(1, len(text) // CHARS_PER_TOKEN)
    return {
        "id": "chatcmpl-built-in",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL_NAME,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }
