"""`--check`: a line for each setting, exit 0 or 1, the next command last; nothing is read or kept."""

from pathlib import Path

import pytest

import main
from testing.chaos_llm import Behaviour, ChaosServer, Reply, refuses, says

KEY = "sk-check-0123456789"
READY = says('{"word": "ready"}')


def check(behave: Behaviour, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **settings: str) -> tuple[int, str, int]:
    """(exit status, what was printed, calls of the model)."""
    with ChaosServer(behave) as server:
        required = {"FRESHDESK_DOMAIN": "acme", "FRESHDESK_API_KEY": "k", "LLM_API_KEY": KEY, "LLM_MODEL": "a-model"}
        for name, value in {**required, "LLM_API_BASE_URL": server.base_url, **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("cli.check.CHECKS", OURS)
        status = main.main(["--check"])
        return status, capsys.readouterr().out, len(server.seen)


@pytest.fixture(autouse=True)
def _our_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's half alone: the helpdesk is another test's."""
    from cli import check as module

    global OURS
    OURS = (module.folders, module.redaction, module.model, module.embeddings, module.prices)


OURS: tuple[object, ...] = ()


def test_all_that_is_set_works(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, said, calls = check(lambda _seen: READY, monkeypatch, capsys, LLM_PRICE_IN="0.4", LLM_PRICE_OUT="1.6")
    assert (status, calls) == (0, 1)
    assert "ok      model: a-model answers" in said
    assert "held to the schema" in said
    assert "0.4 USD in, 1.6 USD out" in said
    assert said.splitlines()[-1] == "next: python -m main --dry-run"
    assert list(Path().iterdir()) == []


def test_what_is_optional_and_not_set_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, said, _ = check(lambda _seen: READY, monkeypatch, capsys)
    assert status == 0
    assert "--      prices: not set" in said
    assert "--      embeddings: not set" in said


def test_a_wrong_key_is_one_line_and_the_rest_is_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said, calls = check(lambda _seen: refuses(401, f"bad key {KEY}"), monkeypatch, capsys)
    assert (status, calls) == (1, 1)
    assert "FAILED  model" in said
    assert "LLM_API_KEY" in said
    assert "prices" in said
    assert KEY not in said
    assert said.splitlines()[-1].startswith("next: mend what FAILED, then python -m main --check")


def test_the_format_that_the_server_takes_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _, said, _ = check(
        lambda seen: Reply(400, {"error": "response_format is not supported"}) if "response_format" in seen.body else READY,
        monkeypatch,
        capsys,
    )
    assert "not offered by this server" in said


def test_a_folder_that_cannot_be_written_names_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "cli.check._unwritable", lambda folder: "cannot be written (Read-only file system)" if "cache" in str(folder) else ""
    )
    status, said, _ = check(lambda _seen: READY, monkeypatch, capsys, CACHE_DIR="my-cache")
    assert status == 1
    assert "FAILED  folder my-cache: cannot be written (Read-only file system): choose another with CACHE_DIR" in said


def test_missing_settings_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "FAILED  settings" in said
    assert "LLM_API_KEY" in said


def test_each_setting_to_mend_is_a_line_and_the_rest_is_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said, calls = check(lambda _seen: READY, monkeypatch, capsys, LLM_WORKERS="many", CSV_SEPARATOR="x")
    assert (status, calls) == (1, 1)
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    assert [name for line in failed for name in ("LLM_WORKERS", "CSV_SEPARATOR") if name in line] == ["LLM_WORKERS", "CSV_SEPARATOR"]
    assert "ok      model: a-model answers" in said
    assert "all that is required is set" not in said


def test_a_file_that_is_there_is_not_to_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("LLM_MODEL=a\n")
    assert main.main(["--check"]) == 1
    assert "copy .env.example" not in capsys.readouterr().out


def test_redaction_that_is_off_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, said, _ = check(lambda _seen: READY, monkeypatch, capsys, REDACT="no")
    assert status == 0
    assert "--      redaction: OFF (REDACT): names and secrets go to the model server as they are" in said
