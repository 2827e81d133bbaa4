"""Logs as JSON lines with a stable `action`, and Prometheus metrics. Never log bodies, tokens or addresses.

Every call has the form `log.info("short phrase", action="snake_case_past", …)`. Tenant, key and request id
are added from the running RPC.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import structlog
from prometheus_client import Gauge, start_http_server

from chassis.config import ConfigError

Processor = structlog.typing.Processor
PROCESS = Gauge("letterhead_process_info", "1 in each process, with the name of its service", ["process"])

_SENSITIVE = re.compile(
    r"[^\s\"'<>,;:()\[\]{}=@\\]{1,64}@[\w.-]+|\blh_(?:link_)?[0-9A-Za-z]{6,}(?:_[0-9A-Za-z]*)?"
)


class _Stdout(structlog.WriteLogger):
    """Logger that writes our own lines straight to stdout, because `logging` costs more than the line."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stdout)
        self.name = name


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module; may be called before `configure_logging`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger


def configure_logging(service: str, log_format: Literal["json", "text"] = "json") -> None:
    """Write our own logs and those of libraries to stdout, one line per entry."""
    shared, written = _processors(service), [*_rendering(log_format), _redacted]
    structlog.configure(
        processors=[*shared, *written],
        logger_factory=_Stdout,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _mark_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _processors(service: str) -> list[Processor]:
    def add_service(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line["service"] = service
        return line

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        add_service,
    ]


def _mark_library(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    line.setdefault("action", "library_log")
    return line


def _redacted(_: Any, __: str, rendered: Any) -> str:
    """Remove addresses and keys from a rendered line, in case an error of a library contains one."""
    return _SENSITIVE.sub("…", rendered) if "@" in rendered or "lh_" in rendered else rendered


def _rendering(log_format: Literal["json", "text"]) -> list[Processor]:
    if log_format == "text":
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(),
                timestamp_key="at",
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]


@contextmanager
def metrics_server(host: str, port: int) -> Iterator[None]:
    """Serve Prometheus metrics over HTTP while the block runs, unless the port is 0. Raises ConfigError."""
    if port == 0:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=host)
    except OSError as error:
        raise ConfigError([f"LETTERHEAD_METRICS_PORT: cannot listen on {host}:{port}: {error}"]) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=1)
