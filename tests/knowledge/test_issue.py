"""The database's form: files that people wrote are taken as they are, files that are none are refused by name and place."""

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Unreadable
from knowledge import issue as issue_db
from knowledge.issue import Card, Issue

CONTRACT = {
    "issue_id": "ISSUE-169",
    "category": "Wi-Fi setup fails",
    "short_description": "…",
    "keywords": ["2.4 ghz", "wi-fi setup"],
    "root_cause": "…",
    "resolution_steps": ["…"],
    "notes": "…",
    "status": "confirmed",
    "confidence": 0.93,
    "tickets": [169, 171],
    "first_seen": "2025-07-24",
    "last_seen": "2025-08-02",
    "merged_from": [],
    "distinct_from": [],
    "unsure": {"171": 0.62},
    "reviewed": [169],
    "card_hash": "1f3a9c02",
}


def parse(value: Any) -> dict[str, Issue]:
    return issue_db.parse(value if isinstance(value, str) else json.dumps(value), name="db.json")


def test_the_contracts_example_is_read_and_written_to_the_letter() -> None:
    text = json.dumps([CONTRACT], indent=2, ensure_ascii=False) + "\n"
    issues = parse(text)
    assert issue_db.render(issues.values()) == text
    assert issues["ISSUE-169"].unsure == {171: 0.62}


@pytest.mark.parametrize(
    ("reviewed", "by_hand", "checked"),
    [([], False, False), ([1], False, True), ([1, 9], False, True), ([9], False, False), ([], True, True), ([9], True, True)],
    ids=["by nobody", "a ticket here", "one here, one taken out", "only one taken out", "the card", "the card, one taken out"],
)
def test_an_issue_is_checked_by_what_a_person_said_of_it(reviewed: list[int], by_hand: bool, checked: bool) -> None:
    issue = Issue("ISSUE-1", Card("Lid"), tickets=[1, 2], reviewed=reviewed)
    if not by_hand:
        issue.seal_card()
    assert issue.checked_by_person() is checked


def test_a_file_that_is_not_there_is_an_empty_database() -> None:
    assert issue_db.load(Path("nothing.json")) == {}
    assert issue_db.render([]) == "[]\n"


def test_only_an_id_is_required() -> None:
    issue = parse([{"issue_id": "WIFI"}])["WIFI"]
    assert issue == Issue("WIFI", Card(""))
    assert issue.written_by_person()


@pytest.mark.parametrize("key", [key for key in CONTRACT if key != "issue_id"])
def test_a_null_counts_as_missing(key: str) -> None:
    issue = parse([{**CONTRACT, key: None}])["ISSUE-169"]
    bare = Issue("x", Card())
    assert getattr(issue.card, key, None) == getattr(bare.card, key, None)
    assert getattr(issue, key, None) == getattr(bare, key, None)


def test_what_the_program_does_not_know_is_kept_as_it_is() -> None:
    extra = {"zeta": None, "owner": {"name": "Ada", "since": 1.5}, "links": [1, [2, {"a": False}]], "Äpfel": "\ud83d"}
    text = issue_db.render(parse([{**extra, **CONTRACT}]).values())
    data = json.loads(text)[0]
    assert {key: data[key] for key in extra} == extra
    assert list(data)[: len(CONTRACT)] == list(CONTRACT)
    assert issue_db.render(parse(text).values()) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param("   \n", "not valid JSON", id="blank"),
        pytest.param('[{"issue_id": "ISSUE-1", "cat', "not valid JSON", id="cut short"),
        pytest.param("42", "not a JSON array", id="42"),
        pytest.param("null", "not a JSON array", id="null"),
        pytest.param('{"issue_id": "ISSUE-1"}', "not a JSON array", id="an object"),
        pytest.param("[[]]", "entry 1 is not an object", id="array of arrays"),
        pytest.param("<<<<<<< HEAD\n[]\n=======\n[]\n>>>>>>> main\n", "not valid JSON", id="conflict markers"),
        pytest.param('[\n<<<<<<< HEAD\n{"issue_id": "A"}\n=======\n]', "not valid JSON", id="conflict within"),
        pytest.param('[{"issue_id": "A"},]', "not valid JSON", id="comma too many"),
        pytest.param('[{"issue_id": "A", "confidence": NaN}]', "NaN", id="NaN"),
        pytest.param('[{"issue_id": "A", "x": 1e400}]', "too large a number", id="a number that could not be written back"),
        pytest.param('[{"issue_id": "A", "issue_id": "B"}]', "stands twice", id="key twice"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(text: str, reason: str) -> None:
    Path("db.json").write_text(text)
    with pytest.raises(Unreadable, match=reason) as error:
        issue_db.load(Path("db.json"))
    assert str(error.value).startswith("db.json is")
    assert "--output" in str(error.value)
    assert Path("db.json").read_text() == text


def test_a_file_in_another_encoding_is_refused() -> None:
    Path("db.json").write_bytes("[]".encode("utf-16"))
    with pytest.raises(Unreadable, match=r"not UTF-8.*restore it"):
        issue_db.load(Path("db.json"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"issue_id": None}, "entry 2 has no issue_id"),
        ({"issue_id": "  "}, "entry 2 has no issue_id"),
        ({"issue_id": 7}, "entry 2 has no issue_id"),
        ({"category": 7}, r"entry 2 \(X\): category must be text"),
        ({"keywords": "a, b"}, "keywords must be a list of texts"),
        ({"keywords": [1]}, "keywords must be a list of texts"),
        ({"resolution_steps": {"1": "x"}}, "resolution_steps must be a list"),
        ({"status": "open"}, "status must be one of provisional, confirmed"),
        ({"confidence": "high"}, "confidence must be a number from 0 to 1"),
        ({"confidence": True}, "confidence must be"),
        ({"confidence": 1.01}, "confidence must be"),
        ({"tickets": ["169"]}, "tickets must be a list of ticket numbers"),
        ({"tickets": [0]}, "tickets must be"),
        ({"tickets": [-1]}, "tickets must be"),
        ({"tickets": [1.0]}, "tickets must be"),
        ({"tickets": [True]}, "tickets must be"),
        ({"tickets": 169}, "tickets must be"),
        ({"tickets": [5, 6, 5]}, "tickets must be a list of ticket numbers, each of them once"),
        ({"reviewed": ["a"]}, "reviewed must be"),
        ({"unsure": [1]}, "unsure must map"),
        ({"unsure": {"x": 0.5}}, "unsure must map"),
        ({"unsure": {"0171": 0.5}}, "unsure must map"),
        ({"unsure": {"171": 7}}, "unsure must map ticket numbers to confidences from 0 to 1"),
        ({"merged_from": [1]}, "merged_from must be a list"),
        ({"tickets": [1]}, "ticket 1 stands in ISSUE-1 and in X"),
        ({"issue_id": "ISSUE-1"}, "ISSUE-1 stands twice"),
    ],
)
def test_a_wrong_entry_is_named_with_its_place(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        parse([{"issue_id": "ISSUE-1", "tickets": [1]}, {"issue_id": "X", **fields}])


ORDER = ["ISSUE-7", "ISSUE-7-2", "ISSUE-7-10", "ISSUE-9", "ISSUE-10", "ISSUE-169", "ISSUE-169-2", "-1", "9 lives", "10 lives", "ISSUE-",
         "ISSUE-1-2-3", "ISSUE-x", "K9", "K10", "K10a", "K10b", "WIFI", "issue-1", "Ärger", "٣"]  # fmt: skip


def test_issues_stand_in_the_order_of_their_numbers_and_other_ids_after_them() -> None:
    shuffled = ORDER.copy()
    random.Random(1).shuffle(shuffled)
    got = list(parse([{"issue_id": name} for name in shuffled]))
    own = [name for name in got if issue_db.sort_key(name)[0] == 0]
    assert own == ORDER[:7]
    assert got[:7] == own, "ids of other forms come after"
    assert got.index("K9") < got.index("K10") < got.index("K10a") < got.index("K10b")
    assert got.index("9 lives") < got.index("10 lives")
    assert [entry["issue_id"] for entry in json.loads(issue_db.render(parse([{"issue_id": name} for name in ORDER]).values()))] == got


@given(st.lists(st.text(min_size=1, max_size=6).filter(str.strip), unique=True, max_size=8))
@pytest.mark.slow
def test_any_ids_have_one_order_whatever_order_they_came_in(names: list[str]) -> None:
    for some in itertools.islice(itertools.permutations(names), 5):
        assert sorted(some, key=issue_db.sort_key) == sorted(names, key=issue_db.sort_key)


def test_ids_that_differ_only_in_leading_zeros_keep_an_order() -> None:
    names = ["ISSUE-7", "ISSUE-07", "ISSUE-007"]
    backwards = names[::-1]
    assert sorted(names, key=issue_db.sort_key) == sorted(backwards, key=issue_db.sort_key)


def test_an_id_with_endless_digits_is_only_a_name() -> None:
    name = "ISSUE-" + "9" * 5_000
    assert list(parse([{"issue_id": name}, {"issue_id": "ISSUE-1"}])) == ["ISSUE-1", name]


@pytest.mark.parametrize("field", issue_db.CARD_FIELDS, ids=lambda field: field.name)
def test_a_card_is_the_programs_own_until_somebody_changes_any_field_of_it(field: issue_db.CardField) -> None:
    issue = Issue("ISSUE-1", Card("Lid", "d", ("k",), "r", ("s",), "n"))
    issue.seal_card()
    assert not issue.written_by_person()
    changed: dict[str, Any] = {field.name: ("x",) if field.many else "x"}
    issue.card = replace(issue.card, **changed)
    assert issue.written_by_person()


def test_what_is_no_card_does_not_count_for_the_hash() -> None:
    issue = Issue("ISSUE-1", Card("Lid"))
    issue.seal_card()
    issue.tickets, issue.status, issue.confidence, issue.extra = [1], "confirmed", 0.9, {"a": 1}
    assert not issue.written_by_person()
    assert len(issue.card_hash) == 8


def test_a_seal_survives_writing_and_reading() -> None:
    issue = Issue("ISSUE-1", Card("Lid “leaks”", keywords=("é", "\u2028"), resolution_steps=("a", "b")))
    issue.seal_card()
    assert not parse(issue_db.render([issue]))["ISSUE-1"].written_by_person()


def test_an_id_that_is_alive_wins_over_an_alias_of_the_same_name() -> None:
    issues = [Issue("ISSUE-1", Card("a"), merged_from=["ISSUE-2", "ISSUE-3"]), Issue("ISSUE-2", Card("b"))]
    assert issue_db.alias_map(issues) == {"ISSUE-1": "ISSUE-1", "ISSUE-2": "ISSUE-2", "ISSUE-3": "ISSUE-1"}


def test_a_single_entry_can_be_read_alone() -> None:
    assert issue_db.from_json(CONTRACT) == parse([CONTRACT])["ISSUE-169"]
    with pytest.raises(ValueError, match="the issue is not an object"):
        issue_db.from_json("x")


OPTIONAL = {"area": "Power", "kind": "bug", "may_be_one": {"ISSUE-9": 0.7}, "step_evidence": [["169:2", "171:4"]], "held_back": "ISSUE-9"}


def test_optional_keys_are_read_and_written_only_where_there_is_something_to_say() -> None:
    plain = issue_db.render(parse([CONTRACT]).values())
    assert not set(json.loads(plain)[0]) & set(OPTIONAL)
    text = issue_db.render(parse([{**CONTRACT, **OPTIONAL}]).values())
    assert {key: json.loads(text)[0][key] for key in OPTIONAL} == OPTIONAL
    assert issue_db.render(parse(text).values()) == text
    nothing_meant = json.loads(issue_db.render(parse([{**CONTRACT, "held_back": ""}]).values()))[0]
    assert nothing_meant["held_back"] == ""
    assert parse([{**CONTRACT, **dict.fromkeys(OPTIONAL)}]) == parse([CONTRACT])


@pytest.mark.parametrize(
    "wrong",
    [
        {"area": 5},
        {"kind": ["bug"]},
        {"may_be_one": ["ISSUE-9"]},
        {"may_be_one": {"ISSUE-9": 1.5}},
        {"step_evidence": {"1": "169:2"}},
        {"step_evidence": ["169:2"]},
        {"step_evidence": [["the second message"]]},
        {"held_back": True},
    ],
    ids=str,
)
def test_optional_keys_of_another_shape_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=next(iter(wrong))):
        parse([{**CONTRACT, **wrong}])


@pytest.mark.parametrize("known", [*CONTRACT, *OPTIONAL])
def test_a_key_one_letter_away_from_a_known_one_is_refused(known: str) -> None:
    """A flipped bit in the key of the tickets would lose them without a word."""
    start, end = known[: len(known) // 2], known[len(known) // 2 :]
    for key in (f"{start}~{end[1:]}", f"{start}{end[1:]}", f"{start}~{end}", known.upper(), f"{known}_", known[1:]):
        entry = {**CONTRACT, **OPTIONAL}
        entry[key] = entry.pop(known)
        with pytest.raises(Unreadable, match="is 'issue_id' meant|has no issue_id" if known == "issue_id" else f"is '{known}' meant"):
            parse([entry])


def test_a_persons_own_key_beside_the_known_one_is_kept() -> None:
    entry = {**CONTRACT, "note": "mine", "category2": "x", "owner": "Ada"}
    assert parse([entry])["ISSUE-169"].extra == {"note": "mine", "category2": "x", "owner": "Ada"}


def test_an_issue_of_ours_without_tickets_is_refused_and_one_that_a_person_wrote_is_not() -> None:
    with pytest.raises(Unreadable, match="has no tickets"):
        parse([{key: value for key, value in CONTRACT.items() if key != "tickets"}])
    assert parse([{"issue_id": "WIFI", "category": "Wi-Fi"}])["WIFI"].tickets == []


@pytest.mark.parametrize("content", [b'[{"x": 1}]', b"\xff"], ids=["no issue", "no text"])
def test_what_to_do_with_a_damaged_database_is_said_once(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "db.json"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        issue_db.load(path)
    assert str(refused.value).endswith(". The file is left as it is; restore it or choose another --output")
    assert str(refused.value).count("left as it is") == 1
    backup = tmp_path / "db.json.bak"
    backup.write_text("[]", encoding="utf-8")
    with pytest.raises(Unreadable, match=r"; put .*db\.json\.bak in its place or choose"):
        issue_db.load(path)
