"""The sandbox AWS compared with botocore's models: requests, responses and errors."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape
from starlette.requests import Request

from sandbox.aws.gateway import Gateway
from sandbox.aws.service import service_model
from sandbox.aws.shapes import problems, read_json
from tests.integration.sandbox_aws.journeys import ADDRESS, JOURNEYS, NAME, RIGHTS, Step, document
from tests.integration.sandbox_aws.world import World, allowing, open_world

Json = dict[str, Any]

COMMON_ERRORS = {"InvalidAction", "UnknownOperationException", "MissingAuthenticationToken"}
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MESSAGE_ID = re.compile(
    r"0100[0-9a-f]{12}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-000000"
)
TOKEN = re.compile(r"[a-z2-7]{32}")


class Wiretap:
    """Recorder of the request and response of a client's last call."""

    def __init__(self, client: Any, service: str) -> None:
        client.meta.events.register(f"before-send.{service}", self._sent)
        client.meta.events.register(f"before-parse.{service}", self._answered)
        self.request: Any = None
        self.answer: Json = {}

    def _sent(self, request: Any, **_: Any) -> None:
        self.request = request

    def _answered(self, response_dict: Json, **_: Any) -> None:
        self.answer = response_dict


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
async def world(certificates: Path) -> AsyncIterator[World]:
    async with open_world(certificates) as world:
        arn = (await world.call("sns", "create_topic", Name="events"))["TopicArn"]
        policy = {"AttributeName": "Policy", "AttributeValue": allowing("ses.amazonaws.com", "sns:Publish")}
        await world.call("sns", "set_topic_attributes", TopicArn=arn, **policy)
        yield world


@pytest.mark.parametrize("service", JOURNEYS)
async def test_requests_and_responses_of_every_operation_conform_to_the_model(
    world: World, service: str
) -> None:
    tap = Wiretap(world.client(service), service)
    answers: dict[str, Json] = {}

    for step in JOURNEYS[service]:
        await _before(world, step)
        params = step.resolved(world, answers)
        answers[step.operation] = await world.call(service, xform_name(step.operation), **params)
        model = service_model(service).operation_model(step.operation)
        assert _read_by_us(world.aws.app, service, tap.request) == (step.operation, params)
        _assert_conforms(model, tap.answer, answers[step.operation])

    assert set(answers) == {model.name for model in world.aws.app.service(service).operations()}


async def _before(world: World, step: Step) -> None:
    """Verify the domain before a SendEmail step, which requires it."""
    if step.operation == "SendEmail":
        change = {"dkim_status": "SUCCESS", "mail_from_status": "SUCCESS"}
        await world.control("PATCH", f"/ses/identities/{NAME}", change)


def _read_by_us(app: Gateway, service: str, sent: Any) -> tuple[str, Json]:
    """Return operation and parameters as the sandbox parses them from the bytes that boto3 sent."""
    url, body = urlsplit(sent.url), sent.body or b""
    scope = {
        "type": "http", "method": sent.method, "path": url.path, "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), _octets(value)) for name, value in sent.headers.items()],
    }  # fmt: skip
    model, params = app.wire(service).read(Request(scope), _octets(body))
    assert not model.input_shape or list(problems(model.input_shape, params)) == []
    return model.name, params


def _octets(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _assert_conforms(model: OperationModel, answer: Json, parsed: Json) -> None:
    """Assert that the raw response has no unknown members, and that boto3's result violates no constraint."""
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200
    assert REQUEST_ID.fullmatch(metadata["RequestId"])
    if model.output_shape is None:
        return
    assert list(problems(model.output_shape, _as_sent(parsed))) == []
    if answer["body"].startswith(b"<"):
        result = ET.fromstring(answer["body"]).find(f"{{*}}{model.name}Result")  # noqa: S314 - from the sandbox
        assert result is not None
        assert {_local(child) for child in result} <= set(model.output_shape.members)
    else:
        assert (
            list(problems(model.output_shape, read_json(model.output_shape, json.loads(answer["body"]))))
            == []
        )


def _as_sent(parsed: Any) -> Any:
    """Return a result with IAM's policy documents as text, as the model has them; boto3 parses them."""
    if isinstance(parsed, dict):
        return {
            name: json.dumps(each) if name.endswith("PolicyDocument") else _as_sent(each)
            for name, each in parsed.items()
        }
    return [_as_sent(each) for each in parsed] if isinstance(parsed, list) else parsed


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


async def test_ids_have_the_same_form_as_those_of_aws(world: World) -> None:
    created = await world.ses("create_email_identity", EmailIdentity=NAME)
    await world.control("PATCH", f"/ses/identities/{NAME}", {"dkim_status": "SUCCESS"})

    message_id = await world.send(f"agent@{NAME}", "b@customer.com")

    dkim = created["DkimAttributes"]
    assert MESSAGE_ID.fullmatch(message_id)
    assert len(message_id) == 60
    assert len({token for token in dkim["Tokens"] if TOKEN.fullmatch(token)}) == 3
    assert (dkim["Status"], dkim["SigningHostedZone"]) == ("PENDING", "dkim.amazonses.com")


TOPIC = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:events"}
SQS_ARN = "arn:aws:sqs:us-east-1:123456789012:x"


@dataclass(frozen=True)
class Refused:
    """A call, and the error code and HTTP status with which it fails."""

    service: str
    operation: str
    params: Json
    code: str
    status: int = 400


def _taken(operation: str, code: str, **more: Any) -> Refused:
    return Refused("sesv2", operation, {"EmailIdentity": "taken.com", **more}, code)


REJECTIONS = [
    _taken("CreateEmailIdentity", "AlreadyExistsException"),
    _taken("PutEmailIdentityMailFromAttributes", "BadRequestException", MailFromDomain="send.other.com"),
    _taken("PutEmailIdentityMailFromAttributes", "BadRequestException", BehaviorOnMxFailure="NO_SUCH"),
    _taken("PutEmailIdentityDkimSigningAttributes", "BadRequestException", SigningAttributesOrigin="NONE"),
    Refused("sesv2", "CreateEmailIdentity", {"EmailIdentity": "not a domain!!"}, "BadRequestException"),
    Refused("sesv2", "CreateEmailIdentity", {"EmailIdentity": "a.com", "ConfigurationSetName": "none"},
            "NotFoundException", 404),
    Refused("sesv2", "GetEmailIdentity", {"EmailIdentity": "missing.com"}, "NotFoundException", 404),
    Refused("sesv2", "DeleteEmailIdentity", {"EmailIdentity": "missing.com"}, "NotFoundException", 404),
    Refused("sesv2", "ListEmailIdentities", {"PageSize": 1001}, "BadRequestException"),
    Refused("sesv2", "ListEmailIdentities", {"NextToken": "garbage!"}, "BadRequestException"),
    Refused("sesv2", "GetConfigurationSet", {"ConfigurationSetName": "none"}, "NotFoundException", 404),
    Refused("sesv2", "GetSuppressedDestination", {"EmailAddress": ADDRESS}, "NotFoundException", 404),
    Refused("sesv2", "ListTagsForResource", {"ResourceArn": "arn:aws:ses:x"}, "BadRequestException"),
    Refused("sesv2", "GetDedicatedIps", {}, "UnknownOperationException", 404),
    Refused("sns", "GetTopicAttributes", {"TopicArn": TOPIC["TopicArn"] + "x"}, "NotFound", 404),
    Refused("sns", "Subscribe", {**TOPIC, "Protocol": "pigeon"}, "InvalidParameter"),
    Refused("sns", "ConfirmSubscription", {**TOPIC, "Token": "x"}, "InvalidParameter"),
    Refused("sns", "ListPlatformApplications", {}, "InvalidAction"),
    Refused("sns", "CreateTopic", {"Name": "events", "Attributes": {"SignatureVersion": "2"}},
            "InvalidParameter"),
    Refused("sns", "ListTagsForResource", {"ResourceArn": SQS_ARN}, "ResourceNotFound", 404),
    Refused("iam", "GetRole", {"RoleName": "none"}, "NoSuchEntity", 404),
    Refused("iam", "GetRolePolicy", {"RoleName": "none", "PolicyName": "x"}, "NoSuchEntity", 404),
    Refused("iam", "CreateRole", {"RoleName": "a", "AssumeRolePolicyDocument": "{}"},
            "MalformedPolicyDocument"),
    Refused("iam", "CreateRole", {"RoleName": "a", "AssumeRolePolicyDocument": document(RIGHTS)},
            "MalformedPolicyDocument"),
    Refused("iam", "ListUsers", {}, "InvalidAction"),
    Refused("sqs", "GetQueueUrl", {"QueueName": "none"}, "QueueDoesNotExist"),
    Refused("events", "DescribeRule", {"Name": "none"}, "ResourceNotFoundException"),
    Refused("events", "PutRule", {"Name": "a", "EventPattern": "[]"}, "InvalidEventPatternException"),
    Refused("events", "PutRule", {"Name": "a", "EventPattern": "{}", "EventBusName": "mine"},
            "ResourceNotFoundException"),
    Refused("events", "ListArchives", {}, "UnknownOperationException", 404),
    Refused("sqs", "ListMessageMoveTasks", {"SourceArn": SQS_ARN}, "InvalidAction"),
]  # fmt: skip


@pytest.mark.parametrize("case", REJECTIONS, ids=lambda case: f"{case.operation}-{case.code}")
async def test_an_error_has_a_code_that_the_operation_declares(world: World, case: Refused) -> None:
    await world.ses("create_email_identity", EmailIdentity="taken.com")
    model = service_model(case.service).operation_model(case.operation)

    with pytest.raises(ClientError) as refused:
        await world.call(case.service, xform_name(case.operation), **case.params)

    answer = refused.value.response
    error = answer["Error"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == case.status
    assert REQUEST_ID.fullmatch(answer["ResponseMetadata"]["RequestId"])
    assert error["Message"]
    assert case.code in {error["Code"], error.get("QueryErrorCode")}
    assert case.code in COMMON_ERRORS | _declared(model)


def _declared(model: OperationModel) -> set[str]:
    codes = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
    return codes | {shape.name for shape in model.error_shapes}


async def test_boto3_raises_the_exception_class_of_the_model(world: World) -> None:
    exceptions = world.client("sesv2").exceptions

    with pytest.raises(exceptions.NotFoundException):
        await world.identity("missing.com")
    with pytest.raises(world.client("sqs").exceptions.QueueDoesNotExist):
        await world.call("sqs", "get_queue_url", QueueName="none")


def _rules(shape: Shape, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return the paths of members with an enum, a pattern or a maximum, and a value that violates each."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, member in shape.members.items():
        at = (*path, name)
        if member.type_name == "structure":
            found += _rules(member, at)
        elif getattr(member, "enum", None):
            found.append((at, "NO_SUCH_VALUE"))
        elif "pattern" in member.metadata:
            found.append((at, "\n"))
        elif member.metadata.get("max") and member.type_name == "string":
            found.append((at, "x" * (member.metadata["max"] + 1)))
    return found


def _cases() -> list[Any]:
    served = {"sesv2": JOURNEYS["sesv2"]}
    return [
        pytest.param(step, path, value, id=f"{step.operation}-{'.'.join(path)}")
        for step in {step.operation: step for step in served["sesv2"]}.values()
        for path, value in _rules(service_model("sesv2").operation_model(step.operation).input_shape)
    ]


@pytest.mark.parametrize(("step", "path", "value"), _cases())
def test_a_value_that_violates_a_constraint_of_the_model_is_detected(
    step: Step, path: tuple[str, ...], value: Any
) -> None:
    shape = service_model("sesv2").operation_model(step.operation).input_shape
    params: Any = value
    for name in reversed(path):
        params = {name: params}

    assert any(
        "failed to satisfy constraint" in line and repr(value) in line for line in problems(shape, params)
    )


async def test_control_operations_share_one_request_per_second_and_the_ledger_counts_throttled_calls(
    certificates: Path,
) -> None:
    async with open_world(certificates, control_rate=1.0) as world:
        await world.ses("get_account")

        with pytest.raises(ClientError) as refused:
            await world.ses("list_email_identities")

        assert refused.value.response["Error"] == {
            "Code": "TooManyRequestsException",
            "Message": "Rate exceeded",
        }
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert (await world.control("GET", "/ses/ledger"))["throttled"] == {"ListEmailIdentities": 1}
