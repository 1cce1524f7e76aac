"""The schemas and tables of the first version."""

from alembic import op
from sqlalchemy import text

from datchuan.migrations.metadata import SCHEMAS, all_metadata, columns_with_storage, storage_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    for schema in SCHEMAS:
        op.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for metadata in all_metadata():
        metadata.create_all(op.get_bind())
        for table, column, storage in columns_with_storage(metadata):
            op.execute(text(storage_ddl(table, column, storage)))


def downgrade() -> None:
    """Drop everything."""
    for schema in reversed(SCHEMAS):
        op.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
