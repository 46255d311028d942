"""--forget: nothing that is kept of a ticket is left anywhere, and all that is kept of the others."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import main
from common.errors import Exit
from knowledge import decision, issue
from knowledge.paths import RunFiles
from llm import store as answer_store
from llm.protocol import Usage
from llm.store import AnswerStore
from review.list import KIND
from testing.topic_site import TopicSite, sorting, topic_tickets

FILES = RunFiles(Path("output/silo_issues_db.json"))
GONE, ALONE = 1003, 1012
SIGN = "zebrafish"  # stands in the forgotten tickets and in no other


def tickets() -> list[dict[str, Any]]:
    """Twelve tickets of which two hold a word of their own, one of them about something that no other is about."""
    found = topic_tickets(12)
    for ticket in found:
        if ticket["id"] in (GONE, ALONE):
            ticket["subject"] += f" {SIGN}"
            ticket["description"] = ticket["description_text"] = f"My brumal does not work, says the {SIGN}."
        if ticket["id"] == ALONE:
            ticket["description"] = ticket["description_text"] = f"My korbyra broke, says the {SIGN}."
            ticket["subject"], ticket["conversations"] = f"korbyra trouble {SIGN}", []
    return found


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TopicSite, Path]]:
    """A helpdesk whose tickets were decided in one run, and the folder that the run left."""
    folder = tmp_path_factory.mktemp("decided")
    with TopicSite(tickets(), behave=sorting(jumpy=False)) as opened, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in opened.environment.items():
            patch.setenv(name, value)
        assert main.main([]) == Exit.DONE
        yield opened, folder


@pytest.fixture
def site(decided: tuple[TopicSite, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TopicSite:
    """The helpdesk, and what its run left in the test's own working folder."""
    opened, folder = decided
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for name, value in opened.environment.items():
        monkeypatch.setenv(name, value)
    return opened


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the person at the terminal answers."""
    return lambda answer: monkeypatch.setattr("builtins.input", lambda: answer)


def review(*rows: dict[str, Any]) -> None:
    path = Path("mine.csv")
    columns = ("ticket_id", "decision", "target_issue_id")
    lines = [",".join(columns), *(",".join(str(row.get(column, "")) for column in columns) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main.main(["--apply-review", str(path)]) == Exit.DONE
    path.unlink()


def places_with(word: str) -> list[str]:
    """Files under this folder that hold a word."""
    return [str(path) for path in sorted(Path().rglob("*")) if path.is_file() and word.encode() in path.read_bytes()]


def everything() -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file() and path.suffix not in (".holder", ".lock")
    }


@pytest.mark.slow
def test_nothing_of_the_tickets_is_left_in_any_file(
    site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    review({"ticket_id": GONE, "decision": "confirm"})
    assert len(places_with(SIGN)) >= 4
    homes = {ticket: entry for entry in issue.load(FILES.database).values() for ticket in entry.tickets}
    say("y")
    assert main.main(["--forget", f"{GONE},{ALONE}"]) == Exit.DONE
    assert places_with(SIGN) == []
    left = issue.load(FILES.database)
    assert not {GONE, ALONE} & {ticket for entry in left.values() for ticket in (*entry.tickets, *entry.reviewed, *entry.unsure)}
    assert homes[ALONE].issue_id not in left
    assert homes[GONE].issue_id in left or homes[GONE].tickets == [GONE]
    assert set(decision.load(FILES.decisions)) == set(range(1001, 1013)) - {GONE, ALONE}
    assert not Path(f"conversations/{GONE}.json").exists()
    assert "delete them in Freshdesk too" in capsys.readouterr().out


def test_all_that_is_kept_of_other_tickets_stays(site: TopicSite, say: Callable[[str], None]) -> None:
    before = {ticket: entry.issue_id for entry in issue.load(FILES.database).values() for ticket in entry.tickets}
    rows = decision.load(FILES.decisions)
    say("yes")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    after = {ticket: entry.issue_id for entry in issue.load(FILES.database).values() for ticket in entry.tickets}
    del before[GONE], rows[GONE]
    assert after == before
    assert decision.load(FILES.decisions) == rows
    assert len(list(Path("conversations").glob("*.json"))) == 11
    site.forget()
    assert main.main(["--ticket-ids", "1001,1002"]) == Exit.DONE
    assert site.asked() == []


@pytest.mark.parametrize("answer", ["", "n", "no", "yep", " "])
def test_without_a_yes_nothing_changes(
    answer: str, site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    say(answer)
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert everything() == before
    assert "nothing was changed" in capsys.readouterr().out


def test_where_nobody_can_answer_it_is_refused(
    site: TopicSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody() -> str:
        raise EOFError

    before = everything()
    monkeypatch.setattr("builtins.input", nobody)
    assert main.main(["--forget", str(GONE)]) == Exit.UNUSABLE
    assert everything() == before
    assert "echo y |" in capsys.readouterr().err


def test_what_will_go_is_said_before(site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    review({"ticket_id": GONE, "decision": "confirm"})
    capsys.readouterr()
    say("n")
    main.main(["--forget", str(GONE)])
    said = capsys.readouterr().out
    assert all(words in said for words in (f"ticket {GONE}", "what people decided", "cached answers", "can no longer be undone", "[y/N]"))


def test_a_ticket_that_a_person_took_out_of_its_issue_is_forgotten_too(site: TopicSite, say: Callable[[str], None]) -> None:
    review({"ticket_id": GONE, "decision": "ignore"})
    assert any(GONE in entry.reviewed for entry in issue.load(FILES.database).values())
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert not any(GONE in entry.reviewed for entry in issue.load(FILES.database).values())


def test_unknown_tickets_cost_no_question_and_are_named_beside_known_ones(
    site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    assert main.main(["--forget", "5,6"]) == Exit.DONE
    assert everything() == before
    assert "nothing is kept of tickets 5, 6" in capsys.readouterr().out
    say("y")
    assert main.main(["--forget", f"5,{GONE}"]) == Exit.DONE
    assert "nothing was kept of ticket 5" in capsys.readouterr().out


@pytest.mark.parametrize("ids", ["", "x", "1,x", "0", "-1", "1.5", "1;2"])
def test_what_is_no_ticket_number_is_refused(ids: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--forget", ids]) == Exit.UNUSABLE
    assert list(Path().rglob("*.json")) == []


def test_forgetting_twice_is_forgetting_once(site: TopicSite, say: Callable[[str], None]) -> None:
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    before = everything()
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert everything() == before


def test_an_interrupted_run_has_to_end_first(site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    FILES.checkpoint.write_text("{}", encoding="utf-8")
    say("y")
    before = everything()
    assert main.main(["--forget", str(GONE)]) == Exit.UNUSABLE
    assert everything() == before
    assert "--fresh" in capsys.readouterr().err


def test_a_checkpoint_that_was_set_aside_goes(site: TopicSite, say: Callable[[str], None]) -> None:
    aside = FILES.checkpoint.with_name(f"{FILES.checkpoint.name}.1.old")
    aside.write_text(json.dumps({"decisions": [SIGN]}), encoding="utf-8")
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert not aside.exists()


@pytest.mark.parametrize("copy", [FILES.backup, FILES.beside("before_review.1") / FILES.database.name], ids=["backup", "before a review"])
def test_a_ticket_that_only_a_copy_holds_is_forgotten_too(copy: Path, site: TopicSite, say: Callable[[str], None]) -> None:
    before = FILES.database.read_bytes()
    say("y")
    assert main.main(["--forget", str(ALONE)]) == Exit.DONE
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(before)
    assert main.main(["--forget", str(ALONE)]) == Exit.DONE
    assert not copy.exists() or ALONE not in {ticket for entry in issue.load(copy).values() for ticket in entry.tickets}


@pytest.mark.parametrize("name", ["flagged_for_review.csv", "decisions.jsonl"])
def test_copies_of_what_could_not_be_read_go(name: str, site: TopicSite, say: Callable[[str], None]) -> None:
    kept = [FILES.database.with_name(f"{name}{ending}") for ending in (".unreadable", ".2.unreadable")]
    for path in kept:
        path.write_text(f"{GONE} {SIGN}", encoding="utf-8")
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert not any(path.exists() for path in kept)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flagged_for_review.csv.unreadable", "decision,ticket_id\nconfirm,4711,too,many\n"),
        ("decisions.jsonl.unreadable", '{"ticket_id": 4711, "evidence": [4712]\n'),
        ("silo_issues_db.json.bak", '[{"issue_id": "ISSUE-1", "tickets": [4711]'),
        ("silo_issues_db.tmp.json.1.old", '{"tickets": [{"ticket_id": 4711}]}'),
        ("before_review.3/decisions.jsonl", '{"ticket_id": 4711}'),
    ],
)
def test_a_ticket_of_which_only_remains_are_left_is_forgotten_too(
    name: str, text: str, site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = FILES.database.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-16" if name.startswith("flagged") else "utf-8")
    say("y")
    assert main.main(["--forget", "4712"]) == Exit.DONE
    assert ("nothing is kept of ticket 4712" in capsys.readouterr().out, path.exists()) == (True, True)
    assert main.main(["--forget", "4711"]) == Exit.DONE
    assert ("ticket 4711 forgotten" in capsys.readouterr().out, path.exists()) == (True, False)


def test_what_killed_writers_left_goes(site: TopicSite, say: Callable[[str], None]) -> None:
    left = [Path(f"conversations/.{GONE}.json.0123456789abcdef.part"), FILES.database.parent / ".before_review.3.part" / "decisions.jsonl"]
    others = Path(f"conversations/.{ALONE}.json.0123456789abcdef.part")
    for path in (*left, others):
        path.parent.mkdir(exist_ok=True)
        path.write_text(SIGN, encoding="utf-8")
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert [path.exists() for path in (*left, others)] == [False, False, True]


def test_an_export_that_decides_on_a_forgotten_ticket_hinders_no_review(
    site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    homes = {ticket: entry for entry in issue.load(FILES.database).values() for ticket in entry.tickets}
    alone, home = homes[ALONE].issue_id, homes[1001].issue_id
    kept = {"action": "confirm", "ticket_id": 1001}
    actions: list[Any] = [
        {"action": "new", "ticket_id": GONE, "card": {"category": SIGN}},
        kept,
        {"action": "merge", "issue_ids": [home, alone]},
        {"action": "edit", "issue_id": alone, "card": {"notes": SIGN}},
        {"action": "split", "issue_id": home, "ticket_ids": [ALONE]},
        "no action",
    ]
    export = FILES.database.parent / "review.json"
    export.write_text(json.dumps({"kind": KIND, "version": 1, "actions": actions}), encoding="utf-8")
    say("y")
    assert main.main(["--forget", f"{GONE},{ALONE}"]) == Exit.DONE
    assert json.loads(export.read_bytes())["actions"] == [kept, "no action"]
    export.write_text(json.dumps({"kind": KIND, "version": 1, "actions": [kept]}), encoding="utf-8")
    assert main.main(["--apply-review"]) == Exit.DONE
    assert "ticket 1001: stays in" in capsys.readouterr().out


def test_a_backup_that_cannot_be_read_goes(site: TopicSite, say: Callable[[str], None]) -> None:
    FILES.backup.write_text(f"[{SIGN}", encoding="utf-8")
    say("y")
    assert main.main(["--forget", str(GONE)]) == Exit.DONE
    assert not FILES.backup.exists()


def test_a_database_in_use_or_damaged_changes_nothing(
    site: TopicSite, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    say("y")
    before = everything()
    with FILES.locked():
        assert main.main(["--forget", str(GONE)]) == Exit.UNUSABLE
    assert everything() == before
    assert "in use" in capsys.readouterr().err
    FILES.database.write_text("[", encoding="utf-8")
    assert main.main(["--forget", str(GONE)]) == Exit.UNUSABLE
    assert Path(f"conversations/{GONE}.json").exists()


def test_answers_that_another_program_holds_stop_it_before_anything_goes(
    site: TopicSite, say: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say("y")
    monkeypatch.setattr(answer_store, "LOCKED_S", 0.1)
    holder = sqlite3.connect(".cache/answers.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert main.main(["--forget", str(GONE)]) == Exit.STOPPED
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert "another process holds it" in capsys.readouterr().err
    assert Path(f"conversations/{GONE}.json").exists()
    assert any(GONE in entry.tickets for entry in issue.load(FILES.database).values())


def test_forgotten_answers_are_overwritten_on_the_disk(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.put("key", f"the {SIGN} " * 50, Usage())
    store.put_notes([("vector", SIGN)])
    (tmp_path / f"{answer_store.FILE_NAME}.damaged-1").write_text(SIGN, encoding="utf-8")
    assert store.forget_all() == 1
    assert (store.get("key"), store.get_note("vector")) == (None, None)
    store.close()
    assert not any(SIGN.encode() in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.usefixtures("site")
def test_other_databases_beside_it_that_hold_the_ticket_are_named_with_the_command(
    say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    other = FILES.database.with_name("cc.json")
    shutil.copy(FILES.database, other)
    FILES.database.with_name("empty.json").write_text("[]", encoding="utf-8")
    FILES.database.with_name("notes.json").write_text(f'{{"ticket_id": {GONE}}}', encoding="utf-8")
    say("y")
    line = f"{other} holds ticket {GONE} too: python -m main --forget {GONE} --output {other}"
    for _twice in range(2):
        assert main.main(["--forget", f"{GONE},4711"]) == Exit.DONE
        assert [said for said in capsys.readouterr().out.splitlines() if " too: " in said] == [line]
    assert main.main(["--forget", str(GONE), "--output", str(other)]) == Exit.DONE
    assert " too: " not in capsys.readouterr().out
