"""`python -m speaker.agent`: the Kubernetes side, started by the supervisor."""

import asyncio
import logging
import os
import signal
import socket
import sys

from prometheus_client import CollectorRegistry

from lbctl.kube import login
from lbctl.kube.client import Client
from lbctl.telemetry.shared import SharedMetrics
from speaker import logs
from speaker.agent.app import Agent
from speaker.agent.settings import Settings, SettingsError
from speaker.supervisor import BAD_SETTINGS, CHANNEL_VARIABLE, RESTARTS_VARIABLE


async def _run(settings: Settings) -> None:
    end = socket.socket(fileno=int(os.environ[CHANNEL_VARIABLE]))
    restarts = int(os.environ.get(RESTARTS_VARIABLE, "0"))
    access = login.find(settings.kubeconfig)
    registry = CollectorRegistry()
    counted = SharedMetrics(registry, "speaker", settings.version).api_request
    program = f"lbctl-speaker/{settings.version}"
    async with Client(access, user_agent=program, answered=counted) as client:
        agent = Agent(settings, client, end, registry=registry, restarts=restarts)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, agent.stop)
        await agent.run()


def main() -> int:
    """Run until stopped; the exit code."""
    logs.configure()
    try:
        asyncio.run(_run(Settings.read()))
    except (SettingsError, login.LoginError) as error:
        logging.getLogger("speaker.agent").critical("%s", error)
        return BAD_SETTINGS
    return 0


if __name__ == "__main__":
    sys.exit(main())
