"""A program in a container, over WebSocket: what goes in, what comes out, and how it ends."""

import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from lbctl.kube.errors import ApiError, Forbidden, NotFound, Unavailable
from lbctl.kube.exec import PROTOCOLS, Channel, Ended, run
from tests.unit.kube.fake_api import serving

SUCCESS = {"metadata": {}, "status": "Success"}
FAILED = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "message": "command terminated with non-zero exit code",
    "details": {"causes": [{"reason": "ExitCode", "message": "2"}]},
}
NO_PROGRAM = {"status": "Failure", "message": "no such file or directory"}

Messages = tuple[tuple[int, bytes], ...]


def kubelet(
    *messages: tuple[int, bytes], protocols: tuple[str, ...] = PROTOCOLS
) -> Callable[[web.Request], Awaitable[web.WebSocketResponse]]:
    """Reads one line, sends these messages, and hangs up."""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        if request.headers["Accept"] != "*/*":
            raise web.HTTPNotAcceptable  # as the API server does
        stream = web.WebSocketResponse(protocols=protocols)
        await stream.prepare(request)
        begun = await stream.receive_bytes()
        assert begun == b"\x00who?\n", "stdin is channel 0"
        assert request.path == "/api/v1/namespaces/lbctl-system/pods/speaker-1/exec"
        assert request.query.getall("command") == ["python3", "-m", "speaker.audit"]
        assert request.query["container"] == "speaker"
        for channel, data in messages:
            await stream.send_bytes(bytes([channel]) + data)
        await stream.close()
        return stream

    return handler


def status(said: object) -> tuple[int, bytes]:
    return Channel.ERROR, json.dumps(said).encode()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("sentence", "messages", "ended"),
    [
        (
            "it ends well, and wrote in two parts",
            ((1, b"one "), (1, b"line\n"), status(SUCCESS)),
            Ended(0, "one line\n", ""),
        ),
        (
            "it ends with a code",
            ((2, b"no questions\n"), status(FAILED)),
            Ended(2, "", "no questions\n"),
        ),
        (
            "it could not be started",
            (status(NO_PROGRAM),),
            Ended(-1, "", "", "no such file or directory"),
        ),
    ],
)
async def test_how_a_program_ends(
    protocol: str, sentence: str, messages: Messages, ended: Ended
) -> None:
    async with serving(kubelet(*messages, protocols=(protocol,))) as client:
        found = await run(
            client,
            "speaker-1",
            ("python3", "-m", "speaker.audit"),
            namespace="lbctl-system",
            container="speaker",
            stdin="who?\n",
            seconds=30,
        )
    assert found == ended, sentence


async def test_a_connection_that_breaks_is_no_end() -> None:
    async with serving(kubelet((1, b"half"))) as client:
        with pytest.raises(Unavailable, match="broke before the program ended"):
            await run(
                client,
                "speaker-1",
                ("python3", "-m", "speaker.audit"),
                namespace="lbctl-system",
                container="speaker",
                stdin="who?\n",
                seconds=30,
            )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(403, Forbidden, id="a right is missing"),
        pytest.param(404, NotFound, id="the pod is gone"),
        pytest.param(500, Unavailable, id="the kubelet is away"),
    ],
)
async def test_a_refusal_has_its_error(code: int, expected: type[ApiError]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=code)

    async with serving(handler) as client:
        with pytest.raises(expected):
            await run(client, "p", ("true",), namespace="n", container="c", stdin="", seconds=30)


async def test_a_program_that_does_not_end_is_left() -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        stream = web.WebSocketResponse(protocols=PROTOCOLS)
        await stream.prepare(request)
        async for _ in stream:
            pass
        return stream

    async with serving(handler) as client:
        with pytest.raises(Unavailable, match="no end after"):
            await run(client, "p", ("true",), namespace="n", container="c", stdin="", seconds=0.2)
