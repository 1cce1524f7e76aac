"""The catalog: rules, units, ownership and addresses as data, versioned by date and validated as a whole."""
