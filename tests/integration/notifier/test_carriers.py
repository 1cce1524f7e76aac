"""The channels as the settings and the catalog make them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.notifier.adapters.carriers import Carrier, carriers
from services.notifier.adapters.webhook import SIGNATURE_HEADER
from services.notifier.domain.addressees import places_of
from services.notifier.domain.delivery import Failed, Sent
from services.notifier.settings import NotifierSettings
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import Address
from shared.contracts.vocabulary import Channel
from shared.runtime.clock import SystemClock
from shared.runtime.settings import load
from shared.testing.catalogs import shipped_at_once
from tests.integration.notifier.authority import Authority
from tests.integration.notifier.test_apprise_channel import a_delivery as a_message
from tests.integration.notifier.test_mail_channel import a_delivery as a_mail
from tests.integration.notifier.test_mail_tls import mail_server
from tests.integration.notifier.test_webhook_channel import a_delivery as a_request
from tests.integration.notifier.test_webhook_channel import receiver

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def with_addresses(catalog: Catalog, addresses: tuple[Address, ...]) -> Catalog:
    return Catalog(**{n: getattr(catalog, n) for n in Catalog.model_fields} | {"addresses": addresses})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The shipped catalog, in which BHXH of Cao Lộc is reached by another service, too."""
    shipped = shipped_at_once()
    addresses = tuple(
        address.model_copy(update={"apprise": ("json://127.0.0.1:1/bi-mat?cto=1",)})
        if "bhxh.caoloc@langson.example" in address.mail
        else address
        for address in shipped.addresses
    )
    return with_addresses(shipped, addresses)


def built(catalog: Catalog, **settings: str) -> Iterator[Carrier]:
    given = {f"DATCHUAN_{name.upper()}": value for name, value in settings.items()}
    return iter(carriers(load(NotifierSettings, given), catalog))


async def test_every_channel_has_a_carrier_and_a_bound_for_each_lane(catalog: Catalog) -> None:
    found = list(built(catalog, smtp_connections="8", smtp_per_domain="3", webhook_connections="6"))

    bounds = {each.channel: (each.at_once, each.per_lane) for each in found}
    for each in found:
        await each.by.close()
    assert bounds == {
        Channel.MAIL: (8, 3),
        Channel.WEBHOOK: (6, 3),
        Channel.APPRISE: (2, 1),
        Channel.CONSOLE: (1, 1),
    }
    assert set(bounds) == set(Channel)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
async def test_mail_goes_to_a_server_of_the_ca_file_that_the_settings_name(catalog: Catalog, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    async with mail_server("tls", authority.context("127.0.0.1")) as (_kept, port):
        mail = next(built(catalog, smtp_port=str(port), smtp_security="tls", smtp_ca_file=str(authority.certificate)))
        result = await mail.by.send(a_mail())
        await mail.by.close()

    assert isinstance(result, Sent)


async def test_a_unit_that_is_reached_by_another_service_is_told_there_by_a_name_without_secrets(
    catalog: Catalog,
) -> None:
    dispatch = next(a.dispatch for a in catalog.addresses if a.apprise)

    places = places_of(catalog, dispatch, "bhxh", "06208")
    carrier = next(each for each in built(catalog) if each.channel is Channel.APPRISE)
    result = await carrier.by.send(a_message(places[-1][1]))
    await carrier.by.close()

    assert places[-1] == (Channel.APPRISE, f"{dispatch}/bhxh#1")
    assert isinstance(result, Failed)
    assert "bi-mat" not in result.reply


async def test_a_signature_has_the_real_time_whatever_date_the_system_runs_as_of(
    catalog: Catalog, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("bí mật", encoding="utf-8")
    async with receiver() as (found, url):
        signed = {"webhook": url, "webhook_secret_file": str(secret)}
        at_webhook = with_addresses(catalog, (catalog.addresses[0].model_copy(update=signed),))
        carrier = next(each for each in built(at_webhook, clock_offset_days="-769") if each.channel is Channel.WEBHOOK)
        before = SystemClock().now().timestamp()
        result = await carrier.by.send(a_request(url))
        await carrier.by.close()

    signed_at = int(found.headers[SIGNATURE_HEADER.lower()].partition(",")[0].removeprefix("t="))
    assert isinstance(result, Sent)
    assert int(before) <= signed_at <= SystemClock().now().timestamp()
