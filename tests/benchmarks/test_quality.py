"""The measuring itself: labelled files that cannot be used are named, models of known behaviour behave, a database can be scored."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks import quality
from demo.model import BuiltInModel
from knowledge.issue import Card, Issue, render
from prompts_config import Prompts
from testing.labelled_run import LabelsUnusable, load_set
from testing.simulated_models import SimulatedModel

TOPICS = {
    "lid": ["the lid leaks air", "air under the lid", "lid not tight, it leaks", "leaking lid, air gets in"],
    "code": ["login code never came", "no login code in my inbox", "where is the login code", "code not delivered, inbox empty"],
    "bill": ["invoice sent twice", "got the same invoice two times", "second invoice for one order", "invoice doubled"],
}


def row(number: int, label: str, text: str) -> dict[str, Any]:
    return {"id": number, "subject": None, "messages": [{"speaker": "user", "text": text}], "label": label}


ROWS = [row(place * 3 + kind + 10, label, texts[place]) for place in range(4) for kind, (label, texts) in enumerate(TOPICS.items())]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in ROWS), encoding="utf-8")
    return path


def results(labels: Path, *options: str) -> dict[str, Any]:
    out = labels.with_name("out.json")
    assert quality.main([str(labels), "--json", str(out), *options]) == 0
    listed: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return listed[0]


def test_a_perfect_model_loses_nothing(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = results(labels, "--model", "perfect", "--orders", "3")
    assert (result["ari"], result["acc"], result["found"], result["pair_precision"]) == (1, 1, 3, 1)
    assert "perfect" in capsys.readouterr().out


@pytest.mark.parametrize("model", quality.MODELS)
def test_every_model_answers_all_questions(labels: Path, model: str) -> None:
    result = results(labels, "--model", model)
    assert result["items"] == len(ROWS)
    assert result["calls_issue_decision"] >= len(ROWS)
    assert 0 < result["uncached_a_ticket"] <= result["tokens_a_ticket"]
    assert result["rounds"] > 1


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("burst", ["lid"] * 4 + ["code"] * 4 + ["bill"] * 4),
        ("new-labels-first", ["lid", "code", "bill"] * 4),
        ("drawn", ["lid", "code", "bill"] * 4),
    ],
)
def test_an_order_is_what_its_name_says(labels: Path, order: str, expected: list[str]) -> None:
    data = quality.ORDERS[order](load_set(labels), 0)
    assert [data.labels[conversation["ticket_id"]] for conversation in data.conversations] == expected
    assert results(labels, "--model", "perfect", "--order", order)["order"] == order


def test_new_labels_come_first_wherever_they_stood(labels: Path) -> None:
    data = load_set(labels).in_bursts().new_labels_first()
    found = [data.labels[conversation["ticket_id"]] for conversation in data.conversations]
    assert found == ["lid", "code", "bill", *["lid"] * 3, *["code"] * 3, *["bill"] * 3]


def choices(labels: Path, behaviour: str, shown: str) -> list[str]:
    """What the model answers for each ticket of label "lid", 40 times over, when issues of all three labels are offered.

    `shown` is put into each question, so that the questions differ.
    """
    data = load_set(labels)
    model = SimulatedModel.of(data, behaviour)
    offers = [Issue(f"ISSUE-{number}", Card(f"{text} {shown}")) for number, text in ((11, "air lid"), (12, "login code"), (13, "invoice"))]
    lids = [conversation for conversation in data.conversations if data.labels[conversation["ticket_id"]] == "lid"]
    questions = [Prompts().decision_messages(entry, [*offers, Issue(f"ISSUE-14-{n}", Card("x"))]) for entry in lids for n in range(2, 42)]
    return [model.answer(messages)["issue_id"] for messages in questions]


def test_a_fresh_mistake_is_drawn_for_each_question_and_a_sticky_one_for_each_ticket(labels: Path) -> None:
    sticky, fresh = choices(labels, "splitter", ""), choices(labels, "fresh-split", "")
    assert all(len(set(sticky[place : place + 40])) == 1 for place in range(0, 160, 40))
    assert 2 < fresh.count("NEW") < 40
    assert set(fresh) == {"ISSUE-11", "NEW"}


def test_a_near_join_goes_to_the_wrong_issue_that_says_most_of_the_ticket(labels: Path) -> None:
    found = Counter(choices(labels, "near-join", "leaks air under the lid") + choices(labels, "near-join", "x"))
    assert found["ISSUE-11"] > 280
    assert 0 < found.total() - found["ISSUE-11"] < 40


def test_a_weak_model_slips_more_on_longer_lists(labels: Path) -> None:
    data = load_set(labels)
    model = SimulatedModel.of(data, "weak")

    def slips(count: int) -> int:
        wrong = [Issue(f"ISSUE-12-{n}", Card(f"login code {n}")) for n in range(2, count + 2)]
        asked = [Prompts().decision_messages(data.conversations[0], [Issue("ISSUE-11", Card(f"lid {n}")), *wrong]) for n in range(300)]
        return sum(model.answer(messages)["issue_id"] != "ISSUE-11" for messages in asked)

    assert slips(2) < slips(20) < 150
    groups = [Prompts().merge_messages([[Issue("ISSUE-11", Card(f"lid {n}")), Issue("ISSUE-12", Card("code"))]], {}) for n in range(100)]
    assert 3 < sum(bool(model.answer(messages)["merges"]) for messages in groups) < 40


def test_a_ticket_that_was_shortened_for_the_prompt_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    rows = [row(number, f"label {number}", f"case {number} " + f"word{number} " * 6_000) for number in range(3)]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in rows), encoding="utf-8")
    result = results(path, "--model", "perfect")
    assert (result["found"], result["ari"]) == (3, 1)


def test_a_run_that_was_answered_by_hand_is_a_row(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = labels.with_name("box")
    (box / "output").mkdir(parents=True)
    groups = [[entry["id"] + 1 for entry in ROWS[:9] if entry["label"] == label] for label in TOPICS]
    database(labels, *groups).rename(box / "output" / "silo_issues_db.json")
    assert quality.main(["--by-hand", str(box), str(labels)]) == 2
    assert "does not say how much was asked" in capsys.readouterr().err
    (box / "box.json").write_text(json.dumps({"asked": 12, "round": 5, "tokens": 18_000}), encoding="utf-8")
    result = results(labels, "--by-hand", str(box))
    assert (result["model"], result["ari"], result["rounds"], result["tokens_a_ticket"]) == ("by hand", 1, 5, 2_000)
    assert "by hand" in capsys.readouterr().out


def test_the_built_in_model_finds_plain_topics(labels: Path) -> None:
    assert results(labels, "--model", "built-in")["ari"] > 0.4


def test_answers_do_not_depend_on_the_order_of_asking(labels: Path) -> None:
    data = load_set(labels)
    model = SimulatedModel.of(data, "splitter")
    messages = [Prompts().decision_messages(conversation, [Issue("ISSUE-11", Card("Lid"))]) for conversation in data.conversations]
    assert [model.answer(entry) for entry in messages] == [model.answer(entry) for entry in reversed(messages)][::-1]


def test_a_simulated_model_can_stand_behind_a_server(labels: Path) -> None:
    data = load_set(labels)
    messages = Prompts().decision_messages(data.conversations[0], [Issue("ISSUE-14", Card("Lid leaks"))])
    with BuiltInModel(answer_with=SimulatedModel.of(data, "perfect").answer) as url:
        value = requests.post(f"{url}/chat/completions", json={"messages": messages}, timeout=10).json()
    assert json.loads(value["choices"][0]["message"]["content"])["issue_id"] == "ISSUE-14"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param([row(1, "a", "x"), row(2, "b", "y"), row(1, "a", "z")], "line 3: the id 1 stands twice", id="doubled id"),
        pytest.param([row(1, "a", "x"), {"id": 2, "messages": []}], "line 2: not a labelled conversation", id="no label"),
        pytest.param([{"id": "x", "messages": [], "label": "a"}], "line 1: not a labelled conversation", id="id is no number"),
        pytest.param([[1]], "line 1: not a labelled conversation", id="no object"),
    ],
)
def test_a_labels_file_that_cannot_be_used_is_named(
    tmp_path: Path, lines: list[object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(line) for line in lines).encode()))
    with pytest.raises(LabelsUnusable, match=said):
        load_set(path)
    assert quality.main([str(path)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\x1f\x8bcut", b"\xff\xfe"], ids=["broken gzip", "no UTF-8"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.jsonl.gz"
    path.write_bytes(content)
    assert quality.main([str(path)]) == 2
    assert "bad.jsonl.gz cannot be read" in capsys.readouterr().err


def database(labels: Path, *groups: list[int]) -> Path:
    path = labels.with_name("issues.json")
    path.write_text(render(Issue(f"ISSUE-{tickets[0]}", Card("Some title"), tickets=tickets) for tickets in groups), encoding="utf-8")
    return path


def test_a_database_is_scored_against_labels(labels: Path) -> None:
    groups = [[entry["id"] for entry in ROWS if entry["label"] == label] for label in TOPICS]
    assert results(labels, "--database", str(database(labels, *groups)))["ari"] == 1
    assert results(labels, "--database", str(database(labels, [ticket for group in groups for ticket in group])))["ari"] == 0


def test_a_ticket_of_the_database_without_a_label_is_named(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main([str(labels), "--database", str(database(labels, [10, 999]))]) == 2
    assert "no label for: 999" in capsys.readouterr().err
