"""Independent verifiers of delivered email: rspamd and opendkim, C programs unrelated to Letterhead.

Both come from Debian's packages and query the sandbox's recursive resolver. Neither evaluates clients on
loopback, so email is passed to them as if from 203.0.113.10.
"""

import asyncio
import http.client
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from cli.parent_death_signal import ending_with_parent
from cli.server_process import HOST, ServerProcess, free_port
from tests.e2e.packages import install, output

CLIENT = "203.0.113.10"
PACKAGES = {"rspamd": "rspamd", "opendkim": "opendkim"}
RUN_AS = "_rspamd"  # rspamd does not run as root
SUFFIXES = (
    "ai",
    "com",
    "dev",
    "io",
    "net",
    "org",
)  # the full public suffix list would take rspamd ten seconds to compile

RSPAMD_TRACE = {"+": "pass", "-": "fail", "?": "temperror", "~": "permerror"}
RSPAMD_SPF = {"R_SPF_ALLOW": "pass", "R_SPF_FAIL": "fail", "R_SPF_SOFTFAIL": "softfail", "R_SPF_NA": "none"}
RSPAMD_DMARC = {
    "DMARC_POLICY_ALLOW": "pass",
    "DMARC_POLICY_ALLOW_WITH_FAILURES": "pass",
    "DMARC_POLICY_REJECT": "fail",
    "DMARC_POLICY_QUARANTINE": "fail",
    "DMARC_POLICY_SOFTFAIL": "fail",
    "DMARC_NA": "none",
}
RSPAMD_CONFIG = """
options {{
    filters = "dkim";
    dns {{ nameserver = ["{dns}"]; timeout = 10s; retransmits = 5; }}
    task_timeout = 90s;
    disable_hyperscan = true;
    url_tld = "{home}/suffixes";
    pidfile = "{home}/rspamd.pid";
    tempdir = "{home}";
    hs_cache_dir = "{home}";
    cache_file = "{home}/symbols.cache";
    control_socket = "{home}/control.sock mode=0600";
}}
logging {{ type = "console"; level = "warning"; }}
worker "normal" {{ bind_socket = "{host}:{port}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins/"; }}
dkim {{ }}
spf {{ }}
dmarc {{ }}
"""


@dataclass(frozen=True)
class VerifierResult:
    """The result of one verifier: DKIM by signing domain; SPF and DMARC only if the verifier checks them."""

    dkim: dict[str, str]
    spf: str = ""
    dmarc: str = ""


@dataclass(frozen=True)
class Verifiers:
    """Both verifiers, running."""

    home: Path
    rspamd_url: str

    async def rspamd(self, raw: bytes, *, sender: str, helo: str, client: str = CLIENT) -> VerifierResult:
        """Return DKIM of every signature, SPF of the envelope sender and DMARC of the From domain."""
        about = {"IP": client, "From": sender, "Helo": helo}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session,
            session.post(f"{self.rspamd_url}/checkv2", data=raw, headers=about) as answer,
        ):
            symbols: dict[str, Any] = (await answer.json())["symbols"]
        traces = [trace.rpartition(":") for trace in symbols.get("DKIM_TRACE", {}).get("options", [])]
        return VerifierResult(
            dkim={domain: RSPAMD_TRACE[sign] for domain, _, sign in traces},
            spf=next((RSPAMD_SPF[name] for name in symbols if name in RSPAMD_SPF), "none"),
            dmarc=next((RSPAMD_DMARC[name] for name in symbols if name in RSPAMD_DMARC), "none"),
        )

    async def opendkim(self, raw: bytes) -> VerifierResult:
        """Return DKIM of every signature."""
        settings = str(self.home / "opendkim.conf")
        printed = await output("opendkim", "-x", settings, "-vv", "-t", "-", given=raw)
        found = re.findall(r"dkim=(\w+)[^;]*? \([^)]*\)[^;]*?header\.d=([^\s;]+)", printed)
        return VerifierResult(dkim={domain: result for result, domain in found})


@asynccontextmanager
async def running_verifiers(home: Path, dns: str) -> AsyncIterator[Verifiers]:
    """Run both verifiers while the block runs, with `dns` (host:port) as their only resolver."""
    await install(PACKAGES)
    port = free_port()
    _write_settings(home, dns, port)
    server = ServerProcess(
        "rspamd",
        lambda: _rspamd_command(home),
        lambda: _responds(port),
        log=home / "rspamd.log",
        stop_with=signal.SIGTERM,
    )
    await asyncio.to_thread(server.start, port)
    try:
        yield Verifiers(home, f"http://{HOST}:{port}")
    finally:
        await asyncio.to_thread(server.stop)


def _write_settings(home: Path, dns: str, port: int) -> None:
    address, _, dns_port = dns.rpartition(":")
    home.mkdir(parents=True, exist_ok=True)
    (home / "opendkim.conf").write_text(f"Nameservers {address}@{dns_port}\nSyslog no\n")
    (home / "suffixes").write_text("\n".join(SUFFIXES) + "\n")
    (home / "rspamd.conf").write_text(RSPAMD_CONFIG.format(home=home, dns=dns, host=HOST, port=port))
    if os.geteuid() == 0:
        shutil.chown(home, RUN_AS)


def _rspamd_command(home: Path) -> list[str]:
    program = shutil.which("rspamd") or "/usr/bin/rspamd"
    user = ["-u", RUN_AS, "-g", RUN_AS] if os.geteuid() == 0 else []
    command = [program, "--no-fork", *user, "-c", str(home / "rspamd.conf")]
    return ending_with_parent(command, death_signal=signal.SIGTERM)


def _responds(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
