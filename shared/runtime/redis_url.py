"""The URL of Redis: one server, servers behind Sentinels, or a cluster."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS = {"sentinel": 26379, "cluster": 6379}


class Topology(StrEnum):
    """How the Redis servers stand together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is: `url` is that of one server, with the credentials; `hosts` are the Sentinels or the nodes."""

    topology: Topology
    url: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_password: str | None = None
    is_tls: bool = False


def parse_redis_url(url: str) -> RedisAddress:
    """Take the URL apart; raise ValueError, without repeating the password, when it is none.

    >>> parse_redis_url("redis+sentinel://:geheim@a:26379,b/main/0").hosts
    (('a', 26379), ('b', 26379))
    >>> parse_redis_url("redis+cluster://:geheim@a:7000,b").hosts
    (('a', 7000), ('b', 6379))
    """
    scheme, separator, _ = url.partition("://")
    base, _, topology = scheme.partition("+")
    if not separator or scheme not in _SCHEMES:
        raise ValueError(_USAGE)
    if not topology:
        return RedisAddress(Topology.SINGLE, url, is_tls=scheme == "rediss")
    parts = urlsplit(url)
    credentials, at, places = parts.netloc.rpartition("@")
    hosts = tuple(_host(place, _PORTS[topology]) for place in places.split(","))
    path = [unquote(part) for part in parts.path.split("/") if part]
    first_host, first_port = hosts[0]
    one = f"{base}://{credentials}{at}{first_host}:{first_port}"
    if topology == Topology.CLUSTER:
        if path not in ([], ["0"]):
            raise ValueError("a Redis Cluster has database 0 only")
        return RedisAddress(Topology.CLUSTER, one, hosts, is_tls=base == "rediss")
    if not path or len(path) > 2 or not all(part.isdigit() for part in path[1:]):
        raise ValueError("must end with the name under which the Sentinels know the master: .../SERVICE_NAME/0")
    password = parse_qs(parts.query).get("sentinel_password", [None])[0]
    one = f"{one}/{path[1] if len(path) > 1 else 0}"
    return RedisAddress(Topology.SENTINEL, one, hosts, path[0], password, base == "rediss")


def _host(place: str, default_port: int) -> tuple[str, int]:
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not colon:
        host = place
    if not host or (colon and not port.isdigit()):
        raise ValueError(f"{place!r} is not HOST:PORT")
    return host, int(port) if colon else default_port


_SCHEMES = {"redis", "rediss", "unix"} | {
    f"{base}+{topology}" for base in ("redis", "rediss") for topology in ("sentinel", "cluster")
}
_USAGE = (
    "must look like redis://:PASSWORD@HOST:PORT/0 (rediss:// for TLS), "
    "redis+sentinel://:PASSWORD@HOST:26379,HOST:26379/SERVICE_NAME/0 or redis+cluster://:PASSWORD@HOST:6379,HOST:6379"
)
