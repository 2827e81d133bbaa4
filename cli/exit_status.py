"""Runs commands: prints their errors for people, and sets the exit status for scripts."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import grpc
import typer

from chassis.config import ConfigError
from cli.client import explain
from cli.installation import NoInstallation
from cli.polling import DemoFailed
from cli.server_process import EmbeddedError

FAILED, USAGE, UNAVAILABLE, UNSEEN, INTERRUPTED = 1, 2, 3, 4, 130


class EventsUnavailable(Exception):
    """There is no stream to subscribe to; the message says what to do."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command; exit with 1 if it fails, 2 for wrong usage, 3 if a service is unreachable."""
    try:
        asyncio.run(work)
    except grpc.aio.AioRpcError as error:
        unreachable = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        end(UNAVAILABLE if unreachable else FAILED, *explain(error))
    except (EmbeddedError, DemoFailed) as error:
        end(FAILED, str(error))
    except EventsUnavailable as error:
        end(UNAVAILABLE, str(error))
    except NoInstallation as error:
        end(USAGE, str(error))
    except ConfigError as error:
        end(USAGE, *error.problems)
    except KeyboardInterrupt:
        end(INTERRUPTED)


def end(code: int, *lines: str) -> NoReturn:
    """Print lines to stderr and exit with a code."""
    for line in lines:
        print(line, file=sys.stderr)
    raise typer.Exit(code)
