from cli.cuts import Cuts
from testing.scripted_model import talk


def test_what_was_cut_is_told_by_reason_and_language() -> None:
    cuts = Cuts()
    english, german = talk(1, "The lamp is dark and it does not start."), talk(2, "Die Lampe ist dunkel und ich bitte um Hilfe.")
    for conversation, size in ((english, 1200), (german, 34)):
        conversation["conversation"][0]["dropped"] = {"history": size}
        cuts.add(conversation)
    cuts.add(talk(3, "The lamp is dark and it does not start.", dropped={"auto-reply": 2}))
    cuts.add(talk(4, "Die Lampe ist dunkel und ich warte.", ignored="merged into ticket 9"))
    assert cuts.lines() == [
        "cut from messages (by language): history 1 234 characters in 2 (de 1, en 1)",
        "messages left out (by language): auto-reply 2 (en 2)",
        "tickets ignored (by language): merged 1 (de 1)",
    ]
