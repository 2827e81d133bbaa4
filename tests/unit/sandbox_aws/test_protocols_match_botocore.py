"""The sandbox's parsers and serializers against those of botocore."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import parsers, serialize
from botocore.model import OperationModel

from sandbox.aws.query import read_form, write_xml
from sandbox.aws.service import service_model
from sandbox.aws.shapes import problems, read_json, write_json


def operation(service: str, name: str) -> OperationModel:
    return service_model(service).operation_model(name)


FORMS = [
    (
        "CreateTopic",
        {"Name": "a", "Attributes": {"Policy": "{}", "DisplayName": ""}, "Tags": [{"Key": "k", "Value": ""}]},
    ),
    (
        "Publish",
        {"Message": "m", "MessageAttributes": {"x": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}},
    ),
    ("Subscribe", {"TopicArn": "t", "Protocol": "sqs", "ReturnSubscriptionArn": True}),
    ("UntagResource", {"ResourceArn": "r", "TagKeys": [f"key-{number}" for number in range(12)]}),
]


@pytest.mark.parametrize(("name", "params"), FORMS, ids=[name for name, _ in FORMS])
def test_a_form_is_parsed_as_botocore_serialized_it(name: str, params: dict[str, Any]) -> None:
    model = operation("sns", name)
    form = serialize.create_serializer("query").serialize_to_request(params, model)["body"]
    texts = {key: str(value) for key, value in form.items()}

    assert read_form(model.input_shape, texts) == params


def test_botocore_parses_our_xml() -> None:
    model = operation("sns", "ListSubscriptionsByTopic")
    answer = {"Subscriptions": [{"Endpoint": "a&b"}, {"Endpoint": "<c>"}], "NextToken": "next"}
    root = ET.Element("ListSubscriptionsByTopicResponse")
    write_xml(ET.SubElement(root, "ListSubscriptionsByTopicResult"), model.output_shape, answer)

    response = {"body": ET.tostring(root), "headers": {}, "status_code": 200}
    parsed = parsers.create_parser("query").parse(response, model.output_shape)

    assert {name: parsed[name] for name in answer} == answer


def test_json_round_trips() -> None:
    shape = operation("sesv2", "SendEmail").input_shape
    values = {"Content": {"Raw": {"Data": b"\x00\xff"}}, "EmailTags": [{"Name": "a", "Value": "b"}]}

    assert read_json(shape, write_json(shape, values)) == values


def test_times_round_trip() -> None:
    shape = operation("sesv2", "GetSuppressedDestination").output_shape
    moment = datetime(2026, 11, 21, 9, 30, 0, 250_000, tzinfo=UTC)
    values = {
        "SuppressedDestination": {"EmailAddress": "a@b.c", "Reason": "BOUNCE", "LastUpdateTime": moment}
    }

    assert read_json(shape, write_json(shape, values)) == values


IDENTITY = {"EmailIdentity": "a.com"}
WRONG = [
    ("CreateEmailIdentity", {}, "must not be null"),
    ("CreateEmailIdentity", {"EmailIdentity": 5}, "must be of type string"),
    ("CreateEmailIdentity", {"EmailIdentity": True}, "must be of type string"),
    ("CreateEmailIdentity", {"EmailIdentity": ""}, "length greater than or equal to 1"),
    (
        "CreateEmailIdentity",
        IDENTITY | {"Colour": "red"},
        "'colour' failed to satisfy constraint: Member is not known",
    ),
    ("CreateEmailIdentity", IDENTITY | {"Tags": [{"Key": "k"}]}, "'tags.1.member.value'"),
    (
        "CreateEmailIdentity",
        IDENTITY | {"DkimSigningAttributes": {"NextSigningKeyLength": "RSA_512"}},
        "enum value set",
    ),
    (
        "CreateEmailIdentity",
        IDENTITY | {"DkimSigningAttributes": {"DomainSigningSelector": "-a"}},
        "regular expression",
    ),
    (
        "CreateConfigurationSet",
        {"ConfigurationSetName": "a", "DeliveryOptions": {"MaxDeliverySeconds": 299}},
        "300",
    ),
    ("ListEmailIdentities", {"PageSize": "many"}, "must be of type integer"),
    ("SendEmail", {"Content": {"Raw": {"Data": "not base64!"}}}, "must be of type blob"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG, ids=[message for _, _, message in WRONG])
def test_a_shape_violation_is_reported(name: str, content: dict[str, Any], message: str) -> None:
    shape = operation("sesv2", name).input_shape

    found = list(problems(shape, read_json(shape, content)))

    assert len(found) == 1
    assert message in found[0]
