"""The BFD control packet; scapy is the oracle, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.bfd import BFD

from speaker.wire.bfd import Diagnostic, Packet, Phase, Verdict, read, write

numbers = st.integers(0, 2**32 - 1)
packets = st.builds(
    Packet,
    phase=st.sampled_from(Phase),
    my_discriminator=st.integers(1, 2**32 - 1),
    your_discriminator=st.integers(1, 2**32 - 1),
    desired_min_tx=numbers,
    required_min_rx=numbers,
    required_min_echo_rx=numbers,
    multiplier=st.integers(1, 255),
    diagnostic=st.sampled_from(Diagnostic),
    poll=st.booleans(),
    final=st.booleans(),
)
UP = Packet(Phase.UP, 1, 2, 100_000, 100_000, 3)


def by_scapy(packet: Packet) -> bytes:
    return bytes(
        BFD(
            version=1,
            diag=int(packet.diagnostic),
            sta=int(packet.phase),
            flags=0x20 * packet.poll | 0x10 * packet.final,
            detect_mult=packet.multiplier,
            my_discriminator=packet.my_discriminator,
            your_discriminator=packet.your_discriminator,
            min_tx_interval=packet.desired_min_tx,
            min_rx_interval=packet.required_min_rx,
            echo_rx_interval=packet.required_min_echo_rx,
        )
    )


@given(packet=packets)
def test_what_scapy_writes_is_what_we_write(packet: Packet) -> None:
    assert write(packet) == by_scapy(packet)


@given(packet=packets)
def test_what_scapy_writes_is_read(packet: Packet) -> None:
    assert read(by_scapy(packet)) == packet


def test_a_packet_byte_for_byte() -> None:
    packet = Packet(
        Phase.INIT, 0x01020304, 0x05060708, 1_000_000, 100_000, 3,
        Diagnostic.NEIGHBOR_SIGNALED_SESSION_DOWN, poll=True,
    )  # fmt: skip

    assert write(packet).hex() == "23a0031801020304" + "05060708000f4240000186a000000000"


def changed(at: int, value: int, data: bytes = b"") -> bytes:
    packet = bytearray(data or write(UP))
    packet[at] = value
    return bytes(packet)


@pytest.mark.parametrize(
    ("sentence", "datagram", "verdict"),
    [
        ("nothing at all", b"", Verdict.TOO_SHORT),
        ("a byte is missing", write(UP)[:-1], Verdict.TOO_SHORT),
        ("version 0 is the draft's", changed(0, 0x00), Verdict.BAD_VERSION),
        ("version 2 is not made yet", changed(0, 0x40), Verdict.BAD_VERSION),
        ("shorter than its own header", changed(3, 23), Verdict.BAD_LENGTH),
        ("longer than the datagram", changed(3, 25), Verdict.BAD_LENGTH),
        ("authenticated: we share no key", changed(1, 0xC4), Verdict.AUTHENTICATED),
        ("a session of no patience", changed(2, 0), Verdict.ZERO_MULTIPLIER),
        ("multipoint is reserved", changed(1, 0xC1), Verdict.MULTIPOINT),
        ("demand mode shows no life", changed(1, 0xC2), Verdict.DEMAND_MODE),
        ("from no session", write(Packet(Phase.UP, 0, 2)), Verdict.ZERO_DISCRIMINATOR),
        ("up with nobody", write(Packet(Phase.UP, 1, 0)), Verdict.NO_DISCRIMINATOR),
        ("init with nobody", write(Packet(Phase.INIT, 1, 0)), Verdict.NO_DISCRIMINATOR),
    ],
)
def test_a_refusal_names_its_reason(sentence: str, datagram: bytes, verdict: Verdict) -> None:
    assert read(datagram) is verdict, sentence


def test_a_padded_datagram_is_read_to_its_length() -> None:
    assert read(write(UP) + bytes(20)) == UP


def test_a_reserved_diagnostic_is_no_reason_to_refuse() -> None:
    packet = read(changed(0, 0x20 | 31))

    assert isinstance(packet, Packet)
    assert packet.diagnostic is Diagnostic.NONE


@given(noise=st.binary(max_size=64))
def test_noise_is_refused_for_a_reason_and_never_a_fault(noise: bytes) -> None:
    assert isinstance(read(noise), Verdict | Packet)
