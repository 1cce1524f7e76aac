"""The endpoints, for a moment: `make fuzz ONLY=endpoints` does the same for as long as there is time."""

import pytest

from tests.fuzz.endpoints import EndpointFuzzing, serving

pytestmark = pytest.mark.integration


def test_every_answer_is_as_the_openapi_document_says(database_url: str, redis_url: str) -> None:
    with serving(database_url, redis_url) as (url, token):
        outcome = EndpointFuzzing(url, token, 0).run(seconds=0, requests_each=4)

    assert outcome.inputs > 0
    assert outcome.findings == [], "\n".join(
        f"{found.what}\n{found.body!r}\n{found.trace}" for found in outcome.findings
    )
