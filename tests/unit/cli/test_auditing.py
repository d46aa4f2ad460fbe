"""From the command to the speakers' containers and back, against a server that plays them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from lbctl.cli import auditing
from lbctl.cli.exits import NotAllowed
from lbctl.cli.view.audit import Audit, Verdict
from lbctl.core.addresses import Address, parse
from lbctl.kube.client import Client
from lbctl.kube.exec import PROTOCOLS
from lbctl.kube.objects import VIRTUAL_IPS
from tests.unit.cli import clusters
from tests.unit.cli.server import DATE, Server
from tests.unit.kube.fake_api import serving

N1, N2, THIEF = "02:00:00:00:00:11", "02:00:00:00:00:12", "02:00:00:00:00:99"
WEB, API = "172.16.110.100", "172.16.110.101"

Lan = Callable[[str, str], list[str]]
"""The MACs that answer a node that asks for an address."""


def alone(node: str, address: str) -> list[str]:
    """Each holder answers, and does not hear itself."""
    holder, mac = {WEB: ("n1", N1), API: ("n2", N2)}[address]
    return [] if node == holder else [mac]


def stolen(node: str, address: str) -> list[str]:
    return [*alone(node, address), THIEF] if address == WEB else alone(node, address)


class Cluster:
    """An API server whose pods can be entered."""

    def __init__(self, lan: Lan) -> None:
        self.server = Server(clusters.healthy())
        self.lan = lan
        self.pods = dict.fromkeys(("n1", "n2", "n3"), "Running")
        self.code = 0
        self.refusal = 0
        self.asked: list[tuple[str, str]] = []
        """Node and address of each question."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/exec"):
            return await self._enter(request)
        if request.path.endswith("/pods"):
            assert "component=speaker" in request.query["labelSelector"]
            return web.json_response({"metadata": {}, "items": [*self._listed()]})
        code, body = self.server.answer(request.path_qs, "Bearer secret")
        return web.json_response(body, status=code, headers={"Date": DATE})

    def _listed(self) -> Any:
        for node, phase in self.pods.items():
            spec = {"nodeName": node}
            yield {"metadata": {"name": f"on-{node}"}, "spec": spec, "status": {"phase": phase}}

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        if self.refusal:
            return web.Response(status=self.refusal)
        stream = web.WebSocketResponse(protocols=PROTOCOLS)
        await stream.prepare(request)
        node = request.path.split("/")[-2].removeprefix("on-")
        line = json.loads((await stream.receive_bytes())[1:])
        addresses = [one["address"] for one in line["questions"]]
        self.asked += [(node, one) for one in addresses]
        said = {"answers": {one: self.lan(node, one) for one in addresses}, "unasked": {}}
        failure = {
            "status": "Failure",
            "details": {"causes": [{"reason": "ExitCode", "message": str(self.code)}]},
        }
        if self.code:
            await stream.send_bytes(b"\x02/bin/python3: No module named speaker.audit\n")
        else:
            await stream.send_bytes(b"\x01" + json.dumps(said).encode() + b"\n")
        end = failure if self.code else {"status": "Success"}
        await stream.send_bytes(b"\x03" + json.dumps(end).encode())
        await stream.close()
        return stream


@asynccontextmanager
async def entered(cluster: Cluster) -> AsyncIterator[Client]:
    async with serving(cluster.handle) as client:
        yield client


async def audit(cluster: Cluster, *addresses: str) -> Audit:
    wanted: list[Address] = [one for text in addresses if (one := parse(text)) is not None]
    async with entered(cluster) as client:
        return await auditing.audit(client, wanted, seconds=30)


async def test_everybody_is_asked_once_for_everything_when_all_is_well() -> None:
    cluster = Cluster(alone)
    found = await audit(cluster)
    assert found.well
    assert sorted(cluster.asked) == [(node, one) for node in ("n1", "n2", "n3")
                                     for one in (WEB, API)]  # fmt: skip


async def test_what_looks_wrong_is_asked_for_twice() -> None:
    cluster = Cluster(stolen)
    found = await audit(cluster)
    assert [one.verdict for one in found.addresses] == [Verdict.SEVERAL, Verdict.WELL]
    assert cluster.asked.count(("n3", WEB)) == 2
    assert cluster.asked.count(("n3", API)) == 1


async def test_an_address_that_moved_between_the_look_and_the_question_is_no_finding() -> None:
    """The status is read first: n1 held it; n2 answers, and says so by the second look."""

    def moved(node: str, _: str) -> list[str]:
        there = clusters.virtual_ip(WEB, "web", "n2", "n3", holder="n2")
        cluster.server.snapshot = cluster.server.snapshot.put(VIRTUAL_IPS, there)
        return [] if node == "n2" else [N2]

    cluster = Cluster(moved)
    found = await audit(cluster, WEB)
    assert [(one.verdict, one.holder) for one in found.addresses] == [(Verdict.WELL, "n2")]


async def test_a_node_without_a_pod_that_runs_is_told() -> None:
    cluster = Cluster(alone)
    cluster.pods["n3"] = "Pending"
    found = await audit(cluster, WEB)
    assert not found.well
    (one,) = [node for node in found.nodes if node.problem]
    assert (one.node, one.asked) == ("n3", 0)
    assert one.problem == "its speaker has no pod that runs in namespace lbctl-system"


async def test_a_speaker_of_a_version_before_is_told() -> None:
    cluster = Cluster(alone)
    cluster.code = 1
    found = await audit(cluster, WEB)
    assert {one.problem for one in found.nodes} == {
        "its speaker cannot: /bin/python3: No module named speaker.audit"
    }
    assert found.addresses[0].verdict is Verdict.NOT_ASKED


async def test_a_kubelet_that_is_away_is_told() -> None:
    cluster = Cluster(alone)
    cluster.refusal = 502
    found = await audit(cluster, WEB)
    assert not found.well
    assert all("HTTP 502" in one.problem for one in found.nodes)


async def test_the_right_to_enter_is_named_where_it_is_needed() -> None:
    cluster = Cluster(alone)
    cluster.refusal = 403
    with pytest.raises(NotAllowed) as refused:
        await audit(cluster, WEB)
    text = str(refused.value.message)
    assert "create pods/exec in namespace lbctl-system" in text
    assert (
        "kubectl -n lbctl-system create role lbctl-writer --verb=get,create --resource=pods/exec"
        in text
    )
    assert "create rolebinding lbctl-writer --role=lbctl-writer --user=NAME" in text
