"""The contract, section 2: settings, wherever they stand. Over real sockets on loopback."""

from pathlib import Path

import pytest

import main
from testing.chaos_llm import Reply, Seen, refuses
from testing.topic_site import KEY, MODEL_KEY, sorting
from testing.whole_run import STEADY, OpenSite, answering, issues_at, one_line_of, targets, tree


class TestSettings:
    def test_that_are_missing_or_wrong_are_named_all_at_once(
        self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site = open_site(2)
        for name, value in {
            "FRESHDESK_DOMAIN": "http://evil.example", "FRESHDESK_API_KEY": "", "LLM_API_KEY": "  ", "LLM_MODEL": "", "BATCH_SIZE": "many",
            "LLM_API_BASE_URL": "ftp://x", "LLM_WORKERS": "0", "LLM_TIMEOUT_S": "soon", "FRESHDESK_RATE_SHARE": "2", "LLM_PRICE_IN": "nan",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        assert main.main([]) == 2
        line = one_line_of(capsys)
        for name in (
            "FRESHDESK_DOMAIN", "FRESHDESK_API_KEY", "LLM_API_KEY", "LLM_MODEL", "BATCH_SIZE", "LLM_API_BASE_URL", "LLM_WORKERS",
            "LLM_TIMEOUT_S", "FRESHDESK_RATE_SHARE", "LLM_PRICE_IN",
        ):  # fmt: skip
            assert name in line
        assert targets(site) == []
        assert tree() == {}

    def test_may_stand_in_a_file_that_an_editor_marked(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(2)
        monkeypatch.delenv("FRESHDESK_API_KEY")
        monkeypatch.delenv("LLM_MODEL")
        lines = f"FRESHDESK_API_KEY={KEY}\r\nLLM_MODEL='from-file'\r\nLLM_API_KEY=other\r\n"
        Path(".env").write_bytes(b"\xef\xbb\xbf" + lines.encode())
        assert main.main([]) == 0
        assert {seen.body["model"] for seen in site.asked()} == {"from-file"}
        assert {seen.headers["Authorization"] for seen in site.asked()} == {f"Bearer {MODEL_KEY}"}

    @pytest.mark.slow
    def test_on_the_command_line_beat_the_environment_and_that_the_file(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(30, behave=sorting(jumpy=False, latency_s=lambda: 0.01))
        Path(".env").write_text("LLM_WORKERS=8\nLLM_MODEL=other\n", encoding="utf-8")
        monkeypatch.setenv("LLM_WORKERS", "1")
        main.main(["--ticket-ids", ",".join(str(number) for number in range(1001, 1021))])
        assert site.model.most_at_once == 1
        assert {seen.body["model"] for seen in site.asked()} == {"sorting-model"}
        main.main(["--workers", "3"])
        assert site.model.most_at_once in (2, 3)

    def test_about_product_and_categories_reach_the_model(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("product.txt").write_text("We make {kettles} for 100 $name.", encoding="utf-8")
        Path("categories.txt").write_text("Lid leaks steam\nBattery drains\n", encoding="utf-8")
        monkeypatch.setenv("PRODUCT_CONTEXT", "product.txt")
        monkeypatch.setenv("CATEGORIES", "categories.txt")
        site = open_site(1, behave=answering({"category": "lid leaks STEAM"}))
        assert main.main([]) == 0
        system = site.asked()[0].body["messages"][0]["content"]
        assert "We make {kettles} for 100 $name." in system
        assert "Battery drains" in system
        assert issues_at()[0]["category"] == "Lid leaks steam"

    @pytest.mark.parametrize("ending", ["", "/", "/chat/completions"])
    def test_of_the_model_server_may_name_the_path(self, ending: str, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        site = open_site(1)
        monkeypatch.setenv("LLM_API_BASE_URL", site.model.base_url + ending)
        assert main.main([]) == 0
        assert {seen.path for seen in site.asked()} == {"/v1/chat/completions"}

    @pytest.mark.slow
    @pytest.mark.parametrize("argv", [[], ["--verbose"], ["--prompt-debug"]], ids=["plain", "verbose", "prompt-debug"])
    def test_that_are_secret_are_in_no_output_and_no_file(
        self, argv: list[str], open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def leaking(seen: Seen) -> Reply:
            if seen.number == 1:
                return refuses(500, f"upstream saw {seen.headers['Authorization']}")
            return STEADY(seen)

        open_site(6, behave=leaking)
        main.main(argv)
        said = "".join(capsys.readouterr()).encode() + b"".join(tree().values())
        assert (b" DEBUG " in said and b"You are a support issue classifier" in said) == (argv == ["--verbose"]) or argv == [
            "--prompt-debug"
        ]
        for secret in (KEY, MODEL_KEY, "ZGVzay1rZXk"):
            assert secret.encode() not in said


def test_who_has_no_model_yet_names_the_built_in_one(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site()
    monkeypatch.setenv("LLM_API_BASE_URL", "built-in")
    for name in ("LLM_API_KEY", "LLM_MODEL"):
        monkeypatch.delenv(name)
    assert main.main([]) == 0
    assert sorted(ticket for issue in issues_at() for ticket in issue["tickets"]) == list(range(1001, 1013))
    assert not site.model.seen, "the other server was asked"
    assert "built-in matcher" in caplog.text


@pytest.mark.parametrize("command", [[], ["--dry-run"]], ids=["run", "dry run"])
def test_what_the_built_in_one_sorted_is_told_to_whoever_has_a_model_now(
    command: list[str], open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_site(3)
    with monkeypatch.context() as before:
        before.setenv("LLM_API_BASE_URL", "built-in")
        assert main.main([]) == main.main([]) == 0
    assert "NEW.json" not in caplog.text
    assert main.main(command) == 0
    assert "3 tickets of output/silo_issues_db.json were sorted by the built-in word matcher" in caplog.text
    assert caplog.text.count("--output NEW.json") == 1


def test_redaction_that_is_off_is_told_at_the_start(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    open_site(2)
    assert main.main(["--dry-run"]) == 0
    assert "REDACT" not in caplog.text
    monkeypatch.setenv("REDACT", "no")
    assert main.main([]) == 0
    assert "redaction is OFF (REDACT)" in caplog.text
