"""Tokens for the senders of this machine: made once a source, kept in the data folder."""

from pydantic import SecretStr

from datchuan.stack.folder import DataFolder
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.domain.tokens import ANY_SOURCE, hash_token
from shared.runtime.database import create_database

LOCAL_SOURCE = "local"


async def ensure_token(folder: DataFolder, database_url: str, source: str) -> str:
    """Return the token of a source of this machine, a new one when there is none or it was revoked.

    The token of the source "local" may relay the events of every source.
    """
    engine = create_database(SecretStr(database_url), "datchuan-stack", pool_size=1)
    try:
        store = SqlTokenStore(engine)
        file = folder.token_file(source)
        if file.exists():
            known = file.read_text(encoding="utf-8").strip()
            if await store.find(hash_token(known)) is not None:
                return known
        may_send = (ANY_SOURCE,) if source == LOCAL_SOURCE else ()
        _, token = await store.create(f"{source} on this machine", source, may_send)
        folder.save_token(source, token)
        return token
    finally:
        await engine.dispose()
