"""The channels by which messages leave, built from settings and the addresses of the catalog."""

from dataclasses import dataclass

import structlog

from services.notifier.adapters import apprise_services
from services.notifier.adapters.apprise_services import AppriseChannel
from services.notifier.adapters.console import ConsoleChannel
from services.notifier.adapters.mail import MailChannel
from services.notifier.adapters.mail_server import SmtpServer
from services.notifier.adapters.webhook import WebhookChannel
from services.notifier.domain.apprise_places import apprise_places
from services.notifier.domain.ports import MessageChannel
from services.notifier.settings import NotifierSettings
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import Address
from shared.catalog.policies import SuperiorUnit
from shared.contracts.vocabulary import Channel
from shared.runtime.clock import SystemClock

_log = structlog.get_logger(__name__)

_APPRISE_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries the messages of one channel: so many at once, and so many of them to one lane."""

    channel: Channel
    by: MessageChannel
    at_once: int
    per_lane: int


def carriers(settings: NotifierSettings, catalog: Catalog) -> list[Carrier]:
    """Build a carrier for every channel; that of other services needs its library only where there are any."""
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=None if settings.smtp_password is None else settings.smtp_password.get_secret_value(),
        connections=settings.smtp_connections,
        timeout_seconds=settings.send_timeout_seconds,
        ca_file=settings.smtp_ca_file,
    )
    receivers: list[Address | SuperiorUnit] = [*catalog.addresses, *catalog.policies.superiors]
    secrets = {receiver.webhook: receiver.webhook_secret_file for receiver in receivers if receiver.webhook}
    # A receiver compares the signature's time with its own clock, whatever date this system runs as of.
    webhooks = WebhookChannel(secrets, settings.webhook_connections, settings.send_timeout_seconds, SystemClock())
    places = [place for address in catalog.addresses for place in apprise_places(address)]
    if places and not apprise_services.is_installed():
        _log.error("addresses name other services", places=len(places), error=apprise_services.MISSING)
    others = AppriseChannel(places, _APPRISE_AT_ONCE, settings.send_timeout_seconds)
    # A receiver that hangs never takes all requests: half of them are left to the others.
    half = max(1, settings.webhook_connections // 2)
    return [
        Carrier(
            Channel.MAIL, MailChannel(server, settings.mail_from), settings.smtp_connections, settings.smtp_per_domain
        ),
        Carrier(Channel.WEBHOOK, webhooks, settings.webhook_connections, half),
        Carrier(Channel.APPRISE, others, _APPRISE_AT_ONCE, 1),
        Carrier(Channel.CONSOLE, ConsoleChannel(), 1, 1),
    ]
