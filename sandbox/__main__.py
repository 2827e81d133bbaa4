"""Runs the whole sandbox in one process: DNS, SES with SNS and SQS, the mailbox, and their control API."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from chassis.config import PREFIX, ConfigError, setting
from chassis.server import main
from chassis.telemetry import get_logger
from sandbox.clock import Clock
from sandbox.control import control_app
from sandbox.dns import Internet
from sandbox.dns.internet import NAME_SERVERS, OUTBOUND_ADDRESS, RECURSOR_ADDRESS
from sandbox.dns.routes import DnsRoutes
from sandbox.mailbox import Mailbox
from sandbox.mailbox.judge import Judge
from sandbox.mailbox.routes import MailboxRoutes
from sandbox.mailbox.smtp import receiving
from sandbox.web import serving

log = get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Where the sandbox listens and what it keeps; every port may be 0 for a free one."""

    sandbox_host: str = setting("127.0.0.1", help="address of all listeners but DNS, which uses 127.0.0.x")
    sandbox_control_port: int = setting(8090, help="port of the control API and the mailbox's page")
    sandbox_smtp_port: int = setting(8025, help="port of the receiving mail server")
    sandbox_dns_port: int = setting(8053, help="port of every name server, UDP and TCP")
    sandbox_name_servers: tuple[str, ...] = setting(NAME_SERVERS, help="hosts that serve customers' zones")
    sandbox_client_address: str = setting(OUTBOUND_ADDRESS, help="where received email is taken to come from")
    sandbox_mail_host: str = setting("mx.letterhead-mailbox.com", help="the receiving mail server's name")
    sandbox_emails_kept: int = setting(1000, help="emails kept in the mailbox", minimum=1)
    sandbox_addresses_file: Path | None = setting(None, help="file to write the addresses to, as JSON")


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where everything listens: URLs, host:port, or what the name says."""

    control: str
    mailbox: str
    smtp: str
    dns_port: int
    dns_root: str
    dns_recursor: str


@asynccontextmanager
async def running(settings: SandboxConfig) -> AsyncIterator[Addresses]:
    """Runs the sandbox for as long as the context lasts."""
    host, clock = settings.sandbox_host, Clock()
    internet = Internet(name_servers=settings.sandbox_name_servers, now=clock.now)
    mailbox = Mailbox(
        Judge(internet), clock, host=settings.sandbox_mail_host, kept=settings.sandbox_emails_kept
    )
    app = control_app(clock, [*DnsRoutes(internet).routes, *MailboxRoutes(mailbox).routes])
    async with AsyncExitStack() as stack:
        await _open(stack, "sandbox_dns_port", internet.listening(settings.sandbox_dns_port))
        smtp = await _open(stack, "sandbox_smtp_port", _receiving(settings, mailbox))
        control = await _open(
            stack, "sandbox_control_port", serving(app, host=host, port=settings.sandbox_control_port)
        )
        addresses = Addresses(
            control=f"http://{host}:{control}",
            mailbox=f"http://{host}:{control}/mailbox",
            smtp=f"{host}:{smtp}",
            dns_port=internet.port,
            dns_root=internet.root,
            dns_recursor=RECURSOR_ADDRESS,
        )
        _tell(addresses, settings.sandbox_addresses_file)
        yield addresses


def _receiving(settings: SandboxConfig, mailbox: Mailbox) -> AbstractAsyncContextManager[int]:
    return receiving(
        mailbox,
        host=settings.sandbox_host,
        port=settings.sandbox_smtp_port,
        name=settings.sandbox_mail_host,
        client=settings.sandbox_client_address,
    )


async def _open(stack: AsyncExitStack, name: str, listener: AbstractAsyncContextManager[T]) -> T:
    """Opens a listener; a port that cannot be had is told as the setting that chooses it."""
    try:
        return await stack.enter_async_context(listener)
    except OSError as error:
        problem = f"{error.strerror or error}; set another port, or 0 for a free one"
        raise ConfigError([f"{PREFIX}{name.upper()}: {problem}"]) from error


def _tell(addresses: Addresses, path: Path | None) -> None:
    log.info("The sandbox listens", action="sandbox_started", **asdict(addresses))
    if path is not None:
        whole = path.with_suffix(".part")
        whole.write_text(json.dumps(asdict(addresses), indent=2) + "\n")
        whole.rename(path)  # a reader that waits for the file never sees half of it


if __name__ == "__main__":
    main(running, SandboxConfig)
