"""The database's schema and its history: one history for the schemas of all services."""

from datchuan.migrations.upgrade import current, upgrade

__all__ = ["current", "upgrade"]
