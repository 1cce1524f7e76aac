"""The benchmarks run on the real processes and find the right answers: one small end-to-end run and its replay."""

from pathlib import Path

import pytest

from benchmarks import end_to_end, replay
from benchmarks.figures import Result
from benchmarks.rig import Rig
from benchmarks.yardstick import ask_oracle, workload

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_a_small_province_and_its_replay_give_the_answers_of_the_oracle(tmp_path: Path) -> None:
    small = workload(tmp_path, "province", 2_000)
    oracle = ask_oracle(small.path, "province")
    changed = ask_oracle(small.path, "province", replay.TARGETS)
    replayed: list[Result] = []

    async def judge_again(rig: Rig) -> None:
        replayed.append(await replay.run("replay", rig, small, oracle, changed))

    ran = await end_to_end.run("province", small, oracle, then=judge_again)

    assert ran.wrong == ()
    assert ran.details["quarantined"] == oracle.malformed
    assert set(ran.details["cpu_s_per_million_by_process"]) == {
        *("ingest", "evaluator", "notifier", "postgres", "valkey"),
    }
    assert [one.wrong for one in replayed] == [()]
    assert replayed[0].details["verdicts_changed"] > 0
    assert oracle.final_hash != changed.final_hash
