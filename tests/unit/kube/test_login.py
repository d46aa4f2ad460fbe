"""Ways to log in, and a sentence for each way that is not supported."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from lbctl.kube import login
from lbctl.kube.login import LoginError, Token


def kubeconfig(folder: Path, *, user: dict[str, Any], **cluster: Any) -> Path:
    path = folder / "config"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://api:6443/", **cluster}}],
                "users": [{"name": "u", "user": user}],
            }
        ),
        encoding="utf-8",
    )
    return path


def test_a_token_and_a_ca(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM", encoding="utf-8")
    access = login.find(
        kubeconfig(tmp_path, user={"token": "secret"}, **{"certificate-authority": "ca.crt"})
    )
    assert (access.server, access.ca_data) == ("https://api:6443", "PEM")
    assert access.token is not None
    assert access.token.current() == "secret"


def test_a_client_certificate_inline(tmp_path: Path) -> None:
    data = base64.b64encode(b"PEM").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    access = login.find(kubeconfig(tmp_path, user=user))
    assert (access.certificate, access.private_key, access.token) == (b"PEM", b"PEM", None)


@pytest.mark.parametrize(
    ("user", "cluster", "named"),
    [
        pytest.param({"exec": {"command": "x"}}, {}, "exec", id="a plug-in"),
        pytest.param({"auth-provider": {}}, {}, "auth-provider", id="an old provider"),
        pytest.param({"token": "t"}, {"proxy-url": "http://p"}, "proxy-url", id="a proxy"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], named: str
) -> None:
    with pytest.raises(LoginError, match=named):
        login.find(kubeconfig(tmp_path, user=user, **cluster))


@pytest.mark.parametrize("text", ["", "{}", "current-context: c", "[", "contexts: 3"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LoginError, match=str(path)):
        login.find(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="No such file"):
        login.find(tmp_path / "none")


def test_a_rotated_token_is_read_anew_when_the_server_refuses_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n", encoding="utf-8")
    token = Token(file=file)
    assert token.current() == "one"
    file.write_text("two\n", encoding="utf-8")
    assert token.current() == "one", "it is not read for each request"
    assert token.current(fresh=True) == "two"
