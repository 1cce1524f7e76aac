"""What alembic runs to get a connection: `upgrade.py` hands it one."""

from alembic import context

from datchuan.migrations.metadata import all_metadata
from datchuan.migrations.upgrade import VERSION_SCHEMA


def run() -> None:
    """Run the migrations on the connection handed over, all in one transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=all_metadata(),
        include_schemas=True,
        version_table_schema=VERSION_SCHEMA,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic loads this file under that name; whoever else imports it starts nothing.
if __name__ == "env_py":
    run()
