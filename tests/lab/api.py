"""A few requests to the lab's API server, for the lab's own needs; tests have kubectl."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.lab.errors import LabError


class Api:
    """Speaks to the API server that a kubeconfig of the lab names."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._server: str = cluster["server"]
        self._token: str = config["users"][0]["user"]["token"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)

    def ready(self) -> bool:
        """Whether the API server answers and says that it is ready."""
        try:
            return self._send("GET", "/readyz", None, "") == b"ok"
        except (OSError, LabError):
            return False

    def get(self, path: str) -> Any:
        return json.loads(self._send("GET", path, None, ""))

    def post(self, path: str, body: object) -> Any:
        return json.loads(self._send("POST", path, body, "application/json"))

    def merge(self, path: str, body: object) -> Any:
        """PATCH with a JSON merge patch (RFC 7386)."""
        return json.loads(self._send("PATCH", path, body, "application/merge-patch+json"))

    def _send(self, method: str, path: str, body: object, content: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the server is the lab's own, always https
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}"}
            | ({"Content-Type": content} if content else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._tls) as answer:  # noqa: S310
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as refused:
            with refused:
                said = refused.read().decode(errors="replace")[:500]
            name = HTTPStatus(refused.code).phrase
            raise LabError(f"{method} {path}: {refused.code} {name}: {said}") from refused
