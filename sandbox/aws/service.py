"""One AWS service by botocore's model: operations, and validation of requests and responses.

Handlers implement the operations: objects whose methods have the operations' names in snake case.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from sandbox.aws.errors import COMMON_STATUS, AwsError
from sandbox.aws.shapes import problems

Params = dict[str, Any]
_NO_INVALID_ACTION = frozenset({"sesv2", "events"})
Handler = Callable[["Call"], Awaitable[Params]]


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed request; `client` is the client's address, `base_url` the URL it used.

    `signed` is whether it has credentials, with the id `access_key`; links in SNS messages have none.
    """

    service: str
    operation: str
    params: Params
    base_url: str
    client: str
    signed: bool = True
    access_key: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    @property
    def secure(self) -> str:
        """Return whether the request used TLS, as a value of the condition key aws:SecureTransport."""
        return str(self.base_url.startswith("https:")).lower()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the parameter, or the default if the client omitted it."""
        return self.params.get(name, default)


@cache
def service_model(name: str) -> ServiceModel:
    """Return botocore's model of the service; cached, because loading one takes about 100 ms."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


class Service:
    """A service's model, and the handlers of the operations that the sandbox implements."""

    def __init__(self, name: str, handler_objects: Iterable[object], *, invalid: str) -> None:
        """Take `invalid`, the service's error code for a request that violates its input shape."""
        self.name = name
        self.model = service_model(name)
        self._invalid = invalid
        self._handlers = dict(_handlers(self.model.operation_names, list(handler_objects)))
        self._statuses = dict(_statuses(self.model))
        self._routes = [
            (model.http["method"], _template(model.http["requestUri"]), model) for model in self.operations()
        ]

    def operations(self) -> list[OperationModel]:
        """Return the models of the implemented operations, ordered by name."""
        return [self.model.operation_model(name) for name in sorted(self._handlers)]

    def by_name(self, operation: str) -> OperationModel:
        """Return the operation's model; raise Refusal for an unknown or unimplemented operation."""
        if operation not in self._handlers:
            known = operation in self.model.operation_names
            why = "is not implemented by the sandbox" if known else "does not exist"
            raise AwsError(
                "UnknownOperationException" if self.name in _NO_INVALID_ACTION else "InvalidAction",
                f"The operation {operation} of {self.name} {why}.",
            )
        return self.model.operation_model(operation)

    def by_path(self, method: str, raw_path: str) -> tuple[OperationModel, Params]:
        """Return the operation of a REST path, and the parameters in the path."""
        for verb, template, model in self._routes:
            if verb == method and (found := template.fullmatch(raw_path)):
                return model, {name: unquote(value) for name, value in found.groupdict().items()}
        raise AwsError(
            "UnknownOperationException",
            f"The sandbox has no operation of {self.name} at {method} {raw_path}.",
        )

    def check(self, call: Call) -> None:
        """Raise Refusal with all violations if the parameters do not match the operation's input shape."""
        shape = self.model.operation_model(call.operation).input_shape
        wrong = list(problems(shape, call.params)) if shape else []
        if wrong:
            count = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
            raise AwsError(self._invalid, count + "; ".join(wrong))

    async def perform(self, call: Call) -> Params:
        """Return the operation's result; raise AssertionError if it violates the output shape."""
        answer = await self._handlers[call.operation](call)
        shape = self.model.operation_model(call.operation).output_shape
        wrong = list(problems(shape, answer)) if shape else []
        if wrong:
            raise AssertionError(
                f"The sandbox's response to {call.operation} violates AWS's model: " + "; ".join(wrong)
            )
        return answer

    def status(self, code: str) -> int:
        """Return the HTTP status of an error code; 400 if no model defines one."""
        return self._statuses.get(code) or COMMON_STATUS.get(code, 400)


def _handlers(operations: Iterable[str], handler_objects: list[object]) -> Iterable[tuple[str, Handler]]:
    for operation in operations:
        method = xform_name(operation)
        yield from (
            (operation, getattr(owner, method)) for owner in handler_objects if hasattr(owner, method)
        )


def _statuses(model: ServiceModel) -> Iterable[tuple[str, int]]:
    for shape in model.error_shapes:
        error: Mapping[str, Any] = shape.metadata.get("error") or {}
        if "httpStatusCode" in error:
            yield shape.name, error["httpStatusCode"]
            yield error.get("code", shape.name), error["httpStatusCode"]


def _template(request_uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(request_uri)))
