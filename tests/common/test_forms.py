"""What has the form that a file wants is told from what only looks like it."""

from typing import Any

import pytest

from common.forms import is_number, is_share, is_text, list_of, map_of


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("5", "text"), (5, "number"), (1, "number share"), (0, "share"), (0.7, "share"), (1.0, "share"), (1.01, ""), (-1, ""), (-0.1, ""),
        (float("nan"), ""), (True, ""), (False, ""), (None, ""), ([], ""), ({}, ""),
    ],
)  # fmt: skip
def test_a_value_has_the_forms_that_it_has(value: Any, wanted: str) -> None:
    forms = {"text": is_text, "number": is_number, "share": is_share}
    assert " ".join(name for name, fits in forms.items() if fits(value)) == wanted


@pytest.mark.parametrize(
    ("value", "fits"), [([], True), (["a"], True), (["a", 1], False), ("a", False), ({"a": "b"}, False), (None, False)]
)
def test_every_entry_of_a_list_has_to_fit(value: Any, fits: bool) -> None:
    assert list_of(is_text)(value) is fits


@pytest.mark.parametrize(
    ("value", "fits"), [({}, True), ({"1": 0.5}, True), ({"1": 2}, False), ({"x": 0.5}, False), ([], False), (None, False), ("", False)]
)
def test_every_key_and_value_of_an_object_has_to_fit(value: Any, fits: bool) -> None:
    assert map_of(str.isdecimal, is_share)(value) is fits
