"""What the tests of every room share: real servers, polling with a deadline, a clock set by hand."""
