"""Runs the demonstration: a stack in a folder of its own, the story on it, and a recompute at the end."""

import asyncio
import datetime as dt
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.demo.audience import Audience
from datchuan.demo.deeds import Deeds
from datchuan.demo.mails import MailFolder
from datchuan.demo.observer import Observer
from datchuan.demo.policy import catalog_folder
from datchuan.demo.result import DemoResult
from datchuan.demo.story import SOURCE, Story, tell
from datchuan.demo.teller import Teller, Told
from datchuan.sending.posting import Sender
from datchuan.stack.access import ensure_token
from datchuan.stack.environment import without_settings
from datchuan.stack.folder import DataFolder
from datchuan.stack.servers import Report
from datchuan.stack.stack import Stack, StackOptions
from datchuan.verification import verify
from services.notifier.adapters.audit_check import verify as verify_audit
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database

# Mails that belong together are collected for a moment only: nobody watches a board for an hour.
FAST_MAIL = {
    "GROUP_WINDOW_SECONDS": "1",
    "GROUP_PAUSE_SECONDS": "0",
    "DATA_GAP_WINDOW_SECONDS": "1",
    "POLL_SECONDS": "0.2",
}
_SEALED_SECONDS, _LOOK_SECONDS = 30.0, 0.2


@dataclass(frozen=True)
class DemoOptions:
    """How the demonstration is given: as of which day, in which folder, and how long a caption stays at least."""

    as_of: dt.date
    keep: Path | None = None
    pause_seconds: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)


async def run_demo(options: DemoOptions, audience: Audience, report: Report) -> DemoResult:
    """Start the stack, tell the story, recompute everything from the journal, stop the stack."""
    tell(load_catalog(), options.as_of)  # says at once that there is no story of that day
    offset = (options.as_of - SystemClock().today()).days
    with _folder(options.keep) as folder:
        folder.create()
        # The story needs the shipped rules and dispatch, whatever catalog this machine is set to.
        catalog_at = catalog_folder(folder.root / "catalog", SystemClock(offset).now())
        catalog = load_catalog(catalog_at)
        stack_options = StackOptions(
            catalog=catalog_at,
            clock_offset_days=offset,
            settings=FAST_MAIL,
            environment=without_settings(options.environment),
        )
        async with Stack(folder, stack_options, report) as stack:
            return await _play(stack, catalog, tell(catalog, options.as_of), options, audience)


async def _play(stack: Stack, catalog: Catalog, story: Story, options: DemoOptions, audience: Audience) -> DemoResult:
    addresses = stack.addresses
    token = await ensure_token(stack.folder, addresses.database_url, SOURCE)
    engine = create_database(SecretStr(addresses.database_url), "datchuan-demo", pool_size=2)
    try:
        async with httpx.AsyncClient(base_url=addresses.ingest_url, timeout=30, trust_env=False) as client:
            observer = Observer(engine, catalog, MailFolder(stack.folder.mail))
            deeds = Deeds(engine, observer, client)
            with audience:
                teller = Teller(catalog, Sender(client, token), observer, deeds, audience, options.pause_seconds)
                told = await teller.tell(story)
        differences = len((await verify(engine, catalog)).differences)
        return _result(told, deeds, differences, await _audited(engine))
    finally:
        await engine.dispose()


async def _audited(engine: AsyncEngine) -> int:
    """Return the lines of the audit once all are sealed, 0 when its chain is broken or never holds all of them."""
    try:
        async with asyncio.timeout(_SEALED_SECONDS):
            while True:
                audit = await verify_audit(engine)
                if audit.breaks:
                    return 0
                if not audit.unsealed:
                    return audit.lines
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return 0


def _result(told: Told, deeds: Deeds, differences: int, audit_verified: int) -> DemoResult:
    return DemoResult(
        events=told.tally.rows,
        accepted=told.tally.journaled,
        duplicates=told.tally.duplicates,
        quarantined=told.tally.quarantined,
        transitions=told.snapshot.transitions,
        alerts=told.snapshot.alerts,
        mails=told.snapshot.mail_count,
        verify_differences=differences,
        held=deeds.held,
        released=deeds.released,
        acknowledged=deeds.acknowledged,
        audit_verified=audit_verified,
    )


@contextmanager
def _folder(keep: Path | None) -> Iterator[DataFolder]:
    """Yield the folder to keep, or one that is gone afterwards."""
    if keep is not None:
        yield DataFolder(keep)
        return
    with tempfile.TemporaryDirectory(prefix="datchuan-demo-", ignore_cleanup_errors=True) as name:
        # The database of root runs as another user, who must be able to pass.
        Path(name).chmod(0o711)
        yield DataFolder(Path(name) / "stack")
