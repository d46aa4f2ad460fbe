"""The packet side of a node. Standard library only; it goes on when everything else is away."""
