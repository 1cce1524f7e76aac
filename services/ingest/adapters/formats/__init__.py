"""The formats that senders write: native events, CloudEvents, DHIS2 data value sets."""
