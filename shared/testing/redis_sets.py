"""Several Valkeys that stand together: a master with a replica behind Sentinels, and a cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import redis

from shared.embedded.ports import free_port
from shared.embedded.valkey import EmbeddedValkey
from shared.testing.polling import until
from shared.testing.servers import run_in_thread

_PASSWORD = "of-a-test"  # noqa: S105 - of servers that live as long as a test
_MASTERS = 3
_SLOTS = 16_384


@dataclass(frozen=True, slots=True)
class SentinelSet:
    """A master, its replica and three Sentinels that agree by two."""

    master: EmbeddedValkey
    replica: EmbeddedValkey
    sentinels: tuple[EmbeddedValkey, ...]

    @property
    def url(self) -> str:
        """The URL that names the Sentinels."""
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{_PASSWORD}@{places}/numbers/0?sentinel_password={_PASSWORD}"


@contextmanager
def start_sentinels(folder: Path) -> Iterator[SentinelSet]:
    """Run a master, a replica and three Sentinels; yield when the Sentinels know each other and the replica."""
    with ExitStack() as stack:

        def run(name: str, settings: dict[str, str], *, is_sentinel: bool = False) -> EmbeddedValkey:
            server = EmbeddedValkey(folder / name, settings=settings, password=_PASSWORD, is_sentinel=is_sentinel)
            server.start()
            stack.callback(server.stop)
            return server

        auth = {"masterauth": _PASSWORD, "repl-diskless-sync-delay": "0"}
        master = run("master", auth)
        replica = run("replica", auth | {"replicaof": f"127.0.0.1 {master.port}"})
        watching = {
            "sentinel monitor numbers": f"127.0.0.1 {master.port} 2",
            "sentinel auth-pass numbers": _PASSWORD,
            "sentinel sentinel-pass": _PASSWORD,
            "sentinel down-after-milliseconds numbers": "500",
            "sentinel failover-timeout numbers": "3000",
        }
        sentinels = tuple(run(f"sentinel{n}", watching, is_sentinel=True) for n in range(3))
        for sentinel in sentinels:
            with redis.Redis.from_url(sentinel.url) as client:
                run_in_thread(until(partial(_is_complete, client), what="the Sentinels to find each other"))
        yield SentinelSet(master, replica, sentinels)


def _is_complete(client: "redis.Redis") -> bool:
    state: Any = client.sentinel_master("numbers")
    return int(state["num-other-sentinels"]) == 2 and int(state["num-slaves"]) == 1


@dataclass(frozen=True, slots=True)
class ClusterSet:
    """Three masters; each has a replica."""

    masters: tuple[EmbeddedValkey, ...]
    replicas: tuple[EmbeddedValkey, ...]

    @property
    def url(self) -> str:
        """The URL that names the masters."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.masters)
        return f"redis+cluster://:{_PASSWORD}@{places}"

    def master_of(self, key: str) -> EmbeddedValkey:
        """Return the master that holds a key while all masters live."""
        with redis.Redis.from_url(self.masters[0].url) as client:
            slot = int(client.execute_command("CLUSTER KEYSLOT", key))
        return self.masters[slot * _MASTERS // _SLOTS]


@contextmanager
def start_cluster(folder: Path) -> Iterator[ClusterSet]:
    """Run a cluster of three masters with a replica each; yield when all slots are served and all replicas follow."""
    with ExitStack() as stack:
        nodes = []
        for number in range(2 * _MASTERS):
            settings = {
                "cluster-enabled": "yes",
                "cluster-node-timeout": "1000",
                "cluster-port": str(free_port()),
                "masterauth": _PASSWORD,
                "repl-diskless-sync-delay": "0",
            }
            node = EmbeddedValkey(folder / f"node{number}", settings=settings, password=_PASSWORD)
            node.start()
            stack.callback(node.stop)
            nodes.append((node, stack.enter_context(redis.Redis.from_url(node.url)), settings["cluster-port"]))
        clients = [client for _, client, _ in nodes]
        for node, _, bus in nodes[1:]:
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
        bounds = [-(-_SLOTS * number // _MASTERS) for number in range(_MASTERS + 1)]
        for number in range(_MASTERS):
            clients[number].execute_command("CLUSTER ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        ids = [client.execute_command("CLUSTER MYID").decode() for client in clients]
        for client in clients:
            run_in_thread(until(partial(_knows, client, 2 * _MASTERS), what="the nodes to meet"))
        for number in range(_MASTERS):
            clients[_MASTERS + number].execute_command("CLUSTER REPLICATE", ids[number])
        for number in range(_MASTERS):
            run_in_thread(until(partial(_has_replica, clients[number]), what="the replicas to follow"))
        for client in clients:
            run_in_thread(until(partial(_is_ok, client), what="all slots to be served"))
        servers = [node for node, _, _ in nodes]
        yield ClusterSet(tuple(servers[:_MASTERS]), tuple(servers[_MASTERS:]))


def _knows(client: "redis.Redis", count: int) -> bool:
    return int(client.cluster("INFO")["cluster_known_nodes"]) == count


def _is_ok(client: "redis.Redis") -> bool:
    return str(client.cluster("INFO")["cluster_state"]) == "ok" and _sees_all_replicas(client)


def _sees_all_replicas(client: Any) -> bool:
    slots = client.execute_command("CLUSTER SLOTS")
    return len(slots) == _MASTERS and all(len(entry) >= 4 for entry in slots)  # start, end, two nodes


def _has_replica(client: "redis.Redis") -> bool:
    return int(client.info("replication")["connected_slaves"]) == 1
