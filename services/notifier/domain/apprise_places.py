"""The places of other services: their URLs hold secrets, so what is kept or shown names the place instead."""

from typing import NamedTuple

from shared.catalog.dispatches import Address


class ApprisePlace(NamedTuple):
    """One place of another service: its name in the ledger, and the URL, or the file that holds URLs."""

    name: str
    url: str | None = None
    url_file: str | None = None


def apprise_places(address: Address) -> tuple[ApprisePlace, ...]:
    """Return the places of other services at which an entry of addresses.yaml is reached.

    Every URL is a place of its own, numbered from 1, so that one that fails does not repeat another; the file is one.
    """
    below = f"/{address.commune}" if address.commune else ""
    name = f"{address.dispatch}/{address.unit}{below}"
    places = [ApprisePlace(f"{name}#{number}", url=url) for number, url in enumerate(address.apprise, 1)]
    if address.apprise_file is not None:
        places.append(ApprisePlace(f"{name}#file", url_file=address.apprise_file))
    return tuple(places)
