"""A storm: thousands of chỉ tiêu fail at once, led by six offices. How long until all are told, in how many mails.

The notifier runs alone; its changes come as the evaluator sends them. The figures beside it are Alertmanager's for as
many alerts grouped by unit (0.25, on a machine of two cores): ours may take twice the time, and no more memory. What
Alertmanager holds in memory alone is here a row of the database before the first mail leaves.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.figures import Goal, Result
from benchmarks.processes import memory_mb
from benchmarks.rig import Rig, Setup, start
from benchmarks.rules import commune_id
from benchmarks.workload import AS_OF, SCALES
from shared.contracts.streams import VERDICT_CHANGED, partition_stream
from shared.contracts.vocabulary import Cause, ChangeKind, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged, VerdictChangedBatch, encode
from shared.runtime import mailbox
from shared.runtime.broker import create_broker
from shared.runtime.publisher import Publisher

# The smallest scale with enough communes, by the number of alerts.
SCALE = {10_000: "national", 100_000: "historic"}
ALERTS = tuple(SCALE)
OFFICES = 6
TIMEOUT_SECONDS = 300
# Alertmanager's seconds, messages and MB for as many alerts.
ALERTMANAGER = {10_000: (1.8, 6, 78), 100_000: (11.1, 17, 562)}
_TIMES_THE_SECONDS = 2
_NODES = (
    "ntm/15.1",
    "ntm/15.2",
    "ntm/15.3",
    "ntm/15.4",
    "nc/14.1",
    "nc/14.2",
    "nc/14.3",
    "nc/14.4",
    "nc/18.4",
    "nc/18.5",
)
_PER_BATCH = 500
# As Alertmanager's group_wait and group_interval: 6 and 17 messages are one and three rounds of six groups.
_SETTINGS = {"GROUP_WINDOW_SECONDS": "1", "GROUP_PAUSE_SECONDS": "4"}
# Every alert gets a course with twelve reminders and an escalation, as the shipped policies have it.
_POLICIES = {
    "escalation": [
        {
            "id": "breach",
            "kinds": ["breach"],
            "acknowledge_within": 3,
            "acknowledged_for": 10,
            "remind_every": 5,
            "reminders": 12,
            "steps": [{"after_working_days": 5, "to_role": "lead", "level_vi": "cấp huyện"}],
        }
    ]
}
_MOMENT = dt.datetime.combine(AS_OF, dt.time(2), dt.UTC)
_UNSENT = text(
    "SELECT EXISTS (SELECT FROM messaging.mailbox WHERE handled_at IS NULL) "
    "OR EXISTS (SELECT FROM notifier.ledger WHERE status IN ('waiting', 'grouped')) "
    "OR EXISTS (SELECT FROM notifier.delivery WHERE status IN ('pending', 'sending', 'retry'))"
)
_TOLD = text(
    "SELECT (SELECT count(*) FROM notifier.alert) AS alerts, "
    "(SELECT count(*) FROM notifier.ledger WHERE status = 'sent') AS sent, "
    "(SELECT count(*) FROM notifier.delivery WHERE status = 'sent') AS messages, "
    "(SELECT max(n) FROM (SELECT count(*) AS n FROM notifier.delivery GROUP BY address) AS a) AS most_for_one"
)


def goals(alerts: int) -> tuple[Goal, ...]:
    """Return what a storm of so many alerts is to reach beside Alertmanager."""
    seconds, _, megabytes = ALERTMANAGER[alerts]
    return Goal("seconds", seconds * _TIMES_THE_SECONDS, at_most=True), Goal("notifier_mb", megabytes, at_most=True)


async def run(name: str, alerts: int) -> Result:
    """Tell of `alerts` new breaches at once and return how it went; every one must be told exactly once."""
    setup = Setup(
        SCALE[alerts], services=("notifier",), with_mail=True, settings=_SETTINGS, add_to_catalog=_write_offices
    )
    async with start(setup) as rig:
        before = memory_mb()["notifier"]
        begun = time.monotonic()
        await _tell(rig, alerts)
        await rig.until_not(_UNSENT, {}, TIMEOUT_SECONDS)
        seconds = time.monotonic() - begun
        async with rig.engine.connect() as connection:
            told = dict((await connection.execute(_TOLD)).mappings().one())
        peak = memory_mb()["notifier"]
    am_seconds, am_messages, am_megabytes = ALERTMANAGER[alerts]
    figures = {
        "seconds": round(seconds, 2),
        "times_alertmanager": round(seconds / am_seconds, 2),
        "messages": told["messages"],
        "messages_for_one": told["most_for_one"],
        "notifier_mb": peak,
        "notifier_mb_idle": before,
    }
    wrong = () if told["alerts"] == told["sent"] == alerts else (f"of {alerts} alerts: {told}",)
    details = {"alertmanager": {"seconds": am_seconds, "messages": am_messages, "mb": am_megabytes}}
    return Result(name, f"{alerts:,} alerts at once, {OFFICES} offices", figures, goals(alerts), details, wrong)


async def _tell(rig: Rig, alerts: int) -> None:
    stream = partition_stream(VERDICT_CHANGED, 0)
    broker = create_broker(SecretStr(rig.stack.addresses.redis_url))
    try:
        publisher = Publisher(broker)
        for batch in _batches(alerts):
            messages = [mailbox.Outgoing(stream, batch.message_id, encode(batch))]
            async with rig.engine.begin() as connection:
                await mailbox.put(connection, messages)
            await publisher.publish(messages)
            await asyncio.sleep(0)
    finally:
        await broker.stop()


def _batches(alerts: int) -> Iterator[VerdictChangedBatch]:
    communes = alerts // len(_NODES)
    assert communes <= SCALES[SCALE[alerts]].communes
    changes = [_change(commune_id(number), node) for number in range(communes) for node in _NODES]
    for start_ in range(0, len(changes), _PER_BATCH):
        part = tuple(changes[start_ : start_ + _PER_BATCH])
        yield VerdictChangedBatch(message_id=f"storm-{start_}", changes=part)


def _change(unit: str, node: str, *, moment: dt.datetime = _MOMENT) -> VerdictChanged:
    return VerdictChanged(
        sequence=1,
        kind=ChangeKind.TRANSITION,
        unit=unit,
        node=node,
        node_kind=NodeKind.INDICATOR,
        from_status=VerdictStatus.MET,
        to_status=VerdictStatus.NOT_MET,
        from_reason=VerdictReason.TARGET_MET,
        to_reason=VerdictReason.BELOW_TARGET,
        cause=Cause.DATA,
        ruleset="V1",
        catalog="storm",
        occurred_at=moment,
        as_of=AS_OF,
        event_ids=(f"{unit}-{node}",),
        observed_at=moment,
        period_start=AS_OF.replace(day=1),
        period_end=AS_OF,
        operator=">=",
        threshold=90.0,
        cells=(
            CellFinding(
                cell="",
                status=VerdictStatus.NOT_MET,
                reason=VerdictReason.BELOW_TARGET,
                numerator=1149,
                denominator=1292,
                gap=14,
            ),
        ),
    )


def _write_offices(catalog: Path) -> None:
    """Let six offices lead the indicators in turn, in place of the communes that otherwise do all."""
    offices = [f"office_{number}" for number in range(OFFICES)]
    indicators = yaml.safe_load((catalog / "indicators.yaml").read_text(encoding="utf-8"))["indicators"]
    rules = [
        {"indicator": indicator["key"], "lead": [offices[place % OFFICES]], "clauses": [f"c{place % OFFICES}"]}
        for place, indicator in enumerate(indicators)
    ]
    dispatch: dict[str, Any] = yaml.safe_load((catalog / "dispatches/workload-v1.yaml").read_text(encoding="utf-8"))
    dispatch["units"] = [{"id": office, "name_vi": f"Phòng {office[-1]}", "kind": "office"} for office in offices]
    dispatch["clauses"] = [
        {"id": f"c{place}", "unit": office, "section_vi": f"mục {place}", "quote": "Chủ trì.", "role": "lead"}
        for place, office in enumerate(offices)
    ]
    dispatch["rules"] = rules
    addresses = [
        {"dispatch": dispatch["id"], "unit": office, "mail": [f"{office}@offices.example"]} for office in offices
    ]
    files = {
        "dispatches/workload-v1.yaml": dispatch,
        "addresses.yaml": {"addresses": addresses},
        "policies.yaml": _POLICIES,
    }
    for file, content in files.items():
        (catalog / file).write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
