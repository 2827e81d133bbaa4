"""One AWS service as botocore's model describes it: what a call means, and whether both ends keep to it.

What an operation does is written in desks: objects whose methods bear the operations' names in snake case.
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

from sandbox.aws.refusals import COMMON_STATUS, Refusal
from sandbox.aws.shapes import problems

Params = dict[str, Any]
Handler = Callable[["Call"], Awaitable[Params]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was understood; `client` is the address it came from, `base_url` how that reached us.

    `signed` says that it came with credentials: links in SNS's messages ask without.
    """

    service: str
    operation: str
    params: Params
    base_url: str
    client: str
    signed: bool = True

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    @property
    def secure(self) -> str:
        """Whether it came over TLS, as the condition key aws:SecureTransport has it."""
        return str(self.base_url.startswith("https:")).lower()

    def get(self, name: str, default: Any = None) -> Any:
        """The parameter, or the default when the client left it out."""
        return self.params.get(name, default)


@cache
def service_model(name: str) -> ServiceModel:
    """Botocore's model of the service; reading one takes a tenth of a second."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


class Service:
    """A service's model and the handlers of the operations that the sandbox has."""

    def __init__(self, name: str, desks: Iterable[object], *, invalid: str) -> None:
        """`invalid` is the error code with which the service answers a request that breaks a shape."""
        self.name = name
        self.model = service_model(name)
        self._invalid = invalid
        self._handlers = dict(_handlers(self.model.operation_names, list(desks)))
        self._statuses = dict(_statuses(self.model))
        self._routes = [
            (model.http["method"], _template(model.http["requestUri"]), model) for model in self.operations()
        ]

    def operations(self) -> list[OperationModel]:
        """The models of the operations that the sandbox has, in the order of their names."""
        return [self.model.operation_model(name) for name in sorted(self._handlers)]

    def by_name(self, operation: str) -> OperationModel:
        """The operation's model; refuses those that AWS does not know or the sandbox does not have."""
        if operation not in self._handlers:
            known = operation in self.model.operation_names
            why = "is not in the sandbox" if known else "is not known"
            raise Refusal(
                "UnknownOperationException" if self.name == "sesv2" else "InvalidAction",
                f"The operation {operation} of {self.name} {why}.",
            )
        return self.model.operation_model(operation)

    def by_path(self, method: str, raw_path: str) -> tuple[OperationModel, Params]:
        """The operation behind a REST path, and the parameters that stand in the path."""
        for verb, template, model in self._routes:
            if verb == method and (found := template.fullmatch(raw_path)):
                return model, {name: unquote(value) for name, value in found.groupdict().items()}
        raise Refusal(
            "UnknownOperationException", f"No operation of {self.name} in the sandbox is {method} {raw_path}."
        )

    def check(self, call: Call) -> None:
        """Refuses parameters that break the operation's input shape, with every mistake that was found."""
        shape = self.model.operation_model(call.operation).input_shape
        wrong = list(problems(shape, call.params)) if shape else []
        if wrong:
            count = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
            raise Refusal(self._invalid, count + "; ".join(wrong))

    async def perform(self, call: Call) -> Params:
        """The operation's answer. One that breaks the model's output shape is the sandbox's own mistake."""
        answer = await self._handlers[call.operation](call)
        shape = self.model.operation_model(call.operation).output_shape
        wrong = list(problems(shape, answer)) if shape else []
        if wrong:
            raise AssertionError(
                f"The sandbox's answer to {call.operation} breaks AWS's model: " + "; ".join(wrong)
            )
        return answer

    def status(self, code: str) -> int:
        """The HTTP status that goes with an error code; 400 where no model says otherwise."""
        return self._statuses.get(code) or COMMON_STATUS.get(code, 400)


def _handlers(operations: Iterable[str], desks: list[object]) -> Iterable[tuple[str, Handler]]:
    for operation in operations:
        method = xform_name(operation)
        yield from ((operation, getattr(desk, method)) for desk in desks if hasattr(desk, method))


def _statuses(model: ServiceModel) -> Iterable[tuple[str, int]]:
    for shape in model.error_shapes:
        error: Mapping[str, Any] = shape.metadata.get("error") or {}
        if "httpStatusCode" in error:
            yield shape.name, error["httpStatusCode"]
            yield error.get("code", shape.name), error["httpStatusCode"]


def _template(request_uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(request_uri)))
