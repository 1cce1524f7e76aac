"""The migrations, one file a version."""
