"""Servers of the wild: what public reports say servers do to clients, by kind, each with what should come of it.

For tests and for the table of `benchmarks.llm_client`. Each is played over a real socket; waits are noted and not spent.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from common.errors import Stopped
from llm import json_text
from llm.bill import Totals
from llm.connection import Server
from llm.protocol import AnswerUnusable, BudgetReached, ContextTooLong
from llm.store import AnswerStore
from llm_client import LlmClient
from testing.chaos_llm import Behaviour, ChaosServer, Reply, Seen, completion, refuses, says

KEY = "sk-wild-4f9a77c1e05b"
SCHEMA = {"name": "number", "strict": True, "schema": {"type": "object", "required": ["id", "sure"]}}
TEXT = '{"id": 1, "sure": true}'
GOOD = says(TEXT)
DEAR = 20
"""Calls that a server which is never usable may cost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a play: a value or an error for each question, the requests that arrived, the bill, waits and log."""

    results: list[Any]
    seen: list[Seen]
    totals: Totals
    waits: list[float]
    said: str

    @property
    def answered(self) -> int:
        return self.results.count(1)

    @property
    def stopped(self) -> str:
        """The words that ended the run, "" if nothing did."""
        return next((str(result) for result in self.results if isinstance(result, Stopped)), "")

    def failed(self, kind: type[Exception]) -> list[int]:
        """Places of the questions that ended so."""
        return [place for place, result in enumerate(self.results) if isinstance(result, kind)]

    @property
    def formats(self) -> list[str]:
        return [seen.body.get("response_format", {}).get("type", "none") for seen in self.seen]


@dataclass(frozen=True, slots=True)
class Wild:
    """One server: `behave` makes its behaviour anew for each play; `holds` says whether the outcome is as it should be."""

    kind: str
    name: str
    behave: Callable[[], Behaviour]
    holds: Callable[[Outcome], bool]
    questions: int = 10
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)


def parse(text: str) -> int:
    """The number in an answer. Raises ValueError if it has none."""
    answer = json_text.extract_json(text)
    if type(answer.get("id")) is not int or "sure" not in answer:
        raise ValueError("id must be a whole number, and sure must be there")
    return int(answer["id"])


def play(wild: Wild) -> Outcome:
    """What became of its questions, asked one after another."""
    waits: list[float] = []
    with TemporaryDirectory() as folder, ChaosServer(wild.behave()) as server, _listening() as said, mock.patch("time.sleep", waits.append):
        store = AnswerStore(Path(folder))
        settings = {"timeout_s": 5.0, "secrets": ("fd-4711abcdef",), **wild.settings}
        client = LlmClient(Server(server.base_url, KEY, "m", **settings), workers=4, store=store, **wild.limits)
        results = [_asked(client, number) for number in range(wild.questions)]
        store.close()
        return Outcome(results, server.seen, client.totals(), waits, "\n".join(said))


def _asked(client: LlmClient, number: int) -> Any:
    question = [{"role": "system", "content": "Number things, in JSON."}, {"role": "user", "content": f"question {number}"}]
    try:
        return client.ask(question, schema=SCHEMA, parse=parse).value
    except (AnswerUnusable, ContextTooLong, Stopped, BudgetReached) as error:
        return error


@contextmanager
def _listening() -> Iterator[list[str]]:
    """All that is logged meanwhile, as text."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("llm.connection", "llm_client", "llm.store")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


def always(reply: Reply) -> Callable[[], Behaviour]:
    """A server with one reply."""
    return lambda: lambda _seen: reply


def first(*replies: Reply, then: Reply = GOOD) -> Callable[[], Behaviour]:
    """A server that gives these replies, then another for ever."""
    return lambda: lambda seen: replies[seen.number - 1] if seen.number <= len(replies) else then


def only_for(word: str, reply: Reply) -> Callable[[], Behaviour]:
    """A server with one reply to questions that hold `word`."""
    return lambda: lambda seen: reply if word in str(seen.body["messages"]) else GOOD


def while_sent(bad: Callable[[Mapping[str, Any]], bool], reply: Reply) -> Callable[[], Behaviour]:
    """A server with one reply to requests of a certain kind."""
    return lambda: lambda seen: reply if bad(seen.body) else GOOD


def has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    """Requests with one of these fields."""
    return lambda body: any(name in body for name in names)


def with_system(body: Mapping[str, Any]) -> bool:
    """Requests with a system message."""
    return any(message["role"] == "system" for message in body["messages"])


def beyond(limit: int) -> Callable[[Mapping[str, Any]], bool]:
    """Requests that want more answer tokens."""
    return lambda body: max(body.get("max_tokens", 0), body.get("max_completion_tokens", 0)) > limit


def ends_dear(words: str = "") -> Callable[[Outcome], bool]:
    """The run stopped, in few calls and with these words."""
    return lambda out: bool(out.stopped) and len(out.seen) <= DEAR and words in out.stopped and out.answered <= 2


def all_answered(calls: int, *, format: str = "json_schema") -> Callable[[Outcome], bool]:
    """Every question was answered, in so many calls, and the last one in this format."""
    return lambda out: out.answered == len(out.results) and len(out.seen) == calls and out.formats[-1] == format


def waits_for(seconds: float) -> Callable[[Outcome], bool]:
    """The first wait is about so long, and all is answered after it."""
    return lambda out: out.answered == len(out.results) and bool(out.waits) and abs(out.waits[0] - seconds) < 2


def elsewhere(**message: Any) -> Reply:
    """A reply whose answer does not stand in the content."""
    return Reply(body=completion(None, **message))


def counting(**usage: Any) -> Reply:
    """A good reply with this count of tokens."""
    return Reply(body=completion(TEXT, usage=usage))


def _stream(text: str) -> Reply:
    lines = [json.dumps({"choices": [{"delta": {"content": part}}]}) for part in (text[:5], text[5:])]
    return Reply(
        body=("".join(f"data: {line}\n\n" for line in lines) + "data: [DONE]\n\n").encode(), headers={"Content-Type": "text/event-stream"}
    )


def _demands(field_name: str, wanted: Any, reply: Reply, said: str) -> Callable[[], Behaviour]:
    return lambda: lambda seen: reply if seen.body.get(field_name) == wanted else refuses(400, said)


def _unlearns(out: Outcome) -> bool:
    return out.answered == len(out.results) and set(out.formats) == {"json_schema"}


def _only(kind: type[Exception], place: int) -> Callable[[Outcome], bool]:
    return lambda out: out.failed(kind) == [place] and out.answered == len(out.results) - 1 and set(out.formats) == {"json_schema"}


def _no_secret(out: Outcome) -> bool:
    told = "\n".join([out.said, *map(str, out.results)])
    return not any(part in told for part in (KEY, KEY[:16], KEY[6:], "fd-4711abcdef", "4711abcd"))


BLANK = says(" \n")
PAGE_403 = Reply(403, b"<html><title>Access denied</title>Your request looked odd to our firewall.</html>", {"Content-Type": "text/html"})
K1, K2, K7 = "K1 no end to unusable answers", "K2 hidden tokens", "K6, K7 the token limit"
K15, K16, K17 = "K15 no system role", "K16 one question is one question", "K17 a passing fault unlearns nothing"
K18, K19, K20 = "K18 waits in any form", "K19 prompt too long in any words", "K20 answer's limit in any words"
K21, K22 = "K21 the answer stands elsewhere", "K22 marks of thinking"
K29, K30, K33, M1 = "K29 demanded fields", "K30-K32 advice and patience", "K33 words for a broken end", "M1 no secret"

ODD_ENDS: dict[str, tuple[Reply, str]] = {
    "blank for ever": (BLANK, "blank"),
    "no choices": (Reply(body={"id": "1", "object": "chat.completion", "choices": None}), "no choices"),
    "an empty list of choices": (Reply(body={"id": "1", "model": "m", "choices": []}), "no choices"),
    "a choice without a message": (Reply(body={"choices": [{"index": 0, "finish_reason": "stop"}]}), "blank"),
    "prose": (says("I would say it is the first."), "no JSON object"),
    "a stream of prose": (_stream("I would say it is the first."), "no JSON object"),
    "an error in the choice": (Reply(body={"choices": [{"error": {"code": 503, "message": "upstream is gone"}}]}), "upstream is gone"),
    "an empty purse beside null choices": (
        Reply(body={"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        "insufficient balance",
    ),
    "the same refusal for every question": (refuses(400, "Invalid request."), "Invalid request"),
    "a packing that nobody asked for": (Reply(body=b"\x0b\x02\x80zzz\x03", headers={"Content-Encoding": "br"}), "not JSON"),
    "cut for ever": (says('{"id": ', finish="length"), "LLM_MAX_TOKENS"),
}
NEEDS_SYSTEM_FOLDED = {
    "developer instructions": (400, "Developer instruction is not supported by this model"),
    "roles": (400, "Only the roles user and assistant may be used"),
    "a template in a 500": (500, "Failed to apply the chat template: system is unknown to it"),
    "a jinja error": (400, "Jinja Exception: System role not supported"),
}
PASSING = {
    "421": Reply(421, b"Misdirected"),
    "423": Reply(423, b"Locked"),
    "424": Reply(424, {"error": "the generation failed", "error_type": "generation"}),
    "460": Reply(460, b"client went away"),
    "499": Reply(499, b"closed"),
    "a throttle as 400": Reply(400, {"__type": "ThrottlingException", "message": "Rate exceeded"}),
    "a model that is unloaded": Reply(400, {"error": "Model unloaded."}),
    "a proxy's page as 400": Reply(400, b"<html><h1>Bad Request</h1></html>"),
    "a 400 without a word": Reply(400, b""),
    "a cancelled request": Reply(400, {"error": {"message": "Request was cancelled"}}),
}
WAITS: dict[str, tuple[Reply, float]] = {
    "seconds with a unit": (refuses(429, "slow", headers={"Retry-After": "25s"}), 25),
    "minutes": (refuses(429, "slow", headers={"Retry-After": "1m30s"}), 90),
    "milliseconds of another cloud": (refuses(429, "slow", headers={"x-ms-retry-after-ms": "17000"}), 17),
    "the limit's renewal": (refuses(429, "slow", headers={"x-ratelimit-reset-tokens": "45s", "x-ratelimit-remaining-tokens": "0"}), 45),
    "the used-up one of two limits": (
        refuses(
            429,
            "slow",
            headers={
                "x-ratelimit-reset-requests": "50m0s",
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-tokens": "20s",
                "x-ratelimit-remaining-tokens": "0",
            },
        ),
        20,
    ),
    "the draft standard's header": (refuses(429, "slow", headers={"RateLimit-Reset": "33"}), 33),
    "in the message": (refuses(429, "Rate limit reached for m. Please try again in 1m12s. Visit our page."), 72),
    "in the message, of the current quota": (refuses(429, "You exceeded your current quota. Please retry in 34.5s."), 34.5),
    "in the details": (Reply(429, {"error": {"message": "x", "details": [{"@type": "RetryInfo", "retryDelay": "41s"}]}}), 41),
    "in a field": (Reply(503, {"error": "Model is loading", "estimated_time": 20.0}), 20),
}
TOO_LONG = {
    "a maximum prompt length": "The model's maximum prompt length is 8192 but this request holds 9120 tokens.",
    "fewer than": "Input validation error: `inputs` must have fewer tokens; it must have less than 4096 tokens. Given: 5012",
    "exceeds max length": "Prompt exceeds the max length of the model",
    "a token limit": "Your request exceeded the model token limit: 32768",
    "a count that exceeds": "prompt token count of 9000 exceeds the limit of 8000",
    "too long": "Input is too long for the requested model.",
    "a range of input": "Range of input length should be [1, 30720]",
    "longer than": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "greater than": "The number of tokens to keep from the initial prompt is greater than the context length.",
    "a window": "Requested tokens (5012) exceed context window of 4096",
    "reduce": "This model's maximum context length is 4096 tokens, your messages resulted in 5000 tokens. Please reduce the length.",
}
LIMIT_TOO_LARGE = {
    "new tokens": (2048, "`max_new_tokens` must be <= 2048. Given: 4000"),
    "camel case and an open range": (2048, "maxOutputTokens is 4000 but the supported range is from 1 (inclusive) to 2049 (exclusive)."),
    "a range": (2000, "Range of max_tokens should be [1, 2000]"),
    "between": (2048, "max_tokens must be between 1 and 2048"),
    "a bound with its sign": (2048, "Invalid 'max_tokens': integer above maximum value. Expected a value <= 2048, but got 4000 instead."),
    "a valid range": (1500, "Invalid max_tokens value, the valid range of max_tokens is [1, 1500]"),
    "split in two": (
        3400,
        "Requested token count exceeds the model's context length of 4096 tokens: 600 tokens from the input messages and 4000 tokens for "
        "the completion.",
    ),
    "inputs and new tokens": (
        3400,
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 600 `inputs` tokens and 4000 `max_new_tokens`",
    ),
}
ELSEWHERE: dict[str, dict[str, Any]] = {
    "the thinking's place": {"reasoning_content": TEXT},
    "another thinking's place": {"reasoning": f"It is clear.\n{TEXT}"},
    "a tool's arguments": {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "number", "arguments": TEXT}}]},
    "a function's arguments": {"function_call": {"name": "number", "arguments": TEXT}},
    "parsed": {"parsed": {"id": 1, "sure": True}},
}
DRAFT = 'Maybe {"id": 7}. No.'
MARKED = {
    "gpt-oss with a constraint": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final <|constrain|>json<|message|>{TEXT}",
    "gpt-oss in commentary": f"<|channel|>analysis<|message|>{{hm}}<|end|><|channel|>commentary json<|message|>{TEXT}",
    "channels without marks": f"analysis {DRAFT} assistantfinal {TEXT}",
    "upper case": f"<|START_THINKING|>{DRAFT}<|END_THINKING|>{TEXT}",
    "a brand's own": f"<seed:think>{DRAFT}</seed:think>{TEXT}",
    "numbers": f"<unused94>thought {DRAFT}<unused95>{TEXT}",
    "nobody's": f"((pondering)) {DRAFT} ((done)) {TEXT}",
    "twice the same": f"{TEXT}\n\n{TEXT}",
    "wrapped": f'{{"number": {TEXT}}}',
    "a mark inside a string": 'Sure: {"id": 1, "sure": true, "notes": "with </think> in it"}',
}
DEMANDS = {"enable_thinking": False}

CASES: tuple[Wild, ...] = (
    *(Wild(K1, name, always(reply), ends_dear(words), 40) for name, (reply, words) in ODD_ENDS.items()),
    Wild(K1, "good twice, then unloaded for ever",
         first(GOOD, GOOD, then=Reply(400, {"error": "Model unloaded."})), ends_dear("unloaded"), 30),
    Wild(K1, "a rejected format that holds the answer",
         while_sent(has("response_format"), refuses(400, "no", code="json_validate_failed", failed_generation=TEXT)), all_answered(10)),
    Wild(K1, "a rejected format, for ever",
         while_sent(has("response_format"), refuses(400, "no", code="json_validate_failed")),
         lambda out: out.answered == 8 and len(out.seen) == 12),
    Wild(K2, "in the total", always(counting(prompt_tokens=1000, completion_tokens=100, total_tokens=4100)),
         lambda out: out.totals.usage.completion == 10 * 3100),
    Wild(K2, "in the details", always(counting(prompt_tokens=10, completion_tokens=9, completion_tokens_details={"reasoning_tokens": 300})),
         lambda out: out.totals.usage.completion == 10 * 309),
    Wild(K2, "a limit in tokens", always(counting(prompt_tokens=1000, completion_tokens=100, total_tokens=4100)),
         lambda out: len(out.seen) == 12 and bool(out.failed(BudgetReached)), 40, {}, {"max_tokens_total": 50_000}),
    Wild(K2, "a limit in money", always(counting(prompt_tokens=1000, completion_tokens=100, total_tokens=4100)),
         lambda out: (out.totals.cost or 0) <= 0.1, 40, {"price_in": 1.0, "price_out": 10.0}, {"max_cost": 0.1}),
    Wild(K7, "room that one question needed is kept", while_sent(lambda body: body["max_tokens"] < 8000, says("", finish="length")),
         all_answered(11)),
    *(Wild(K15, name, while_sent(with_system, refuses(status, words)), all_answered(11))
      for name, (status, words) in NEEDS_SYSTEM_FOLDED.items()),
    Wild(K16, "a firewall", only_for("question 3", PAGE_403), _only(AnswerUnusable, 3)),
    Wild(K16, "forbidden", only_for("question 3", Reply(403, {"message": "Forbidden"})), _only(AnswerUnusable, 3)),
    Wild(K16, "a method that is not allowed", only_for("question 3", refuses(405, "Method Not Allowed")), _only(AnswerUnusable, 3)),
    Wild(K16, "not found", only_for("question 3", refuses(404, "Not found")), _only(AnswerUnusable, 3)),
    Wild(K16, "a request too large for the minute",
         only_for("question 3", refuses(429, "Request too large for m on tokens per min (TPM): Limit 6000, Requested 7013.")),
         _only(ContextTooLong, 3)),
    Wild(K16, "the next ones alike", first(GOOD, GOOD, then=refuses(401, "key revoked")),
         lambda out: "LLM_API_KEY" in out.stopped and len(out.seen) == 2 + 2 * 3),
    *(Wild(K17, name, first(reply), _unlearns, 3) for name, reply in PASSING.items()),
    *(Wild(K17, f"{name}, after an answer", first(GOOD, reply), _unlearns, 3) for name, reply in PASSING.items()),
    *(Wild(K18, name, first(reply), waits_for(seconds), 2) for name, (reply, seconds) in WAITS.items()),
    Wild(K18, "six minutes", always(refuses(429, "slow", headers={"x-ratelimit-reset-requests": "6m0s"})),
         lambda out: "360 s, until" in out.stopped and len(out.seen) == 1),
    Wild(K18, "a limit of the day",
         always(Reply(429, {"error": {"message": "You exceeded your current quota", "details": [
             {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}, {"retryDelay": "34s"}]}})),
         lambda out: bool(out.stopped) and len(out.seen) == 1),
    *(Wild(K19, name, only_for("question 0", refuses(400, words)), _only(ContextTooLong, 0), 3) for name, words in TOO_LONG.items()),
    *(Wild(K19, f"{name}, later", only_for("question 1", refuses(400, words)), _only(ContextTooLong, 1), 3)
      for name, words in TOO_LONG.items()),
    *(Wild(K20, name, while_sent(beyond(most), refuses(400, words)),
           lambda out: out.answered == 10 and len(out.seen) <= 12 and set(out.formats) == {"json_schema"})
      for name, (most, words) in LIMIT_TOO_LARGE.items()),
    *(Wild(K21, name, always(elsewhere(**message)), all_answered(10)) for name, message in ELSEWHERE.items()),
    Wild(K21, "a stream", always(_stream(TEXT)), all_answered(10)),
    *(Wild(K22, name, always(says(text)), all_answered(10)) for name, text in MARKED.items()),
    Wild(K29, "no thinking", _demands("enable_thinking", False, GOOD, "enable_thinking must be false"), all_answered(10),
         settings={"extra_body": DEMANDS}),
    Wild(K29, "streams only", _demands("stream", True, _stream(TEXT), "only stream mode"), all_answered(10),
         settings={"extra_body": {"stream": True}}),
    Wild(K30, "parameters that no endpoint takes",
         while_sent(has("response_format"), refuses(404, "No endpoints found that can handle the requested parameters.")),
         all_answered(11, format="none")),
    Wild(K30, "a region", always(refuses(403, "Country, region, or territory not supported", code="unsupported_country_region_territory")),
         lambda out: "region" in out.stopped and "LLM_API_KEY" not in out.stopped and len(out.seen) == 1),
    Wild(K30, "a region, the other way round", always(refuses(403, "This service is not available in your region.")),
         lambda out: "region" in out.stopped and "LLM_API_KEY" not in out.stopped and len(out.seen) == 1),
    Wild(K30, "a location", always(refuses(400, "User location is not supported for the API use.")),
         lambda out: "region" in out.stopped and len(out.seen) == 1),
    Wild(K30, "loading for a minute", first(*[refuses(503, "Loading model", type="unavailable_error")] * 12), all_answered(22)),
    *(Wild(K33, reason, first(says(TEXT[:9], finish=reason)), all_answered(11))
      for reason in ("model_length", "insufficient_system_resource", "network_error")),
    Wild(M1, "in a refusal", always(refuses(401, f"Incorrect API key provided: {KEY}, or {KEY[:16]}...")), _no_secret),
    Wild(M1, "in a page", always(Reply(body=f"<html>{KEY} fd-4711abcdef</html>".encode())), _no_secret),
    Wild(M1, "in the answer, with escapes",
         always(Reply(body=json.dumps(completion(f"{KEY} {TEXT}")).replace("wild", "\\u0077ild").encode())), _no_secret),
    Wild(M1, "in a half", always(says(f"the key ends in {KEY[6:]}")), _no_secret),
)  # fmt: skip
