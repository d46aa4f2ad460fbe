"""What the chart refuses: helm says which value is wrong before anything is changed."""

from typing import Any

import pytest

from tests.chart.rendering import RefusedError, template

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a misspelt value of the top level", {"defaultclass": True}, "defaultclass"),
    ("a misspelt value of a part", {"speaker": {"toleration": []}}, "toleration"),
    ("a misspelt value deep down", {"speaker": {"lease": {"renew": 5}}}, "renew"),
    ("a misspelt resource", {"operator": {"resources": {"limits": {"mem": "1Gi"}}}}, "mem"),
    ("a resource without a kind", {"operator": {"resources": {"memory": "1Gi"}}}, "memory"),
    ("a word where yes or no is meant", {"defaultClass": "yes please"}, "want boolean"),
    ("a quoted boolean", {"crds": {"install": "false"}}, "want boolean"),
    ("a number for a tag, which loses its zeros", {"image": {"tag": 1.10}}, "want string"),
    ("an image without a tag", {"image": {"tag": ""}}, "/image/tag"),
    ("a tag within the repository", {"image": {"repository": "a/b:1"}}, "/image/repository"),
    ("a pull policy that Kubernetes lacks", {"image": {"pullPolicy": "Maybe"}}, "pullPolicy"),
    ("a secret that is only its name", {"imagePullSecrets": ["registry"]}, "want object"),
    ("a log format that nothing reads", {"logging": {"format": "xml"}}, "/logging/format"),
    ("a class that no Service could name", {"loadBalancerClass": "a/b/c"}, "loadBalancerClass"),
    ("no operator at all", {"operator": {"replicas": 0}}, "/operator/replicas"),
    (
        "a budget that blocks every drain",
        {"operator": {"podDisruptionBudget": {"maxUnavailable": 0}}},
        "maxUnavailable",
    ),
    (
        "a roll-out that never begins",
        {"speaker": {"updateStrategy": {"maxUnavailable": "0%"}}},
        "maxUnavailable",
    ),
    ("a lease in words", {"speaker": {"lease": {"renewSeconds": "5s"}}}, "want integer"),
    (
        "one node's address for all nodes",
        {"speaker": {"http": {"address": "172.16.110.11"}}},
        "http",
    ),
    ("a port that does not exist", {"speaker": {"http": {"port": 70000}}}, "/speaker/http/port"),
    ("a BFD port that does not exist", {"bfd": {"port": 0}}, "/bfd/port"),
    ("a port that packets are sent from", {"bfd": {"port": 50000}}, "/bfd/port"),
    ("death at the first lost packet", {"bfd": {"detectMultiplier": 1}}, "detectMultiplier"),
    ("packets faster than Python", {"bfd": {"intervalMilliseconds": 10}}, "intervalMilliseconds"),
    ("an effect that taints lack", {"speaker": {"tolerations": [{"effect": "No"}]}}, "effect"),
    ("an annotation that is no text", {"operator": {"podAnnotations": {"a": True}}}, "want string"),
    ("a port where a URL is meant", {"speaker": {"proxyHealthURL": "10256"}}, "proxyHealthURL"),
    (
        "a health check that needs a certificate",
        {"speaker": {"proxyHealthURL": "https://127.0.0.1:10256/healthz"}},
        "proxyHealthURL",
    ),
    ("a word where MetalLB is meant", {"compat": {"metallb": "yes"}}, "want boolean"),
    ("all namespaces", {"compat": {"metallbNamespace": ""}}, "metallbNamespace"),
    (
        "a PodMonitor in words",
        {"metrics": {"podMonitor": {"enabled": "yes"}}},
        "want boolean",
    ),
    (
        "a time without its unit",
        {"metrics": {"podMonitor": {"interval": "30"}}},
        "/metrics/podMonitor/interval",
    ),
    (
        "a page with an anchor, which the alert's name is to be",
        {"metrics": {"prometheusRule": {"runbookURL": "https://wiki.example/a#b"}}},
        "runbookURL",
    ),
    (
        "a page that is found only in the repository",
        {"metrics": {"prometheusRule": {"runbookURL": "docs/alerts.md"}}},
        "runbookURL",
    ),
    ("a group that was emptied", {"speaker": None}, "speaker"),
    (
        "a lease that one late renewal ends",
        {"speaker": {"lease": {"renewSeconds": 10}}},
        r"durationSeconds is 15: it must be at least twice speaker\.lease\.renewSeconds \(10\)",
    ),
]


@pytest.mark.parametrize(
    ("values", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        template(values)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("global values, which a parent chart hands down", {"global": {"region": "north"}}),
    ("a registry with a port", {"image": {"repository": "registry.example:5000/lbctl"}}),
    ("a class without a domain", {"loadBalancerClass": "lan"}),
    ("no priority class", {"operator": {"priorityClassName": ""}}),
    ("a CPU limit, for those who must", {"operator": {"resources": {"limits": {"cpu": 1}}}}),
    ("a proxy that nobody asks", {"speaker": {"proxyHealthURL": ""}}),
    ("a lease of twice its renewal", {"speaker": {"lease": {"durationSeconds": 10}}}),
]


@pytest.mark.parametrize("values", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(values: dict[str, Any]) -> None:
    assert template(values)
