"""Runs the sender as a separate process, which tests can kill or measure."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from cli.parent_death_signal import ending_with_parent
from cli.server_process import free_port
from tests.factories import ACCOUNT, REGION
from tests.integration.sender.conftest import Sender


class Process:
    """A sender in a process of its own."""

    def __init__(self, sender: Sender, directory: Path) -> None:
        self._sender = sender
        self._directory = directory
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process without waiting until it serves."""
        command = ending_with_parent([sys.executable, "-m", "services.sender"])
        self._process = await asyncio.create_subprocess_exec(
            *command, env=self._environment(), stdout=asyncio.subprocess.DEVNULL
        )

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """Kill the process with SIGKILL."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def _environment(self) -> dict[str, str]:
        sender, url_file = self._sender, self._directory / "database-url"
        url_file.write_text(sender.settings.database.database_url.reveal())
        nats, seed_file = sender.settings.nats, self._directory / "nats-seed"
        assert nats.nats_seed is not None
        seed_file.write_text(nats.nats_seed.reveal())
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "LETTERHEAD_DATABASE_URL_FILE": str(url_file),
            "LETTERHEAD_NATS_URL": nats.nats_url,
            "LETTERHEAD_NATS_SEED_FILE": str(seed_file),
            "LETTERHEAD_NATS_STREAM": nats.nats_stream,
            "LETTERHEAD_NATS_SUBJECT_PREFIX": nats.nats_subject_prefix,
            "LETTERHEAD_GRPC_PORT": str(self.port),
            "LETTERHEAD_GRPC_HOST": "127.0.0.1",
            "LETTERHEAD_GRPC_PLAINTEXT": "true",
            "LETTERHEAD_AWS_REGION": REGION,
            "LETTERHEAD_AWS_ACCOUNT": ACCOUNT,
            "LETTERHEAD_AWS_ENDPOINT_URL": sender.internet.addresses.ses,
        }
