import pytest

from common.times import to_utc

TIMES = {
    "UTC": ("2025-07-24T18:24:46Z", "2025-07-24T18:24:46Z"),
    "an offset": ("2025-07-24T20:24:46+02:00", "2025-07-24T18:24:46Z"),
    "an offset without a colon": ("2025-07-24T14:24:46-0400", "2025-07-24T18:24:46Z"),
    "half an hour": ("2025-07-24T23:54:46+05:30", "2025-07-24T18:24:46Z"),
    "fractions": ("2025-07-24T18:24:46.987Z", "2025-07-24T18:24:46Z"),
    "no offset is UTC": ("2025-07-24 18:24:46", "2025-07-24T18:24:46Z"),
    "a day": ("2025-07-24", "2025-07-24T00:00:00Z"),
    "over midnight": ("2025-01-01T00:30:00+01:00", "2024-12-31T23:30:00Z"),
    "a leap second": ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
}


@pytest.mark.parametrize(("text", "wanted"), TIMES.values(), ids=TIMES.keys())
def test_a_time_with_any_offset_becomes_utc(text: str, wanted: str) -> None:
    assert to_utc(text) == wanted


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "",
        "soon",
        "2025-13-01",
        "2025-02-30T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:00:00-05:00",
        "2025-07-24T18:24:46+99:99",
        ["x"],
    ],
    ids=repr,
)
def test_what_is_no_time_is_nothing(value: object) -> None:
    assert to_utc(value) == ""
