"""End to end: a workload over HTTP through the real services and servers, from the first post to the last verdict.

Two clocks. `seconds` runs from the first post to the commit of the last verdict. The CPU time is counted longer, until
everything is done that the reports caused: facts written behind, and all changes handled by the notifier.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.answers import read_answers
from benchmarks.figures import Goal, Result, differing
from benchmarks.oracle import OracleRun
from benchmarks.processes import cpu_seconds, memory_mb, own_cpu_seconds, per_million
from benchmarks.rig import Load, Rig, Setup, start
from benchmarks.yardstick import Workload

CONNECTIONS = 4
LINES_PER_POST = 1_000
TIMEOUT_SECONDS = 600.0
Then = Callable[[Rig], Awaitable[None]]


async def run(
    name: str,
    workload: Workload,
    oracle: OracleRun,
    goals: tuple[Goal, ...] = (),
    then: Then | None = None,
    setup: Setup | None = None,
) -> Result:
    """Run one workload on a fresh stack and return its figures; `then` may use the stack before it goes."""
    setup = setup or Setup(workload.scale_name)
    load = Load(workload.path, CONNECTIONS, LINES_PER_POST)
    async with start(setup) as rig, rig.sender(load) as sender:
        before, own_before = cpu_seconds(), own_cpu_seconds()
        sent = await sender.post_all()
        await rig.until_judged(TIMEOUT_SECONDS)
        seconds = time.time() - sent.started
        await rig.until_drained(TIMEOUT_SECONDS)
        drained = time.time() - sent.started
        cpu = per_million(before, cpu_seconds(), sent.rows)
        own_cpu = own_cpu_seconds() - own_before
        memory = memory_mb()
        async with rig.engine.connect() as connection:
            answers = await read_answers(connection, setup.scale)
        if then is not None:
            await then(rig)
    expected = {
        "rows": oracle.events,
        "quarantined": oracle.malformed,
        "final_hash": oracle.final_hash,
        "transitions_hash": oracle.transitions_hash,
    }
    got: dict[str, Any] = {
        "rows": sent.rows,
        "quarantined": answers.quarantined,
        "final_hash": answers.final_hash,
        "transitions_hash": answers.transitions_hash,
    }
    return Result(
        name=name,
        what=f"{workload.scale_name}, {sent.rows:,} reports over HTTP to the last committed verdict",
        figures={
            "ratio": round(sent.rows / seconds / oracle.events_per_s, 3),
            "events_per_s": round(sent.rows / seconds),
            "cpu_s_per_million": round(sum(cpu.values()), 1),
            "evaluator_mb": memory["evaluator"],
        },
        goals=goals,
        details={
            "events": sent.rows,
            "seconds": round(seconds, 3),
            "drained_seconds": round(drained, 3),
            "posted_seconds": round(sent.ended - sent.started, 3),
            "oracle_events_per_s": round(oracle.events_per_s),
            "oracle_cpu_s_per_million": round(oracle.cpu_seconds / oracle.events * 1e6, 2),
            "cpu_s_per_million_by_process": cpu,
            "memory_mb": memory,
            "partitions": setup.partitions,
            "evaluators": setup.evaluators,
            "answers_503": sent.refused,
            "sender_cpu_s": round(sent.cpu_seconds, 2),
            "onlooker_cpu_s": round(own_cpu, 2),
            **{key: got[key] for key in expected if key != "rows"},
        },
        wrong=differing(expected, got),
    )
