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
    Accepted("routers answer for the first of a subnet", "fd00::/120", "fd00::1", "fd00::ff"),
    Accepted("a subnet of two has no routers' address", "fd00::/127", "fd00::", "fd00::1"),
    Accepted("a /128 is one address", "fd00::7/128", "fd00::7", "fd00::7"),
    Accepted("one IPv6 address", "fd00::7", "fd00::7", "fd00::7"),
    Accepted("a range may name the first one", "fd00::-fd00::9", "fd00::", "fd00::9"),
    Accepted("an IPv6 range of one", "fd00::7 - fd00::7", "fd00::7", "fd00::7"),
    Accepted("an address has many forms", "FD00:0:0::00a-fd00::B", "fd00::a", "fd00::b"),
    Accepted("hexadecimal numbers, not text", "fd00::ff-fd00::100", "fd00::ff", "fd00::100"),
    Accepted("a range crosses groups", "fd00::f:0-fd00:0:1::", "fd00::f:0", "fd00:0:1::"),
    Accepted("the first bit may differ", "2000::1-fd00::1", "2000::1", "fd00::1"),
    Accepted("an IPv6 pool can be huge", "2000::/3", "2000::1", f"3fff{':ffff' * 7}"),
    Accepted("the first address after ::/8", "100::", "100::", "100::"),
    Accepted("up to the last one before link-local", "fe7f::", "fe7f::", "fe7f::"),
    Accepted("the first one after link-local", "fec0::-fec0::1", "fec0::", "fec0::1"),
    Accepted("up to the last one before IPv6 multicast", "feff::", "feff::", "feff::"),
    Accepted(
        "the longest range",
        f"fd00{':1000' * 7} - fd00{':2000' * 7}",
        f"fd00{':1000' * 7}",
        f"fd00{':2000' * 7}",
    ),
)

NO_ENTRY = "is no CIDR, range or address: write one like 172.16.110.96/28"
DOTTED = "has IPv4 inside of IPv6: write the IPv4 address alone, or hexadecimal digits"
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
    Refused("a group ends at ffff", "fd00::10000", NO_ENTRY),
    Refused("nine groups are too many", "fd00:1:2:3:4:5:6:7:8", NO_ENTRY),
    Refused("seven groups are too few", "fd00:1:2:3:4:5:6", NO_ENTRY),
    Refused("zeros are left out once", "fd00::1::2", NO_ENTRY),
    Refused("a zone is no part of an address", "fd00::1%eth0", NO_ENTRY),
    Refused("brackets are for URLs", "[fd00::1]", NO_ENTRY),
    Refused("an IPv6 prefix ends at 128", "fd00::/129", NO_ENTRY),
    Refused("a short end is no IPv6 address", "fd00::1-9", NO_ENTRY),
    Refused("mapped IPv4", "::ffff:10.0.0.1", DOTTED),
    Refused("a mapped CIDR", "::ffff:10.0.0.0/120", DOTTED),
    Refused("a dotted end in a range", "fd00::1-fd00::10.0.0.1", DOTTED),
    Refused("mapped IPv4 in hexadecimal digits", "::ffff:a00:1", NO_ENTRY),
    Refused("from IPv4 to IPv6", "10.0.0.1-fd00::1", MIXED),
    Refused("from IPv6 to IPv4", "fd00::1-10.0.0.1", MIXED),
    Refused("the message swaps the ends", "10.0.0.9-10.0.0.1", BACKWARDS + "10.0.0.1-10.0.0.9"),
    Refused("numbers, not text", "10.0.0.10 - 10.0.0.9", BACKWARDS + "10.0.0.9-10.0.0.10"),
    Refused("the higher octet decides", "10.0.1.1-10.0.0.9", BACKWARDS + "10.0.0.9-10.0.1.1"),
    Refused("IPv6 ends are swapped too", "fd00::9-fd00::1", BACKWARDS + "fd00::1-fd00::9"),
    Refused("numbers of any length", "fd00::100-fd00::ff", BACKWARDS + "fd00::ff-fd00::100"),
    Refused("the higher group decides", "fd00:1::1-fd00::9", BACKWARDS + "fd00::9-fd00:1::1"),
    Refused("the first bit decides", "fd00::1-2000::9", BACKWARDS + "2000::9-fd00::1"),
    Refused("the message names the address alone", "10.0.0.7/24", HOST_BITS),
    Refused("one bit is enough", "10.0.0.1/31", HOST_BITS),
    Refused("an IPv6 network has none either", "fd00::1/64", HOST_BITS),
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
    Refused("the unspecified address", "::", UNUSABLE),
    Refused("loopback in IPv6", "::1", UNUSABLE),
    Refused("all of IPv6", "::/0", UNUSABLE),
    Refused("a range out of the reserved", "::5-2000::1", UNUSABLE),
    Refused("translated IPv4", "64:ff9b::/96", UNUSABLE),
    Refused("link-local", "fe80::1", UNUSABLE),
    Refused("all that is link-local", "fe80::/10", UNUSABLE),
    Refused("a range into link-local", "fd00::1-fe80::1", UNUSABLE),
    Refused("a range out of link-local", "febf::1-fec0::1", UNUSABLE),
    Refused("a range around link-local", "fd00::1-fec0::1", UNUSABLE),
    Refused("a CIDR around link-local", "fe00::/8", UNUSABLE),
    Refused("IPv6 multicast", "ff02::1", UNUSABLE),
    Refused("a range into IPv6 multicast", "fec0::1-ff02::1", UNUSABLE),
)
