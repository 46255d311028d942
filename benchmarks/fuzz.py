"""Coverage-guided fuzzing of what reads strangers' bytes: the properties that the tests try with drawn values, led by what is reached.

    pip install atheris
    python -m benchmarks.fuzz cleaner -max_total_time=300 -timeout=10
    python -m benchmarks.fuzz answers -max_total_time=300 -timeout=10 FOLDER

What comes after the target's name goes to libFuzzer; FOLDER holds inputs to begin with. Ends with the input that broke a promise, or with
the time.
"""

import sys

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore] # no dependency of the project: install it for this

with atheris.instrument_imports(include=["cleaning", "clustering", "conversation_utils", "knowledge", "llm"]):
    from tests import test_conversation_utils
    from tests.clustering import test_answers

PROPERTIES = {
    "cleaner": test_conversation_utils.test_any_payload_gives_a_conversation_or_that_ticket_s_failure,
    "answers": test_answers.test_any_text_is_an_answer_of_bounded_values_or_refused,
}

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], PROPERTIES[sys.argv[1]].hypothesis.fuzz_one_input)
    atheris.Fuzz()
