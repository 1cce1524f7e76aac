"""Message contracts: the vocabulary, the events and the names of the streams. Pure: no IO, no clock."""
