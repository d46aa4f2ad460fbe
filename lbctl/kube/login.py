"""Where the API server is and how to prove who we are: in the cluster, or by a kubeconfig file.

In the cluster: the service account's projected token, which the kubelet rotates; it is read again
every minute and whenever the server answers 401. From a file: the current context, with a token, a
token file or a client certificate. What a kubeconfig may say besides (``exec`` plug-ins,
``auth-provider``, ``proxy-url``) is refused by name, never ignored: a controller runs no programs
for its credentials. People do: `lbctl.kube.kubeconfig` logs them in.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_AGE_SECONDS = 60.0


class LoginError(Exception):
    """There are no credentials, or they cannot be used. The message says what to do."""


@dataclass(slots=True)
class Token:
    """A bearer token, fixed, from a file that somebody else rotates, or made anew on demand."""

    value: str = ""
    file: Path | None = None
    renew: Callable[[], str] | None = field(default=None, repr=False)
    """Makes another one, when the server refuses this one."""
    _read_at: float = field(default=-_TOKEN_AGE_SECONDS, repr=False)

    def current(self, *, fresh: bool = False) -> str:
        """The token to send now; ``fresh`` reads the file even if that was done a moment ago."""
        if fresh and self.renew is not None:
            self.value = self.renew()
        if self.file is None:
            return self.value
        now = time.monotonic()
        if fresh or now - self._read_at >= _TOKEN_AGE_SECONDS:
            self.value = self.file.read_text(encoding="utf-8").strip()
            self._read_at = now
        return self.value


@dataclass(frozen=True, slots=True)
class Login:
    """The server, how to verify it, and the credentials."""

    server: str
    namespace: str = "default"
    ca_file: Path | None = None
    ca_data: str = ""
    insecure: bool = False
    server_name: str | None = None
    token: Token | None = None
    certificate: bytes = b""
    private_key: bytes = b""
    proxy: str = ""
    """The HTTP proxy on the way to the server, as a URL; "" = none."""

    def ssl_context(self) -> ssl.SSLContext:
        """TLS that verifies the server by the cluster's CA and shows our certificate, if any.

        Raises:
            LoginError: one of the certificates cannot be used.
        """
        try:
            return self._ssl_context()
        except ssl.SSLError as error:
            raise LoginError(
                f"the CA, the client certificate or its key for {self.server} cannot be used: "
                f"{error}"
            ) from error

    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(
            cafile=str(self.ca_file) if self.ca_file else None, cadata=self.ca_data or None
        )
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
                # OpenSSL reads the pair from a file only; mode 0600, gone as soon as it is read.
                pem.write(self.certificate + b"\n" + self.private_key)
                pem.flush()
                context.load_cert_chain(pem.name)
        return context


def find(kubeconfig: Path | None = None) -> Login:
    """The given kubeconfig, else the pod's service account, else the user's own kubeconfig.

    The last is ``$KUBECONFIG`` or ``~/.kube/config``, as for kubectl.

    Raises:
        LoginError: nothing of these is there, or what is there cannot be used.
    """
    if kubeconfig is not None:
        return from_kubeconfig(kubeconfig)
    if in_pod():
        return from_service_account()
    path = Path(os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
    if path.exists():
        return from_kubeconfig(path)
    raise LoginError(f"not in a pod and no kubeconfig at {path}: give one with --kubeconfig FILE")


def in_pod() -> bool:
    """Whether this process runs in a pod that has a service account's token."""
    in_cluster = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    return in_cluster and (SERVICE_ACCOUNT / "token").exists()


def from_service_account(directory: Path = SERVICE_ACCOUNT) -> Login:
    """Log in as the pod's service account (``KUBERNETES_SERVICE_HOST`` and the projected files)."""
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    bracketed = f"[{host}]" if ":" in host else host
    return Login(
        server=f"https://{bracketed}:{port}",
        namespace=(directory / "namespace").read_text(encoding="utf-8").strip(),
        ca_file=directory / "ca.crt",
        token=Token(file=directory / "token"),
    )


def from_kubeconfig(path: Path) -> Login:
    """Log in by the current context of a kubeconfig file.

    Raises:
        LoginError: the file is missing or malformed, or asks for a way in that is not supported.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config.get("users", []), context["user"])["user"] or {}
    except OSError as error:
        raise LoginError(f"kubeconfig {path}: {error.strerror}") from error
    except (KeyError, TypeError, StopIteration, yaml.YAMLError) as error:
        raise LoginError(f"kubeconfig {path}: no usable current context ({error!r})") from error
    unsupported = [key for key in ("exec", "auth-provider", "username") if key in user]
    unsupported += [key for key in ("proxy-url",) if key in cluster]
    if unsupported:
        raise LoginError(
            f"kubeconfig {path}: {', '.join(unsupported)} is not supported here: use a token, "
            f"a token file or a client certificate"
        )
    ca = _material(cluster, "certificate-authority", path.parent)
    return Login(
        server=cluster["server"].rstrip("/"),
        namespace=context.get("namespace") or "default",
        ca_data=ca.decode(),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name"),
        token=_token(user, path.parent),
        certificate=_material(user, "client-certificate", path.parent),
        private_key=_material(user, "client-key", path.parent),
    )


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _token(user: dict[str, Any], base: Path) -> Token | None:
    if "tokenFile" in user:
        return Token(file=base / user["tokenFile"])
    return Token(value=user["token"]) if "token" in user else None


def _material(section: dict[str, Any], name: str, base: Path) -> bytes:
    """PEM bytes given inline as ``<name>-data`` (which wins, as in kubectl) or as a file."""
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data)
    return (base / section[name]).read_bytes() if section.get(name) else b""
