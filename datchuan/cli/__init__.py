"""The operators' command line: one module per group of commands, every failure one sentence with its remedy."""
