"""Debian's Prometheus, which scrapes every process and evaluates the alert rules of `deploy/`."""

import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cli.parent_death_signal import ending_with_parent
from cli.server_process import HOST, ServerProcess, free_port
from tests.drill.rules import ALERTS, compressed
from tests.e2e.packages import install

PROGRAM = "prometheus"
# What precedes the path of a runbook in its URL.
RUNBOOK = re.compile(r"^.*/(?=docs/runbooks/)")
INTERVAL = "1s"  # of scrapes and of evaluations
ANSWER = timedelta(seconds=10)


@dataclass(frozen=True)
class Alert:
    """An alert that fires."""

    name: str
    severity: str
    summary: str
    runbook: str


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    session: aiohttp.ClientSession
    url: str

    async def firing(self) -> list[Alert]:
        """Return the alerts that fire now; pending ones are left out."""
        found = (await self._get("/api/v1/alerts"))["alerts"]
        return [
            Alert(
                each["labels"]["alertname"],
                each["labels"]["severity"],
                each["annotations"]["summary"],
                RUNBOOK.sub("", each["annotations"]["runbook_url"]),
            )
            for each in found
            if each["state"] == "firing"
        ]

    async def scraped(self) -> set[str]:
        """Return the processes that the last scrape reached."""
        found = (await self._get("/api/v1/query", query="up == 1"))["result"]
        return {each["metric"]["job"] for each in found}

    async def _get(self, path: str, **query: str) -> Any:
        async with self.session.get(self.url + path, params=query) as answer:
            answer.raise_for_status()
            return (await answer.json())["data"]


@asynccontextmanager
async def watching(home: Path, targets: Mapping[str, int]) -> AsyncIterator[Prometheus]:
    """Run Prometheus on the metrics ports of the processes; raise RuntimeError if it cannot be installed."""
    await install({PROGRAM: PROGRAM})
    home.mkdir(parents=True)
    (home / "alerts.yaml").write_text(compressed(ALERTS.read_text()))
    (home / "prometheus.yaml").write_text(yaml.safe_dump(_configuration(targets)))
    server = ServerProcess(
        "Prometheus",
        lambda: _command(home, port),
        lambda: _ready(home),
        log=home / "log",
        stop_with=signal.SIGTERM,
    )
    port = free_port()
    server.start(port)  # in this thread: Prometheus ends with the thread that started it
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER.total_seconds())) as session:
            yield Prometheus(session, f"http://{HOST}:{port}")
    finally:
        server.stop()


def _configuration(targets: Mapping[str, int]) -> dict[str, Any]:
    """Return Prometheus's configuration: one job per process, named after it."""
    every = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
    return {
        "global": every,
        "rule_files": ["alerts.yaml"],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"{HOST}:{port}"]}]}
            for name, port in targets.items()
        ],
    }


def _command(home: Path, port: int) -> list[str]:
    program = shutil.which(PROGRAM)
    assert program
    return ending_with_parent(
        [
            program,
            f"--config.file={home / 'prometheus.yaml'}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={HOST}:{port}",
        ],
        death_signal=signal.SIGTERM,
    )


def _ready(home: Path) -> bool:
    return "Server is ready to receive web requests" in (home / "log").read_text(errors="replace")
