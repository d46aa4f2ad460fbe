"""From a state to an answer, and from an answer to what is printed. Pure."""
