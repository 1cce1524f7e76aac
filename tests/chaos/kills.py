"""kill -9 at every step between read, commit and acknowledgement, placed by a fault point in the process itself."""

from functools import partial

from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World

# Service, point (with :N, the N-th time it is reached), and what the next life must make good.
_POINTS = (
    ("ingest", "before_commit:3", "nothing is stored, the sender is not answered and posts again"),
    ("ingest", "after_commit:3", "stored and not answered: the second posting is a duplicate, the relay publishes"),
    ("ingest", "after_publish:3", "published and not answered: the second posting is a duplicate"),
    ("evaluator", "after_read:3", "read and not handled: the next life takes the entries over"),
    ("evaluator", "before_commit:3", "judged and not committed: judged again"),
    ("evaluator", "after_commit:3", "committed and not published: the relay publishes what changed"),
    ("evaluator", "before_ack:3", "committed and not acknowledged: the second delivery finds it done"),
    ("evaluator", "after_ack:3", "acknowledged: the next life begins after it"),
    ("evaluator", "during_restore", "killed while it restores: the next life restores"),
    ("evaluator", "before_flush", "facts in memory only: they are restored from the kept messages"),
    ("evaluator", "after_flush", "facts written: the messages that brought them are no longer needed"),
    ("notifier", "after_read:3", "read and not handled: the next life takes the entries over"),
    ("notifier", "before_commit:3", "alerts decided and not committed: decided again"),
    ("notifier", "after_commit:3", "alerts committed: the second delivery finds them done"),
    ("notifier", "before_ack:3", "alerts committed and not acknowledged: nobody is told twice"),
    ("notifier", "after_ack:3", "acknowledged: the next life begins after it"),
    ("notifier", "after_grouping", "messages stored and not sent: the next life sends them"),
    ("notifier", "before_send:2", "taken and not sent: sent when the claim has run out"),
    (
        "notifier",
        "after_send:2",
        "sent and not recorded: the same mail again under the same Message-ID, once in the ledger",
    ),
)


async def _die(world: World, service: str, point: str) -> Evidence:
    signal = await world.dies_at(service, point)
    await world.ready(service)
    await world.sender.has_posted(30)
    return {"killed_at": f"{service}.{point}", "ended_by_signal": signal}


SCENARIOS = tuple(
    Scenario(
        f"kill-{service}-{point.partition(':')[0].replace('_', '-')}",
        proves,
        partial(_die, service=service, point=point),
    )
    for service, point, proves in _POINTS
)
