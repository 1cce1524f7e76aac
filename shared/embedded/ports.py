"""Free ports on the loopback interface, each chosen by one process of the machine only."""

import atexit
import random
import socket
import threading

LOOPBACK = "127.0.0.1"
# Below the range from which Linux (32768), BSD and macOS (49152) take the ports of outgoing connections: between the
# choice and the use of such a port, any connection of any process could take it.
FIRST, LAST = 20_000, 32_000
_BLOCK = 100
_lock = threading.Lock()
_ports: list[int] = []


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing uses now, and that no outgoing connection nor other process takes."""
    with _lock:
        while _ports or _take_block():
            port = _ports.pop()
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


def _take_block() -> bool:
    # A server listens some time after its port was chosen, and one that is killed leaves it for a while: until this
    # process ends, the ports of a block are chosen by nobody else who asks here. The UDP port of the block's first
    # number says so: it hinders no TCP server, and the system frees it however the process ends.
    blocks = list(range(FIRST, LAST, _BLOCK))
    random.SystemRandom().shuffle(blocks)  # whoever sets a seed does not set this
    for first in blocks:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((LOOPBACK, first))
        except OSError:
            claim.close()
        else:
            atexit.register(claim.close)
            _ports.extend(range(first + _BLOCK - 1, first - 1, -1))
            return True
    return False
