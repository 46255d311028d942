"""Waves of any size, and that the benchmarks of scale run: small sizes, no figure is judged here."""

from pathlib import Path

import pytest

from benchmarks import scale, scale_local
from testing.labelled_run import RoundCounter
from testing.synthetic import synthetic_rows

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "data" / "banking77_longtail.s250.jsonl.gz"


def test_made_up_conversations_are_the_same_every_time_and_no_topic_is_missing_on_request() -> None:
    assert list(synthetic_rows(50, 10)) == list(synthetic_rows(50, 10))
    assert list(synthetic_rows(50, 10)) != list(synthetic_rows(50, 10, seed=2))
    assert len({row["label"] for row in synthetic_rows(50, 50, each_once=True)}) == 50


def test_the_counts_of_a_run_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["tokens", "--tickets", "400", "--topics", "40"]) == 0
    assert scale.main(["rounds", "--tickets", "200", "--topics", "40"]) == 0
    said = capsys.readouterr().out
    assert "input tokens a ticket" in said
    assert "waves to 50000: " in said


def test_the_cost_of_a_ticket_can_be_measured(tmp_path: Path) -> None:
    scale_local.place(tmp_path, 120, 30, 40)
    found = scale_local.measure(tmp_path, 120)
    assert found["decided"] == 40
    assert found["issues"] >= 30
    assert found["median_ms"] > 0


@pytest.mark.skipif(not LABELLED.exists(), reason="the labelled conversations are not part of the repository")
def test_speed_is_measured_on_the_program_itself_and_its_output_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    argv = ["speed", "--file", str(LABELLED), "--tickets", "30", "--latency-ms", "5", "--workers", "1,4", "--work", str(tmp_path / "w")]
    assert scale.main(argv) == 0
    said = capsys.readouterr().out
    assert "workers-1 and workers-4 (another hash seed): equal bytes" in said


def test_a_round_is_what_is_submitted_before_the_first_answer_is_waited_for() -> None:
    counter = RoundCounter()
    first = [counter.submit(lambda number=number: number) for number in range(3)]  # type: ignore[misc]
    assert [future.result() for future in first] == [0, 1, 2]
    assert counter.submit(lambda: 3).result() == 3
    assert counter.sizes == [3, 1]
