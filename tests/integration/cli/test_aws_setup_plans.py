"""`letterhead aws setup` shows what differs, changes only that, and continues after any interruption."""

import asyncio
import json
import re
from datetime import timedelta
from itertools import islice
from typing import Any

import boto3
import pytest

from cli.aws.api import Api
from cli.aws.desired import DESTINATION, Kind
from cli.aws.errors import SetupError
from cli.aws.plan import Action, Plan
from cli.aws.setup import Setup
from cli.aws.target import Cluster, Target
from cli.exit_status import FAILED, UNAVAILABLE
from sandbox.aws.policies import AccessRequest, permits
from tests.contract.sources import ROOT
from tests.internet import Internet

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = "sandbox-setup"
SESSION = boto3.Session(KEY, "sandbox", region_name=REGION)
[DOCUMENTED] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/aws.md").read_text(), re.DOTALL)
CLUSTER = Cluster(
    oidc_issuer=f"oidc.eks.{REGION}.amazonaws.com/id/EXAMPLE",
    pod_identity=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/example",
)
TARGET = Target(partition="aws", account=ACCOUNT, region=REGION, event_rule=True, cluster=CLUSTER)
# The operations that write, in the order in which an empty account needs them.
WRITES = (
    "CreateQueue", "CreateTopic", "PutRule", "Subscribe", "PutTargets", "CreateConfigurationSet",
    "CreateConfigurationSetEventDestination", "CreateRole", "PutRolePolicy",
)  # fmt: skip


@pytest.fixture
def api(internet: Internet) -> Api:
    """Return an API that makes each request once and does not wait between them."""
    return Api(SESSION, internet.addresses.ses, attempts=1, control_interval=timedelta(0))


async def planned(api: Api, target: Target = TARGET) -> Plan:
    return await asyncio.to_thread(Setup(api, target).plan)


async def apply(api: Api, *, changes: int | None = None) -> int:
    """Plan, and make all changes or only some, as if interrupted; return how many were pending."""

    def run() -> int:
        setup = Setup(api, TARGET)
        plan = setup.plan()
        for _ in islice(setup.apply(plan), changes):
            pass
        return len(plan.pending)

    return await asyncio.to_thread(run)


async def call(internet: Internet, service: str, operation: str, **params: Any) -> dict[str, Any]:
    client = SESSION.client(service, endpoint_url=internet.addresses.ses)
    answer: dict[str, Any] = await asyncio.to_thread(getattr(client, operation), **params)
    return answer


async def fail(internet: Internet, kind: str, operation: str) -> None:
    body = {"kind": kind, "operation": operation, "count": 1}
    await internet.control.call("POST", "/ses/faults", body)


async def test_an_applied_plan_has_nothing_left_to_do(api: Api) -> None:
    before = await planned(api)
    await apply(api)
    after = await planned(api)

    assert {each.action for each in before.changes} == {Action.CREATE}
    assert {each.action for each in after.changes} == {Action.NONE}
    assert len(after.changes) == 19


async def test_an_interrupted_setup_continues_at_every_step(api: Api) -> None:
    left = [await apply(api, changes=1) for _ in range(20)]

    assert left == list(range(19, -1, -1))


async def test_a_lost_answer_to_any_write_is_made_good_by_the_next_run(internet: Internet, api: Api) -> None:
    for operation in WRITES:
        await fail(internet, "accept_then_reset", operation)
        with pytest.raises(SetupError) as lost:
            await apply(api)
        assert lost.value.status == UNAVAILABLE

    await apply(api)

    assert (await planned(api)).pending == ()


async def test_what_differs_is_named_and_corrected(internet: Internet, api: Api) -> None:
    await apply(api)
    topic = {"TopicArn": TARGET.topic_arn, "AttributeName": "SignatureVersion", "AttributeValue": "1"}
    await call(internet, "sns", "set_topic_attributes", **topic)
    url = (await call(internet, "sqs", "get_queue_url", QueueName=TARGET.feedback))["QueueUrl"]
    await call(internet, "sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})
    role = {"RoleName": TARGET.role("sender"), "PolicyName": TARGET.role_policy}
    await call(internet, "iam", "delete_role_policy", **role)

    plan = await planned(api)
    await apply(api)

    assert [(str(each.action), each.resource.kind, each.resource.parent or each.resource.name)
            for each in plan.pending] == [
        ("update", Kind.TOPIC, TARGET.feedback),
        ("update", Kind.QUEUE, TARGET.feedback),
        ("create", Kind.ROLE_POLICY, TARGET.role("sender")),
    ]  # fmt: skip
    [difference] = plan.pending[0].differences
    assert (difference.name, difference.present, difference.desired) == ("SignatureVersion", "1", "2")
    assert (await planned(api)).pending == ()


async def test_what_others_added_is_shown_and_left_alone(internet: Internet, api: Api) -> None:
    await apply(api)
    other = "https://other.example.com/hook"
    await call(internet, "sns", "subscribe", TopicArn=TARGET.topic_arn, Protocol="https", Endpoint=other)
    url = (await call(internet, "sqs", "get_queue_url", QueueName=TARGET.feedback))["QueueUrl"]
    await call(internet, "sqs", "tag_queue", QueueUrl=url, Tags={"team": "mail"})

    await apply(api)

    plan = await planned(api)
    assert (plan.pending, plan.foreign) == ((), (f"{Kind.SUBSCRIPTION} {TARGET.feedback}: {other}",))


async def test_a_resource_of_another_installation_is_refused(internet: Internet, api: Api) -> None:
    await call(internet, "sqs", "create_queue", QueueName=TARGET.feedback, tags={"letterhead": "another"})

    with pytest.raises(SetupError, match="letterhead=another, so it belongs to another installation"):
        await planned(api)


async def test_resources_of_earlier_versions_are_tagged(internet: Internet, api: Api) -> None:
    await call(internet, "sns", "create_topic", Name=TARGET.feedback)

    await apply(api)

    answer = await call(internet, "sns", "list_tags_for_resource", ResourceArn=TARGET.topic_arn)
    assert answer["Tags"] == [{"Key": "letterhead", "Value": "letterhead"}]


async def test_the_documented_rights_are_exactly_those_that_the_setup_needs(
    internet: Internet, api: Api
) -> None:
    await apply(api)
    await spoil_everything(internet)
    await apply(api)

    found = (await internet.control.call("GET", "/iam/authorizations"))["authorizations"]
    own = [each for each in found if each["access_key"] == KEY]
    missing = [each for each in own if not permits(DOCUMENTED, AccessRequest(
        action=each["action"], resource=each["resource"], account=ACCOUNT, context=each["context"]
    ))]  # fmt: skip
    documented = {action for each in json.loads(DOCUMENTED)["Statement"] for action in each["Action"]}
    assert missing == []
    assert documented == {each["action"] for each in own}


async def spoil_everything(internet: Internet) -> None:
    """Change each kind of resource, as an administrator could by mistake."""
    administrator = boto3.Session("administrator", "sandbox", region_name=REGION)

    async def change(service: str, operation: str, **params: Any) -> Any:
        client = administrator.client(service, endpoint_url=internet.addresses.ses)
        return await asyncio.to_thread(getattr(client, operation), **params)

    topic, attribute = TARGET.topic_arn, {"AttributeName": "SignatureVersion", "AttributeValue": "1"}
    await change("sns", "set_topic_attributes", TopicArn=topic, **attribute)
    [subscription] = (await change("sns", "list_subscriptions_by_topic", TopicArn=topic))["Subscriptions"]
    raw = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    arn = subscription["SubscriptionArn"]
    await change("sns", "set_subscription_attributes", SubscriptionArn=arn, **raw)
    url = (await change("sqs", "get_queue_url", QueueName=TARGET.feedback))["QueueUrl"]
    await change("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    await change(
        "sesv2",
        "update_configuration_set_event_destination",
        ConfigurationSetName=TARGET.configuration_set,
        EventDestinationName=DESTINATION,
        EventDestination={"MatchingEventTypes": ["BOUNCE"], "SnsDestination": {"TopicArn": topic}},
    )
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    await change(
        "iam",
        "update_assume_role_policy",
        RoleName=TARGET.role("sender"),
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [nobody]}),
    )


@pytest.mark.parametrize(
    ("operation", "action", "resource"),
    [
        ("CreateTopic", '["sns:CreateTopic", "sns:TagResource"]', TARGET.topic_arn),
        ("GetQueueAttributes", '["sqs:GetQueueAttributes"]', TARGET.dead_letters_arn),
        ("CreateConfigurationSet", '["ses:CreateConfigurationSet", "ses:TagResource"]',
         TARGET.configuration_set_arn),
        ("PutRolePolicy", '["iam:PutRolePolicy"]', TARGET.role_arn("identity")),
        ("PutRule", '["events:PutRule"]', TARGET.rule_arn),
    ],
)  # fmt: skip
async def test_a_denial_names_the_statement_to_add(
    internet: Internet, api: Api, operation: str, action: str, resource: str
) -> None:
    if operation == "GetQueueAttributes":
        await call(internet, "sqs", "create_queue", QueueName=TARGET.dead_letters)
    await fail(internet, "access_denied", operation)

    with pytest.raises(SetupError) as denied:
        await apply(api)

    assert denied.value.status == FAILED
    statement = f'{{"Effect": "Allow", "Action": {action}, "Resource": "{resource}"}}'
    assert str(denied.value).endswith(f"Add to the policy of the caller: {statement}")
