"""The contract, section 5: the database. Over real sockets on loopback."""

import json
from pathlib import Path

import pytest

import main
from testing.whole_run import DATABASE, OpenSite, issues_at, one_line_of, targets, tree


class TestDatabase:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"   \n",
            b"42",
            b"null",
            b"{}",
            b'"text"',
            b'[{"issue_id": "ISSUE-1"',
            b"<<<<<<< HEAD\n[]\n=======\n[]\n>>>>>>> other\n",
            b'[{"category": "no id"}]',
            b'[{"issue_id": "A"}, {"issue_id": "A"}]',
            b'[{"issue_id": "A", "tickets": [1]}, {"issue_id": "B", "tickets": [1]}]',
            b'[{"issue_id": "A", "tickets": "1,2"}]',
            b'[{"issue_id": "A", "confidence": NaN}]',
            b"\xff\xfe[\x00]\x00",
            b"[" * 100_000,
        ],
        ids=lambda content: repr(content[:24]),
    )
    def test_that_is_none_is_left_alone_before_any_call(
        self, content: bytes, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(2)
        DATABASE.parent.mkdir()
        DATABASE.write_bytes(content)
        before = tree()
        assert main.main([]) == 2
        assert str(DATABASE) in one_line_of(capsys)
        assert targets(site) == []
        assert tree() == before

    def test_that_a_person_wrote_is_taken_and_kept(self, open_site: OpenSite) -> None:
        by_hand = [{"issue_id": "WIFI-2", "category": "Wi-Fi", "owner": "Ann", "tickets": [1001]}, {"issue_id": "wifi 10", "category": "B"}]
        DATABASE.parent.mkdir()
        DATABASE.write_text(json.dumps(by_hand), encoding="utf-8")
        open_site(3)
        assert main.main([]) == 0
        kept = {issue["issue_id"]: issue for issue in issues_at()}
        assert kept["WIFI-2"]["owner"] == "Ann"
        assert kept["WIFI-2"]["category"] == "Wi-Fi"
        assert 1001 in kept["WIFI-2"]["tickets"]
        assert list(kept)[-2:] == ["WIFI-2", "wifi 10"]

    @pytest.mark.parametrize("place", ["blocked/db.json", "blocked/deep/db.json"])
    def test_in_a_folder_that_cannot_be_is_refused_before_any_call(
        self, place: str, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("blocked").write_text("a file", encoding="utf-8")
        site = open_site(2)
        assert main.main(["--output", place]) == 2
        assert "blocked" in one_line_of(capsys)
        assert targets(site) == []
