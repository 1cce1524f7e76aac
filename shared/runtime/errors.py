"""Errors of the runtime."""


class DatchuanError(Exception):
    """Base of the errors that the product raises on purpose."""


class DependencyUnavailableError(DatchuanError):
    """A server that the process needs did not answer in time."""


class OtherLayoutError(DependencyUnavailableError):
    """The number of partitions differs from that of other services: nothing is lost, and waiting for them is right."""


class LeaseLostError(DatchuanError):
    """The connection that held the lease is gone: another process may already be the writer."""
