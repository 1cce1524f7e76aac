"""Reading administrative units from CSV files and writing them as a file of the catalog."""
