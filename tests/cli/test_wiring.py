"""What a run works with is wired from settings and options, and closed with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import env
from cli.options import Job, Options
from cli.wiring import Parts, embedding_client, wire
from common.errors import Unusable
from knowledge import issue
from knowledge.paths import RunFiles
from llm.embeddings import EmbeddingClient


@pytest.fixture
def settings(complete: pytest.MonkeyPatch) -> env.Settings:
    return env.load_settings()


@contextlib.contextmanager
def wired(options: Options, settings: env.Settings) -> Iterator[Parts]:
    with contextlib.ExitStack() as cleanup:
        yield wire(options, settings, cleanup, stored=issue.load_stored(options.output))


def test_a_run_that_writes_holds_the_database_and_lets_go_of_it_at_the_end(settings: env.Settings) -> None:
    options = Options()
    with wired(options, settings), pytest.raises(Unusable, match="in use"), RunFiles(options.output).locked():
        pass
    with RunFiles(options.output).locked():
        assert Path("output").is_dir()


@pytest.mark.parametrize("job", [Job.PROMPT_DEBUG, Job.DRY_RUN, Job.FETCH])
def test_a_job_that_reads_only_leaves_the_database_to_others(job: Job, settings: env.Settings) -> None:
    with wired(Options(job=job), settings) as parts:
        assert (parts.looking is not None) == (job is Job.PROMPT_DEBUG)
        assert not Path("output").exists()


def test_only_a_listing_by_status_leaves_out_what_is_open_again(settings: env.Settings) -> None:
    with wired(Options(), settings) as listed, wired(Options(job=Job.FETCH, ticket_ids=(7,)), settings) as named:
        assert (listed.source.statuses, named.source.statuses) == ((4, 5), ())


def test_a_database_that_changed_before_the_lock_is_read_again(settings: env.Settings) -> None:
    stored = issue.load_stored(Options().output)
    Path("output").mkdir()
    Options().output.write_text('[{"issue_id": "ISSUE-7", "tickets": [7]}]', encoding="utf-8")
    with contextlib.ExitStack() as cleanup:
        assert set(wire(Options(), settings, cleanup, stored=stored).clusterer.issues) == {"ISSUE-7"}


def test_embeddings_ask_the_models_server_unless_they_have_one_of_their_own(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("EMBEDDING_MODEL", "vectors")
    client = embedding_client(env.load_settings())
    assert isinstance(client, EmbeddingClient)
    assert client._connection.server.base_url == "https://models.example.com/v1"
    complete.setenv("EMBEDDING_API_BASE_URL", "https://vectors.example.com/v1")
    client = embedding_client(env.load_settings())
    assert isinstance(client, EmbeddingClient)
    assert client._connection.server.base_url == "https://vectors.example.com/v1"
