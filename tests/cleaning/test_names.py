"""Names that a text tells by itself, and what only looks like one; the same over whole texts and secrets: `test_redaction`."""

import pytest

from cleaning.redaction import Redactor

HIDDEN = {
    "below a heading for names": (
        "Name | Booking\nGreta Holmqvist | 881\nBasil Okonjo | 882",
        "Name | Booking\n[NAME_1] | 881\n[NAME_2] | 882",
    ),
    "below a heading in the middle": (
        "Order | Customer name | Phone\n881 | Holmqvist | 0171 5550199",
        "Order | Customer name | Phone\n881 | [NAME_1] | [PHONE_1]",
    ),
    "below two headings": (
        "Nachname | Vorname | Auftrag\nHolmqvist | Greta | 881",
        "Nachname | Vorname | Auftrag\n[NAME_1] | [NAME_2] | 881",
    ),
    "below a heading in Polish": ("Imię i nazwisko | Zamówienie\nGreta Holmqvist | 881", "Imię i nazwisko | Zamówienie\n[NAME_1] | 881"),
    "English": ("I asked Mr. Holmqvist and Mrs Okonjo about it.", "I asked Mr. [NAME_1] and Mrs [NAME_2] about it."),
    "German": ("Ich habe es Herrn Dr. Holmqvist gesagt.", "Ich habe es Herrn Dr. [NAME_1] gesagt."),
    "French": ("Selon M. Holmqvist et Mme de la Tour, il est cassé.", "Selon M. [NAME_1] et Mme [NAME_2], il est cassé."),
    "Spanish": ("Se lo dije al Sr. Holmqvist ayer.", "Se lo dije al Sr. [NAME_1] ayer."),
    "Italian": ("Ho scritto alla sig.ra Holmqvist ieri.", "Ho scritto alla sig.ra [NAME_1] ieri."),
    "Dutch": ("Het pakket ligt bij mevrouw Holmqvist.", "Het pakket ligt bij mevrouw [NAME_1]."),
    "Czech": ("Mluvila jsem s panem Holmqvistem ráno.", "Mluvila jsem s panem [NAME_1] ráno."),
    "Russian": ("Мы говорили с г-ном Остером вчера.", "Мы говорили с г-ном [NAME_1] вчера."),
    "Turkish": ("Dün Greta Hanım ile konuştum.", "Dün [NAME_1] Hanım ile konuştum."),
    "Hungarian": ("A csomag Holmqvist úrnál, azaz Holmqvist úr házában van.", "A csomag Holmqvist úrnál, azaz [NAME_1] úr házában van."),
    "Japanese": ("先ほど山田さんに電話しました。", "先ほど[NAME_1]さんに電話しました。"),
    "Chinese": ("昨天王先生说可以换。", "昨天[NAME_1]先生说可以换。"),
    "Korean": ("어제 홍길동 님과 통화했습니다.", "어제 [NAME_1] 님과 통화했습니다."),
    "Thai, glued to the greeting": ("สวัสดีครับคุณมาลี\nกาน้ำเสีย", "สวัสดีครับคุณ[NAME_1]\nกาน้ำเสีย"),
    "Thai, with a comma": ("สวัสดีค่ะ, คุณมาลี ดวงดี\nกาน้ำเสีย", "สวัสดีค่ะ, [NAME_1]\nกาน้ำเสีย"),
    "Korean, before the greeting": ("홍길동 고객님, 안녕하세요\n주전자가 고장", "[NAME_1] 고객님, 안녕하세요\n주전자가 고장"),
    "Hindi, with a word of respect": ("नमस्ते ग्रेटा जी,\nकेतली", "नमस्ते [NAME_1] जी,\nकेतली"),
    "who is here": ("Greta Holmqvist here, the kettle clicks.", "[NAME_1] here, the kettle clicks."),
    "closing and name in one line": ("The kettle clicks.\n\nHilsen Greta Holmqvist", "The kettle clicks.\n\nHilsen [NAME_1]"),
    "thanks before the closing": (
        "The kettle clicks.\n\nDank und liebe Grüße\nGreta",
        "The kettle clicks.\n\nDank und liebe Grüße\n[NAME_1]",
    ),
    "a Japanese closing behind another word": ("以上、よろしくお願いします。\n山田花子", "以上、よろしくお願いします。\n[NAME_1]"),
    "who somebody is, in Polish": ("Jestem Greta Holmqvist z Gdyni.", "Jestem [NAME_1] z Gdyni."),
    "a company behind a name": (
        "Please descale it.\n\nKind regards,\nRuben from Kettleworks",
        "Please descale it.\n\nKind regards,\n[NAME_1] from Kettleworks",
    ),
    "a team behind a name": ("Please descale it.\n\nThanks\nRuben @ Kettleworks", "Please descale it.\n\nThanks\n[NAME_1] @ Kettleworks"),
}


@pytest.mark.parametrize(("text", "wanted"), HIDDEN.values(), ids=HIDDEN.keys())
def test_a_name_that_the_text_tells_is_hidden(text: str, wanted: str) -> None:
    assert Redactor().redact(text) == wanted


def test_an_agent_s_last_line_may_name_the_company_too() -> None:
    text = "Please descale it.\n\nRuben from Kettleworks"
    redactor = Redactor()
    redactor.learn(text, greets=True)
    assert redactor.redact(text) == "Please descale it.\n\n[NAME_1] from Kettleworks"


KEPT = [
    "Name | Value\nBrightness | 40\nColour | red",
    "Name | Status\nDesk Lamp | on\nKitchen Light | off",
    "Setting | Name\nWi-Fi | Home",
    "Model | Name\nK2 | Kettle Pro",
    "Brand:\nLG\nKettle",
    "שלום, הקומקום שלי לא נדלק (דגם B-4)",
    "Hallo, Mein Kessel ist kalt",
    "I miss Berlin, and the lag of 20 ms Latency.",
    "Sehr geehrte Damen und Herren, der Herr Kollege und die Frau waren da.",
    "The m. 2 slot and 5 g Sugar.",
    "先ほどお客様と業者さん、担当者様に確認しました。",
    "이용자님과 고객님께 알려 드립니다.",
    "Please descale it.\n\nAvailable from Monday",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_a_name_stays(text: str) -> None:
    redactor = Redactor()
    redactor.learn(text, greets=True)
    assert redactor.redact(text) == text
