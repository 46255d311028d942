"""The built-in model reads the program's own prompts, answers in their schemas, and says where its answers come from."""

import json
from collections.abc import Iterator

import pytest
import requests

from clustering.answers import Step, parse_card, parse_merge, parse_overview
from demo.model import MODEL_NAME, BuiltInModel, answer
from demo.prompt_reader import read_card
from knowledge.issue import Card, Issue
from testing.demo_questions import CODE, LID, PROMPTS, conversation, decide, question


@pytest.mark.parametrize(
    ("said", "issue_id"),
    [
        pytest.param("customer: The vacuum is gone every night, air comes in under the lid.", "ISSUE-7", id="words of the first"),
        pytest.param("customer: I never get the login code, my inbox is empty.", "ISSUE-12", id="words of the second"),
        pytest.param("customer: My kettle is too loud.", None, id="words of none"),
        pytest.param("customer: How do I do this?", None, id="no telling word"),
        pytest.param("customer: 😀", None, id="no word"),
        pytest.param("agent: lid vacuum seal leaks air night box", None, id="no customer message"),
    ],
)
def test_a_ticket_goes_where_its_words_are(said: str, issue_id: str | None) -> None:
    assert decide(conversation(said), LID, CODE).issue_id == issue_id


def test_without_known_issues_a_ticket_is_new_and_has_a_card() -> None:
    found = decide(conversation("customer: Hello! My kettle does not switch off any more.", subject="Re: Kettle never stops"))
    assert found.issue_id is None
    assert found.card.category == "Kettle never stops"
    assert found.card.short_description == "My kettle does not switch off any more."
    assert found.confidence >= 0.7


def test_it_names_what_would_be_next() -> None:
    both = "customer: No vacuum under the lid, and my login code is not in the inbox."
    assert decide(conversation(both), LID, CODE).second_choice in ("ISSUE-7", "ISSUE-12")
    assert decide(conversation("customer: The vacuum is gone, air under the lid."), LID).second_choice == "NEW"
    assert decide(conversation("customer: My kettle hums."), LID).second_choice == ""


def test_a_match_needs_no_category_of_its_own() -> None:
    assert decide(conversation("customer: the lid leaks air, vacuum gone"), LID).card.category == ""


AGAIN = Issue("ISSUE-9", Card("Box loses its vacuum", "The lid of the box lets air in over night.", ("vacuum", "seal")))


def test_lookalikes_are_named_and_merged() -> None:
    offered = ["ISSUE-7", "ISSUE-9", "ISSUE-12"]
    look = parse_overview(json.dumps(answer(PROMPTS.overview_messages([LID, AGAIN, CODE], ["Boxes"]))), offered=offered)
    assert (look.groups, look.areas) == ((("ISSUE-7", "ISSUE-9"),), {})
    tickets = {"ISSUE-7": ["no vacuum, air under the lid"], "ISSUE-9": ["the lid of my box lets air in over night"]}
    (group,) = parse_merge(json.dumps(answer(PROMPTS.merge_messages([[LID, AGAIN, CODE]], tickets))), sets=[offered])
    assert group.issue_ids == ("ISSUE-7", "ISSUE-9")
    assert 0.8 <= group.confidence <= 0.95


def test_a_card_is_written_from_all_its_tickets_and_keeps_its_title() -> None:
    tickets = [
        conversation("customer: The lid does not close.", "agent: Please turn the seal over."),
        conversation("customer: Seal came off, the lid is not tight and lets air in"),
    ]
    messages = PROMPTS.card_messages(LID, tickets)
    title, read = read_card(messages[1]["content"])
    answered = parse_card(json.dumps(answer(messages)), shown=(99,))
    card = answered.card
    assert (title, len(read)) == ("Lid leaks", 2)
    assert card.category == "Lid leaks"
    assert (answered.steps, answered.misfits) == ((Step("Turn the seal over.", ((99, 2),)),), ())
    assert "seal" in card.keywords or "seal" in card.short_description.lower()


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        [{"role": "user", "content": "Hi"}],
        [{"role": "system", "content": "schema issue_decision"}, {"role": "user", "content": "Hi"}],
    ],
    ids=["none", "empty", "small talk", "no ticket"],
)
def test_other_questions_are_refused(messages: list[dict[str, str]] | None) -> None:
    with pytest.raises((ValueError, TypeError), match=r"only questions for the schemas|has no line|not iterable"):
        answer(messages)


@pytest.fixture
def server() -> Iterator[str]:
    with BuiltInModel() as url:
        yield url


def post(url: str, *, json: object = None, data: bytes | None = None) -> requests.Response:
    return requests.post(f"{url}/chat/completions", json=json, data=data, timeout=10)


def test_it_speaks_chat_completions_and_reports_usage(server: str) -> None:
    messages = question(conversation("customer: lid vacuum"), LID)
    body = {"model": "any", "messages": messages, "temperature": 0, "response_format": {"type": "json_schema"}}
    first, second = post(server, json=body), post(server, json=body)
    value = first.json()
    assert first.content == second.content
    assert json.loads(value["choices"][0]["message"]["content"])["issue_id"] == "ISSUE-7"
    assert value["choices"][0]["finish_reason"] == "stop"
    assert value["usage"]["prompt_tokens"] == sum(len(message["content"]) for message in messages) // 4
    assert value["usage"]["total_tokens"] == value["usage"]["prompt_tokens"] + value["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"messages": 5}', 400), (b"[" * 100_000, 400), (b'{"messages": []}', 400), (b"\xff", 400)],
    ids=["cut short", "array", "no messages", "number", "deep", "nothing asked", "no UTF-8"],
)
def test_bad_requests_get_an_error_object(server: str, body: bytes, status: int) -> None:
    answered = post(server, data=body)
    assert answered.status_code == status
    assert answered.json()["error"]["message"]


def test_other_paths_are_not_found_and_models_are_listed(server: str) -> None:
    assert requests.get(f"{server}/models", timeout=10).json()["data"][0]["id"] == MODEL_NAME
    assert requests.get(f"{server}/nothing", timeout=10).status_code == 404
    assert requests.post(f"{server}/embeddings", json={}, timeout=10).status_code == 404
