"""What the notifier does with what comes: changes become alerts, entries become messages, messages are sent."""
