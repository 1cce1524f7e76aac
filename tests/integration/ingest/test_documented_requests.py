"""Every request that docs/intake.md shows is taken as it is printed, by the shipped catalog."""

import gzip
import re
import shlex
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.catalog.load import load_catalog

pytestmark = pytest.mark.integration
PAGE = Path(__file__).resolve().parents[3] / "docs/intake.md"
REQUEST = re.compile(
    r"^(?P<fold>gzip <<'EOF' \| )?curl (?P<words>(?:\\\n|[^\n])*--data-binary @-)[^\n]*\n(?P<body>.*?)^EOF$",
    re.M | re.S,
)


class Shown(NamedTuple):
    """One request of the page: path with query, the source whose token it bears, headers, body."""

    path: str
    source: str
    headers: dict[str, str]
    body: bytes


def shown_requests() -> list[Shown]:
    found = []
    for match in REQUEST.finditer(PAGE.read_text(encoding="utf-8")):
        words = shlex.split(match["words"].replace("\\\n", ""))
        said = [words[index + 1] for index, word in enumerate(words) if word == "-H"]
        headers = dict(line.split(": ", 1) for line in said if ": " in line)
        (source,) = (line[1:].casefold() for line in said if line.startswith("$"))
        body = match["body"].encode()
        found.append(
            Shown(words[0].removeprefix("$URL"), source, headers, gzip.compress(body) if match["fold"] else body)
        )
    return found


SHOWN = shown_requests()


@pytest.fixture
async def shipped(start_service: Callable[..., Any], database_url: str, redis_url: str) -> AsyncIterator[Any]:
    """The service with the catalog that ships."""
    async with start_service(database_url, redis_url, load_catalog(None)) as running:
        yield running


def test_the_page_shows_a_request_of_every_format() -> None:
    types = {request.headers["Content-Type"] for request in SHOWN}

    assert len(SHOWN) >= 10
    assert {"application/json", "application/xml", "text/csv", "application/adx+xml"} <= types
    assert {"application/fhir+json", "application/cloudevents+json"} <= types


@pytest.mark.parametrize("request_", SHOWN, ids=lambda request: f"{request.path} {request.headers['Content-Type']}")
async def test_a_request_that_the_page_shows_is_taken_whole(shipped: Any, request_: Shown) -> None:
    _, token = await shipped.tokens.create("documented", request_.source, [])
    headers = request_.headers | {"Authorization": f"Bearer {token}"}

    answer = await shipped.client.post(request_.path, content=request_.body, headers=headers)

    assert answer.status_code in (200, 202), answer.text
    assert not re.search(r'"(quarantined|refused)":[1-9]|"severity":"error"', answer.text), answer.text
    assert re.search(r'"(accepted|imported)":[1-9]|accepted: [1-9]', answer.text), answer.text
