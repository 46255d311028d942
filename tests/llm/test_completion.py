"""A completion's body is read in every form that servers send."""

from typing import Any

import pytest

from common.web import TransientError
from llm import json_text
from llm.completion import from_events, read_completion, read_usage
from llm.protocol import AnswerUnusable, Usage

OBJECT = '{"id": 1}'
ASKED = [{"role": "user", "content": "x" * 400}]


def body(message: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


TEXTS: dict[str, dict[str, Any]] = {
    "a string": body({"content": "hi"}),
    "no finish reason": body({"content": "hi"}, None),
    "parts, one of them thinking": body({"content": [{"type": "thinking", "thinking": ["hm"]}, {"type": "text", "text": "hi"}]}),
    "strings as parts": body({"content": ["h", "i"]}),
    "legacy text": {"choices": [{"text": "hi", "finish_reason": "stop"}]},
    "refusal null": body({"content": "hi", "refusal": None}),
    "parts of other kinds": body({"content": [{"type": "reasoning", "text": "no"}, {"type": "output_text", "text": "hi"}]}),
}


@pytest.mark.parametrize("reply", TEXTS.values(), ids=TEXTS.keys())
def test_the_text_is_found(reply: dict[str, Any]) -> None:
    assert read_completion(reply).text == "hi"


def test_an_object_that_the_server_has_parsed_is_text_again() -> None:
    assert read_completion(body({"content": {"id": 1}})).text == '{"id": 1}'


ELSEWHERE: dict[str, dict[str, Any]] = {
    "the thinking's place": {"content": None, "reasoning_content": OBJECT},
    "another thinking's place": {"content": " ", "reasoning": f"So: {OBJECT}"},
    "parsed": {"parsed": {"id": 1}},
    "a tool's arguments": {"content": None, "tool_calls": [{"type": "function", "function": {"name": "x", "arguments": OBJECT}}]},
    "a function's arguments": {"content": "", "function_call": {"name": "x", "arguments": OBJECT}},
    "the same in two places": {"content": "", "reasoning": OBJECT, "parsed": {"id": 1}},
}


@pytest.mark.parametrize("message", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_an_answer_beside_a_blank_content_is_found(message: dict[str, Any]) -> None:
    assert json_text.extract_json(read_completion(body(message)).text) == {"id": 1}


EVENTS = """: keep-alive

data: {"choices": [{"delta": {"role": "assistant", "content": "{\\"id\\""}}]}

data: not JSON
data: {"choices": [{"delta": {"content": ": 1}"}, "finish_reason": "stop"}]}
data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
data: [DONE]
"""


def test_a_stream_comes_to_a_whole_answer() -> None:
    whole = from_events(EVENTS)
    assert read_completion(whole).text == OBJECT
    assert read_usage(whole, []) == Usage(7, 0, 3)
    assert from_events("data: [DONE]") == {}
    assert from_events('data: {"error": {"message": "busy"}}')["error"] == {"message": "busy"}


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded"])
@pytest.mark.parametrize("content", ["half", "", None])
def test_a_cut_answer_is_marked(reason: str, content: str | None) -> None:
    assert read_completion(body({"content": content}, reason)).cut


TRANSIENT: dict[str, dict[str, Any]] = {
    "no choices": {},
    "null choices": {"choices": None},
    "empty choices": {"choices": []},
    "a choice that is none": {"choices": ["x"]},
    "no message": {"choices": [{"finish_reason": "stop"}]},
    "blank": body({"content": " \n\t "}),
    "null content": body({"content": None}),
    "an error in the choice": {"choices": [{"message": {"content": "x"}, "error": {"code": 502}}]},
    "ended by an error": body({"content": "x"}, "error"),
    "ended for want of room on the server": body({"content": "x"}, "insufficient_system_resource"),
    "ended by the network": body({"content": "x"}, "network_error"),
    "two objects elsewhere that differ": body({"content": None, "reasoning": '{"id": 1}', "parsed": {"id": 2}}),
}


@pytest.mark.parametrize("reply", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_what_is_no_answer_is_worth_another_try(reply: dict[str, Any]) -> None:
    with pytest.raises(TransientError):
        read_completion(reply)


@pytest.mark.parametrize(
    "reply", [body({"content": None, "refusal": "No."}), body({"content": "x"}, "content_filter")], ids=["refusal", "filter"]
)
def test_a_refusal_is_final(reply: dict[str, Any]) -> None:
    with pytest.raises(AnswerUnusable):
        read_completion(reply)


USAGES: dict[str, tuple[Any, Usage]] = {
    "plain": ({"prompt_tokens": 10, "completion_tokens": 2}, Usage(10, 0, 2)),
    "cached, OpenAI": ({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(10, 8, 2)),
    "cached, DeepSeek": ({"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 8}, Usage(10, 8, 2)),
    "more cached than there is": ({"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 80}, Usage(10, 10, 2)),
    "only a total": ({"prompt_tokens": 10, "total_tokens": 15}, Usage(10, 0, 5)),
    "hidden thinking in the total": ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 60}, Usage(10, 0, 50)),
    "hidden thinking in the details": (
        {"prompt_tokens": 10, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 30}},
        Usage(10, 0, 32),
    ),
    "thinking that is counted already": (
        {"prompt_tokens": 10, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 30}},
        Usage(10, 0, 40),
    ),
    "null details": ({"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(10, 0, 2)),
    "none": (None, Usage(104, 0, 1, estimated=True)),
    "zeros": ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(104, 0, 1, estimated=True)),
    "words": ({"prompt_tokens": "many"}, Usage(104, 0, 1, estimated=True)),
    "a truth": ({"prompt_tokens": True}, Usage(104, 0, 1, estimated=True)),
}


@pytest.mark.parametrize(("counted", "usage"), USAGES.values(), ids=USAGES.keys())
def test_tokens_are_taken_from_the_server_or_estimated(counted: Any, usage: Usage) -> None:
    assert read_usage(body({"content": "hi"}, usage=counted), ASKED) == usage


@pytest.mark.parametrize(
    "content", ["half \ud83d", ["half \ud83d"], [{"type": "text", "text": "half \ud83d"}]], ids=["text", "parts", "objects"]
)
def test_half_a_character_in_an_answer_can_be_stored(content: Any) -> None:
    assert read_completion({"choices": [{"message": {"content": content}}]}).text == "half \ufffd"


@pytest.mark.parametrize("number", [2**64, 10**400, 1.5, True, -1])
def test_a_count_of_tokens_that_cannot_be_is_no_count(number: Any) -> None:
    usage = read_usage({"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": number}}, [])
    assert usage.estimated


def test_a_reason_that_is_no_text_is_no_crash() -> None:
    assert read_completion({"choices": [{"message": {"content": "x"}, "finish_reason": ["stop"]}]}).text == "x"
