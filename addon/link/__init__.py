"""The link to the bus: protocol (sans-I/O), connection (one thread), main-thread queue, login."""
