"""Nothing that holds what tickets say is readable by others: after a whole run, every file that the program made is its owner's alone."""

import os
from pathlib import Path

import pytest

import main
from testing.topic_site import TopicSite, sorting, topic_tickets


def test_every_file_and_folder_of_a_run_is_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o022)
    try:
        with TopicSite(topic_tickets(3), behave=sorting(jumpy=False)) as site:
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            assert main.main(["--pages", "1"]) == 0
    finally:
        os.umask(before)
    made = [path for path in Path().rglob("*") if not path.name.endswith(".lock")]
    assert {"silo_issues_db.json", "1001.json", "report.html"} <= {path.name for path in made}
    modes = {str(path): path.stat().st_mode & 0o777 for path in made}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
