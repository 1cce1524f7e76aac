"""The HTTP edge of the notifier: alerts and silences for programs, acknowledgement for the readers of a message."""
