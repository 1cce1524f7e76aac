"""The embedded stack: PostgreSQL, Valkey, a mail sink and the three services as supervised processes of one machine."""
