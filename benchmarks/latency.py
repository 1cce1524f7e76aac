"""Latency at a fixed rate: from the moment a report was due to 202, to its committed verdict, to the mail about it.

Open loop: every post has its moment fixed in advance and is late from then on, whatever held it up. The commit of a
verdict is read afterwards from the server's own commit times, and the arrival of a mail from the sink's file, so that
nobody looks on during the run.
"""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.answers import read_answers, wrong_answers
from benchmarks.end_to_end import TIMEOUT_SECONDS
from benchmarks.figures import Goal, Result, spread_ms
from benchmarks.oracle import OracleRun
from benchmarks.processes import cpu_seconds, per_million
from benchmarks.rig import Load, Rig, Setup, start
from benchmarks.sender import Sent, bodies_by_connection, plan
from benchmarks.yardstick import Workload

CONNECTIONS = 16
EVENTS_PER_POST = 50
EVENTS_PER_S = 5_000
GROUP_WINDOW_SECONDS = 5.0
_SETTINGS = {
    "GROUP_WINDOW_SECONDS": str(GROUP_WINDOW_SECONDS),
    "DATA_GAP_WINDOW_SECONDS": str(GROUP_WINDOW_SECONDS),
    "GROUP_PAUSE_SECONDS": "0",
}
_POSTGRES = {"track_commit_timestamp": "on", "track_wal_io_timing": "on"}
_VERDICTS = text(
    "SELECT event_ids[1] AS event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS committed "
    "FROM evaluator.transition WHERE cause IN ('data', 'correction')"
)
_UNSENT = text(
    "SELECT EXISTS (SELECT FROM notifier.ledger WHERE status = 'waiting') "
    "OR EXISTS (SELECT FROM notifier.delivery WHERE status IN ('pending', 'sending', 'retry'))"
)
# What a mail tells goes back to transitions: of a roll-up by number, of an alert by the moment it opened or ended.
_MAILS = text(
    "WITH news AS ("
    "SELECT ledger.delivery_id, transition.event_ids[1] AS event_id FROM notifier.ledger "
    "JOIN evaluator.transition ON transition.id = ledger.sequence WHERE ledger.kind = 'rollup' "
    "UNION SELECT ledger.delivery_id, transition.event_ids[1] FROM notifier.ledger "
    "JOIN notifier.alert ON alert.id = ledger.alert_id "
    "JOIN evaluator.transition ON transition.unit = alert.unit AND transition.node = alert.node "
    "AND transition.occurred_at = CASE WHEN ledger.kind IN ('resolved', 'closed') "
    "THEN alert.ended_at ELSE alert.opened_at END) "
    "SELECT delivery.message_id, array_agg(news.event_id) AS event_ids FROM news "
    "JOIN notifier.delivery ON delivery.id = news.delivery_id "
    "WHERE news.event_id IS NOT NULL GROUP BY delivery.message_id"
)
_FLUSH = text(
    "SELECT sum(fsync_time) / nullif(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal' AND context = 'normal'"
)


class _Identified(msgspec.Struct):
    id: str


_identify = msgspec.json.Decoder(_Identified).decode


async def run(name: str, workload: Workload, oracle: OracleRun, goals: tuple[Goal, ...] = ()) -> Result:
    """Post at the fixed rate to a stack that mails every commune, and read the three latencies afterwards."""
    setup = Setup(workload.scale_name, with_mail=True, settings=_SETTINGS, postgres_settings=_POSTGRES)
    load = Load(workload.path, CONNECTIONS, EVENTS_PER_POST, EVENTS_PER_S / EVENTS_PER_POST)
    async with start(setup) as rig, rig.sender(load) as sender:
        before = cpu_seconds()
        sent = await sender.post_all()
        await rig.until_judged(TIMEOUT_SECONDS)
        await rig.until_drained(TIMEOUT_SECONDS)
        await rig.until_not(_UNSENT, {}, TIMEOUT_SECONDS)
        cpu = per_million(before, cpu_seconds(), sent.rows)
        due = _due_by_event(workload.path, load, sent)
        async with rig.engine.connect() as connection:
            answers = await read_answers(connection, setup.scale)
            verdicts = await _verdict_latencies(connection, due)
            mails = await _mail_latencies(connection, rig, due)
            flush_ms = await connection.scalar(_FLUSH)
    to_202 = spread_ms([answered - begun for begun, answered in sent.times])
    to_verdict, to_mail = spread_ms(verdicts), spread_ms(mails)
    return Result(
        name=name,
        what=f"{workload.scale_name}, open loop, {EVENTS_PER_S:,} events/s in posts of {EVENTS_PER_POST}",
        figures={
            "ratio": round(EVENTS_PER_S / oracle.events_per_s, 4),
            "to_202_p99_ms": to_202["p99_ms"],
            "to_verdict_p99_ms": to_verdict["p99_ms"],
            "to_mail_p99_ms": to_mail["p99_ms"],
            "cpu_s_per_million": round(sum(cpu.values()), 1),
        },
        goals=goals,
        details={
            "seconds": round(sent.ended - sent.started, 3),
            "oracle_events_per_s": round(oracle.events_per_s),
            "to_202": to_202,
            "to_verdict": to_verdict | {"verdicts": len(verdicts)},
            "to_mail": to_mail | {"mails": len(mails), "window_taken_off_s": GROUP_WINDOW_SECONDS},
            "mean_wal_flush_ms": None if flush_ms is None else round(float(flush_ms), 2),
            "cpu_s_per_million_by_process": cpu,
            "answers_503": sent.refused,
            "sender_cpu_s": round(sent.cpu_seconds, 2),
            "final_hash": answers.final_hash,
            "transitions_hash": answers.transitions_hash,
        },
        wrong=wrong_answers(oracle, sent.rows, answers),
    )


def _due_by_event(path: Path, load: Load, sent: Sent) -> dict[str, float]:
    """Return when each report was first due, by its id."""
    due: dict[str, float] = {}
    posts = plan(bodies_by_connection(path, load.connections, load.lines_per_post), load.posts_per_s)
    for post, (moment, _) in zip(posts, sent.times, strict=True):
        for event_id in _ids(post.body):
            due.setdefault(event_id, moment)
    return due


def _ids(body: bytes) -> Iterator[str]:
    for line in body.splitlines():
        try:
            yield _identify(line).id
        except msgspec.MsgspecError:
            continue  # a malformed line has no verdict


async def _verdict_latencies(connection: AsyncConnection, due: dict[str, float]) -> list[float]:
    return [row.committed - due[row.event_id] for row in await connection.execute(_VERDICTS)]


async def _mail_latencies(connection: AsyncConnection, rig: Rig, due: dict[str, float]) -> list[float]:
    """Return for every mail how long after its oldest news and the window it arrived; that news opened the window."""
    arrived = {
        message_id: file.stat().st_mtime
        for file in rig.stack.folder.mail.glob("*.eml")
        if (message_id := _message_id(file)) is not None
    }
    return [
        arrived[row.message_id] - min(due[event_id] for event_id in row.event_ids) - GROUP_WINDOW_SECONDS
        for row in await connection.execute(_MAILS)
        if row.message_id in arrived
    ]


def _message_id(file: Path) -> str | None:
    with file.open("rb") as mail:
        headers = email.message_from_binary_file(mail, policy=email.policy.default)
    found = headers["Message-ID"]
    return None if found is None else str(found).strip()
