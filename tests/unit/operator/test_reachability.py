"""What counts as an answer."""

import asyncio
import socket

from lbctl.operator.reachability import Answer, ask


def _closed_port() -> int:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return int(once.getsockname()[1])


async def test_who_accepts_answers() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await ask(["127.0.0.1"], port) is Answer.ANSWERED
        assert await ask(["192.0.2.1", "127.0.0.1"], port) is Answer.ANSWERED, "one is enough"


async def test_who_refuses_answers_too() -> None:
    assert await ask(["127.0.0.1"], _closed_port()) is Answer.ANSWERED


async def test_a_listener_whose_process_hangs_answers_by_its_kernel() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        assert await ask(["127.0.0.1"], hanging.getsockname()[1]) is Answer.ANSWERED


async def test_who_has_no_address_is_not_asked() -> None:
    assert await ask([], 10250) is Answer.NOT_ASKED


async def test_silence_is_silence() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # A full backlog drops every further SYN, as a host without power does.
        address = full.getsockname()
        held = [socket.socket() for _ in range(8)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(address)
        try:
            assert await ask([address[0]], address[1]) is Answer.SILENT
        finally:
            for one in held:
                one.close()
