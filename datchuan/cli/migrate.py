"""`datchuan migrate`: bring the database to the tables of this version."""

from alembic.util import CommandError as AlembicError
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.cli.output import JsonOption, print_json
from datchuan.cli.session import Session
from datchuan.errors import CommandError
from datchuan.migrations import current, upgrade
from shared.runtime.database import ping


def migrate(as_json: JsonOption = False) -> None:
    """Create or update the tables; harmless when there is nothing to do."""
    session = Session()

    async def reach(engine: AsyncEngine) -> None:
        await ping(engine)

    session.run(reach)
    url = session.database_url.get_secret_value()
    try:
        applied = upgrade(url)
        version, newest = current(url)
    except AlembicError as error:
        raise CommandError(
            f"the database was migrated by another version of the product: {error}",
            "Run the version that is installed there, or a newer one.",
        ) from error
    if as_json:
        print_json({"applied": applied, "version": version, "newest": newest})
        return
    done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    print(f"{done}; the database is at version {version}")
