"""The operators' room: command line, embedded stack, demo, migrations and verification."""
