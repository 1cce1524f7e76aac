"""The ports of a stack: the well-known ones when they are free, others when not."""

import socket

from shared.embedded.ports import free_port

LOOPBACK = "127.0.0.1"


def port_or_free(preferred: int | None) -> int:
    """Return the preferred port when nothing listens on it, any free port otherwise."""
    if preferred is None:
        return free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, preferred))
        except OSError:
            return free_port()
    return preferred
