"""The client for AWS SES SendEmail: each call makes one POST, and every outcome is an Answer.

SendEmail has no idempotency token, so nothing here retries a request. Calls block, so they run in the
sender's threads. This is the only module of sender that uses botocore.
"""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.session
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from chassis import config
from services.sender.model.answers import (
    REJECTED,
    SETUP,
    UNREACHED,
    Accepted,
    Answer,
    Lost,
    Rejected,
    Then,
    read_error,
)
from services.sender.model.posting import Post

CONNECT_TIMEOUT = timedelta(seconds=3)
READ_TIMEOUT = timedelta(seconds=10)
# A server may close an idle connection at any moment, and a request written at that moment is lost: 1 in 25
# was, before the client closed idle connections first.
MAX_IDLE = timedelta(seconds=5)


class _Wire(threading.local):
    """Whether any byte of this thread's request was written; until then, nothing can have been sent."""

    wrote = False


_wire = _Wire()


class _Tracked:
    """A connection that records when a request is written, and is not reused after a long idle time."""

    max_idle = 0.0  # seconds
    _used_at = float("inf")

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self._used_at < self.max_idle
        return fresh and bool(super().is_connected)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]
        _wire.wrote = True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self._used_at = time.monotonic()
        return response


def _pools(max_idle: timedelta) -> dict[str, type]:
    """Return botocore's own connection pools, by URL scheme, with tracked connections."""
    attributes = {"max_idle": max_idle.total_seconds()}
    http = type("HttpConnection", (_Tracked, AWSHTTPConnection), attributes)
    https = type("HttpsConnection", (_Tracked, AWSHTTPSConnection), attributes)
    return {
        "http": type("HttpPool", (AWSHTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HttpsPool", (AWSHTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class _Session(URLLib3Session):  # type: ignore[misc]
    """Botocore's own HTTP session with these connection pools."""

    def __init__(self, pools: dict[str, type], **settings: Any) -> None:
        super().__init__(**settings)
        self._pool_classes_by_scheme.update(pools)


class Ses:
    """SES SendEmail in one account and region."""

    def __init__(
        self, aws: config.Aws, *, configuration_set: str, threads: int, max_idle: timedelta = MAX_IDLE
    ) -> None:
        self._configuration_set = configuration_set
        session = botocore.session.get_session()
        self._client = session.create_client(
            "sesv2",
            region_name=aws.aws_region,
            endpoint_url=aws.aws_endpoint_url,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        self._session = _Session(
            _pools(max_idle),
            verify=session.get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(self._client.meta.endpoint_url),
            timeout=(CONNECT_TIMEOUT.total_seconds(), READ_TIMEOUT.total_seconds()),
            max_pool_connections=threads,
        )
        # With this public hook, a handler sends the request instead of botocore.
        self._client.meta.events.register("before-send.sesv2.SendEmail", self._send)

    def post(self, post: Post) -> Answer:
        """Submit one email to SES, once. Never raise."""
        _wire.wrote = False
        try:
            return Accepted(self._client.send_email(**self._parameters(post))["MessageId"])
        except ClientError as error:
            return _read_client_error(error)
        except ParamValidationError as error:
            return Rejected(Then.FAIL, f"{REJECTED.note}: its request is not valid.", str(error))
        except Exception as error:  # noqa: BLE001 - after any other error, SES may have accepted the email
            return _read_fault(error)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()
        self._client.close()

    def _send(self, request: Any, **_: Any) -> Any:
        return self._session.send(request)

    def _parameters(self, post: Post) -> dict[str, Any]:
        destination = {"ToAddresses": post.to, "CcAddresses": post.cc, "BccAddresses": post.bcc}
        return {
            "FromEmailAddress": post.sender,
            "Destination": {kind: list(addresses) for kind, addresses in destination.items() if addresses},
            "Content": {"Raw": {"Data": post.content}},
            "ConfigurationSetName": self._configuration_set,
            "EmailTags": [{"Name": name, "Value": value} for name, value in post.tags.items()],
        }


def _read_client_error(error: ClientError) -> Answer:
    details = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return read_error(details.get("Code", ""), status, details.get("Message", ""))


def _read_fault(error: Exception) -> Answer:
    """Classify an error that is not an SES response. If no byte was sent, SES cannot have accepted it."""
    described = f"{type(error).__name__}: {error}"
    if _wire.wrote:
        return Lost(described)
    return replace(SETUP if _is_credentials(error) else UNREACHED, error=described)


def _is_credentials(error: Exception) -> bool:
    return isinstance(error, BotoCoreError) and "Credential" in type(error).__name__
