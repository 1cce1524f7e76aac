"""Free ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range from which Linux (32768), BSD and macOS (49152) take the ports of outgoing connections: between the
# choice and the use of such a port, any connection of any process could take it.
FIRST, LAST = 20_000, 32_000
_TRIES = 200


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing uses now and that no outgoing connection will take."""
    for _ in range(_TRIES):
        port = random.randint(FIRST, LAST)  # noqa: S311 - nothing secret
        if is_free(port):
            return port
    with socket.socket() as sock:  # a crowded machine: whatever the system has
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
