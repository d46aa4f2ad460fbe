"""Certificates and tokens of one lab, made anew for each: a lab lives for minutes."""

import base64
import json
import secrets
from pathlib import Path

from tests.lab.commands import run
from tests.lab.layout import State
from tests.lab.spec import KUBERNETES_SERVICE, LabSpec

DAYS = "30"


def subject_alternative_names(spec: LabSpec) -> str:
    """The names of the API server: inside, as a Service, and through a forwarder."""
    host = spec.control_plane
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    addresses = ["127.0.0.1", KUBERNETES_SERVICE, host.address(4), host.address(6)]
    return ",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])


def users(spec: LabSpec) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The lab's users: the name of their kubeconfig, then the API's user name and groups."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        "admin": ("admin", ("system:masters",)),
        "kube-controller-manager": ("system:kube-controller-manager", ()),
        "kube-scheduler": ("system:kube-scheduler", ()),
        "kube-proxy": ("system:kube-proxy", ()),
    }
    for node in spec.node_hosts:
        found[f"kubelet-{node.name}"] = (f"system:node:{node.name}", ("system:nodes",))
    return found


def kubeconfig(server: str, ca: bytes, user: str, token: str) -> str:
    """A kubeconfig that needs no other file."""
    authority = base64.b64encode(ca).decode()
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [
                {
                    "name": "lab",
                    "cluster": {"server": server, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
        },
        indent=1,
    )


def _private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def make_certificates(spec: LabSpec, directory: Path) -> None:
    """A certificate authority, the API server's certificate, and the key of service accounts."""
    directory.mkdir(parents=True, mode=0o700)
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    usage = "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"
    run(
        *("openssl", "req", "-x509", *new_key, "-days", DAYS, "-subj", "/CN=lab-ca"),
        *("-addext", usage, "-keyout", directory / "ca.key", "-out", directory / "ca.crt"),
    )
    run(
        *("openssl", "req", "-x509", *new_key, "-days", DAYS, "-subj", "/CN=kube-apiserver"),
        *("-CA", directory / "ca.crt", "-CAkey", directory / "ca.key"),
        *("-addext", f"subjectAltName={subject_alternative_names(spec)}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-keyout", directory / "api.key", "-out", directory / "api.crt"),
    )
    # The API server shows this one to kubelets, which ask it in turn what its owner may do.
    run(
        *("openssl", "req", "-x509", *new_key, "-days", DAYS),
        *("-subj", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        *("-CA", directory / "ca.crt", "-CAkey", directory / "ca.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "extendedKeyUsage=clientAuth"),
        *("-keyout", directory / "kubelet-client.key", "-out", directory / "kubelet-client.crt"),
    )
    run("openssl", "genrsa", "-out", directory / "sa.key", "2048")


def make_credentials(spec: LabSpec, state: State) -> None:
    """A random token for each user, and a kubeconfig with it for use inside the lab."""
    rows = []
    server = f"https://{spec.control_plane.address()}:6443"
    ca = (state.pki / "ca.crt").read_bytes()
    for name, (user, groups) in users(spec).items():
        token = secrets.token_hex(16)
        rows.append(f'{token},{user},{name},"{",".join(groups)}"\n')
        _private(state.kubeconfig_of(name), kubeconfig(server, ca, user, token))
    _private(state.pki / "tokens.csv", "".join(rows))


def make_outside_kubeconfig(state: State, path: Path, port: int) -> None:
    """The administrator's kubeconfig for use from the machine, through a forwarder's port."""
    inside = json.loads(state.kubeconfig_of("admin").read_text())
    token = inside["users"][0]["user"]["token"]
    ca = (state.pki / "ca.crt").read_bytes()
    _private(path, kubeconfig(f"https://127.0.0.1:{port}", ca, "admin", token))
