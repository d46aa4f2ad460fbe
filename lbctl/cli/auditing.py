"""Lets every speaker ask the LAN, by a program in its container, and gathers what they were told.

By `exec` through the API server: on the node nothing has to listen for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from lbctl.cli import cluster
from lbctl.cli.exits import NotAllowed
from lbctl.cli.snapshot import Right, not_allowed, user_of
from lbctl.cli.state import State
from lbctl.cli.view import audit as view
from lbctl.cli.view.audit import Audit, Question, Told
from lbctl.core.addresses import Address, parse
from lbctl.core.labels import SPEAKER_LABELS
from lbctl.kube import exec as execution
from lbctl.kube.client import Client, Selection
from lbctl.kube.errors import ApiError, Forbidden
from lbctl.kube.objects import PODS

PROGRAM = ("python3", "-m", "speaker.audit")
_CONTAINER = "speaker"
_AT_ONCE = 32
"""So many nodes ask at once."""
_QUESTION_SECONDS = 0.02
"""Each may be asked three times, 5 ms apart; with room for a node that is busy."""
_UNAUTHORIZED = 401


async def audit(client: Client, wanted: Sequence[Address], seconds: float) -> Audit:
    """Ask for these addresses, or for all; what looks wrong is asked for again.

    Args:
        client: an open client.
        wanted: the addresses; none = all that have a VirtualIP.
        seconds: how long a node may take beyond its questions.

    Raises:
        Trouble: a right is missing.
        ApiError: no answer.
    """
    state = State(await cluster.snapshot(client))
    addresses = view.addresses_of(state, wanted)
    told = await _ask(client, state, addresses, seconds)
    found = view.judge(state, addresses, told)
    doubted = [one for text in view.suspects(found) if (one := parse(text)) is not None]
    if not doubted:
        return found
    # What moved between the look and the question is where it belongs at the second look.
    state = State(await cluster.snapshot(client))
    again = await _ask(client, state, doubted, seconds)
    return view.judge(state, addresses, _merged(told, again))


def _merged(first: Mapping[str, Told], again: Mapping[str, Told]) -> dict[str, Told]:
    """What each node said last of each address."""
    newest = {text for one in again.values() for text in one.answers}
    merged = {}
    for name in first.keys() | again.keys():
        before, after = first.get(name, Told()), again.get(name, Told())
        kept = {text: macs for text, macs in before.answers.items() if text not in newest}
        merged[name] = Told(
            {**kept, **after.answers},
            {**before.unasked, **after.unasked},
            after.problem or before.problem,
        )
    return merged


async def _ask(
    client: Client, state: State, addresses: Sequence[Address], seconds: float
) -> dict[str, Told]:
    asked = view.questions(state, addresses)
    namespace = state.snapshot.installation.namespace
    pods = await _pods(client, namespace) if asked else {}
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(node: str, questions: Sequence[Question]) -> Told:
        if node not in pods:
            return Told(problem=f"its speaker has no pod that runs in namespace {namespace}")
        async with turns:
            return await _told(client, pods[node], namespace, questions, seconds)

    answers = await asyncio.gather(*(one(node, those) for node, those in asked.items()))
    return dict(zip(asked, answers, strict=True))


async def _pods(client: Client, namespace: str) -> dict[str, str]:
    """The speakers' pods that run, by node."""
    labels = ",".join(f"{name}={value}" for name, value in SPEAKER_LABELS.items())
    try:
        listed = await client.list(PODS, Selection(namespace=namespace, labels=labels))
    except Forbidden as error:
        if error.code == _UNAUTHORIZED:
            raise
        right = Right("list", PODS, namespace, user_of(str(error)))
        raise NotAllowed(not_allowed([right, *_exec_rights(namespace, right.user)])) from error
    return {
        pod["spec"]["nodeName"]: pod["metadata"]["name"]
        for pod in listed.items
        if (pod.get("status") or {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
    }


def _exec_rights(namespace: str, user: str = "") -> list[Right]:
    """Opening a stream is a GET; newer API servers ask for `create` besides."""
    return [Right(verb, PODS, namespace, user, "exec") for verb in ("get", "create")]


async def _told(
    client: Client, pod: str, namespace: str, questions: Sequence[Question], seconds: float
) -> Told:
    line = json.dumps({"questions": [asdict(one) for one in questions]})
    try:
        ended = await execution.run(
            client,
            pod,
            PROGRAM,
            namespace=namespace,
            container=_CONTAINER,
            stdin=f"{line}\n",
            seconds=seconds + len(questions) * _QUESTION_SECONDS,
        )
    except Forbidden as error:
        if error.code == _UNAUTHORIZED:
            raise
        raise NotAllowed(not_allowed(_exec_rights(namespace))) from error
    except ApiError as error:
        return Told(problem=str(error))
    if ended.code:
        last = (ended.stderr.strip().splitlines() or [ended.message])[-1]
        return Told(problem=f"its speaker cannot: {last or f'exit code {ended.code}'}")
    return _read(ended.stdout)


def _read(text: str) -> Told:
    try:
        said = json.loads(text)
        answers = {address: tuple(macs) for address, macs in said["answers"].items()}
        return Told(answers, {**said["unasked"]})
    except (ValueError, KeyError, TypeError, AttributeError):
        return Told(problem=f"its speaker's answer cannot be read: {text[:80]!r}")
