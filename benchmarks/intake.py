"""Intake: what ingest alone takes in bodies of 1,000 lines, and single-event posts to the full stack."""

import time

from sqlalchemy import text

from benchmarks.answers import read_answers, wrong_answers
from benchmarks.end_to_end import CONNECTIONS, LINES_PER_POST, TIMEOUT_SECONDS
from benchmarks.figures import Goal, Result, differing, spread_ms
from benchmarks.oracle import OracleRun
from benchmarks.processes import cpu_seconds, per_million
from benchmarks.rig import Load, Setup, start
from benchmarks.yardstick import Workload

SINGLE_CONNECTIONS = 16
_JOURNALED = text("SELECT count(*) FROM ingest.journal")


async def run_alone(name: str, workload: Workload, oracle: OracleRun, goals: tuple[Goal, ...] = ()) -> Result:
    """Post to ingest while evaluator and notifier are off: rows a second into the journal, mailbox and stream."""
    setup = Setup(workload.scale_name, services=("ingest",))
    load = Load(workload.path, CONNECTIONS, LINES_PER_POST)
    async with start(setup) as rig, rig.sender(load) as sender:
        before = cpu_seconds()
        sent = await sender.post_all()
        cpu = per_million(before, cpu_seconds(), sent.rows)
        async with rig.engine.connect() as connection:
            journaled = int(await connection.scalar(_JOURNALED) or 0)
    seconds = sent.ended - sent.started
    return Result(
        name=name,
        what=f"ingest alone, {workload.scale_name}, {sent.rows:,} reports in bodies of {LINES_PER_POST:,} lines",
        figures={
            "ratio": round(sent.rows / seconds / oracle.events_per_s, 3),
            "journaled_per_s": round(journaled / seconds),
            "cpu_s_per_million": round(sum(cpu.values()), 1),
        },
        goals=goals,
        details={
            "seconds": round(seconds, 3),
            "oracle_events_per_s": round(oracle.events_per_s),
            "cpu_s_per_million_by_process": cpu,
            "journaled": journaled,
            "answers_503": sent.refused,
            "sender_cpu_s": round(sent.cpu_seconds, 2),
            **spread_ms([answered - begun for begun, answered in sent.times]),
        },
        wrong=differing(
            {"rows": oracle.events, "journaled": oracle.distinct}, {"rows": sent.rows, "journaled": journaled}
        ),
    )


async def run_singles(name: str, workload: Workload, oracle: OracleRun, goals: tuple[Goal, ...] = ()) -> Result:
    """Post one event a request over sixteen connections, each as soon as its last was answered, to the full stack."""
    setup = Setup(workload.scale_name)
    async with start(setup) as rig, rig.sender(Load(workload.path, SINGLE_CONNECTIONS, 1)) as sender:
        before = cpu_seconds()
        sent = await sender.post_all()
        await rig.until_judged(TIMEOUT_SECONDS)
        judged = time.time() - sent.started
        await rig.until_drained(TIMEOUT_SECONDS)
        cpu = per_million(before, cpu_seconds(), sent.rows)
        async with rig.engine.connect() as connection:
            answers = await read_answers(connection, setup.scale)
    seconds = sent.ended - sent.started
    return Result(
        name=name,
        what=f"{workload.scale_name}, {sent.posts:,} posts of one event from {SINGLE_CONNECTIONS} connections, to 202",
        figures={
            "ratio": round(sent.rows / judged / oracle.events_per_s, 4),
            "posts_per_s": round(sent.posts / seconds),
            **spread_ms([answered - begun for begun, answered in sent.times]),
            "cpu_s_per_million": round(sum(cpu.values()), 1),
        },
        goals=goals,
        details={
            "seconds": round(seconds, 3),
            "judged_seconds": round(judged, 3),
            "oracle_events_per_s": round(oracle.events_per_s),
            "cpu_s_per_million_by_process": cpu,
            "answers_503": sent.refused,
            "sender_cpu_s": round(sent.cpu_seconds, 2),
            "final_hash": answers.final_hash,
            "transitions_hash": answers.transitions_hash,
        },
        wrong=wrong_answers(oracle, sent.rows, answers),
    )
