"""Every write, rename and removal that the program makes, failed in turn: what stood there is whole, the reason is said, and the next run
ends as if nothing had been. The operating system's calls are counted first, so that a new write cannot be forgotten here."""

import copy
import errno
import itertools
import json
import logging
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import data_fetcher
import llm_client
import main
from clustering.rounds import Rounds
from common.errors import Unwritable
from common.files import write_text
from issue_clusterer import IssueClusterer
from knowledge.base import KnowledgeBase
from testing.chaos_llm import Seen
from testing.disk_faults import Disk, failing
from testing.offline_site import offline
from testing.topic_site import RESULTS, sorting, topic_tickets

OUTPUT = Path("output")
REASONS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT)
TICKETS = {ticket["id"]: ticket for ticket in topic_tickets(4)}
COMMAND = ["--ticket-ids", "1001,1002,1003,1004"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tickets and answers come from here: this is about files."""
    with offline(list(TICKETS.values())), mock.patch.object(llm_client, "chat_completion", _answer):
        yield
        monkeypatch.undo()  # what a test put on top of these goes before them


def _answer(messages: list[dict[str, str]], **_fields: object) -> dict[str, Any]:
    draw = zlib.crc32(messages[-1]["content"].encode())
    offered = [line.split(" | ")[0] for line in messages[1]["content"].splitlines() if line.startswith("ISSUE-")]
    chosen = offered[draw % len(offered)] if offered and draw % 3 else "NEW"
    card = {"category": f"Form {draw % 97}", "short_description": f"It fails in form {draw % 97}.", "keywords": ["form"]}
    if "issue_merge" in messages[0]["content"]:
        return {"groups": [{"issue_ids": [name], **card, "confidence": 0.9} for name in offered]}
    return {"issue_id": chosen, **card, "root_cause": "", "resolution_steps": [], "evidence": [1], "confidence": 0.5 + draw % 5 / 10}


def _start(content: bytes) -> str:
    return repr(content[:24])


def results() -> dict[str, bytes]:
    return {name: (OUTPUT / name).read_bytes() for name in RESULTS if (OUTPUT / name).exists()}


def fresh_start(folder: str) -> None:
    """A folder with the database of two earlier tickets, as an earlier run left it."""
    if not Path("earlier").exists():
        Path("earlier").mkdir()
        os.chdir("earlier")
        assert main.main(["--ticket-ids", "1001,1002"]) == 0
        os.chdir("..")
    shutil.copytree("earlier", folder)
    os.chdir(folder)


def calls_of_a_run() -> list[str]:
    fresh_start("counted")
    with Disk().watched() as disk:
        assert main.main(COMMAND) == 0
    os.chdir("..")
    return disk.calls


@pytest.mark.parametrize("stays_full", [False, True], ids=["once", "from then on"])
def test_a_write_that_fails_costs_no_file_and_no_result(stays_full: bool, capsys: pytest.CaptureFixture[str]) -> None:
    calls = calls_of_a_run()
    assert len(calls) > 30, "the list of calls is what this test stands on"
    wanted = _results_in("counted")
    for number, call in enumerate(calls, 1):
        fresh_start(f"failed-{number}")
        before = results()
        capsys.readouterr()
        with Disk(number, failing(REASONS[number % len(REASONS)]), stays_full).watched():
            status = main.main(COMMAND)
        said = capsys.readouterr().err
        assert status in (0, 1), (number, call, said)
        assert status == 0 or said.startswith("error: "), (number, call)
        assert len([line for line in said.splitlines() if line.startswith("error: ")]) == status, (number, call, said)
        for name, content in results().items():
            assert content in (before[name], wanted[name]), (number, call, name)
        assert set(results()) == set(RESULTS), (number, call)
        assert main.main(COMMAND) == 0, (number, call, capsys.readouterr().err)
        assert results() == wanted, (number, call)
        os.chdir("..")


def _results_in(folder: str) -> dict[str, bytes]:
    return {name: (Path(folder) / OUTPUT / name).read_bytes() for name in RESULTS}


def test_an_interrupt_between_any_two_changes_is_made_good_by_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a wave's commits, between two merges, between two cards."""
    tickets = {ticket["id"]: ticket for ticket in topic_tickets(26)}
    sort = sorting(hopeless=False)

    def answer(messages: list[dict[str, str]], **_fields: object) -> Any:
        names = re.findall(r"^(ISSUE-\S+) \| ", messages[1]["content"], re.MULTILINE)
        if "issue_merge" in messages[0]["content"]:
            return {"merges": [{"issue_ids": names, "confidence": 0.9, "reason": f"one of {len(names)} forms"}]}
        if "issue_overview" in messages[0]["content"]:
            pairs = [{"issue_ids": names[place : place + 2]} for place in range(0, len(names), 2)]
            return {"groups": pairs, "areas": [{"area": "All", "issue_ids": names}]}
        return sort(Seen(1, "", {}, {"messages": messages}, 0.0)).body

    monkeypatch.setattr(data_fetcher, "fetch_ticket", lambda ticket_id, **_: copy.deepcopy(tickets[ticket_id]))
    monkeypatch.setattr(llm_client, "chat_completion", answer)
    changes = Changes()
    changes.watch(monkeypatch)
    command = ["--ticket-ids", ",".join(map(str, tickets))]
    assert main.main([*command, "--output", "whole/silo_issues_db.json"]) == 0
    wanted = {name: (Path("whole") / name).read_bytes() for name in RESULTS}
    assert {"_commit", "_note_merge", "set_card"} <= set(changes.names)
    first_merge, last = changes.names.index("_note_merge") + 1, len(changes.names)
    for number in sorted({2, 6, 12, 24, first_merge, first_merge + 1, (first_merge + last) // 2, last}):
        shutil.rmtree(OUTPUT, ignore_errors=True)
        changes.names.clear()
        changes.stop_after = number
        assert main.main(command) == 130
        changes.stop_after = 0
        assert main.main(command) == 0
        assert results() == wanted, number


def test_checkpoints_come_at_the_end_of_a_wave_once_five_tickets_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = {ticket["id"]: ticket for ticket in topic_tickets(26)}
    monkeypatch.setattr(data_fetcher, "fetch_ticket", lambda ticket_id, **_: copy.deepcopy(tickets[ticket_id]))
    saved: list[int] = []
    write = IssueClusterer.write_checkpoint

    def noted(clusterer: IssueClusterer) -> None:
        saved.append(len(clusterer.progress.decided))
        write(clusterer)

    monkeypatch.setattr(IssueClusterer, "write_checkpoint", noted)
    assert main.main(["--ticket-ids", ",".join(map(str, tickets))]) == 0
    *waves, last = saved
    assert len(waves) >= 3
    assert all(later - earlier >= 5 for earlier, later in itertools.pairwise([0, *waves]))
    assert waves[-1] <= last < len(tickets), "tickets that were put off are not decided yet; the last comes before the last rounds"


@dataclass(slots=True)
class Changes:
    """Calls by which the state in memory changes; after number `stop_after` comes a Ctrl-C."""

    stop_after: int = 0
    names: list[str] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for place, name in (
            (Rounds, "_commit"),
            (Rounds, "_note_merge"),
            (KnowledgeBase, "merge"),
            (KnowledgeBase, "set_card"),
        ):
            monkeypatch.setattr(place, name, self._watched(name, getattr(place, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            self.names.append(name)
            if len(self.names) == self.stop_after:
                raise KeyboardInterrupt
            return result

        return watched


def test_a_failed_write_leaves_no_half_file_behind() -> None:
    write_text(Path("a.json"), "old")
    with Disk().watched() as disk:
        write_text(Path("a.json"), "new")
    write_text(Path("a.json"), "old")
    refused: list[int] = []
    for number, call in enumerate(disk.calls, 1):
        with Disk(number, failing(errno.ENOSPC)).watched():
            try:
                write_text(Path("a.json"), "newer")
            except Unwritable:
                refused.append(number)
        assert [path.name for path in Path().iterdir()] == ["a.json"], call
        assert Path("a.json").read_text(encoding="utf-8") == ("old" if number in refused else "newer"), call
        write_text(Path("a.json"), "old")
    kept = [call.split()[0] for number, call in enumerate(disk.calls, 1) if number not in refused]
    assert kept == ["fchmod", "fsync"], "permissions and the folder's own sync are best effort; the data and its name are not"


def test_an_output_folder_that_vanishes_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def vanishing(messages: list[dict[str, str]], **fields: object) -> dict[str, Any]:
        shutil.rmtree(OUTPUT, ignore_errors=True)
        return _answer(messages, **fields)

    main.main([*COMMAND, "--output", "kept/silo_issues_db.json"])
    shutil.rmtree(".cache")
    monkeypatch.setattr(llm_client, "chat_completion", vanishing)
    assert main.main(COMMAND) == 0
    assert results() == {name: (Path("kept") / name).read_bytes() for name in RESULTS}


def test_an_interrupt_in_the_middle_of_a_write_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(Path("a.json"), "old")

    def interrupted(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(Path("a.json"), "new")
    assert Path("a.json").read_text(encoding="utf-8") == "old"
    assert len(list(Path().iterdir())) == 1


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("output/silo_issues_db.json", 2),
        ("output/silo_issues_db.tmp.json", 2),
        ("output/flagged_for_review.csv", 2),
        ("output/decisions.jsonl", 2),
        ("output/run_report.json", 2),
        ("output/.silo_issues_db.json.lock", 2),
        ("conversations/1001.json", 1),
        (".cache/answers.sqlite3", 1),
    ],
)
def test_a_folder_in_a_files_place_is_named(place: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    Path(place).mkdir(parents=True)
    assert main.main(COMMAND) == status
    assert Path(place).is_dir()
    said = capsys.readouterr()
    assert place in said.err + said.out


@pytest.mark.parametrize("place", ["output", "conversations", ".cache"])
def test_a_file_in_a_folders_place_is_named(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(place).write_text("in the way", encoding="utf-8")
    status = main.main(COMMAND)
    said = capsys.readouterr()
    assert status == {"output": 2, "conversations": 2, ".cache": 1}[place]
    assert place in said.err + said.out
    assert Path(place).read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema": "silo-issues-checkpoint/99"}', b"\xff\xfe{\x00", b"[" * 100_000], ids=repr
)
def test_a_damaged_checkpoint_is_refused_and_fresh_sets_it_aside(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    place = OUTPUT / "silo_issues_db.tmp.json"
    OUTPUT.mkdir()
    place.write_bytes(content)
    assert main.main(COMMAND) == 2
    assert "--fresh" in capsys.readouterr().err
    assert place.read_bytes() == content
    assert main.main([*COMMAND, "--fresh"]) == 0
    assert [path.read_bytes() for path in OUTPUT.glob("*.old")] == [content]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ticket_id": 1001}', b"\xff\xfe{\x00", b"[" * 100_000, b"\0" * 1000], ids=_start)
def test_a_damaged_conversation_is_fetched_again(content: bytes) -> None:
    main.main(["--fetch-only", *COMMAND])
    whole = Path("conversations/1001.json").read_bytes()
    Path("conversations/1001.json").write_bytes(content)
    assert main.main(COMMAND) == 0
    assert Path("conversations/1001.json").read_bytes() == whole


def test_a_database_behind_a_link_is_written_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    OUTPUT.mkdir()
    (OUTPUT / "silo_issues_db.json").symlink_to(tmp_path / "elsewhere" / "db.json")
    assert main.main(COMMAND) == 0
    assert (OUTPUT / "silo_issues_db.json").is_symlink()
    assert json.loads((tmp_path / "elsewhere" / "db.json").read_text(encoding="utf-8"))


def test_what_a_killed_run_left_half_written_is_taken_away_in_time() -> None:
    left = [OUTPUT / ".silo_issues_db.json.0123456789abcdef.part", Path("conversations/.1001.json.0123456789abcdef.part")]
    kept = [OUTPUT / ".mine.part", OUTPUT / "silo.0123456789abcdef.part", OUTPUT / ".x.json.fedcba9876543210.part"]
    for path in (*left, *kept):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half", encoding="utf-8")
        os.utime(path, (0, 0))
    os.utime(kept[-1])
    assert main.main(COMMAND) == 0
    assert [path for path in left if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_the_mode_of_a_file_is_kept() -> None:
    write_text(Path("a.json"), "old")
    os.chmod("a.json", 0o640)
    write_text(Path("a.json"), "new")
    assert Path("a.json").stat().st_mode & 0o777 == 0o640


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
