"""Lines of the audit are sealed into a chain, soon after they were written."""

from services.notifier.domain.ports import AuditChain
from services.notifier.metrics import NotifierMetrics


class Sealer:
    """Seals the audit, block after block; any number of replicas may try."""

    def __init__(self, chain: AuditChain, metrics: NotifierMetrics) -> None:
        self._chain = chain
        self._metrics = metrics

    async def seal_next(self) -> int:
        """Seal one block of lines; return how many there were, 0 when there is nothing to do."""
        sealed = await self._chain.seal()
        self._metrics.audit_sealed.inc(sealed)
        return sealed
