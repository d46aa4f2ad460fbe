"""A person's kubeconfig, read as kubectl reads it: several files, contexts, plug-ins, proxies.

Of several files in ``$KUBECONFIG`` the first that says something wins, entry by entry, and a path
in an entry is relative to the file that has it (Kubernetes, "Organizing Cluster Access Using
kubeconfig Files"). Credential plug-ins (``exec``) follow the client-go protocol: a program prints
an ``ExecCredential`` of ``client.authentication.k8s.io``.

This is written here and not taken from a client library, because those load their models of all of
Kubernetes with it, which nearly doubles the time until the command asks its first question.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml

from lbctl.kube.login import Login, LoginError, Token, from_service_account, in_pod

Entry = Mapping[str, Any]

_EXEC_API = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXEC_SECONDS = 120
"""A plug-in may open a browser and wait for a person."""


@dataclass(frozen=True, slots=True)
class _Named:
    """An entry of a list, and the folder of the file that has it."""

    content: Entry
    folder: Path

    def text(self, key: str) -> str:
        return str(self.content.get(key) or "")

    def material(self, key: str) -> bytes:
        """PEM given inline as ``<key>-data``, which wins, or as a file."""
        if data := self.content.get(f"{key}-data"):
            try:
                return base64.b64decode(data, validate=True)
            except (binascii.Error, TypeError, ValueError) as error:
                raise LoginError(f"kubeconfig: {key}-data is no base64") from error
        if not (name := self.text(key)):
            return b""
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise LoginError(f"kubeconfig: {key} {name}: {error.strerror}") from error


@dataclass(slots=True)
class Kubeconfig:
    """What one or several files say together."""

    current: str = ""
    contexts: dict[str, _Named] = field(default_factory=dict)
    clusters: dict[str, _Named] = field(default_factory=dict)
    users: dict[str, _Named] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Iterable[Path]) -> Kubeconfig:
        """Read files, the first one first.

        Raises:
            LoginError: one of them cannot be read, or is no kubeconfig.
        """
        found = cls()
        for file in files:
            found._add(file)
        return found

    def login(self, context: str = "", *, interactive: bool | None = None) -> Login:
        """Log in by a context; "" is the current one.

        Raises:
            LoginError: the context is not there, or asks for what nobody supports any more.
        """
        name = context or self.current
        if not name:
            raise LoginError(
                "the kubeconfig has no current-context: choose one with --context, or with "
                f"kubectl config use-context ({self._have()})"
            )
        if name not in self.contexts:
            raise LoginError(f"the kubeconfig has no context {name!r} ({self._have()})")
        chosen = self.contexts[name]
        cluster = _entry(self.clusters, chosen.text("cluster"), "cluster", name)
        user = _entry(self.users, chosen.text("user"), "user", name, empty=True)
        _check_server(cluster.text("server"), chosen.text("cluster"))
        terminal = sys.stdin.isatty() if interactive is None else interactive
        try:
            return _login(chosen, cluster, user, interactive=terminal)
        except (AttributeError, KeyError, TypeError) as error:
            raise LoginError(
                f"kubeconfig: what context {name!r} names has not the form of a kubeconfig: "
                "see kubectl config view"
            ) from error

    def _have(self) -> str:
        return f"it has {', '.join(sorted(self.contexts))}" if self.contexts else "it has none"

    def _add(self, file: Path) -> None:
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            self.current = self.current or str(content.get("current-context") or "")
            for kept, plural, singular in (
                (self.contexts, "contexts", "context"),
                (self.clusters, "clusters", "cluster"),
                (self.users, "users", "user"),
            ):
                for entry in content.get(plural) or ():
                    inside = dict(entry[singular] or {})
                    kept.setdefault(entry["name"], _Named(inside, file.parent))
        except OSError as error:
            raise LoginError(f"kubeconfig {file}: {error.strerror}") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            said = " ".join(str(error).split())
            raise LoginError(f"kubeconfig {file} is no YAML: {said}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LoginError(
                f"kubeconfig {file} is none: it wants lists of contexts, clusters and users, each "
                "with a name"
            ) from error


def files(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl would read: the given one, else ``$KUBECONFIG``, else the usual one.

    Of several in ``$KUBECONFIG`` those that are missing are passed over.
    """
    if given is not None:
        return [given]
    listed = [Path(one) for one in environment.get("KUBECONFIG", "").split(os.pathsep) if one]
    usual = [Path("~/.kube/config").expanduser()]
    return [path for path in listed or usual if path.exists()]


def find(given: Path | None = None, context: str = "") -> Login:
    """Log in as kubectl would.

    Raises:
        LoginError: there is no way in; the text says what to do.
    """
    found = files(given)
    if found:
        return Kubeconfig.read(found).login(context)
    if in_pod() and not context:
        return from_service_account()
    where = os.environ.get("KUBECONFIG") or "~/.kube/config"
    raise LoginError(f"there is no kubeconfig at {where}: give one with --kubeconfig FILE")


def contexts(given: Path | None = None) -> list[str]:
    """The names of the contexts, for completion. Raises LoginError."""
    return sorted(Kubeconfig.read(files(given)).contexts)


def _entry(
    entries: Mapping[str, _Named], name: str, what: str, context: str, *, empty: bool = False
) -> _Named:
    if name in entries:
        return entries[name]
    if empty and not name:
        return _Named({}, Path())
    raise LoginError(f"kubeconfig: context {context!r} names {what} {name!r}, which is not there")


def _check_server(server: str, cluster: str) -> None:
    if not server:
        raise LoginError(f"kubeconfig: cluster {cluster!r} names no server")
    try:
        split = urlsplit(server)
        usable = split.scheme in {"http", "https"} and bool(split.hostname) and split.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise LoginError(
            f"kubeconfig: cluster {cluster!r} has the server {server}: write https://HOST:PORT"
        )


def _login(context: _Named, cluster: _Named, user: _Named, *, interactive: bool) -> Login:
    for unknown in ("auth-provider", "username", "as"):
        if unknown in user.content:
            raise LoginError(
                f"kubeconfig: user {context.text('user')!r} has {unknown}, which is not supported: "
                "use a token, a client certificate or a credential plug-in (exec)"
            )
    token, certificate, key = (
        _token(user),
        user.material("client-certificate"),
        user.material("client-key"),
    )
    if token is None and not certificate and (plugin := user.content.get("exec")):
        run = _plugin(plugin, user.folder, cluster, interactive=interactive)
        token, certificate, key = _of_plugin(run)
    return Login(
        server=cluster.text("server").rstrip("/"),
        namespace=context.text("namespace") or "default",
        # What is no ASCII is a comment around the PEM, which TLS takes no string with.
        ca_data=cluster.material("certificate-authority").decode("ascii", errors="ignore"),
        insecure=bool(cluster.content.get("insecure-skip-tls-verify")),
        server_name=cluster.content.get("tls-server-name"),
        token=token,
        certificate=certificate,
        private_key=key,
        proxy=_proxy(cluster),
    )


def _token(user: _Named) -> Token | None:
    if file := user.text("tokenFile"):
        return Token(file=user.folder / file)
    return Token(value=user.text("token")) if user.text("token") else None


def _proxy(cluster: _Named) -> str:
    """The proxy on the way to the server: ``proxy-url``, else the environment, as for kubectl."""
    server = urlsplit(cluster.text("server"))
    proxy = cluster.text("proxy-url")
    if not proxy and not proxy_bypass(server.netloc):
        proxy = getproxies().get(server.scheme, "")
    if proxy and urlsplit(proxy).scheme not in {"http", "https"}:
        raise LoginError(f"proxy {proxy} is not supported: use an http:// or https:// proxy")
    return proxy


def _of_plugin(run: Callable[[], Entry]) -> tuple[Token | None, bytes, bytes]:
    status = run()
    certificate = str(status.get("clientCertificateData") or "").encode()
    key = str(status.get("clientKeyData") or "").encode()
    if not (said := status.get("token")):
        return None, certificate, key

    def renew() -> str:
        return str(run().get("token") or "")

    return Token(value=str(said), renew=renew), certificate, key


def _plugin(
    plugin: Entry, folder: Path, cluster: _Named, *, interactive: bool
) -> Callable[[], Entry]:
    """A credential plug-in, to be run whenever its token is refused."""
    version, command = str(plugin.get("apiVersion") or ""), str(plugin.get("command") or "")
    if version not in _EXEC_API:
        raise LoginError(
            f"kubeconfig: the credential plug-in {command} speaks {version or 'no version'}, "
            f"known are {' and '.join(_EXEC_API)}: update the plug-in and the kubeconfig"
        )
    mode = plugin.get("interactiveMode") or "IfAvailable"
    if mode == "Always" and not interactive:
        raise LoginError(f"the credential plug-in {command} needs a terminal")
    spec: dict[str, Any] = {"interactive": interactive and mode != "Never"}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _told(cluster)
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    own = {one["name"]: str(one["value"]) for one in plugin.get("env") or ()}
    environment = {**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    # Only a name is looked up on PATH; a relative path is relative to the file.
    program = str(folder / command) if "/" in command else command
    arguments = [program, *map(str, plugin.get("args") or ())]
    hint = str(plugin.get("installHint") or "").strip()
    return lambda: _credential(arguments, environment, hint, quiet=not spec["interactive"])


def _told(cluster: _Named) -> dict[str, Any]:
    """What a plug-in is told of the cluster."""
    said: dict[str, Any] = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.content.get("tls-server-name"),
        "insecure-skip-tls-verify": cluster.content.get("insecure-skip-tls-verify"),
        "proxy-url": cluster.content.get("proxy-url"),
    }
    if ca := cluster.material("certificate-authority"):
        said["certificate-authority-data"] = base64.b64encode(ca).decode()
    for extension in cluster.content.get("extensions") or ():
        if extension.get("name") == _EXEC_API[0].partition("/")[0] + "/exec":
            said["config"] = extension.get("extension")
    return {name: value for name, value in said.items() if value}


def _credential(
    arguments: list[str], environment: Mapping[str, str], hint: str, *, quiet: bool
) -> Entry:
    try:
        done = subprocess.run(
            arguments,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL if quiet else None,
            stdout=subprocess.PIPE,  # What it says to the person goes to stderr, which is ours.
            timeout=_EXEC_SECONDS,
        )
    except OSError as error:
        advice = f". {hint}" if hint else ""
        name = arguments[0]
        raise LoginError(f"the credential plug-in {name}: {error.strerror}{advice}") from error
    except subprocess.TimeoutExpired as error:
        raise LoginError(f"the credential plug-in {arguments[0]} did not end") from error
    if done.returncode != 0:
        raise LoginError(f"the credential plug-in {arguments[0]} failed ({done.returncode})")
    try:
        credential = json.loads(done.stdout)
        kind, status = credential["kind"], credential["status"]
    except (ValueError, KeyError, TypeError):
        kind, status = "", None
    if kind != "ExecCredential" or not isinstance(status, dict):
        raise LoginError(
            f"the credential plug-in {arguments[0]} printed no ExecCredential with a status"
        )
    return status
