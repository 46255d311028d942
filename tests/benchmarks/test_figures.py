"""The comparison of what is measured with what docs/quality.md says."""

import pytest

from benchmarks import figures


@pytest.mark.parametrize(
    ("shown", "text", "slack", "stands"),
    [
        ("1.000", "ARI 1.000, pairwise", 0.0, True),
        ("0.998", "ARI 1.000, pairwise", 0.0, False),
        ("0.990", "0.981 – 1.000", 0.0, True),
        ("0.980", "0.981 – 1.000", 0.0, False),
        ("2000", "all 2 000, every message", 0.0, True),
        ("9.1", "7.9 s CPU", 0.5, True),
        ("15.1", "7.9 s CPU", 0.5, False),
        ("all held", "all held: 121 of 121", 0.0, True),
        ("all held", "120 of 121", 0.0, False),
    ],
)
def test_a_figure_stands_where_its_number_or_its_words_do(shown: str, text: str, slack: float, stands: bool) -> None:
    assert figures.stands(shown, text, slack) is stands


def test_every_figure_names_a_row_of_the_document() -> None:
    rows = figures.documented()
    assert [figure.row for figure in figures.FIGURES if sum(row.startswith(figure.row) for row in rows) != 1] == []


def test_numbers_of_a_command_are_no_figures() -> None:
    assert all("--tickets" not in text for text in figures.documented().values())
