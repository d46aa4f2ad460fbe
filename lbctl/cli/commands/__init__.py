"""One module for each command that people type."""
