"""The decisions of lbctl, pure: no I/O, no clock, no logging, the standard library alone."""
