"""The quickstart as a walk: `make demo` prints it, tests/e2e asserts it."""
