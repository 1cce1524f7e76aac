"""What every service runs on: settings, clock, logs, metrics, database, messaging, lease and process life cycle."""
