"""The notifier: consumes verdict changes, keeps alerts and the ledger of notifications, and delivers the messages."""
