"""The speaker's own nftables table: what sends traffic for an address to the node's NodePorts.

`rewrites` says what is wanted. `table` and `contents` make rules and sets of it, with `chains` and
`families`. `attributes`, `expressions` and `messages` put them into the kernel's words
(<linux/netfilter/nf_tables.h>). All of these are pure. `kernel` speaks with it, and `keeper` sees
to it that the table is what is wanted. docs/handoff.md tells why it is so.
"""

from typing import Final

TABLE_VARIABLE: Final = "LBCTL_NODE_PORT_TABLE"
"""Whether this speaker has a table: "true" or not."""
