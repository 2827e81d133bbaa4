"""The kubelet's metrics of NATS's volume, for which the storage that NATS may use stands in."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from cli.server_process import HOST

LABELS = {"namespace": "letterhead", "persistentvolumeclaim": "data-nats-0"}
JOB = "kubelet"


@contextmanager
def measuring(directory: Path, capacity: int, port: int) -> Iterator[None]:
    """Serve the capacity of a volume, and what its files leave of it, while the block runs."""
    registry = CollectorRegistry()
    total, available = (
        Gauge(f"kubelet_volume_stats_{name}_bytes", name, list(LABELS), registry=registry)
        for name in ("capacity", "available")
    )
    total.labels(**LABELS).set(capacity)
    available.labels(**LABELS).set_function(lambda: capacity - _size(directory))
    server, thread = start_http_server(port, HOST, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _size(directory: Path) -> int:
    """Return the bytes of all files, without those that NATS deletes meanwhile."""
    total = 0
    for each in directory.rglob("*"):
        with suppress(FileNotFoundError):
            total += each.stat().st_size if each.is_file() else 0
    return total
