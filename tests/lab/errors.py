"""What the lab says when it cannot go on: always a sentence that tells the user what to do."""


class LabError(Exception):
    """The lab cannot do what was asked; the message names the cause and the remedy."""
