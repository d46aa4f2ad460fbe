"""The client against a server that answers by a script: errors, preconditions, pages, streams."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from lbctl.kube.client import Client, Timeouts
from lbctl.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from lbctl.kube.login import Login, Token
from lbctl.kube.objects import SERVICES, VIRTUAL_IPS
from tests.unit.kube.fake_api import obj, serving, status, stream


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        pytest.param(404, "NotFound", NotFound, id="no such object"),
        pytest.param(409, "AlreadyExists", AlreadyExists, id="the name is taken"),
        pytest.param(409, "Conflict", Conflict, id="the object changed since"),
        pytest.param(410, "Expired", Expired, id="the history is gone"),
        pytest.param(410, "Gone", Expired, id="the history is gone, in older words"),
        pytest.param(403, "Forbidden", Forbidden, id="not allowed"),
        pytest.param(422, "Invalid", Invalid, id="the object is refused"),
        pytest.param(429, "TooManyRequests", Unavailable, id="too busy"),
        pytest.param(500, "InternalError", Unavailable, id="a fault of the server"),
        pytest.param(418, "Teapot", ApiError, id="anything else"),
    ],
)
async def test_each_answer_has_its_error(code: int, reason: str, expected: type[ApiError]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return status(code, reason)

    async with serving(handler) as client:
        with pytest.raises(expected, match=f"it is {reason}") as raised:
            await client.get(VIRTUAL_IPS, "10.0.0.1")
    assert type(raised.value) is expected


async def test_a_busy_server_says_when_to_come_back() -> None:
    async def handler(_: web.Request) -> web.Response:
        return status(429, "TooManyRequests", **{"Retry-After": "7"})

    async with serving(handler) as client:
        with pytest.raises(Unavailable) as raised:
            await client.get(VIRTUAL_IPS, "10.0.0.1")
    assert raised.value.retry_after == 7


async def test_no_server_is_unavailable() -> None:
    login = Login("http://127.0.0.1:9")
    async with Client(login, timeouts=Timeouts(request=5.0)) as client:
        with pytest.raises(Unavailable):
            await client.get(VIRTUAL_IPS, "10.0.0.1")


async def test_a_socket_that_uvloop_lost_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop says RuntimeError when a socket goes while it is being connected."""
    lost = "unable to perform operation on <UVPoll closed=True>; the handler is closed"

    async def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(lost)

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", refuse)
    async with Client(Login("http://127.0.0.1:9")) as client:
        with pytest.raises(Unavailable, match="the handler is closed"):
            await client.get(VIRTUAL_IPS, "10.0.0.1")


async def test_an_answer_that_is_no_status_still_has_its_error() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=503, text="<html>gateway</html>")

    async with serving(handler) as client:
        with pytest.raises(Unavailable, match="HTTP 503"):
            await client.get(VIRTUAL_IPS, "10.0.0.1")


async def test_a_delete_names_the_object_that_is_meant() -> None:
    asked: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({})

    async with serving(handler) as client:
        await client.delete(VIRTUAL_IPS, "10.0.0.1", uid="u", resource_version="7")
    assert asked[0]["preconditions"] == {"uid": "u", "resourceVersion": "7"}


async def test_a_replacement_without_a_version_is_a_fault_of_ours() -> None:
    async with Client(Login("http://127.0.0.1:9")) as client:
        with pytest.raises(ValueError, match="precondition"):
            await client.replace(VIRTUAL_IPS, {"metadata": {"name": "10.0.0.1"}})


async def test_a_list_is_read_page_by_page_and_without_managed_fields() -> None:
    async def handler(request: web.Request) -> web.Response:
        item = obj(request.query.get("continue", "first"), 1)
        item["metadata"]["managedFields"] = [{}]
        meta = {"resourceVersion": "9"}
        if "continue" not in request.query:
            meta["continue"] = "second"
        return web.json_response({"metadata": meta, "items": [item]})

    async with serving(handler) as client:
        listing = await client.list(SERVICES)
    assert [item["metadata"]["name"] for item in listing.items] == ["first", "second"]
    assert all("managedFields" not in item["metadata"] for item in listing.items)
    assert listing.resource_version == "9"


async def test_a_line_of_a_watch_may_be_longer_than_any_buffer() -> None:
    large = obj("a", 1)
    large["data"] = "x" * 500_000

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, {"type": "ADDED", "object": large})

    async with serving(handler) as client:
        events = [e async for e in client.watch(SERVICES, resource_version="1", seconds=5)]
    assert [len(event.object["data"]) for event in events] == [500_000]


async def test_an_error_in_a_watch_is_the_error_that_it_names() -> None:
    error = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, {"type": "ERROR", "object": error})

    async with serving(handler) as client:
        with pytest.raises(Expired, match="too old"):
            async for _ in client.watch(SERVICES, resource_version="1", seconds=5):
                pass


async def test_silence_is_a_dead_path() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, forever=True)

    async with serving(handler, silence=0.05) as client:
        with pytest.raises(Unavailable):
            async for _ in client.watch(SERVICES, resource_version="1", seconds=5):
                pass


async def test_a_refused_token_is_read_anew_once(tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text("old", encoding="utf-8")
    token = Token(file=file)
    token.current()
    file.write_text("new", encoding="utf-8")
    sent: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        sent.append(request.headers["Authorization"])
        return status(401, "Unauthorized") if len(sent) == 1 else web.json_response(obj("a", 1))

    async with serving(handler) as plain:
        login = Login(plain.login.server, token=token)
        async with Client(login) as client:
            await client.get(VIRTUAL_IPS, "a")
    assert sent == ["Bearer old", "Bearer new"]


async def test_each_request_is_counted_with_what_came_back() -> None:
    counted: list[tuple[str, int | None]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await stream(request)
        if request.method == "PUT":
            return status(409, "Conflict")
        return web.json_response(obj("10.0.0.1", 1))

    def answered(method: str, code: int | None, seconds: float) -> None:
        assert seconds >= 0
        counted.append((method, code))

    async with serving(handler, answered=answered) as client:
        await client.get(VIRTUAL_IPS, "10.0.0.1")
        with pytest.raises(Conflict):
            await client.replace(VIRTUAL_IPS, obj("10.0.0.1", 1))
        async for _ in client.watch(VIRTUAL_IPS, resource_version="1", seconds=1):
            pass
    assert counted == [("GET", 200), ("PUT", 409), ("WATCH", 200)]


async def test_a_request_without_an_answer_is_counted_too() -> None:
    counted: list[tuple[str, int | None]] = []
    login = Login("http://127.0.0.1:9")
    async with Client(login, answered=lambda m, c, _: counted.append((m, c))) as client:
        with pytest.raises(Unavailable):
            await client.get(VIRTUAL_IPS, "10.0.0.1")
    assert counted == [("GET", None)]
