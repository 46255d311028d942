import pytest

from cleaning.redaction import Redactor


def redact(text: str) -> str:
    return Redactor().redact(text)


GONE = {
    "a card behind the word order": ("Order paid with 4111111111111111 yesterday", "Order paid with [CARD_1] yesterday"),
    "a phone behind the word device": ("the device, +49 170 1234567", "the device, [PHONE_1]"),
    "a phone link": ("tel:+4917012345678", "tel:[PHONE_1]"),
    "a bare mobile number": ("07700900123", "[PHONE_1]"),
    "ten digits after call": ("call 4155552671", "call [PHONE_1]"),
    "a mistyped IBAN that is called one": ("IBAN DE12 3456 7890 1234 5678 90", "IBAN [IBAN_1]"),
    "a mistyped card": ("card 1234 5678 9012 3456", "card [CARD_1]"),
}


@pytest.mark.parametrize(("text", "wanted"), GONE.values(), ids=GONE.keys())
def test_a_number_of_a_person_is_hidden(text: str, wanted: str) -> None:
    assert redact(text) == wanted


KEPT = [
    "order 123-4567890-1234567",
    "INV 0123456789",
    "error 0x80070005",
    "serial number 4111111111111111",
    "updated to 2.4.1.8",
    "ISBN 978-3-16-148410-0",
    "Chrome 120.0.6099.130",
    "Order 4155552671",
    "IMEI 356938035643809",
    "part 00-1234-5678",
    "24/07/2025 18:24",
    "10:15-11:45",
    "12 345 678 units",
    "card reader 4000",
    "error 1000 2000 3000",
    "lat 52.520008, 13.404954",
    "MAC 00:1A:2B:3C:4D:5E",
    "tracking 00340434161094042557",
    "127.0.0.1",
    "Win 10.0.19045.3803",
    "since 2019 2020 2021 2022",
    "AccountNumber/FullName/DateOfBirth/SecurityAnswer1/SecurityAnswer2",
    "card lost, ask for ARN 7413 2266 1310 5521 3347",
    "Teilenummer 06 12 34 56 78",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_number_of_a_thing_stays(text: str) -> None:
    assert redact(text) == text
