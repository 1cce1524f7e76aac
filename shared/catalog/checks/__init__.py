"""What the files of a catalog say about one another, one module per part; all are pure functions of the catalog."""
