"""Which node announces an address, which come after it, and when it moves."""
