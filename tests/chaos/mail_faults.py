"""The mail server refuses, hangs, is gone after the mail but before its answer, or knows one address no more."""

from collections import Counter

from services.notifier.adapters.dead_deliveries import retry_delivery
from services.notifier.adapters.queries import DeadDelivery, dead_deliveries
from shared.testing.polling import until
from tests.chaos.checks import settle
from tests.chaos.mail_server import Behaviour
from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, require

_TRIED_AGAIN = """
SELECT count(*) FROM notifier.delivery
 WHERE status IN ('retry', 'sending') AND attempts >= :attempts AND server_reply ILIKE :reply
"""
_ADDRESS = (
    "SELECT address FROM notifier.delivery WHERE channel = 'mail' GROUP BY address ORDER BY count(*) DESC LIMIT 1"
)


async def _tried(world: World, reply: str, attempts: int = 1) -> int:
    """Wait until deliveries have failed so often with such a reply, and return how many."""
    return await until(
        lambda: world.number(_TRIED_AGAIN, attempts=attempts, reply=f"%{reply}%"),
        timeout=40,
        what=f"deliveries fail with {reply!r}",
        interval=0.2,
    )


async def _port_closed(world: World) -> Evidence:
    await world.mail.stop()
    try:
        waiting = await _tried(world, "connect", attempts=2)
    finally:
        await world.mail.start()
    return {"deliveries_refused": waiting}


async def _busy(world: World) -> Evidence:
    world.mail.behave(Behaviour.BUSY)
    try:
        waiting = await _tried(world, "421", attempts=2)
    finally:
        world.mail.behave(Behaviour.TAKE)
    return {"deliveries_refused": waiting}


async def _hanging(world: World) -> Evidence:
    with world.mail.frozen():
        waiting = await _tried(world, "Timeout")
    return {"deliveries_timed_out": waiting}


async def _drop_after_data(world: World) -> Evidence:
    before = _received_again(world)
    world.mail.behave(Behaviour.DROP)
    try:
        await until(lambda: _received_again(world) > before, timeout=40, what="a mail is sent again", interval=0.2)
    finally:
        world.mail.behave(Behaviour.TAKE)
    return {"mails_sent_again": _received_again(world) - before}


def _received_again(world: World) -> int:
    return sum(count > 1 for count in Counter(mail.message_id for mail in world.mail.received()).values())


async def _refuse_one(world: World) -> Evidence:
    """One address is refused for good: its mails become dead letters; the operator has them sent later."""
    (row,) = await until(lambda: world.rows(_ADDRESS), timeout=40, what="somebody gets mail")
    address = row["address"]
    world.mail.behave(Behaviour.REFUSE, address)
    try:
        dead = await until(lambda: _dead(world), timeout=40, what="a mail is given up", interval=0.2)
        sent = await world.number("SELECT count(*) FROM notifier.delivery WHERE status = 'sent'")
        await until(lambda: _sent_since(world, sent), timeout=20, what="others get their mail", interval=0.2)
        await world.sender.pause()
        await settle(world)
        dead = await _dead(world)
    finally:
        world.mail.behave(Behaviour.TAKE)
        world.sender.resume()
    require({letter.address for letter in dead} == {address}, "another address was given up")
    require(all((letter.server_reply or "").startswith("550") for letter in dead), "given up without a 550")
    for letter in dead:
        await retry_delivery(world.engine, world.catalog, letter.id)
    return {"mails_given_up": len(dead), "given_up_for": address, "sent_by_operator": len(dead)}


async def _dead(world: World) -> list[DeadDelivery]:
    return await dead_deliveries(world.engine)


async def _sent_since(world: World, before: int) -> bool:
    return await world.number("SELECT count(*) FROM notifier.delivery WHERE status = 'sent'") > before


SCENARIOS = (
    Scenario("smtp-port-closed", "nobody listens: every mail waits and is sent later", _port_closed),
    Scenario("smtp-busy", "421 to every mail: every mail waits and is sent later", _busy),
    Scenario(
        "smtp-hanging", "connections are made and never answered: the sender gives up in time and tries again", _hanging
    ),
    Scenario(
        "smtp-dropped-after-data",
        "the line breaks before the 250: the same Message-ID again, once in the ledger",
        _drop_after_data,
    ),
    Scenario("smtp-unknown-recipient", "550 for one address: a dead letter for it, nobody else waits", _refuse_one),
)
