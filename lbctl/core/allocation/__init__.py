"""Which Service has which address, and why another has none."""
