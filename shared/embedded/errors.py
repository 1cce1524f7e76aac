"""Errors of the embedded servers."""

from shared.runtime.errors import DatchuanError


class EmbeddedServerError(DatchuanError):
    """An embedded server cannot be started; the text says why and what to do."""
