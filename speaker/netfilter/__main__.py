"""`python -m speaker.netfilter`: remove the speaker's table from this network namespace."""

import sys

from speaker.netfilter.kernel import Nftables
from speaker.netfilter.table import NAME


def main() -> int:
    """The exit code: 1 when the kernel refused, and standard error says why."""
    try:
        with Nftables() as kernel:
            kernel.remove(NAME)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
