"""The three wire protocols: REST with JSON, JSON with a target header, and forms with XML.

SES uses the first, SQS and EventBridge the second, SNS, STS and IAM the third.
Each parses a request into an operation and its parameters, and writes results and errors as AWS does.
"""

import json
import xml.etree.ElementTree as ET
from typing import Any, Protocol
from urllib.parse import parse_qsl

from botocore.model import OperationModel, Shape
from starlette.requests import Request
from starlette.responses import Response

from sandbox.aws.errors import AwsError
from sandbox.aws.query import read_form, write_xml
from sandbox.aws.service import Params, Service
from sandbox.aws.shapes import read_json, read_scalar, write_json


class Wire(Protocol):
    """The wire protocol of one service: parses its requests and writes its responses."""

    service: Service

    def read(self, request: Request, body: bytes) -> tuple[OperationModel, Params]:
        """Return the requested operation and its parameters."""

    def answer(self, model: OperationModel, values: Params, request_id: str) -> Response:
        """Return the response of a successful operation."""

    def refuse(self, rejection: AwsError, request_id: str) -> Response:
        """Return the response of a failed operation."""


class RestJson:
    """SES v2: method and path select the operation; an error's code is in a header."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def read(self, request: Request, body: bytes) -> tuple[OperationModel, Params]:
        """Return the operation, and the parameters from path, query string and JSON body."""
        raw_path = request.scope["raw_path"].decode("latin-1")
        model, params = self.service.by_path(request.method, raw_path)
        if model.input_shape:
            params |= _query_params(model.input_shape, request) | _json_params(model.input_shape, body)
        return model, params

    def answer(self, model: OperationModel, values: Params, request_id: str) -> Response:
        """Return JSON, with AWS's request id in a header."""
        content = write_json(model.output_shape, values) if model.output_shape else {}
        return _json(content, 200, {"x-amzn-RequestId": request_id})

    def refuse(self, rejection: AwsError, request_id: str) -> Response:
        """Return an error with its code in x-amzn-ErrorType and its message in the body."""
        headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": rejection.code}
        return _json({"message": rejection.message}, self.service.status(rejection.code), headers)


class TargetJson:
    """SQS and EventBridge: the X-Amz-Target header selects the operation; SQS's errors have two codes."""

    def __init__(self, service: Service, query_codes: dict[str, str] | None = None) -> None:
        """Take `query_codes`, the error codes of the older query protocol, which SQS still returns too."""
        self.service = service
        self._query_codes = query_codes
        self._content_type = f"application/x-amz-json-{service.model.metadata['jsonVersion']}"

    def read(self, request: Request, body: bytes) -> tuple[OperationModel, Params]:
        """Return the operation and its parameters; the target is like `AmazonSQS.<operation>`."""
        model = self.service.by_name(request.headers["x-amz-target"].partition(".")[2])
        return model, _json_params(model.input_shape, body) if model.input_shape else {}

    def answer(self, model: OperationModel, values: Params, request_id: str) -> Response:
        """Return JSON, also for an operation without output."""
        content = write_json(model.output_shape, values) if model.output_shape else {}
        return _json(content, 200, {"x-amzn-RequestId": request_id}, self._content_type)

    def refuse(self, rejection: AwsError, request_id: str) -> Response:
        """Return an error with its code in `__type`, and the query protocol's in x-amzn-query-error."""
        status = self.service.status(rejection.code)
        headers, code = {"x-amzn-RequestId": request_id}, rejection.code
        if self._query_codes is not None:
            fault = "Receiver" if status >= 500 else "Sender"
            headers["x-amzn-query-error"] = f"{self._query_codes.get(code, code)};{fault}"
            code = f"com.amazonaws.sqs#{code}"
        return _json({"__type": code, "message": rejection.message}, status, headers, self._content_type)


class Query:
    """SNS, STS and IAM: a form whose Action selects the operation; the response is XML."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._namespace = service.model.metadata["xmlNamespace"]

    def read(self, request: Request, body: bytes) -> tuple[OperationModel, Params]:
        """Parse the form in the body, or in the query string of a link such as a SubscribeURL."""
        form = read_fields(request, body)
        model = self.service.by_name(form.get("Action", ""))
        return model, read_form(model.input_shape, form) if model.input_shape else {}

    def answer(self, model: OperationModel, values: Params, request_id: str) -> Response:
        """Return the result in its wrapper element, then the request id."""
        root = ET.Element(f"{model.name}Response", xmlns=self._namespace)
        if model.output_shape:
            result = ET.SubElement(root, f"{model.name}Result")
            write_xml(result, model.output_shape, values)
        ET.SubElement(ET.SubElement(root, "ResponseMetadata"), "RequestId").text = request_id
        return _xml(root, 200, request_id)

    def refuse(self, rejection: AwsError, request_id: str) -> Response:
        """Return an ErrorResponse whose Type is Sender or Receiver."""
        status = self.service.status(rejection.code)
        root = ET.Element("ErrorResponse", xmlns=self._namespace)
        error = ET.SubElement(root, "Error")
        ET.SubElement(error, "Type").text = "Receiver" if status >= 500 else "Sender"
        ET.SubElement(error, "Code").text = rejection.code
        ET.SubElement(error, "Message").text = rejection.message
        ET.SubElement(root, "RequestId").text = request_id
        return _xml(root, status, request_id)


def read_fields(request: Request, body: bytes) -> dict[str, str]:
    """Return the fields of a form, from the query string and from the body."""
    try:
        return dict(parse_qsl(request.url.query, keep_blank_values=True)) | dict(
            parse_qsl(body.decode("utf-8"), keep_blank_values=True)
        )
    except UnicodeDecodeError as error:
        raise AwsError("MalformedQueryString", "The request body is not a form.") from error


def _json_params(shape: Shape, body: bytes) -> Params:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise AwsError("SerializationException", "The request body is not valid JSON.") from error
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "The request body is not a JSON object.")
    try:
        params: Params = read_json(shape, content)
    except RecursionError as error:
        raise AwsError("SerializationException", "The request body is nested too deeply.") from error
    return params


def _query_params(shape: Shape, request: Request) -> Params:
    found: Params = {}
    for name, member in shape.members.items():
        label = member.serialization.get("name", name)
        values = (
            request.query_params.getlist(label)
            if member.serialization.get("location") == "querystring"
            else []
        )
        if values and member.type_name == "list":
            found[name] = [read_scalar(member.member, value) for value in values]
        elif values:
            found[name] = read_scalar(member, values[-1])
    return found


def _json(
    content: Any, status: int, headers: dict[str, str], media_type: str = "application/json"
) -> Response:
    return Response(json.dumps(content), status, headers, media_type)


def _xml(root: ET.Element, status: int, request_id: str) -> Response:
    return Response(ET.tostring(root), status, {"x-amzn-RequestId": request_id}, "text/xml")
