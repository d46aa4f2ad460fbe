"""The version before this one, as it was released: what upgrades begin with in the tests."""
