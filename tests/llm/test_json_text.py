"""What a model writes around its answer is taken off; what cannot be read for sure is refused."""

import contextlib
import time

import pytest

from llm import json_text

READ = {
    "plain": '{"id": 2}',
    "fenced": '```json\n{"id": 2}\n```',
    "fenced without a language": '```\n{"id": 2}\n```',
    "prose around": 'Sure! Here is it:\n{"id": 2}\nHope this helps.',
    "braces in the prose": 'For {name} I answer {"id": 2}.',
    "a quote in the prose": 'The 5" screen: {"id": 2}',
    "a wrong object in the thinking": '<think>{"id": 1} perhaps</think>\n{"id": 2}',
    "thinking without its opening tag": 'so {"id": 1}\n</think>\n\n{"id": 2}',
    "two thinking blocks": '<think>a</think>{"id": 1}<think>b</think>{"id": 2}',
    "another model's thinking": '[THINK]{"id": 1}[/THINK]{"id": 2}',
    "channels": '<|channel|>analysis<|message|>{"id": 1}<|end|><|start|>assistant<|channel|>final<|message|>{"id": 2}',
    "trailing comma": '{"id": 2,}',
    "array of one": '[{"id": 2}]',
    "array of one in a fence": '```json\n[{"id": 2}]\n```',
    "inside a string": '"{\\"id\\": 2}"',
    "the same key twice with the same value": '{"id": 2, "id": 2}',
    "byte order mark": '\ufeff{"id": 2}',
    "the same object twice": '{"id": 2}{"id": 2}',
    "the same object in two fences": '```json\n{"id": 2}\n```\nAgain:\n```json\n{ "id": 2 }\n```',
    "a channel with a constraint": '<|channel|>analysis<|message|>{no}<|end|><|channel|>final <|constrain|>json<|message|>{"id": 2}',
    "a commentary channel": '<|channel|>analysis<|message|>{"id": 1}<|end|><|channel|>commentary json<|message|>{"id": 2}',
    "thinking of another brand": '<seed:think>{"id": 1}</seed:think>{"id": 2}',
    "thinking in upper case": '<|START_THINKING|>{"id": 1}<|END_THINKING|>{"id": 2}',
    "thinking by number": '<unused94>thought {"id": 1}<unused95>{"id": 2}',
    "channels without marks": 'analysis {"id": 1} assistantfinal {"id": 2}',
    "trailing commas on both sides": '{"id": 2,} {"id": 2,}',
}

VALUES = {
    "NaN": ('{"x": NaN}', None),
    "infinity": ('{"x": -Infinity}', None),
    "too large a float": ('{"x": 1e400}', None),
    "too long an integer": ('{"x": ' + "9" * 5000 + "}", None),
    "true stays true": ('{"x": true}', True),
    "raw line break in a string": ('{"x": "a\nb"}', "a\nb"),
    "braces in a string": ('so: {"x": "a } b { c"}', "a } b { c"),
    "escaped quotes": ('so: {"x": "say \\"}\\" now"}', 'say "}" now'),
    "trailing comma look-alike in a string": ('{"x": "a,}",}', "a,}"),
    "closing tag in a string": ('{"x": "</think>"}', "</think>"),
    "lone surrogate": ('{"x": "\\ud800"}', "\ufffd"),
    "surrogate pair": ('{"x": "\\ud83d\\ude00"}', "\U0001f600"),
    "nested": ('ok {"x": {"y": [1, 2,],},}', {"y": [1, 2]}),
}

REFUSED = {
    "nothing": ("", "no JSON object"),
    "spaces only": (" \n ", "no JSON object"),
    "prose only": ("I cannot tell.", "no JSON object"),
    "a number": ("42", "no JSON object"),
    "an empty array": ("[]", "no JSON object"),
    "two objects": ('{"id": 1}\n{"id": 2}', "two JSON objects"),
    "two with trailing commas": ('{"id": 1,}{"id": 2,}', "two JSON objects"),
    "array of two": ('[{"id": 1}, {"id": 2}]', "two JSON objects"),
    "one good and one broken": ('{"id": 1 "x"} {"id": 2}', "not valid"),
    "cut in a string": ('{"id": "IS', "cut short"),
    "cut after a value": ('{"id": 1, "steps": ["a"', "cut short"),
    "cut after a backslash": ('{"id": "a\\', "cut short"),
    "thinking without an end": ('<think>{"id": 1}', "no end"),
    "thinking only": ('<think>{"id": 1}</think>', "no JSON object"),
    "single quotes": ("{'id': \"1\"}", "no JSON object"),
    "an object without keys": ("{}", "no JSON object"),
    "contradicting keys": ('{"id": 1, "id": 2}', "stands twice"),
    "too long": ("x" * (json_text.MAX_CHARS + 1), "longer than"),
    "too deep": ('so {"x": ' + "[" * 200_000 + "]" * 200_000 + "}", "nested too deeply"),
}


@pytest.mark.parametrize("text", READ.values(), ids=READ.keys())
def test_the_object_is_read(text: str) -> None:
    assert json_text.extract_json(text) == {"id": 2}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES.keys())
def test_values_come_out_storable(text: str, expected: object) -> None:
    assert json_text.extract_json(text) == {"x": expected}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_one_whole_object_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        json_text.extract_json(text)


COMPLETE = {
    "a draft that lacks keys": 'Draft {"id": 1} or so.\n{"id": 2, "sure": true}',
    "a draft behind it": '{"id": 2, "sure": true} rather than {"id": 1}',
    "wrapped": '{"answer": {"id": 2, "sure": true}}',
    "wrapped in a list of one": '{"answers": [{"id": 2, "sure": true}]}',
    "twice": '{"id": 2, "sure": true} {"sure": true, "id": 2}',
    "a mark inside a string": 'Sure: {"id": 2, "sure": true, "note": "uses </think> tag"}',
}


@pytest.mark.parametrize("text", COMPLETE.values(), ids=COMPLETE.keys())
def test_of_several_objects_the_one_that_has_all_keys_counts(text: str) -> None:
    assert json_text.extract_json(text, required=("id", "sure"))["id"] == 2


def test_two_different_complete_objects_are_two() -> None:
    with pytest.raises(ValueError, match="two JSON objects"):
        json_text.extract_json('{"id": 1, "sure": true} {"id": 2, "sure": true}', required=("id", "sure"))


SLOW = {
    "prose in braces": "{a}",
    "objects": '{"a":1}',
    "broken objects": '{"a":1 ',
    "marks that begin": "<|channel|>final ",
    "opening braces": "{",
    "opening braces with keys": '{"a":',
    "quotes": '{"',
    "backslashes": '{"\\',
    "commas and spaces": "{, ",
    "thinking tags": "</think",
    "spans": "{}",
}


@pytest.mark.parametrize("piece", SLOW.values(), ids=SLOW.keys())
@pytest.mark.slow
def test_hostile_text_takes_linear_time(piece: str) -> None:
    def spent(size: int) -> float:
        started = time.process_time()
        with contextlib.suppress(ValueError):
            json_text.extract_json((piece * size)[:size])
        return time.process_time() - started

    spent(32_000)
    assert spent(256_000) < 24 * max(spent(32_000), 0.01)
    assert spent(900_000) < 4.0, "well under a second on a machine that is not busy"
