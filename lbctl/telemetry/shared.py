"""What both parts count: their version, and what they ask of the API server."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from lbctl import __version__
from lbctl.telemetry.declaration import Kind, Label, Metric, Unit

NO_ANSWER: Final = "none"
"""In place of a status code: no connection, or no answer in time."""

_METHODS: Final = ("GET", "WATCH", "POST", "PUT", "PATCH", "DELETE")

BUILD_INFO: Final = Metric(
    "lbctl_build_info",
    Kind.GAUGE,
    Unit.TRUTH,
    "Always 1; the labels say which version runs.",
    "Two versions for more than a roll-out's time: `kubectl -n lbctl-system get pods` shows what "
    "hangs, mostly an image that cannot be pulled.",
    (
        Label("component", "which part", ("operator", "speaker")),
        Label("version", "of the code"),
    ),
)
API_REQUESTS: Final = Metric(
    "lbctl_api_requests_total",
    Kind.COUNTER,
    Unit.REQUESTS,
    "Requests to the API server by what came back.",
    "Some 404 and 409 are normal: two writers met. 401 and 403 are missing rights, most often "
    "those of an older chart; 5xx and `none` an API server that is ill or away. Addresses that "
    "are held stay where they are meanwhile.",
    (
        Label("method", "a watch counts once, when it begins", _METHODS),
        Label("code", f"the status code, or `{NO_ANSWER}` without an answer"),
    ),
)
API_SECONDS: Final = Metric(
    "lbctl_api_request_duration_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "From a request to the API server to the first bytes of its answer.",
    "Above a second: the API server or etcd is slow, and new Services wait. Look there first.",
    (Label("method", "as above", _METHODS),),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

SHARED: Final = (BUILD_INFO, API_REQUESTS, API_SECONDS)


class SharedMetrics:
    """Counts them, in a part's registry.

    Args:
        registry: where they are read.
        component: `operator` or `speaker`.
        version: of the part.
    """

    def __init__(
        self, registry: CollectorRegistry, component: str, version: str = __version__
    ) -> None:
        ProcessCollector(registry=registry)
        info = Gauge(BUILD_INFO.family, BUILD_INFO.text, BUILD_INFO.label_names, registry=registry)
        info.labels(component, version).set(1)
        self._requests = Counter(
            API_REQUESTS.family, API_REQUESTS.text, API_REQUESTS.label_names, registry=registry
        )
        self._seconds = Histogram(
            API_SECONDS.family,
            API_SECONDS.text,
            API_SECONDS.label_names,
            buckets=API_SECONDS.buckets,
            registry=registry,
        )

    def api_request(self, method: str, code: int | None, seconds: float) -> None:
        """One request was answered, or was not (None)."""
        self._requests.labels(method, NO_ANSWER if code is None else str(code)).inc()
        self._seconds.labels(method).observe(seconds)
