"""What a question costs adds up, and takes back what was only reserved."""

from llm.protocol import AnswerUnusable, Usage


def test_usage_adds_up_and_an_estimate_stays_one() -> None:
    total = Usage(10, 4, 3) + Usage(1, 0, 2, estimated=True)
    assert total == Usage(11, 4, 5, estimated=True)
    assert total - Usage(1, 0, 2) == Usage(10, 4, 3, estimated=True)


def test_an_unusable_answer_says_whether_its_content_was_refused() -> None:
    assert AnswerUnusable("filtered", of_content=True).of_content
    assert not AnswerUnusable("no JSON").of_content
