"""Work by batch file: what is exported, what may come back, and that the rounds end where an ordinary run ends."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import main
from common.errors import Stopped, Unreadable
from llm import batch
from llm.batch import BatchQuestion, read_results, write_questions
from llm.protocol import Usage
from llm.store import AnswerStore
from testing.chaos_llm import Seen, completion
from testing.topic_site import RESULTS, TopicSite, sorting, topic_tickets

ROUND = Path("round.jsonl")
WAVES = ["--pages", "all", "--wave-tickets", "50000"]
EXPORT = [*WAVES, "--batch-export", str(ROUND)]
KEYS = {f"{number:064x}": "sorting-model" for number in range(1, 6)}
FIRST, SECOND, THIRD, *_ = KEYS
OBJECT = '{"issue_id": "NEW", "category": "Lid leaks"}'


def question(key: str, text: str = "Hello") -> BatchQuestion:
    return BatchQuestion(key, {"model": "sorting-model", "messages": [{"role": "user", "content": text}]})


def result(key: str, text: str = OBJECT, *, model: str = "sorting-model", status: int = 200, **body: Any) -> str:
    reply = {**completion(text), "model": model, **body}
    return json.dumps({"id": "b1", "custom_id": key, "response": {"status_code": status, "request_id": "r", "body": reply}, "error": None})


def failed(key: str, error: Any) -> str:
    return json.dumps({"id": "b1", "custom_id": key, "response": None, "error": error})


class TestQuestionsOut:
    def test_a_line_is_what_batch_engines_take(self) -> None:
        assert write_questions(ROUND, [question(FIRST, "Grüße")]) == [ROUND]
        assert json.loads(ROUND.read_bytes()) == {
            "custom_id": FIRST,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "sorting-model", "messages": [{"role": "user", "content": "Grüße"}]},
        }

    @pytest.mark.parametrize(
        ("limits", "sizes"),
        [({"max_lines": 2}, [2, 2, 1]), ({"max_bytes": 600}, [2, 2, 1]), ({"max_bytes": 1}, [1, 1, 1, 1, 1]), ({"max_lines": 5}, [5])],
        ids=["lines", "bytes", "a line longer than the limit", "just full"],
    )
    def test_files_are_split_within_the_limits(self, limits: dict[str, int], sizes: list[int]) -> None:
        written = write_questions(ROUND, map(question, KEYS), **limits)
        assert [len(path.read_bytes().splitlines()) for path in written] == sizes
        assert [path.name for path in written] == ["round.jsonl", *(f"round.jsonl.{n}" for n in range(2, len(sizes) + 1))]

    def test_parts_of_a_larger_export_before_do_not_stay(self) -> None:
        write_questions(ROUND, map(question, KEYS), max_lines=1)
        write_questions(ROUND, [question(FIRST)])
        assert sorted(path.name for path in Path().glob("round*")) == ["round.jsonl"]

    def test_the_limits_are_those_that_fit_all_providers(self) -> None:
        assert (batch.MAX_LINES, batch.MAX_BYTES) == (50_000, 100_000_000)


class TestResultsIn:
    def read(self, *lines: str, end: str = "\n") -> batch.Results:
        Path("results.jsonl").write_text("\n".join(lines) + end, encoding="utf-8")
        return read_results([Path("results.jsonl")], exported=KEYS)

    def test_any_order_blank_lines_and_no_last_line_end_are_fine(self) -> None:
        found = self.read(result(THIRD), "", result(FIRST), end="")
        assert list(found.answers) == [THIRD, FIRST]
        assert found.answers[THIRD].text == OBJECT
        assert found.answers[THIRD].usage == Usage(100, 0, 20)

    def test_answers_under_a_deployments_name_are_taken(self) -> None:
        found = self.read(result(FIRST, model="gpt-4.1-mini-2025-04-14"))
        assert list(found.answers) == [FIRST]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (failed(FIRST, {"code": "batch_expired", "message": "This request could not be executed."}), "could not be executed"),
            (failed(FIRST, "oops"), "oops"),
            (result(FIRST, status=429, error={"message": "slow down"}), "slow down"),
            (json.dumps({"custom_id": FIRST, "response": {"status_code": 500, "body": None}}), "500"),
            (result(FIRST, "I cannot say."), "no JSON object"),
            (result(FIRST, '{"issue_id": "NE'), "JSON"),
            (result(FIRST, choices=[{"message": {"content": OBJECT}, "finish_reason": "length"}]), "LLM_MAX_TOKENS"),
            (result(FIRST, choices=[{"message": {"content": ""}, "finish_reason": "content_filter"}]), "filter"),
            (result(FIRST, choices=[{"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"}]), "refuses"),
            (result(FIRST, choices=[]), "no choices"),
        ],
        ids=["expired", "a bare word", "429", "500 without a body", "prose", "half an object", "cut", "filtered", "refused", "no choices"],
    )
    def test_a_question_without_a_usable_answer_is_left_open(self, line: str, reason: str) -> None:
        found = self.read(line, result(SECOND))
        assert list(found.answers) == [SECOND]
        assert list(found.unanswered) == [FIRST]
        assert reason in found.unanswered[FIRST]

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (result(SECOND)[:-40], "line 2: cut short"),
            (result(SECOND)[:-1] + ",}", "line 2: not valid JSON"),
            (result("f" * 64), "line 2: the id 'ffff"),
            (question(SECOND).line.strip(), "line 2: neither a response nor an error"),
            ('{"answer": 1}', "line 2: no result of a batch"),
            ('{"custom_id": null, "response": null, "error": {"code": "invalid_json_line"}}', "no custom_id (invalid_json_line)"),
            ('{"custom_id": "", "response": {"status_code": 400, "body": {"error": {"message": "bad"}}}}', "no custom_id"),
            ("[1]", "line 2: no result of a batch"),
        ],
        ids=["cut short", "broken", "unknown id", "the questions' own file", "no custom_id", "null custom_id", "empty custom_id", "a list"],
    )
    def test_an_odd_line_is_named_and_the_good_ones_are_taken(self, bad: str, reason: str) -> None:
        found = self.read(result(FIRST), bad)
        assert list(found.answers) == [FIRST]
        assert len(found.odd) == 1
        assert reason in found.odd[0]

    @pytest.mark.parametrize("turned", [False, True], ids=["failure first", "success first"])
    def test_a_success_beats_a_failure_of_the_same_question(self, turned: bool) -> None:
        lines = [failed(FIRST, {"message": "too late"}), result(FIRST)]
        found = self.read(*(lines[::-1] if turned else lines))
        assert (list(found.answers), found.unanswered, found.odd) == ([FIRST], {}, ())

    def test_a_line_that_stands_twice_counts_once(self) -> None:
        assert len(self.read(result(FIRST), result(FIRST)).answers) == 1

    def test_no_secret_gets_in(self) -> None:
        Path("results.jsonl").write_text(result(FIRST, '{"category": "sk-secret-0123"}') + failed(SECOND, "no sk-secret-0123"), "utf-8")
        Path("more.jsonl").write_text(failed(SECOND, "no sk-secret-0123"), "utf-8")
        found = read_results([Path("results.jsonl"), Path("more.jsonl")], exported=KEYS, secrets=["sk-secret-0123"])
        assert "secret" not in repr(found)
        assert found.unanswered == {SECOND: "no [key]"}

    def test_a_missing_file_and_one_that_is_no_text_are_named(self) -> None:
        Path("bytes.jsonl").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(Unreadable, match=r"bytes\.jsonl is not UTF-8"):
            read_results([Path("gone.jsonl"), Path("bytes.jsonl")], exported=KEYS)
        with pytest.raises(Unreadable, match=r"no file gone\.jsonl. Nothing was imported"):
            read_results([Path("gone.jsonl")], exported=KEYS)


PROVIDERS = sorted((Path(__file__).parent / "batch_results").glob("*.jsonl"))


class TestProviders:
    """Result files in the words of each provider: one answer, one failure, and what else they put there."""

    @pytest.mark.parametrize("path", PROVIDERS, ids=[path.stem for path in PROVIDERS])
    def test_what_a_provider_writes_is_read(self, path: Path) -> None:
        found = read_results([path], exported=KEYS)
        assert list(found.answers) == [FIRST]
        assert json.loads(found.answers[FIRST].text)["category"] == "Lid leaks"
        assert found.answers[FIRST].usage.prompt > 0
        assert list(found.unanswered) == [SECOND]
        assert len(found.unanswered[SECOND]) > 8
        assert found.odd == ()

    def test_there_is_one_of_each(self) -> None:
        assert [path.stem for path in PROVIDERS] == ["azure", "groq", "mistral", "openai", "together", "vllm"]


class TestStore:
    def test_many_answers_are_kept_all_or_none(self, tmp_path: Path) -> None:
        store = AnswerStore(tmp_path / "cache")

        def rows() -> Iterator[tuple[str, str, Usage]]:
            yield "a", "one", Usage(1)
            raise KeyError("in the middle")

        with pytest.raises(KeyError):
            store.put_all(rows())
        assert store.get("a") is None
        store.put_all([("a", "one", Usage(1)), ("b", "two", Usage(2))])
        assert [getattr(store.get(key), "text", None) for key in "ab"] == ["one", "two"]
        store.close()

    def test_notes_are_found_by_their_beginning(self, tmp_path: Path) -> None:
        store = AnswerStore(tmp_path / "cache")
        store.put_notes([("batch:1", "x"), ("batch:2", "y"), ("bat", "z")])
        assert store.notes("batch:") == {"batch:1": "x", "batch:2": "y"}
        store.close()


class Engine:
    """A provider's batch engine: answers a file of questions as the live server would, out of order."""

    def __init__(self) -> None:
        self.rounds: list[int] = []
        self._behave = sorting(jumpy=False)

    def answer(self, questions: Path) -> Path:
        lines = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
        self.rounds.append(len(lines))
        random.Random(1).shuffle(lines)
        replies = [self._behave(Seen(1, line["url"], {}, line["body"], 0.0)) for line in lines]
        results = [
            result(line["custom_id"], **{**reply.body, "model": "sorting-model"}) for line, reply in zip(lines, replies, strict=True)
        ]
        path = questions.with_suffix(".results.jsonl")
        path.write_text("".join(text + "\n" for text in results), encoding="utf-8")
        return path


OpenSite = Callable[[int], TopicSite]


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSite]:
    with ExitStack() as stack:

        def opened(tickets: int) -> TopicSite:
            site = stack.enter_context(TopicSite(topic_tickets(tickets), behave=sorting(jumpy=False)))
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            return site

        yield opened


def results() -> dict[str, bytes]:
    return {name: (Path("output") / name).read_bytes() for name in RESULTS}


def rounds_until_done(engine: Engine, *flags: str) -> None:
    for _ in range(60):
        ROUND.unlink(missing_ok=True)
        assert main.main([*EXPORT, *flags]) == 0
        if not ROUND.exists():
            return
        assert main.main(["--batch-import", str(engine.answer(ROUND))]) == 0
    pytest.fail("the rounds do not end")


class TestRounds:
    @pytest.mark.slow
    def test_end_in_the_bytes_of_the_ordinary_run_without_asking_live(self, open_site: OpenSite) -> None:
        site, engine = open_site(70), Engine()
        rounds_until_done(engine)
        by_batch, asked = results(), len(site.model.seen)
        assert asked == 0
        assert main.main([*WAVES, "--output", "output/live.json"]) == 0
        assert Path("output/live.json").read_bytes() == by_batch["silo_issues_db.json"]
        assert len(site.model.seen) == 0, "every answer was in the store"
        assert sum(engine.rounds) > 70
        assert len(engine.rounds) < 40

    @pytest.mark.slow
    def test_the_ordinary_run_goes_on_from_any_round(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        site, engine = open_site(40), Engine()
        for _ in range(5):
            assert main.main(EXPORT) == 0
            assert main.main(["--batch-import", str(engine.answer(ROUND))]) == 0
        assert Path("output/silo_issues_db.tmp.json").exists()
        assert main.main(WAVES) == 0
        assert not Path("output/silo_issues_db.tmp.json").exists()
        assert "Without --batch-export" in capsys.readouterr().out
        assert site.model.seen
        Path(".cache").rename("other-cache")
        assert main.main([*WAVES, "--output", "output/live.json"]) == 0
        assert Path("output/live.json").read_bytes() == Path("output/silo_issues_db.json").read_bytes()

    def test_an_export_names_no_ticket_and_no_person(self, open_site: OpenSite) -> None:
        open_site(3)
        assert main.main(EXPORT) == 0
        lines = [json.loads(line) for line in ROUND.read_text(encoding="utf-8").splitlines()]
        assert all(re.fullmatch("[0-9a-f]{64}", line["custom_id"]) for line in lines)
        assert all(line["body"]["model"] == "sorting-model" for line in lines)
        assert {"response_format", "messages", "max_tokens"} <= set(lines[0]["body"])

    def test_exporting_twice_gives_the_same_file(self, open_site: OpenSite) -> None:
        open_site(3)
        main.main(EXPORT)
        first = ROUND.read_bytes()
        assert main.main(EXPORT) == 0
        assert ROUND.read_bytes() == first

    def test_a_file_without_a_result_changes_nothing_and_a_good_one_may_come_twice(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_site(3)
        main.main(EXPORT)
        good, bad = Engine().answer(ROUND), Path("bad.jsonl")
        bad.write_text(result("f" * 64) + "\n", encoding="utf-8")
        assert main.main(["--batch-import", str(bad)]) == 2
        said = capsys.readouterr().err
        assert "bad.jsonl, line 1: the id" in said
        assert "run the command that exported once more" in said
        main.main(EXPORT)
        assert len(ROUND.read_text(encoding="utf-8").splitlines()) == 1, "the question is still open"
        assert main.main(["--batch-import", str(bad), str(good)]) == 0
        said = capsys.readouterr().out
        assert "1 answers imported" in said
        assert "left out: bad.jsonl, line 1: the id" in said
        assert main.main(["--batch-import", str(good)]) == 0
        assert "0 answers imported, 1 were there already" in capsys.readouterr().out

    def test_questions_are_written_only_once_their_names_are_kept(self, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
        open_site(3)

        def full(*_: object) -> None:
            raise Stopped("answers cannot be kept: the disk is full")

        monkeypatch.setattr(AnswerStore, "put_notes", full)
        assert main.main(EXPORT) == 1
        assert not ROUND.exists()

    def test_a_lost_cache_is_made_good_by_a_second_export(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(3)
        main.main(EXPORT)
        good = Engine().answer(ROUND)
        shutil.rmtree(".cache")
        assert main.main(["--batch-import", str(good)]) == 2
        assert "run the command that exported once more" in capsys.readouterr().err
        assert main.main(EXPORT) == 0
        assert main.main(["--batch-import", str(good)]) == 0

    def test_another_models_name_is_no_matter(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(3)
        main.main(EXPORT)
        key = json.loads(ROUND.read_text(encoding="utf-8"))["custom_id"]
        Path("other.jsonl").write_text(result(key, model="other-model"), encoding="utf-8")
        assert main.main(["--batch-import", "other.jsonl"]) == 0
        assert "1 answers imported" in capsys.readouterr().out

    def test_errors_beside_the_results_leave_their_questions_for_the_next_export(
        self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_site(3)
        main.main(EXPORT)
        key = json.loads(ROUND.read_text(encoding="utf-8"))["custom_id"]
        Path("errors.jsonl").write_text(failed(key, {"code": "batch_expired", "message": "too late"}) + "\n", encoding="utf-8")
        assert main.main(["--batch-import", "errors.jsonl"]) == 0
        said = capsys.readouterr().out
        assert "too late" in said
        assert "1 exported questions have no answer yet" in said
        main.main(EXPORT)
        assert json.loads(ROUND.read_text(encoding="utf-8"))["custom_id"] == key

    def test_the_words_of_a_provider_cannot_steer_the_terminal(self, open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
        open_site(3)
        main.main(EXPORT)
        key = json.loads(ROUND.read_text(encoding="utf-8"))["custom_id"]
        error = {"code": "batch_expired", "message": "too late \x1b[2J\u202egone"}
        Path("errors.jsonl").write_text(failed(key, error) + "\n", encoding="utf-8")
        capsys.readouterr()
        assert main.main(["--batch-import", "errors.jsonl"]) == 0
        said = capsys.readouterr().out
        assert "too late [2J gone" in said
        assert not set(said) & {"\x1b", "\u202e"}


@pytest.mark.parametrize(
    "argv",
    [
        ["--batch-export", "output/silo_issues_db.json"],
        ["--batch-export", "output/decisions.jsonl"],
        ["--batch-export", "x.jsonl", "--batch-import", "y.jsonl"],
        ["--batch-export", "x.jsonl", "--dry-run"],
        ["--batch-import"],
        ["--wave-tickets", "0"],
        ["--wave-tickets", "50001"],
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(argv) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
