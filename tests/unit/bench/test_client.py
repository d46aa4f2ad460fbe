"""The client process, against a server on this machine."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.bench.outage.asking import CLIENT
from tests.bench.outage.client import INTERVAL_SECONDS, PORTS, port_at

ANSWER = b"HTTP/1.1 200 OK\r\n\r\nweb-1\nclient 127.0.0.1\n"
ENOUGH = 20


@pytest.fixture
def server() -> Iterator[tuple[str, int, dict[str, bytes]]]:
    """Answers what the test says, and closes."""
    says = {"answer": ANSWER}
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(1024)
                        connection.sendall(says["answer"])

        threading.Thread(target=serve, daemon=True).start()
        host, port = listener.getsockname()[:2]
        yield host, port, says
        listener.shutdown(socket.SHUT_RDWR)


def ask(host: str, port: int) -> list[list[str]]:
    """Some requests, in words; the client ends with its standard input."""
    command = [sys.executable, "-P", str(CLIENT), host, str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as client:
        assert client.stdout is not None
        lines = [client.stdout.readline().split() for _ in range(ENOUGH)]
        more, _ = client.communicate("")
    assert client.returncode == 0
    return [line for line in [*lines, *map(str.split, more.splitlines())] if line[0] != "late"]


def test_each_request_is_a_line_with_its_times_and_the_pod(
    server: tuple[str, int, dict[str, bytes]],
) -> None:
    host, port, _ = server
    for start, end, outcome, pod in ask(host, port):
        assert float(start) <= float(end)
        assert (outcome, pod) == ("ok", "web-1")


def test_an_answer_that_is_not_200_is_a_failure(server: tuple[str, int, dict[str, bytes]]) -> None:
    host, port, says = server
    says["answer"] = b"HTTP/1.1 503 No\r\n\r\n"
    assert {line[2] for line in ask(host, port)} == {"refused"}


def test_a_connection_that_is_closed_without_a_word_is_a_failure(
    server: tuple[str, int, dict[str, bytes]],
) -> None:
    host, port, says = server
    says["answer"] = b""
    assert {line[2] for line in ask(host, port)} == {"closed"}


def test_a_port_where_nobody_listens_is_a_failure_with_its_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()[:2]
    assert {line[2] for line in ask(host, port)} == {"ECONNREFUSED"}


def test_no_source_port_comes_round_while_a_node_may_remember_it() -> None:
    """The moments are as the client's clock gives them: the interval is no binary fraction."""
    due, ports = 12345.678, []
    for _ in range(len(PORTS)):
        ports.append(port_at(due))
        due += INTERVAL_SECONDS
    assert len({*ports[:12_000]}) == 12_000, "120 s, for which conntrack keeps a SYN"
    assert min(ports) >= 1024
