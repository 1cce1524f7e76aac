"""Where Redis and PostgreSQL are, when they are more than one server."""

from typing import Any

import pytest
from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from pydantic import SecretStr
from sqlalchemy import make_url

from shared.runtime.broker import create_broker
from shared.runtime.errors import DependencyUnavailableError
from shared.runtime.primary import PrimaryFinder, primary_arguments
from shared.runtime.redis_url import RedisAddress, Topology, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param(
            "redis://:p@h:1/0", RedisAddress(Topology.SINGLE, "redis://:p@h:1/0"), id="one server"
        ),
        pytest.param(
            "redis+sentinel://:p@h1,h2:7/main/3?sentinel_password=q",
            RedisAddress(
                Topology.SENTINEL, "redis://:p@h1:26379/3", (("h1", 26379), ("h2", 7)), "main", sentinel_password="q"
            ),
            id="Sentinels with a password of their own",
        ),
        pytest.param(
            "rediss+sentinel://u:p@h1/main",
            RedisAddress(Topology.SENTINEL, "rediss://u:p@h1:26379/0", (("h1", 26379),), "main", is_tls=True),
            id="Sentinels by TLS",
        ),
        pytest.param(
            "redis+cluster://:p@h1,[::1]:7",
            RedisAddress(Topology.CLUSTER, "redis://:p@h1:6379", (("h1", 6379), ("[::1]", 7))),
            id="a cluster",
        ),
    ],
)  # fmt: skip
def test_a_redis_url_says_how_its_servers_stand_together(url: str, address: RedisAddress) -> None:
    assert parse_redis_url(url) == address


@pytest.mark.parametrize("url", ["redis+cluster://:geheim@h/3", "redis+sentinel://:geheim@h/a/b", "amqp://:geheim@h"])
def test_a_wrong_redis_url_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is what is looked at
        parse_redis_url(url)

    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        pytest.param("redis://h", RedisBroker, id="one server"),
        pytest.param("redis+sentinel://h1,h2/main", RedisSentinelBroker, id="Sentinels"),
        pytest.param("rediss+sentinel://h1,h2/main", RedisSentinelBroker, id="Sentinels by TLS"),
        pytest.param("redis+cluster://h1,h2", RedisClusterBroker, id="a cluster"),
        pytest.param("rediss+cluster://h1,h2", RedisClusterBroker, id="a cluster by TLS"),
    ],
)
def test_the_broker_is_the_one_for_the_servers(url: str, kind: type[RedisBroker]) -> None:
    broker = create_broker(SecretStr(url))

    assert isinstance(broker, kind)
    assert (kind is RedisBroker) == (type(broker) is RedisBroker)


class Servers:
    """Stands in for asyncpg.connect: only the servers of some ports take writes."""

    def __init__(self, *writable: int) -> None:
        self.writable = writable
        self.asked: list[int] = []

    async def connect(self, *, host: str, port: int, **options: Any) -> Any:
        """Connect to one server."""
        assert (host, options["target_session_attrs"], options["user"]) == ("h", "read-write", "u")
        self.asked.append(port)
        if port not in self.writable:
            raise ConnectionRefusedError(f"port {port} is closed")
        return port


async def test_the_first_server_that_takes_writes_is_used_and_asked_first_from_then_on() -> None:
    servers = Servers(3)
    connect = PrimaryFinder([("h", 1), ("h", 2), ("h", 3)], servers.connect)

    found: list[Any] = [await connect(user="u", host=["x"], port=[9]) for _ in range(2)]

    assert found == [3, 3]
    assert servers.asked == [1, 2, 3, 3]


async def test_no_server_that_takes_writes_is_an_outage_that_names_all_reasons() -> None:
    connect = PrimaryFinder([("h", 1), ("h", 2)], Servers().connect)

    with pytest.raises(DependencyUnavailableError, match=r"h:1: port 1 is closed; h:2: port 2 is closed"):
        await connect(user="u")


def test_one_server_needs_no_finder() -> None:
    assert primary_arguments(make_url("postgresql+asyncpg://u:p@h/d")) == {}
