"""Tokens, and ids made from content."""

import base64

import pytest

from services.ingest.domain.identity import Arrival, arrival_id, content_id
from services.ingest.domain.tokens import Grant, hash_token, is_source_name, new_token, token_of
from tests.unit.ingest.conftest import NOW


def test_a_token_is_new_each_time_and_only_its_hash_is_needed() -> None:
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(len(token) > 43 and len(hash_token(token)) == 32 for token in tokens)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("ApiToken abc", "abc"),
        ("Basic " + base64.b64encode(b"admin:ab:c").decode(), "ab:c"),
        ("Basic " + base64.b64encode(b"admin").decode(), None),
        ("Basic ???", None),
        ("Bearer", None),
        ("Digest abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_is_found_in_the_header(header: str | None, token: str | None) -> None:
    assert token_of(header) == token


def test_a_grant_allows_its_own_source_and_those_it_may_send_for() -> None:
    grant = Grant("hmis", frozenset({"bhxh"}))

    assert [source for source in ("hmis", "bhxh", "agri") if grant.allows(source)] == ["hmis", "bhxh"]
    assert Grant("gateway", frozenset({"*"})).allows("anything")


def test_content_ids_never_run_into_one_another() -> None:
    assert len({content_id("a", "b"), content_id("ab"), content_id("a", "b", ""), content_id("", "a", "b")}) == 4


def test_every_generation_of_a_value_has_its_own_id() -> None:
    arrival = Arrival("key", "[950]", "[1000]", NOW)

    assert arrival_id("hmis", arrival, 1) == arrival_id("hmis", arrival, 1)
    assert arrival_id("hmis", arrival, 1) != arrival_id("hmis", arrival, 2)


@pytest.mark.parametrize(
    ("name", "is_one"), [("hmis", True), ("/a b", True), ("", False), ("*", False), ("a\tb", False)]
)
def test_a_source_has_a_printable_name(name: str, is_one: bool) -> None:
    assert is_source_name(name) is is_one
