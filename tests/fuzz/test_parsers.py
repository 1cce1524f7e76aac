"""Every parser, for a moment: `make fuzz` does the same for as long as there is time."""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.fuzzing import BrokenError, Finding, Fuzzing, Target
from tests.fuzz.targets import TARGETS


def told(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.what}\n{finding.body[:500]!r}\n{finding.trace}" for finding in findings)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_but_a_reading_or_a_refusal_comes_of_any_bytes(target: Target) -> None:
    outcome = Fuzzing(target).run(inputs=target.quick_inputs)

    assert outcome.inputs >= target.quick_inputs
    assert outcome.findings == [], told(outcome.findings)


def test_a_failure_is_found_made_small_kept_and_told_once(tmp_path: Path) -> None:
    def make(random: Random) -> bytes:
        return b"abc" * random.randrange(1, 50)

    def check(body: bytes) -> None:
        if b"b" in body:
            raise BrokenError("there is a b")

    (finding,) = Fuzzing(Target("b", make, check), folder=tmp_path).run(inputs=50).findings

    assert (finding.what, finding.body) == ("there is a b", b"b")
    assert finding.times > 1
    assert finding.file is not None
    assert finding.file.read_bytes() == b"b"


def test_an_input_that_takes_too_long_is_a_failure() -> None:
    target = Target("slow", lambda _: b"x", lambda _: sum(range(3_000_000)), is_mutated=False, max_seconds=0.01)

    (finding,) = Fuzzing(target).run(inputs=1).findings

    assert finding.what == "took more than 0.01 s"


def test_an_input_that_takes_too_much_memory_is_a_failure() -> None:
    target = Target("large", lambda _: b"x", lambda _: len(b"1" * 80_000_000), is_mutated=False)

    (finding,) = Fuzzing(target).run(inputs=1).findings

    assert finding.what == "took more than 64 MB"
