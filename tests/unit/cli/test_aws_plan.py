"""The comparison of a resource as it is with what it should be."""

import pytest

from cli.aws.desired import Kind, Resource
from cli.aws.plan import Action, ForeignResource, Present, canonical, compare

QUEUE = Resource(
    kind=Kind.QUEUE,
    name="feedback",
    arn="arn:aws:sqs:us-east-1:123456789012:feedback",
    properties={"VisibilityTimeout": "30", "RedrivePolicy": {"maxReceiveCount": 10}},
    tags={"letterhead": "letterhead"},
)
AS_WANTED = Present(
    properties={"VisibilityTimeout": "30", "RedrivePolicy": {"maxReceiveCount": "10"}, "DelaySeconds": "9"},
    tags={"letterhead": "letterhead", "team": "mail"},
)


def test_other_properties_and_tags_are_left_alone() -> None:
    assert compare(QUEUE, AS_WANTED).action is Action.NONE


def test_a_missing_resource_is_created_with_all_properties() -> None:
    change = compare(QUEUE, None)

    assert (change.action, change.properties) == (Action.CREATE, dict(QUEUE.properties))


def test_only_what_differs_is_written() -> None:
    found = Present(properties={**AS_WANTED.properties, "VisibilityTimeout": "5"}, tags={})

    change = compare(QUEUE, found)

    assert (change.action, change.properties) == (Action.UPDATE, {"VisibilityTimeout": "30"})
    assert change.writes_tags


def test_a_resource_of_another_installation_is_refused() -> None:
    with pytest.raises(ForeignResource, match="letterhead=another"):
        compare(QUEUE, Present(properties={}, tags={"letterhead": "another"}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["b", "a"]),
        ("a", ["a"]),
        (10, "10"),
        ({"Action": "sqs:SendMessage"}, {"Action": ["sqs:SendMessage"]}),
        ([{"Sid": "A"}, {"Sid": "B"}], [{"Sid": "B"}, {"Sid": "A"}]),
    ],
)
def test_what_aws_takes_for_equal_is_equal(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "b"), (["a"], ["a", "b"]), (None, ""), ({"Effect": "Allow"}, {"Effect": "Deny"}), (True, False)],
)
def test_what_differs_is_not_equal(one: object, other: object) -> None:
    assert canonical(one) != canonical(other)
