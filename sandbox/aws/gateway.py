"""The HTTP entry of the simulated AWS: routes a request to its service and applies faults.

Signatures are not verified, but a request must be signed, because AWS rejects unsigned ones.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

from botocore.model import OperationModel
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.telemetry import get_logger
from sandbox.aws.authorization import Authorizations
from sandbox.aws.connection import Half, Reset, Silence, client_host
from sandbox.aws.errors import AwsError, Throttled
from sandbox.aws.faults import Fault, Faults
from sandbox.aws.ledger import Entry, Ledger
from sandbox.aws.protocols import Wire, read_fields
from sandbox.aws.service import Call, Service
from sandbox.aws.throttle import Bucket

BODY_LIMIT = 64 * 1024 * 1024  # bytes; SES accepts 40 MB, which grows with base64 and JSON

_VERSIONS = {"2011-06-15": "sts", "2010-05-08": "iam"}  # services with forms, by their API's version
_LINKS = frozenset(
    {"ConfirmSubscription", "Unsubscribe"}
)  # the SNS operations that an unsigned link can call
_TARGETS = {"AmazonSQS": "sqs", "AWSEvents": "events"}  # by the start of X-Amz-Target
_LONG_POLLS = frozenset({"ReceiveMessage"})
_EARLY_ERRORS = {
    "error_500": AwsError("InternalFailure", "An internal error occurred."),
    "error_503": AwsError("ServiceUnavailable", "The service is unavailable. Try again."),
    "throttle": AwsError("TooManyRequestsException", "Rate exceeded"),
}
# The codes for a caller without the right, or whose token has expired, of services with XML.
_REJECTED_CALLERS = {
    "access_denied": {"sns": "AuthorizationError", "iam": "AccessDenied", "sts": "AccessDenied"},
    "expired_token": {"sns": "ExpiredToken", "iam": "ExpiredToken", "sts": "ExpiredToken"},
}
_JSON_CODES = {"access_denied": "AccessDeniedException", "expired_token": "ExpiredTokenException"}
_log = get_logger(__name__)


class Gateway:
    """An ASGI app that serves all of the sandbox's AWS at one address, for boto3's `endpoint_url`."""

    def __init__(
        self,
        wires: dict[str, Wire],
        faults: Faults,
        ledger: Ledger,
        authorizations: Authorizations,
        control_bucket: Bucket,
    ) -> None:
        """Take `control_bucket`, the rate limiter shared by all SES operations except SendEmail."""
        self._wires = wires
        self._faults = faults
        self._ledger = ledger
        self._authorizations = authorizations
        self._control_bucket = control_bucket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        request_id = str(uuid.uuid4())
        wire = self._wires["sesv2"]
        try:
            body = await _body(request)
            wire = self._wire(request, body)
            response = await self._respond(wire, request, body, request_id)
        except ClientDisconnect:
            return
        except AwsError as rejection:
            response = wire.refuse(rejection, request_id)
        await response(scope, receive, send)

    def wire(self, service: str) -> Wire:
        """Return the wire protocol of a service, by botocore's name for it."""
        return self._wires[service]

    def service(self, name: str) -> Service:
        """Return a service, by botocore's name for it."""
        return self._wires[name].service

    def _wire(self, request: Request, body: bytes) -> Wire:
        if request.url.path.startswith("/v2/email"):
            return _signed(self._wires["sesv2"], request)
        target = request.headers.get("x-amz-target", "").partition(".")[0]
        if target in _TARGETS:
            return _signed(self._wires[_TARGETS[target]], request)
        fields = read_fields(request, body)
        if service := _VERSIONS.get(fields.get("Version", "")):
            return _signed(self._wires[service], request)
        if "Action" in fields:
            return self._wires["sns"] if fields["Action"] in _LINKS else _signed(self._wires["sns"], request)
        raise AwsError("UnknownOperationException", "No service of the sandbox's AWS takes such a request.")

    async def _respond(self, wire: Wire, request: Request, body: bytes, request_id: str) -> ASGIApp:
        model, params = wire.read(request, body)
        signed, key = "authorization" in request.headers, _access_key(request)
        base_url, client = str(request.base_url), client_host(request)
        call = Call(wire.service.name, model.name, params, base_url, client, signed, key)
        entry = self._ledger.open(call)
        answer = self._answer(wire, model, call, entry, request_id)
        try:
            response = await (
                _unless_disconnected(request, answer) if call.operation in _LONG_POLLS else answer
            )
        except AwsError as rejection:
            entry.outcome, entry.status = rejection.code, wire.service.status(rejection.code)
            if isinstance(rejection, Throttled):
                self._ledger.throttled[call.operation] += 1
            raise
        except Exception as error:
            _log.exception(
                "unhandled exception in AWS call", action="aws_call_failed", operation=call.operation
            )
            entry.outcome, entry.status = "InternalFailure", 500
            raise AwsError("InternalFailure", f"The sandbox itself failed: {error!r}") from error
        return response

    async def _answer(
        self, wire: Wire, model: OperationModel, call: Call, entry: Entry, request_id: str
    ) -> ASGIApp:
        faults = self._faults.draw(call.operation)
        entry.fault = faults[0].kind if faults else None
        if await _apply_early_faults(faults, wire):
            return Reset()
        self._throttle(call)
        wire.service.check(call)
        self._authorizations.record(call)
        values = await wire.service.perform(call)
        entry.outcome, entry.message_id = "accepted", values.get("MessageId")
        response = wire.answer(model, values, request_id)
        entry.status = response.status_code
        return _apply_late_faults(faults, response, wire.refuse(_EARLY_ERRORS["error_500"], request_id))

    def _throttle(self, call: Call) -> None:
        if call.service == "sesv2" and call.operation != "SendEmail" and not self._control_bucket.take():
            raise Throttled("Rate exceeded")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise AwsError("RequestEntityTooLarge", f"A request's body may have {BODY_LIMIT} bytes at most.")
    return bytes(body)


def _rejected_caller(kind: str, wire: Wire) -> AwsError:
    code = _REJECTED_CALLERS[kind].get(wire.service.name, _JSON_CODES[kind])
    expired = kind == "expired_token"
    why = "The security token included in the request is expired" if expired else "User is not authorized."
    return AwsError(code, why)


def _access_key(request: Request) -> str:
    """Return the access key id in `Credential=<id>/<date>/…`; empty for an unsigned request."""
    return request.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


def _signed(wire: Wire, request: Request) -> Wire:
    if "authorization" not in request.headers:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token")
    return wire


async def _unless_disconnected(request: Request, answer: Coroutine[Any, Any, ASGIApp]) -> ASGIApp:
    """Return the response, but cancel if the client disconnects: its long poll must not take a message."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(request.receive())
    await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not work.done():
        work.cancel()
        return Silence()
    return await work


async def _apply_early_faults(faults: list[Fault], wire: Wire) -> bool:
    """Apply the faults that occur before the call takes effect; return whether to reset the connection."""
    for fault in faults:
        if fault.kind == "latency":
            await asyncio.sleep(fault.milliseconds / 1000)
        elif fault.kind in _EARLY_ERRORS:
            rejection = _EARLY_ERRORS[fault.kind]
            raise AwsError(rejection.code, rejection.message)
        elif fault.kind in _REJECTED_CALLERS:
            raise _rejected_caller(fault.kind, wire)
    return any(fault.kind == "reset_before" for fault in faults)


def _apply_late_faults(faults: list[Fault], response: ASGIApp, error_500: ASGIApp) -> ASGIApp:
    """Return the response, or its replacement by a fault that loses the response of an executed call."""
    answers: dict[str, ASGIApp] = {
        "accept_then_500": error_500,
        "accept_then_silent": Silence(),
        "accept_then_reset": Reset(),
        "half_answer": Half(response),
    }
    return next((answers[fault.kind] for fault in faults if fault.kind in answers), response)
