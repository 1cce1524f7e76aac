"""The ports of a stack: the well-known ones when they are free, others when not."""

from shared.embedded.ports import LOOPBACK, free_port, is_free

__all__ = ["LOOPBACK", "port_or_free"]


def port_or_free(preferred: int | None) -> int:
    """Return the preferred port when nothing listens on it, any free port otherwise."""
    return preferred if preferred is not None and is_free(preferred) else free_port()
