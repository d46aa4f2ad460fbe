"""What a user may write into a pool, and what not: one table for `parse_entry` and for CEL."""

from typing import NamedTuple


class Accepted(NamedTuple):
    rule: str
    entry: str
    first: str
    last: str


class Refused(NamedTuple):
    rule: str
    entry: str
    says: str
    """Words that the refusal has in common, whoever speaks."""


ACCEPTED = (
    Accepted(
        "every address of a CIDR is used", "172.16.110.96/28", "172.16.110.96", "172.16.110.111"
    ),
    Accepted("a range names both ends", "10.0.0.1-10.0.0.9", "10.0.0.1", "10.0.0.9"),
    Accepted("blanks around the dash are fine", "10.0.0.1 - 10.0.0.9", "10.0.0.1", "10.0.0.9"),
    Accepted("one address is a range of one", "10.0.0.7", "10.0.0.7", "10.0.0.7"),
    Accepted("a range may start and end at one", "10.0.0.7-10.0.0.7", "10.0.0.7", "10.0.0.7"),
    Accepted("a range crosses octets", "10.0.0.250-10.0.1.5", "10.0.0.250", "10.0.1.5"),
    Accepted("ends compare as numbers, not text", "10.0.0.9-10.0.0.10", "10.0.0.9", "10.0.0.10"),
    Accepted("a /32 is one address", "10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
    Accepted("a /31 is two", "10.0.0.6/31", "10.0.0.6", "10.0.0.7"),
    Accepted("a pool can be huge", "10.0.0.0/8", "10.0.0.0", "10.255.255.255"),
    Accepted("the first address after 0/8", "1.0.0.0", "1.0.0.0", "1.0.0.0"),
    Accepted("up to the last one before loopback", "126.255.255.255", *["126.255.255.255"] * 2),
    Accepted("the first one after loopback", "128.0.0.0", "128.0.0.0", "128.0.0.0"),
    Accepted("up to the last one before multicast", "223.255.255.255", *["223.255.255.255"] * 2),
)

NO_ENTRY = "is no CIDR, range or address: write one like 172.16.110.96/28"
IPV6 = "is IPv6, which this version cannot announce: write IPv4 addresses"
MIXED = "mixes IPv4 and IPv6: write both ends in one family"
BACKWARDS = "has its start after its end: write the lower address first, like "
HOST_BITS = "has host bits set: write the network, "
UNUSABLE = ": write addresses of your LAN"

REFUSED = (
    Refused("nothing is nothing", "", NO_ENTRY),
    Refused("a word is no address", "lan", NO_ENTRY),
    Refused("a host name is no address", "web.example.org", NO_ENTRY),
    Refused("an octet ends at 255", "10.0.0.256", NO_ENTRY),
    Refused("three octets are too few", "10.0.0", NO_ENTRY),
    Refused("leading zeros could be octal", "10.0.0.010", NO_ENTRY),
    Refused("a range has an end", "10.0.0.1-", NO_ENTRY),
    Refused("a range has a start", "-10.0.0.1", NO_ENTRY),
    Refused("a range has two ends", "10.0.0.1-10.0.0.2-10.0.0.3", NO_ENTRY),
    Refused("a short end is no address", "10.0.0.1-9", NO_ENTRY),
    Refused("one entry, one range", "10.0.0.1,10.0.0.2", NO_ENTRY),
    Refused("a prefix ends at 32", "10.0.0.0/33", NO_ENTRY),
    Refused("a prefix is a number", "10.0.0.0/x", NO_ENTRY),
    Refused("a prefix is there", "10.0.0.0/", NO_ENTRY),
    Refused("a prefix is written without zeros", "10.0.0.0/08", NO_ENTRY),
    Refused("a netmask is no prefix", "10.0.0.0/255.0.0.0", NO_ENTRY),
    Refused("a CIDR has no blanks", "10.0.0.0 /8", NO_ENTRY),
    Refused("two CIDRs are no range", "10.0.0.0/24-10.0.1.0/24", NO_ENTRY),
    Refused("an IPv6 CIDR", "fd00::/64", IPV6),
    Refused("an IPv6 range", "fd00::1-fd00::9", IPV6),
    Refused("an IPv6 address", "fd00::1", IPV6),
    Refused("an IPv6 CIDR with host bits is IPv6 first", "fd00::1/64", IPV6),
    Refused("the longest IPv6 range", f"fd00{':1000' * 7} - fd00{':2000' * 7}", IPV6),
    Refused("from IPv4 to IPv6", "10.0.0.1-fd00::1", MIXED),
    Refused("from IPv6 to IPv4", "fd00::1-10.0.0.1", MIXED),
    Refused("the message swaps the ends", "10.0.0.9-10.0.0.1", BACKWARDS + "10.0.0.1-10.0.0.9"),
    Refused("numbers, not text", "10.0.0.10 - 10.0.0.9", BACKWARDS + "10.0.0.9-10.0.0.10"),
    Refused("the higher octet decides", "10.0.1.1-10.0.0.9", BACKWARDS + "10.0.0.9-10.0.1.1"),
    Refused("the message names the address alone", "10.0.0.7/24", HOST_BITS),
    Refused("one bit is enough", "10.0.0.1/31", HOST_BITS),
    Refused("this network", "0.0.0.0/8", UNUSABLE),
    Refused("an address in 0/8", "0.1.2.3", UNUSABLE),
    Refused("everything", "0.0.0.0/0", UNUSABLE),
    Refused("loopback", "127.0.0.1", UNUSABLE),
    Refused("a loopback CIDR", "127.16.0.0/12", UNUSABLE),
    Refused("a range around loopback", "126.0.0.1-128.0.0.1", UNUSABLE),
    Refused("a CIDR around loopback", "64.0.0.0/2", UNUSABLE),
    Refused("multicast", "224.0.0.0/24", UNUSABLE),
    Refused("a range into multicast", "223.255.255.255-224.0.0.1", UNUSABLE),
    Refused("reserved", "240.0.0.1", UNUSABLE),
    Refused("broadcast", "255.255.255.255", UNUSABLE),
)
