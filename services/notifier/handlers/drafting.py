"""A group of due entries is written down as a message: subject, text, HTML or JSON, ready to be stored and sent."""

import datetime as dt
import uuid
from collections.abc import Callable

import msgspec
import structlog

from services.notifier.domain.delivery import Draft
from services.notifier.domain.grouping import Group, ItemKind
from services.notifier.domain.material import Material
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.owning import Owners
from services.notifier.domain.payload import payload_of
from services.notifier.domain.ports import Renderer
from services.notifier.domain.summary import Amounts, compose_summary
from services.notifier.domain.views import Message
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel
from shared.runtime.clock import Clock

_log = structlog.get_logger(__name__)

Link = Callable[[str, dt.datetime], str | None]


class Drafter:
    """Writes messages. `link_to` returns where a delivery's receipt is confirmed, or None without such a place.

    The link stands in messages to those who have to act on an alert in it that is still open.

    A message that cannot be written becomes a dead letter with the fault: it must not hold back other addresses.
    """

    def __init__(
        self,
        catalog: Catalog,
        renderer: Renderer,
        clock: Clock,
        *,
        message_domain: str,
        detailed_items: int,
        link_to: Link = lambda _delivery, _now: None,
    ) -> None:
        self._catalog = catalog
        self._owners = Owners(catalog)
        self._renderer = renderer
        self._clock = clock
        self._message_domain = message_domain
        self._detailed_items = detailed_items
        self._link_to = link_to

    def draft(self, each: Group, material: Material) -> Draft:
        """Return the message of a group that names every item."""
        delivery_id, now = str(uuid.uuid4()), self._clock.now()

        def message() -> Message:
            link = self._link_to(delivery_id, now) if self._owners.act_on(each, material) else None
            return compose(self._catalog, each, material, now, self._detailed_items, link)

        return self._drafted(delivery_id, now, each, material, message)

    def summarize(self, delivery_id: str, first: Group, material: Material, amounts: Amounts) -> Draft:
        """Return the message for more news than anybody reads: `first` at length, the rest as `amounts`."""
        now = self._clock.now()

        def message() -> Message:
            link = self._link_to(delivery_id, now) if self._owners.act_on(first, material) else None
            return compose_summary(self._catalog, first, material, amounts, now, self._detailed_items, link)

        return self._drafted(delivery_id, now, first, material, message)

    def _drafted(
        self, delivery_id: str, now: dt.datetime, each: Group, material: Material, written: Callable[[], Message]
    ) -> Draft:
        message_id = f"<{delivery_id}@{self._message_domain}>"
        subject = body = html = payload = ""
        references: tuple[str, ...] = ()
        failure = None
        try:
            message = written()
            subject, references = message.subject, message.references
            body = self._renderer.render(message)
            if each.channel is Channel.MAIL:
                html = self._renderer.render_html(message)
            if each.channel is Channel.WEBHOOK:
                views = views_of(self._catalog, each, material)
                facts = payload_of(message, each, views, delivery_id, message_id, body)
                payload = msgspec.json.encode(facts).decode()
        except Exception as error:  # noqa: BLE001 - stored as a dead letter; it must not hold back all other addresses
            _log.exception("message cannot be written", delivery_id=delivery_id, address=each.address)
            failure = f"the message cannot be written: {type(error).__name__}: {error}"
        return Draft(
            id=delivery_id,
            channel=each.channel,
            address=each.address,
            message_id=message_id,
            references=references,
            subject=subject,
            body=body,
            payload=payload,
            created_at=now,
            entry_ids=each.entry_ids,
            failure=failure,
            html=html,
            report_id=next((item.entry.subject for item in each.items if item.kind is ItemKind.REPORT), None),
        )
