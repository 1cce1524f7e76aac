"""The rules of alerting and notifying, pure: values in, values out; no IO and no clock."""
