"""What the answers of the node's proxy mean, and when they are believed."""

import asyncio
import json
from collections.abc import Iterable

import pytest
from aiohttp import web

from lbctl.core.outcomes import HandOffReason
from speaker.agent import handoff
from speaker.agent.handoff import (
    MISSES,
    MISSES_ANSWERED,
    RECOVERED,
    Heard,
    ProxyHealth,
    Reply,
    understood,
)
from speaker.agent.health import Asker, ProxyWatch

WELL, UNWELL, LEAVING, NOTHING = Heard.WELL, Heard.UNWELL, Heard.LEAVING, Heard.NOTHING


def said(status: int, **body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("sentence", "reply", "heard"),
    [
        ("kube-proxy is well", said(200, healthy=True, nodeEligible=True), WELL),
        ("another proxy's way to say so", Reply(200, b"ok"), WELL),
        ("and without a word", Reply(204), WELL),
        ("it does not keep up", said(503, healthy=False, nodeEligible=True), UNWELL),
        ("its node is being deleted", said(503, healthy=True, nodeEligible=False), LEAVING),
        ("both: the worse is said", said(503, healthy=False, nodeEligible=False), UNWELL),
        ("an older kube-proxy's words", said(503, lastUpdated="t", nodeEligible=False), LEAVING),
        ("a refusal that is no JSON", Reply(503, b"no"), UNWELL),
        ("JSON, and no object", Reply(503, b"[1]"), UNWELL),
        ("bytes of nobody's alphabet", Reply(500, b"\xff\xfe"), UNWELL),
        ("a redirection leads off the node", Reply(302), UNWELL),
        ("no such page", Reply(404), UNWELL),
        ("nobody there", None, NOTHING),
    ],
)
def test_what_a_reply_says(sentence: str, reply: Reply | None, heard: Heard) -> None:
    assert understood(reply) is heard, sentence


def after(*heard: Heard, health: ProxyHealth | None = None) -> HandOffReason:
    now = health or ProxyHealth()
    for one in heard:
        now = now.after(one)
    return now.reason


@pytest.mark.parametrize(
    ("sentence", "heard", "reason"),
    [
        ("nothing was asked yet", [], HandOffReason.NO_PROXY_HEALTH),
        ("nobody ever answers", [NOTHING] * 100, HandOffReason.NO_PROXY_HEALTH),
        ("something else has the port", [UNWELL] * 100, HandOffReason.NO_PROXY_HEALTH),
        ("one good answer is enough at first", [NOTHING, WELL], HandOffReason.PROXY_HEALTHY),
        (
            "a proxy that restarts is no news",
            [WELL, *[NOTHING] * (MISSES - 1), WELL],
            HandOffReason.PROXY_HEALTHY,
        ),
        ("it stays away", [WELL, *[NOTHING] * MISSES], HandOffReason.PROXY_SILENT),
        (
            "one refusal may be a moment's",
            [WELL, *[UNWELL] * (MISSES_ANSWERED - 1), WELL],
            HandOffReason.PROXY_HEALTHY,
        ),
        ("refusals in a row", [WELL, *[UNWELL] * MISSES_ANSWERED], HandOffReason.PROXY_UNHEALTHY),
        ("its node leaves", [WELL, *[LEAVING] * MISSES_ANSWERED], HandOffReason.NODE_LEAVING),
        (
            "it crashes again and again, and says no in between",
            [WELL, NOTHING, NOTHING, UNWELL],
            HandOffReason.PROXY_UNHEALTHY,
        ),
        (
            "first it says no, then nothing",
            [WELL, *[UNWELL] * MISSES_ANSWERED, *[NOTHING] * MISSES],
            HandOffReason.PROXY_SILENT,
        ),
        (
            "one good answer does not make it well again",
            [WELL, *[NOTHING] * MISSES, *[WELL] * (RECOVERED - 1)],
            HandOffReason.PROXY_SILENT,
        ),
        (
            "some in a row do",
            [WELL, *[NOTHING] * MISSES, *[WELL] * RECOVERED],
            HandOffReason.PROXY_HEALTHY,
        ),
    ],
)
def test_when_it_is_believed(sentence: str, heard: Iterable[Heard], reason: HandOffReason) -> None:
    assert after(*heard) is reason, sentence


@pytest.mark.parametrize(
    ("sentence", "before", "heard", "reason"),
    [
        (
            "the node came back from a reboot without its proxy, and so without rules",
            "ProxyHealthy",
            [NOTHING] * MISSES,
            HandOffReason.PROXY_SILENT,
        ),
        (
            "a dead proxy is not forgotten with the agent",
            "ProxySilent",
            [NOTHING],
            HandOffReason.PROXY_SILENT,
        ),
        (
            "where nothing ever answered, nothing is concluded",
            "NoProxyHealth",
            [NOTHING] * MISSES,
            HandOffReason.NO_PROXY_HEALTH,
        ),
        (
            "the check was off until now",
            "NotChecked",
            [NOTHING] * MISSES,
            HandOffReason.NO_PROXY_HEALTH,
        ),
        ("a newer version's word", "Newer", [NOTHING] * MISSES, HandOffReason.NO_PROXY_HEALTH),
        ("no word at all", None, [NOTHING] * MISSES, HandOffReason.NO_PROXY_HEALTH),
    ],
)
def test_a_new_agent_goes_on_from_what_the_api_says(
    sentence: str, before: str | None, heard: list[Heard], reason: HandOffReason
) -> None:
    assert after(*heard, health=handoff.resumed(before)) is reason, sentence


@pytest.mark.parametrize("reason", HandOffReason)
def test_every_reason_says_what_to_do(reason: HandOffReason) -> None:
    made = handoff.condition(reason, url="http://127.0.0.1:1/healthz", node="n1")
    assert made.status is reason.ready
    assert (made.status is False) == ("kubectl " in made.message), "a command mends it"


def test_only_a_proxy_that_was_seen_well_can_gate() -> None:
    gates = {reason for reason in HandOffReason if reason.ready is False}
    assert gates == {after(WELL, *[bad] * MISSES) for bad in (UNWELL, LEAVING, NOTHING)}


async def test_the_proxy_is_asked_over_http_and_its_return_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("speaker.agent.health.PROXY_SECONDS", 0.001)
    status = 200

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"nodeEligible": True, "healthy": status == 200}, status=status)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    changed = asyncio.Event()
    watch = ProxyWatch(url=f"http://127.0.0.1:{port}/healthz", node="n1", changed=changed.set)

    async def told(reason: HandOffReason) -> None:
        async with asyncio.timeout(30):
            while watch.condition is None or watch.condition.reason != reason:
                await changed.wait()
                changed.clear()

    async with Asker() as asker:
        asking = asyncio.create_task(watch.run(asker, before=None))
        await told(HandOffReason.PROXY_HEALTHY)
        status = 503
        await told(HandOffReason.PROXY_UNHEALTHY)
        await runner.cleanup()
        await told(HandOffReason.PROXY_SILENT)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_a_check_that_is_turned_off_asks_nobody_and_says_so() -> None:
    watch = ProxyWatch(url="", node="n1", changed=lambda: None)
    async with Asker() as asker, asyncio.timeout(30):
        await watch.run(asker, before="ProxySilent")
    assert watch.condition is not None
    assert watch.condition.status is None
    assert watch.condition.reason == HandOffReason.NOT_CHECKED


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async def babble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1000)

    app = web.Application()
    app.router.add_get("/", babble)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Asker() as asker:
        reply = await asker.ask(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await runner.cleanup()
    assert reply is not None
    assert reply.status == 200
