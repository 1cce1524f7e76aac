"""What the services agree on: contracts and catalog (pure), runtime (plumbing with IO)."""
