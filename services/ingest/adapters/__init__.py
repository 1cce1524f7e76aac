"""What ingest touches of the world: payload formats, PostgreSQL tables, tokens."""
