"""Whatever a model writes is brought into shape or refused with a reason; nothing out of bounds gets through."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.answers import (
    MAX_STEP_CHARS,
    MAX_STEPS,
    CardAnswer,
    DecisionAnswer,
    MergeGroup,
    OverviewAnswer,
    Step,
    clean_text,
    parse_card,
    parse_decision,
    parse_merge,
    parse_overview,
)
from knowledge.issue import Card

OFFERED = ("ISSUE-7", "ISSUE-9", "[WIFI] 2.4", "wifi", "WIFI")
FULL = {
    "issue_id": "ISSUE-7",
    "category": "Lid leaks",
    "short_description": "The lid leaks.",
    "keywords": ["lid", "leak"],
    "root_cause": "Seal worn.",
    "second_choice": "issue-9",
    "kind": "Bug",
    "resolution_steps": ["Replace the seal. [2]"],
    "confidence": 0.9,
    "evidence": [2, 1],
    "notes": "n",
}


def read(answer: Any = None, **options: Any) -> DecisionAnswer:
    text = answer if isinstance(answer, str) else json.dumps({**FULL, **(answer or {})})
    return parse_decision(text, **{"offered": OFFERED, "message_count": 3, "fallback_title": "My kettle", **options})


def test_a_full_answer_is_read() -> None:
    card = Card("Lid leaks", "The lid leaks.", ("lid", "leak"), "Seal worn.", (), "n")
    steps = (Step("Replace the seal.", ((0, 2),)),)
    assert read() == DecisionAnswer("ISSUE-7", 0.9, card, (1, 2), steps, "ISSUE-9", "bug")


@pytest.mark.parametrize("missing", [key for key in FULL if key not in ("issue_id", "confidence")])
def test_optional_fields_may_be_missing(missing: str) -> None:
    answer = {key: value for key, value in FULL.items() if key != missing}
    assert read(json.dumps(answer)).issue_id == "ISSUE-7"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```json\n{}\n```", id="fenced"),
        pytest.param("Sure! Here it is:\n{}\nHope this helps.", id="prose"),
        pytest.param('<think>{{"issue_id": "ISSUE-9", "category": "x"}} or not</think>{}', id="thinking with a wrong object"),
        pytest.param("[{}]", id="array of one"),
        pytest.param("\ufeff\n{}", id="BOM"),
    ],
)
def test_an_answer_is_found_in_what_stands_around_it(text: str) -> None:
    assert read(text.replace("{{", "{").replace("}}", "}").replace("{}", json.dumps(FULL))).issue_id == "ISSUE-7"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON object"),
        ("I cannot help with that.", "no JSON object"),
        (json.dumps(FULL) + json.dumps({**FULL, "confidence": 0.1}), "two JSON objects"),
        (json.dumps(FULL)[:-5], "cut short"),
        ("[]", "no JSON object"),
        ('"just text"', "no JSON object"),
        ("{}", "no JSON object"),
        ('{"error": "overloaded"}', "none of the keys"),
        ('{"issue_id": null}', "category is missing"),
        ('{"issue_id": "ISSUE-77", "category": " \\u200b "}', "category is missing"),
        ("[" * 50_000, "."),
    ],
)
def test_an_unusable_answer_is_refused_with_a_reason_for_the_model(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(text, fallback_title="")


@pytest.mark.parametrize(
    ("word", "issue_id", "unknown"),
    [
        ("ISSUE-7", "ISSUE-7", False),
        (" issue-7\n", "ISSUE-7", False),
        ('"ISSUE-7"', "ISSUE-7", False),
        ("[ISSUE-7]", "ISSUE-7", False),
        ("`ISSUE-9`", "ISSUE-9", False),
        ("[WIFI] 2.4", "[WIFI] 2.4", False),
        ("[wifi]  2.4", "[WIFI] 2.4", False),
        ("wifi", "wifi", False),
        ("WIFI", "WIFI", False),
        ("Wifi", None, True),
        ("NEW", None, False),
        ("new", None, False),
        ('"None"', None, False),
        ("", None, False),
        (None, None, False),
        ("N/A", None, False),
        ("UNCLEARED", None, True),
        ("ISSUE-8", None, True),
        ("ISSUE-7, ISSUE-9", None, True),
        ("ISSUE-77", None, True),
        ("ISSUE", None, True),
        ("ISSUE\u20117", "ISSUE-7", False),
        ("ISSUE-7 | Lid leaks", "ISSUE-7", False),
        ("ISSUE-7: Lid leaks", "ISSUE-7", False),
        ("ISSUE-7 (Lid leaks)", "ISSUE-7", False),
        ("ISSUE-7 - Lid leaks", "ISSUE-7", False),
        ("ISSUE-7 (or wifi)", None, True),
        ("<NEW>", None, False),
        ("NEW.", None, False),
        ("NEW: lid leaks", None, False),
        (7, None, True),
        (False, None, True),
        (["ISSUE-7"], None, True),
        ({}, None, True),
    ],
)
def test_an_id_is_one_that_was_offered_or_none(word: Any, issue_id: str | None, unknown: bool) -> None:
    answer = read({"issue_id": word})
    assert (answer.issue_id, answer.id_unknown) == (issue_id, unknown)
    assert answer.confidence == (0.0 if unknown else 0.9)


def test_a_missing_id_means_new() -> None:
    assert read('{"category": "Lid leaks", "confidence": 0.8}').issue_id is None


@pytest.mark.parametrize("word", ["NEW", "none", "null"])
def test_words_for_none_are_never_an_id_even_if_somebody_called_an_issue_so(word: str) -> None:
    answer = read({"issue_id": word}, offered=("NEW", "none", "null"))
    assert (answer.issue_id, answer.id_unknown) == (None, False)


def test_an_id_with_spaces_around_it_can_be_joined() -> None:
    assert read({"issue_id": "K 9"}, offered=(" K  9 ",)).issue_id == " K  9 "


@pytest.mark.parametrize(
    "value", ["NaN", "1e400", "-1e400", "Infinity", "true", '"0.9 of 1"', '"1.0001"', '"85%"', '"high"', "1.7", "-0.1", "null", "[]", "{}"]
)
def test_a_confidence_that_is_no_number_from_0_to_1_is_nought(value: str) -> None:
    text = json.dumps({**FULL, "confidence": "HERE"}).replace('"HERE"', value)
    assert read(text).confidence == 0.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", "1.0"), ("0", "0.0"), ("-0.0", "0.0"), ("0.70", "0.7"), ("7e-1", "0.7"), ('"0.9"', "0.9"), ('" .5 "', "0.5"), ('"1"', "1.0")],
)
def test_a_confidence_from_0_to_1_is_taken_as_it_is(value: str, expected: str) -> None:
    assert repr(read(json.dumps({**FULL, "confidence": "HERE"}).replace('"HERE"', value)).confidence) == expected


@pytest.mark.parametrize(
    ("evidence", "kept", "out"),
    [
        ([3, 1, 1], (1, 3), False),
        ([0, 1], (1,), True),
        ([4], (), True),
        ([-1, 2.0, "2", True, None], (), True),
        ("1, 2", (), False),
        (None, (), False),
        ({"1": 2}, (), False),
        ([10**30], (), True),
    ],
)
def test_evidence_is_numbers_of_messages_that_exist(evidence: Any, kept: tuple[int, ...], out: bool) -> None:
    answer = read({"evidence": evidence})
    assert (answer.evidence, answer.evidence_out_of_range) == (kept, out)


VAGUE_ABROAD = ["Diverses", "Autres", "その他", "Various", "Misc: lid leaks", "Other - lid leaks", "Unknown problem", "Sonstige Anfragen"]


@pytest.mark.parametrize(
    "vague", ["Other", "GENERAL", "misc.", " Misc ", '"Other"', "Technical Issue", "n/a", "none", "Issue!", *VAGUE_ABROAD]
)
def test_a_vague_category_is_replaced_by_the_description_else_the_subject(vague: str) -> None:
    assert read({"issue_id": None, "category": vague}).card.category == "The lid leaks."
    assert read({"issue_id": None, "category": vague, "short_description": ""}).card.category == "My kettle"


def test_a_narrow_category_that_begins_with_a_vague_word_stays() -> None:
    for title in ("Other people's devices listed", "Unknown device E42 in app", "Andere Nutzer sehen mein Gerät"):
        assert read({"category": title}).card.category == title


@pytest.mark.parametrize(
    ("category", "kept", "off_list"),
    [
        ("Lid leaks", "Lid leaks", False),
        ("LID LEAKS", "Lid leaks", False),
        ("Lid leak", "Lid leaks", True),
        ("完全に別", None, True),
        ("The lid leaks.", "Lid leaks", True),
    ],
)
def test_a_closed_list_is_kept_to(category: str, kept: str | None, off_list: bool) -> None:
    answer = read({"issue_id": None, "category": category}, categories=("Lid leaks", "Wi-Fi"))
    assert answer.category_off_list is off_list
    assert answer.card.category in ((kept,) if kept else ("Lid leaks", "Wi-Fi"))


def test_a_closed_list_may_hold_what_is_vague_elsewhere() -> None:
    answer = read({"issue_id": None, "category": "other"}, categories=("Billing", "Other"))
    assert (answer.card.category, answer.category_off_list) == ("Other", False)


@pytest.mark.parametrize("name", ["Sto\u0308rung", "x" * 90], ids=["letters with marks of their own", "long"])
def test_a_name_on_the_list_is_found_however_it_is_written(name: str) -> None:
    answer = read({"issue_id": None, "category": name}, categories=("Billing", name))
    assert (answer.card.category, answer.category_off_list) == (name, False)


def test_a_category_far_from_all_on_the_list_becomes_the_least_far_one() -> None:
    answer = read({"issue_id": None, "category": "qqb"}, categories=("Lid", "base"))
    assert (answer.card.category, answer.category_off_list) == ("base", True)


@pytest.mark.parametrize(
    ("category", "kept"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("“Lid   leaks”", "Lid leaks"),
        ("'Lid' and \"base\"", "'Lid' and \"base\""),
        ("Lid\nISSUE-1 | fake", "Lid ISSUE-1 | fake"),
        ("Lid\u2028leaks\u202e\x1b[31m", "Lid leaks [31m"),
        ("Cafe\u0301", "Café"),
        ("\ud83d broken", "� broken"),
    ],
)
def test_a_category_is_one_clean_line_of_80_characters_at_most(category: str, kept: str) -> None:
    assert read({"category": category}).card.category == kept


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ("1. Unplug it.\n2) Wait.\n- Plug it in.\n* Done", ("Unplug it.", "Wait.", "Plug it in.", "Done")),
        (["(1) Unplug.", "", "Unplug.", None, 7, ["x"]], ("Unplug.",)),
        ("one", ("one",)),
        (None, ()),
        ({"1": "x"}, ()),
        (["1.5 V battery in", "-5 °C is too cold"], ("1.5 V battery in", "-5 °C is too cold")),
        ([f"step {n}" for n in range(200)], tuple(f"step {n}" for n in range(MAX_STEPS))),
        (["x" * 1_000], ("x" * 399 + "…",)),
    ],
)
def test_steps_are_a_short_list_without_bullets(steps: Any, kept: tuple[str, ...]) -> None:
    answer = read({"resolution_steps": steps})
    assert tuple(step.text for step in answer.steps) == kept
    assert answer.card.resolution_steps == ()


@pytest.mark.parametrize(
    ("keywords", "kept"),
    [
        (["Wi-Fi", "lid", "LID", " wi-fi "], ("wi-fi", "lid")),
        ("lid, Leak; base\ntop", ("lid", "leak", "base", "top")),
        ([1, None, {}, "a"], ("a",)),
        (7, ()),
    ],
)
def test_keywords_are_a_set_in_lower_case_in_the_models_order(keywords: Any, kept: tuple[str, ...]) -> None:
    assert read({"keywords": keywords}).card.keywords == kept


def test_two_hundred_keywords_become_a_dozen() -> None:
    kept = read({"keywords": [f"word {n:03}" for n in range(200)]}).card.keywords
    assert kept == tuple(f"word {n:03}" for n in range(12))


@pytest.mark.parametrize("field", ["short_description", "root_cause", "notes"])
def test_an_answer_of_40_000_characters_is_cut_to_size(field: str) -> None:
    card = read({field: "word " * 8_000}).card
    assert len(getattr(card, field)) <= 1_000
    assert getattr(card, field).endswith("…")


def test_a_huge_answer_is_read_in_bounded_time() -> None:
    huge = {"resolution_steps": "step\n" * 50_000, "keywords": "k," * 100_000, "notes": "“" * 30_000, "root_cause": '"' * 50_000}
    begun = time.process_time()
    read(huge)
    assert time.process_time() - begun < 2


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=200)
@given(st.text() | st.dictionaries(st.sampled_from(list(FULL)), ANY).map(lambda fields: json.dumps(FULL | fields)))
@pytest.mark.slow
def test_any_text_is_an_answer_of_bounded_values_or_refused(text: str) -> None:
    """A text, or a full answer with anything in some of its fields; `benchmarks.fuzz` looks for more."""
    for parse in (lambda said: parse_merge(said, sets=[OFFERED]), lambda said: parse_card(said, categories=("Lid leaks",))):
        with contextlib.suppress(ValueError):
            parse(text)
    try:
        answer = read(text)
    except ValueError:
        return
    assert answer.issue_id is None or answer.issue_id in OFFERED
    assert 0 <= answer.confidence <= 1
    assert set(answer.evidence) <= {1, 2, 3}
    assert len(answer.card.category) <= 80
    for shown in (answer.card.category, answer.card.notes, *answer.card.keywords, *(step.text for step in answer.steps)):
        assert "\n" not in shown
        shown.encode()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (" a\t b\r\nc ", "a b c"),
        ("‘a’", "a"),
        ("„a“", "a"),
        ("«a»", "a"),
        ("`a`", "a"),
        ("'\"a\"'", "a"),
        ('"', '"'),
        ('""', ""),
        ("नमस्\u200dते", "नमस्\u200dते"),
        (None, ""),
        (7, ""),
    ],
)
def test_text_is_cleaned(text: Any, clean: str) -> None:
    assert clean_text(text) == clean


# --- what is said beside the id ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("confidence", "kept"), [(0.9, 0.5), (0.3, 0.3)])
@pytest.mark.parametrize("word", ["UNCLEAR", " unclear ", '"Unclear"'])
def test_a_ticket_that_states_no_problem_is_unclear_and_never_sure(word: str, confidence: float, kept: float) -> None:
    answer = read({"issue_id": word, "category": "", "confidence": confidence})
    assert (answer.issue_id, answer.unclear, answer.id_unknown, answer.confidence) == (None, True, False, kept)


def test_a_match_needs_no_category() -> None:
    assert read({"category": ""}).card.category == ""
    assert read({"category": "Other", "short_description": ""}).issue_id == "ISSUE-7"


@pytest.mark.parametrize(
    ("first", "word", "kept"),
    [
        ("ISSUE-7", "ISSUE-9", "ISSUE-9"),
        ("ISSUE-7", " issue-9 ", "ISSUE-9"),
        ("ISSUE-7", "new", "NEW"),
        ("NEW", "ISSUE-7", "ISSUE-7"),
        ("NEW", "NEW", ""),
        ("ISSUE-7", "ISSUE-7", ""),
        ("ISSUE-7", "ISSUE-8", ""),
        ("ISSUE-7", "UNCLEAR", ""),
        ("ISSUE-7", None, ""),
        ("ISSUE-7", ["ISSUE-9"], ""),
    ],
)
def test_a_second_choice_is_another_offered_id_or_new(first: str, word: Any, kept: str) -> None:
    assert read({"issue_id": first, "second_choice": word}).second_choice == kept


@pytest.mark.parametrize(
    ("word", "kept"), [("bug", "bug"), ("How-To", "how-to"), ("how to", "how-to"), ("WISH", "wish"), ("fault", ""), (None, ""), (1, "")]
)
def test_a_kind_is_one_of_four_or_none(word: Any, kept: str) -> None:
    assert read({"kind": word}).kind == kept


@pytest.mark.parametrize(
    ("written", "text", "messages"),
    [
        ("Wipe the rims. [2]", "Wipe the rims.", ((0, 2),)),
        ("Wipe the rims [2, 5].", "Wipe the rims", ((0, 2), (0, 5))),
        ("Wipe. [1190:2] [1191:3]", "Wipe.", ((1190, 2), (1191, 3))),
        ("Wipe. [1190:2; 1190:2]", "Wipe.", ((1190, 2),)),
        (f"Wipe. [{', '.join(f'119000{n}:12' for n in range(30))}]", "Wipe.", tuple((int(f"119000{n}"), 12) for n in range(30))),
        ("Wipe. [message 4]", "Wipe.", ((0, 4),)),
        ("Wipe.", "Wipe.", ()),
        ("Send it to [EMAIL_1]", "Send it to [EMAIL_1]", ()),
        ("Press [2] twice", "Press [2] twice", ()),
        ("[3]", "", ()),
    ],
)
def test_the_messages_that_a_step_names_stand_at_its_end(written: str, text: str, messages: tuple[tuple[int, int], ...]) -> None:
    assert read({"resolution_steps": [written]}).steps == ((Step(text, messages),) if text else ())


def test_a_long_step_keeps_its_messages() -> None:
    (step,) = read({"resolution_steps": ["x" * 1_000 + " [2]"]}).steps
    assert (len(step.text), step.messages) == (MAX_STEP_CHARS, ((0, 2),))


# --- overview, merges and cards ------------------------------------------------------------------------------------------------------

SHOWN = ("A", "B", "C", "D")


def overview(groups: Any = (), areas: Any = ()) -> OverviewAnswer:
    return parse_overview(json.dumps({"groups": groups, "areas": areas}), offered=SHOWN)


@pytest.mark.parametrize(
    ("groups", "kept"),
    [
        pytest.param([{"issue_ids": ["a", " B "]}], (("A", "B"),), id="as they are offered"),
        pytest.param([{"issue_ids": ["A", "X", "B"]}], (("A", "B"),), id="one that was not shown"),
        pytest.param([{"issue_ids": ["A", "A"]}, {"issue_ids": ["C"]}, {"issue_ids": []}], (), id="one issue alone"),
        pytest.param([{"issue_ids": ["A", "B"]}, {"issue_ids": ["B", "C"]}], (("A", "B"), ("B", "C")), id="one id in two"),
        pytest.param([{"issue_ids": "A, B"}, "A", 7, {}], (), id="no lists"),
        pytest.param({"A": "B"}, (), id="an object"),
    ],
)
def test_groups_of_an_overview_are_shown_ids_two_and_more(groups: Any, kept: Any) -> None:
    assert overview(groups).groups == kept


def test_an_overview_that_calls_everything_one_says_nothing() -> None:
    many = [f"ISSUE-{n}" for n in range(60)]
    assert parse_overview(json.dumps({"groups": [{"issue_ids": many}], "areas": []}), offered=many).groups == ()


@pytest.mark.parametrize(
    ("areas", "kept"),
    [
        pytest.param([{"area": " Log-in ", "issue_ids": ["a", "B", "X"]}], {"A": "Log-in", "B": "Log-in"}, id="shown ids"),
        pytest.param([{"area": "One", "issue_ids": ["A"]}, {"area": "Two", "issue_ids": ["A", "B"]}], {"A": "One", "B": "Two"}, id="first"),
        pytest.param([{"area": "Other", "issue_ids": ["A"]}, {"area": "", "issue_ids": ["B"]}, {"issue_ids": ["C"]}], {}, id="vague"),
        pytest.param("Log-in: A, B", {}, id="text"),
    ],
)
def test_an_issue_has_the_first_area_that_it_is_put_into(areas: Any, kept: dict[str, str]) -> None:
    assert overview((), areas).areas == kept


def test_one_unusable_part_of_an_overview_leaves_the_other() -> None:
    assert overview(None, [{"area": "Log-in", "issue_ids": ["A"]}]).areas == {"A": "Log-in"}
    assert overview([{"issue_ids": ["A", "B"]}], 7).groups == (("A", "B"),)
    with pytest.raises(ValueError, match="groups and areas"):
        overview(None, "none")


def merges(*entries: Any) -> str:
    return json.dumps({"merges": list(entries)})


def test_merges_are_read_the_surest_first() -> None:
    unsure, sure = {"issue_ids": ["a ", "B"], "confidence": 0.6}, {"issue_ids": ["C", "D"], "confidence": 0.9, "reason": "same\nfix"}
    assert parse_merge(merges(unsure, sure), sets=[SHOWN]) == (MergeGroup(("C", "D"), 0.9, "same fix"), MergeGroup(("A", "B"), 0.6))


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        pytest.param([], [], id="all differ"),
        pytest.param([{"issue_ids": ["A", "X"], "confidence": 0.9}], [], id="one that nobody offered"),
        pytest.param([{"issue_ids": ["A", "B"]}, {"issue_ids": ["B", "C", "D"]}], [("A", "B"), ("C", "D")], id="one id in two"),
        pytest.param([{"issue_ids": ["A", "A", 7]}, "A", {"issue_ids": "AB"}], [], id="no two ids"),
    ],
)
def test_each_offered_id_stands_in_one_merge_at_the_most(entries: list[Any], kept: list[Any]) -> None:
    found = parse_merge(merges(*entries), sets=[SHOWN])
    assert [group.issue_ids for group in found] == kept
    assert all(group.confidence == 0 for group in found)


@pytest.mark.parametrize("text", ['{"merges": {"A": "B"}}', '{"groups": []}', "no", "[]"])
def test_an_answer_without_merges_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"merges must be|JSON object"):
        parse_merge(text, sets=[SHOWN])


def test_a_card_is_read() -> None:
    answer = parse_card('{"category": "Lid", "resolution_steps": "1. a [3:2]", "misfits": [3, 9, 3, "5"]}', shown=(3, 4, 5))
    assert answer == CardAnswer(Card("Lid"), (Step("a", ((3, 2),)),), (3,))


@pytest.mark.parametrize(
    ("misfits", "kept"),
    [([3, 4], (3, 4)), ([3, 4, 5], ()), ([3, 4, 5, 6], ()), ([True, 3.0, None], (3,)), (None, ()), ("3", ()), ({"3": 1}, ())],
    ids=["half", "more than half", "all", "no ids", "none", "text", "object"],
)
def test_misfits_are_tickets_shown_and_at_most_half_of_them(misfits: Any, kept: tuple[int, ...]) -> None:
    text = json.dumps({"category": "Lid", "misfits": misfits})
    assert parse_card(text, shown=(3, 4, 5, 6)).misfits == kept


@pytest.mark.parametrize(
    ("text", "categories"),
    [('{"category": ""}', ()), ('{"category": "Misc"}', ()), ("{}", ()), ("[1]", ()), ('{"category": "Lids"}', ("Lid", "Base"))],
    ids=["empty", "vague", "nothing", "no object", "off the list"],
)
def test_a_card_without_a_usable_category_is_refused(text: str, categories: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"category is|JSON object"):
        parse_card(text, categories=categories)
