"""What is to be said of MetalLB's objects."""

from enum import StrEnum


class CompatReason(StrEnum):
    """What is to be said of an object of MetalLB's. The reason of the Event on it."""

    FIELD_NOT_READ = "FieldNotRead"
    """A field cannot be read, and selects or gives nothing."""
    FIELD_NOT_SUPPORTED = "FieldNotSupported"
    """A field that lbctl does not know: it has no effect."""
    READ = "Read"
    """After one of the others: nothing is wrong with it any more."""
    REPLACED_BY_NAMESAKE = "ReplacedByNamesake"
    """An IPAddressPool of lbctl.io has the same name: that one counts, and this one does not."""
