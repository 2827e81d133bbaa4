"""Run the sandbox in one process: DNS, SES with SNS, SQS and EventBridge, a mailbox, a receiver of webhooks.

One control API configures all of them.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Mount

from chassis.background import supervised
from chassis.config import PREFIX, ConfigError
from chassis.server import main
from chassis.telemetry import get_logger
from chassis.web import Site, listen, serving
from sandbox.aws import KEEP_ALIVE, Aws, Certificates, HttpProtocol, open_certificates
from sandbox.clock import Clock
from sandbox.config import Addresses, SandboxConfig
from sandbox.control import control_app
from sandbox.dns import Internet
from sandbox.dns.internet import RECURSOR_ADDRESS
from sandbox.dns.routes import DnsRoutes
from sandbox.mailbox import Mailbox
from sandbox.mailbox.evaluate import Evaluator
from sandbox.mailbox.routes import MailboxRoutes
from sandbox.mailbox.smtp import receiving
from sandbox.receiver import Receiver, receiving_posts
from sandbox.receiver.routes import ReceiverRoutes

log = get_logger(__name__)

_DRAIN = timedelta(seconds=2)
_WIRE: dict[str, Any] = {"http": HttpProtocol, "timeout_keep_alive": KEEP_ALIVE}


@asynccontextmanager
async def running(settings: SandboxConfig) -> AsyncIterator[Addresses]:
    """Run the sandbox for as long as the context lasts, and yield its addresses."""
    host, clock = settings.sandbox_host, Clock()
    internet = Internet(name_servers=settings.sandbox_name_servers, now=clock.now)
    mailbox = Mailbox(
        Evaluator(internet), clock, host=settings.sandbox_mail_host, max_emails=settings.sandbox_emails_kept
    )
    async with AsyncExitStack() as stack:
        with _naming_the_setting("sandbox_dns_port"):
            await stack.enter_async_context(internet.listening(settings.sandbox_dns_port))
        with _naming_the_setting("sandbox_smtp_port"):
            smtp = await stack.enter_async_context(_receiving(settings, mailbox))
        control, tls = [
            _listener(stack, settings, name, getattr(settings, name))
            for name in ("sandbox_control_port", "sandbox_tls_port")
        ]
        certificates = await asyncio.to_thread(_certificates, settings)
        receiver = Receiver()
        with _naming_the_setting("sandbox_receiver_port"):
            posts = await stack.enter_async_context(_receiving_posts(settings, receiver, clock, certificates))
        regions = {
            config.region: (
                await asyncio.to_thread(Aws, config, certificates, internet, clock, (host, smtp)),
                _listener(stack, settings, "sandbox_ses_port", port),
            )
            for config, port in settings.regions
        }
        aws, ses = regions[settings.sandbox_region]
        routes = [
            *DnsRoutes(internet).routes,
            *MailboxRoutes(mailbox).routes,
            *ReceiverRoutes(receiver).routes,
            *_aws_routes(aws, {name: each for name, (each, _) in regions.items()}),
        ]
        certified = {"ssl_certfile": certificates.tls_cert, "ssl_keyfile": certificates.tls_key}
        sites = (
            Site(control_app(clock, routes), control),
            *(Site(each.app, listener, _WIRE) for each, listener in regions.values()),
            Site(aws.tls_app, tls, _WIRE | certified),
        )
        await stack.enter_async_context(serving(*sites))
        running_aws = [each.run for each, _ in regions.values()]
        await stack.enter_async_context(supervised(running_aws, asyncio.Event(), drain=_DRAIN))
        addresses = Addresses(
            control=f"http://{_at(control)}",
            mailbox=f"http://{_at(control)}/mailbox",
            ses=f"http://{_at(ses)}",
            tls=_at(tls),
            smtp=f"{host}:{smtp}",
            receiver=f"https://{host}:{posts}",
            dns_port=internet.port,
            dns_root=internet.root,
            dns_recursor=RECURSOR_ADDRESS,
            sns_ca_file=str(certificates.ca),
            more_ses={
                name: f"http://{_at(other)}" for name, (_, other) in regions.items() if other is not ses
            },
        )
        _announce(addresses, settings.sandbox_addresses_file)
        yield addresses


def _aws_routes(default: Aws, regions: Mapping[str, Aws]) -> Iterator[BaseRoute]:
    """Yield the control routes of the default region, and those of each region under its name."""
    yield from default.control_routes
    yield from (Mount(f"/regions/{name}", routes=aws.control_routes) for name, aws in regions.items())


def _receiving(settings: SandboxConfig, mailbox: Mailbox) -> AbstractAsyncContextManager[int]:
    return receiving(
        mailbox,
        host=settings.sandbox_host,
        port=settings.sandbox_smtp_port,
        name=settings.sandbox_mail_host,
        client=settings.sandbox_client_address,
    )


def _receiving_posts(
    settings: SandboxConfig, receiver: Receiver, clock: Clock, certificates: Certificates
) -> AbstractAsyncContextManager[int]:
    return receiving_posts(
        receiver,
        clock,
        host=settings.sandbox_host,
        port=settings.sandbox_receiver_port,
        certificate=certificates.tls_cert,
        key=certificates.tls_key,
    )


def _certificates(settings: SandboxConfig) -> Certificates:
    return open_certificates(settings.sandbox_directory, [config.region for config, _ in settings.regions])


def _listener(stack: AsyncExitStack, settings: SandboxConfig, name: str, port: int) -> socket.socket:
    """Listen on a port; `name` is its setting."""
    with _naming_the_setting(name):
        return stack.enter_context(listen(settings.sandbox_host, port))


@contextmanager
def _naming_the_setting(name: str) -> Iterator[None]:
    """Turn a failure to bind a port into a ConfigError that names the setting."""
    try:
        yield
    except OSError as error:
        problem = f"{error.strerror or error}. Set another port, or 0 to use a free one."
        raise ConfigError([f"{PREFIX}{name.upper()}: {problem}"]) from error


def _at(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"{host}:{port}"


def _announce(addresses: Addresses, path: Path | None) -> None:
    log.info("sandbox started", action="sandbox_started", **asdict(addresses))
    if path is not None:
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(asdict(addresses), indent=2) + "\n")
        partial.rename(path)  # rename is atomic, so a reader that polls for the file never sees a partial one


if __name__ == "__main__":
    main(running, SandboxConfig)
