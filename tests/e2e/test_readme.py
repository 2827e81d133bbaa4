"""The README's commands work as written, in the order of the README."""

import asyncio
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from cli.server_process import port_is_free
from cli.stack import STANDARD_PORTS
from tests.contract.sources import ROOT
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(400)

# `make demo` has its own test, and `make up` runs in the background for the others.
FOREGROUND = ("make demo\n", "make up\n")
BASH = "/bin/bash"
START_WITHIN = timedelta(seconds=90)
FREE_WITHIN = timedelta(seconds=180)


def script() -> str:
    """Return all commands as one shell script; a block marked `fails` must fail."""
    found = re.findall(
        r"^```sh( fails)?\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    blocks = [
        f"if ( {text} ); then exit 1; fi\n" if fails else text
        for fails, text in found
        if text not in FOREGROUND
    ]
    assert len(blocks) >= 5
    return "set -euo pipefail\n" + "".join(blocks)


def run(commands: str) -> tuple[int, str]:
    """Run commands in the repository, as a reader would; return the exit code and the output."""
    done = subprocess.run(
        [BASH, "-c", commands],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


@contextmanager
def up() -> Iterator["subprocess.Popen[str]"]:
    """Run `make up` in the background, as in another terminal."""
    process = subprocess.Popen(
        [BASH, "-c", "exec make up"], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


async def test_the_readmes_commands_run_as_written() -> None:
    # The kernel may have assigned one of the documented ports to a connection of a concurrent test.
    await eventually(lambda: all(map(port_is_free, STANDARD_PORTS.values())), FREE_WITHIN)
    with up() as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        await eventually(lambda: "Everything is up" in next(lines), START_WITHIN)
        code, output = await asyncio.to_thread(run, script())

    assert code == 0, output
    assert "inbox.mnexa.ai: READY" in output
    assert re.search(r"agent@inbox\.mnexa\.ai .*send\.inbox\.mnexa\.ai +inbox\.mnexa\.ai", output)
    assert "domain.ready" in output
    assert "use a domain that you own" in output
