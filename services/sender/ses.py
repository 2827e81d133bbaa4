"""The edge to AWS SES: one call is one POST, and every way it can end is an Answer. Alone knows boto3.

SendEmail has no idempotency token, so nothing here repeats a request. Blocking: it runs in the sender's
threads.
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
    Refused,
    Then,
    read_error,
)
from services.sender.model.posting import Post

CONNECT_TIMEOUT = timedelta(seconds=3)
READ_TIMEOUT = timedelta(seconds=10)
# A server closes idle connections without asking, and a request written to one just then is lost for no
# reason: 1 of 25 was, before we closed ours first.
MAX_IDLE = timedelta(seconds=5)


class _Wire(threading.local):
    """Whether this thread's request began to leave: until then, nothing can have been sent."""

    wrote = False


_wire = _Wire()


class _Tracked:
    """Notes when a request begins to leave, and retires a connection that was idle for too long."""

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
    """Give botocore's own pools, by scheme, over such connections."""
    kept = {"max_idle": max_idle.total_seconds()}
    http = type("HttpConnection", (_Tracked, AWSHTTPConnection), kept)
    https = type("HttpsConnection", (_Tracked, AWSHTTPSConnection), kept)
    return {
        "http": type("HttpPool", (AWSHTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HttpsPool", (AWSHTTPSConnectionPool,), {"ConnectionCls": https}),
    }


class _Session(URLLib3Session):  # type: ignore[misc]
    """Botocore's own HTTP session over our pools."""

    def __init__(self, pools: dict[str, type], **settings: Any) -> None:
        super().__init__(**settings)
        self._pool_classes_by_scheme.update(pools)


class Ses:
    """SendEmail of one account and region."""

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
        # The public hook through which a handler sends a request in botocore's place.
        self._client.meta.events.register("before-send.sesv2.SendEmail", self._send)

    def post(self, post: Post) -> Answer:
        """Hand one email to SES, once. Never raises."""
        _wire.wrote = False
        try:
            return Accepted(self._client.send_email(**self._parameters(post))["MessageId"])
        except ClientError as error:
            return _read_client_error(error)
        except ParamValidationError as error:
            return Refused(Then.FAIL, f"{REJECTED.note}: it cannot be put into a request.", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the email may have been accepted
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
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return read_error(said.get("Code", ""), status, said.get("Message", ""))


def _read_fault(error: Exception) -> Answer:
    """Read what is no answer of SES's. A request of which no byte left was certainly not accepted."""
    described = f"{type(error).__name__}: {error}"
    if _wire.wrote:
        return Lost(described)
    return replace(SETUP if _is_credentials(error) else UNREACHED, error=described)


def _is_credentials(error: Exception) -> bool:
    return isinstance(error, BotoCoreError) and "Credential" in type(error).__name__
