"""Runs a program in a container through the API server, as `kubectl exec` does.

By WebSocket: the first octet of each message is a channel (KEP-4006). The program gets one text on
stdin and is to end by itself; its end is told on the channel of errors, as a ``Status``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import aiohttp

from lbctl.kube.client import Client
from lbctl.kube.errors import Unavailable
from lbctl.kube.objects import PODS

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""Newest first; v4 is all that API servers before 1.30 speak."""


class Channel(IntEnum):
    """The first octet of a message."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str
    message: str = ""
    """Why there is no exit code of its own, when there is none: it could not be started."""


async def run(
    client: Client,
    pod: str,
    command: Sequence[str],
    *,
    namespace: str,
    container: str,
    stdin: str,
    seconds: float,
) -> Ended:
    """Run a program until it ends.

    Args:
        client: an open client.
        pod: the name of the pod.
        command: the program and its arguments.
        namespace: the pod's.
        container: which of its containers.
        stdin: what the program can read.
        seconds: how long it may take in all.

    Raises:
        ApiError: it was not let in, the node is away, or it took too long.
    """
    params = [("container", container), *(("command", word) for word in command)]
    params += [("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    path = PODS.path(namespace=namespace, name=pod, subresource="exec")
    try:
        async with asyncio.timeout(seconds):
            stream = await client.stream(path, params=params, protocols=PROTOCOLS)
            async with stream:
                await stream.send_bytes(bytes([Channel.STDIN]) + stdin.encode())
                return await _follow(stream)
    except TimeoutError as error:
        raise Unavailable(f"{pod}: no end after {seconds:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{pod}: {error}") from error


async def _follow(stream: aiohttp.ClientWebSocketResponse) -> Ended:
    said: dict[int, bytes] = dict.fromkeys(Channel, b"")
    async for message in stream:
        if message.type is aiohttp.WSMsgType.BINARY and message.data:
            channel = message.data[0]
            said[channel] = said.get(channel, b"") + message.data[1:]
    out, err = (said[one].decode(errors="replace") for one in (Channel.STDOUT, Channel.STDERR))
    if not said[Channel.ERROR]:
        raise Unavailable("the connection broke before the program ended")
    return _ended(json.loads(said[Channel.ERROR]), out, err)


def _ended(status: dict[str, Any], out: str, err: str) -> Ended:
    if status.get("status") == "Success":
        return Ended(0, out, err)
    causes = (status.get("details") or {}).get("causes") or ()
    codes = [one["message"] for one in causes if one.get("reason") == "ExitCode"]
    if codes:
        return Ended(int(codes[0]), out, err)
    return Ended(-1, out, err, str(status.get("message") or "the program could not be started"))
