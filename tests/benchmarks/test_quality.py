"""The measuring itself: labelled files that cannot be used are named, models of known behaviour behave, a database can be scored."""

import gzip
import json
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


@pytest.mark.parametrize("model", ["splitter", "joiner", "paraphraser", "built-in"])
def test_every_model_answers_all_questions(labels: Path, model: str) -> None:
    result = results(labels, "--model", model)
    assert result["items"] == len(ROWS)
    assert result["calls_issue_decision"] >= len(ROWS)


def test_the_built_in_model_finds_plain_topics(labels: Path) -> None:
    assert results(labels, "--model", "built-in")["ari"] > 0.4


def test_answers_do_not_depend_on_the_order_of_asking(labels: Path) -> None:
    data = load_set(labels)
    model = SimulatedModel.of(data, "splitter")
    messages = [Prompts().decision_messages(conversation, [Issue("ISSUE-11", Card("Lid"))]) for conversation in data.conversations]
    assert [model.answer(entry) for entry in messages] == [model.answer(entry) for entry in reversed(messages)][::-1]


def test_a_simulated_model_can_stand_behind_a_server_with_latency(labels: Path, no_sleep: list[float]) -> None:
    data = load_set(labels)
    messages = Prompts().decision_messages(data.conversations[0], [Issue("ISSUE-14", Card("Lid leaks"))])
    with BuiltInModel(answer_with=SimulatedModel.of(data, "perfect").answer, latency_s=0.3) as url:
        value = requests.post(f"{url}/chat/completions", json={"messages": messages}, timeout=10).json()
    assert json.loads(value["choices"][0]["message"]["content"])["issue_id"] == "ISSUE-14"
    assert 0.3 in no_sleep


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
