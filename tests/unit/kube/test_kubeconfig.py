"""A person's kubeconfig: read as kubectl reads it, refused in words where it cannot be used."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.kube import kubeconfig
from lbctl.kube.kubeconfig import Kubeconfig
from lbctl.kube.login import LoginError

V1 = "client.authentication.k8s.io/v1"


def write(
    path: Path, user: dict[str, Any] | None = None, *, name: str = "c", **cluster: Any
) -> Path:
    content = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/", **cluster}}],
        "users": [{"name": name, "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def plugin(folder: Path, printed: str, **more: Any) -> dict[str, Any]:
    script = folder / "login"
    script.write_text(f"#!/bin/sh\n{printed}\n", encoding="utf-8")
    script.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": "./login", **more}}


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status})


def test_of_several_files_the_first_that_says_something_wins(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ca").write_text("SECOND", encoding="utf-8")
    first = write(tmp_path / "one", {"token": "a"}, name="one")
    second = write(tmp_path / "sub" / "two", {"token": "b"}, name="two",
                   **{"certificate-authority": "ca"})  # fmt: skip
    found = Kubeconfig.read([first, second])
    assert found.login().server == "https://one:6443"
    other = found.login("two")
    assert other.server == "https://two:6443"
    assert other.ca_data == "SECOND", "a path is relative to the file that has it"


def test_files_are_those_of_kubectl(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), tmp_path / "two"
    environment = {"KUBECONFIG": f"{two}{os.pathsep}{one}"}
    assert kubeconfig.files(None, environment) == [one], "missing ones are passed over"
    assert kubeconfig.files(two, environment) == [two], "one that is named is not"


@pytest.mark.parametrize(
    ("status", "token", "certificate"),
    [
        ({"token": "t"}, "t", b""),
        ({"clientCertificateData": "CERT", "clientKeyData": "KEY"}, None, b"CERT"),
    ],
)
def test_a_plug_in_gives_a_token_or_a_certificate(
    tmp_path: Path, status: dict[str, str], token: str | None, certificate: bytes
) -> None:
    user = plugin(tmp_path, f"echo '{credential(**status)}'")
    found = Kubeconfig.read([write(tmp_path / "c", user)]).login(interactive=False)
    assert (found.token and found.token.current()) == token
    assert found.certificate == certificate


def test_a_token_that_the_server_refuses_is_made_anew(tmp_path: Path) -> None:
    count = tmp_path / "count"
    printed = f"echo x >> {count}; echo '{credential(token='T')}' | sed s/T/$(grep -c x {count})/"
    found = Kubeconfig.read([write(tmp_path / "c", plugin(tmp_path, printed))]).login()
    assert found.token is not None
    assert found.token.current() == "1"
    assert found.token.current() == "1", "it is not run for each request"
    assert found.token.current(fresh=True) == "2"


def test_a_plug_in_hears_of_the_cluster_when_it_wants_to(tmp_path: Path) -> None:
    told = tmp_path / "told"
    heard = f'(echo "$KUBERNETES_EXEC_INFO"; echo "$OWN") > {told}'
    printed = f"{heard}; echo '{credential(token='t')}'"
    user = plugin(
        tmp_path, printed, provideClusterInfo=True, env=[{"name": "OWN", "value": "mine"}]
    )
    ca = base64.b64encode(b"CA").decode()
    path = write(tmp_path / "c", user, **{"certificate-authority-data": ca})
    Kubeconfig.read([path]).login(interactive=False)
    info, own = told.read_text(encoding="utf-8").splitlines()
    assert own == "mine"
    spec = json.loads(info)["spec"]
    assert spec == {
        "interactive": False,
        "cluster": {"server": "https://c:6443/", "certificate-authority-data": ca},
    }


@pytest.mark.parametrize(
    ("printed", "more", "said"),
    [
        ("exit 3", {}, r"failed \(3\)"),
        ("echo nothing", {}, "printed no ExecCredential"),
        ("echo '{}'", {}, "printed no ExecCredential"),
        (
            "true",
            {"command": "no-such-program", "installHint": "Get it at example.org"},
            "example.org",
        ),
        ("true", {"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "update the plug-in"),
        ("true", {"interactiveMode": "Always"}, "needs a terminal"),
    ],
)
def test_a_plug_in_that_does_not_work_is_named(
    tmp_path: Path, printed: str, more: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "c", plugin(tmp_path, printed, **more))
    with pytest.raises(LoginError, match=said):
        Kubeconfig.read([path]).login(interactive=False)


@pytest.mark.parametrize(
    ("cluster", "environment", "proxy"),
    [
        ({"proxy-url": "http://p:3128"}, {}, "http://p:3128"),
        ({}, {"https_proxy": "http://q:3128"}, "http://q:3128"),
        ({}, {"https_proxy": "http://q:3128", "no_proxy": "c"}, ""),
        ({}, {}, ""),
    ],
)
def test_the_way_through_a_proxy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cluster: dict[str, Any],
    environment: dict[str, str],
    proxy: str,
) -> None:
    for name in ("https_proxy", "http_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Kubeconfig.read([write(tmp_path / "c", **cluster)]).login().proxy == proxy


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({"auth-provider": {}}, {}, "auth-provider"),
        ({"username": "jane"}, {}, "username"),
        ({"as": "root"}, {}, "as"),
        ({"client-certificate-data": "%"}, {}, "base64"),
        ({"client-certificate": "none.pem"}, {}, "none.pem: No such file"),
        ({}, {"proxy-url": "socks5://p"}, "socks5://p is not supported"),
        ({}, {"server": ""}, "names no server"),
        ({}, {"server": "c:6443"}, "has the server c:6443: write https://HOST:PORT"),
        ({}, {"server": "ftp://c"}, "write https://HOST:PORT"),
        ({}, {"server": "https://c:66443"}, "write https://HOST:PORT"),
        ({}, {"server": "https://[::1"}, "write https://HOST:PORT"),
        ({"exec": 5}, {}, "has not the form of a kubeconfig"),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "env": [{"a": 1}]}},
            {},
            "has not the form of a kubeconfig",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], said: str
) -> None:
    with pytest.raises(LoginError, match=said):
        Kubeconfig.read([write(tmp_path / "c", user, **cluster)]).login(interactive=False)


@pytest.mark.parametrize("text", ["[", "contexts: 3", "3", "contexts: [{}]",
                                  "users: [{name: a, user: b}]", "a: \xff"])  # fmt: skip
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(LoginError, match=str(path)) as refused:
        Kubeconfig.read([path])
    assert "Error(" not in str(refused.value), "words for people, not Python's"


@pytest.mark.parametrize(
    ("rule", "user", "cluster"),
    [
        ("a CA", {}, {"certificate-authority-data": base64.b64encode(b"CA").decode()}),
        ("a CA in bytes", {}, {"certificate-authority-data": base64.b64encode(b"\xff").decode()}),
        ("a certificate", {"client-certificate-data": "AAAA", "client-key-data": "AAAA"}, {}),
    ],
)
def test_a_certificate_that_is_none_is_told(
    tmp_path: Path, rule: str, user: dict[str, Any], cluster: dict[str, Any]
) -> None:
    found = Kubeconfig.read([write(tmp_path / "c", user, **cluster)]).login(interactive=False)
    if rule == "a CA in bytes":
        assert not found.ca_data
        return
    with pytest.raises(LoginError, match=r"for https://c:6443 cannot be used"):
        found.ssl_context()


def test_a_context_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    found = Kubeconfig.read([write(tmp_path / "c")])
    with pytest.raises(LoginError, match=r"no context 'noon' \(it has c\)"):
        found.login("noon")
    found.current = ""
    with pytest.raises(LoginError, match="choose one with --context"):
        found.login()
