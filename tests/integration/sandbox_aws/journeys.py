"""A sequence of calls for each service of the simulated AWS that covers all its operations."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.integration.sandbox_aws.world import World, allowing

Json = dict[str, Any]

NAME = "inbox.mnexa.ai"
ADDRESS = "somebody@customer.com"
IDENTITY_ARN = f"arn:aws:ses:us-east-1:123456789012:identity/{NAME}"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:events"
DESTINATION = {
    "Enabled": True,
    "MatchingEventTypes": ["SEND", "BOUNCE", "RENDERING_FAILURE"],
    "SnsDestination": {"TopicArn": TOPIC_ARN},
}
SIMPLE = {
    "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
    "Body": {"Text": {"Data": "Hello"}, "Html": {"Data": "<p>Hello</p>"}},
    "Headers": [{"Name": "X-Campaign", "Value": "spring"}],
    "Attachments": [{"RawContent": b"\x00\xff", "FileName": "a.bin", "ContentType": "application/x-thing"}],
}
RAW = b"From: agent@inbox.mnexa.ai\r\nTo: b@customer.com\r\nSubject: Raw\r\n\r\nBody\r\n"


@dataclass(frozen=True)
class Step:
    """One call; `params` may be a function of the world and of the responses so far, by operation."""

    operation: str
    params: Json | Callable[[World, dict[str, Json]], Json]

    def resolved(self, world: World, answers: dict[str, Json]) -> Json:
        """Return the parameters of the call."""
        return self.params if isinstance(self.params, dict) else self.params(world, answers)


def _set(**more: Any) -> Json:
    return {"ConfigurationSetName": "letterhead", **more}


def _destination(**more: Any) -> Json:
    return _set(EventDestinationName="feedback", **more)


def _identity(**more: Any) -> Json:
    return {"EmailIdentity": NAME, **more}


def _queue(_world: World, answers: dict[str, Json], **more: Any) -> Json:
    return {"QueueUrl": answers["CreateQueue"]["QueueUrl"], **more}


def _receipt(world: World, answers: dict[str, Json], **more: Any) -> Json:
    return _queue(
        world, answers, ReceiptHandle=answers["ReceiveMessage"]["Messages"][0]["ReceiptHandle"], **more
    )


def _token(world: World, _answers: dict[str, Json]) -> Json:
    waiting = next(iter(world.aws.topics.by_arn[TOPIC_ARN].subscriptions.values()))
    return {"TopicArn": TOPIC_ARN, "Token": waiting.token, "AuthenticateOnUnsubscribe": "true"}


def _subscription(_world: World, answers: dict[str, Json], **more: Any) -> Json:
    return {"SubscriptionArn": answers["Subscribe"]["SubscriptionArn"], **more}


SES = [
    Step("CreateConfigurationSet", _set(
        DeliveryOptions={"TlsPolicy": "OPTIONAL", "MaxDeliverySeconds": 300},
        ReputationOptions={"ReputationMetricsEnabled": True},
        SendingOptions={"SendingEnabled": True},
        Tags=[{"Key": "letterhead", "Value": "letterhead"}],
        SuppressionOptions={"SuppressedReasons": ["BOUNCE"]},
    )),
    Step("GetConfigurationSet", _set()),
    Step("ListConfigurationSets", {"PageSize": 10}),
    Step("PutConfigurationSetSendingOptions", _set(SendingEnabled=True)),
    Step("PutConfigurationSetSuppressionOptions", _set(SuppressedReasons=[])),
    Step("CreateConfigurationSetEventDestination", _destination(EventDestination=DESTINATION)),
    Step("UpdateConfigurationSetEventDestination", _destination(EventDestination=DESTINATION)),
    Step("GetConfigurationSetEventDestinations", _set()),
    Step("CreateEmailIdentity", _identity(
        ConfigurationSetName="letterhead",
        DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
        Tags=[{"Key": "letterhead", "Value": "letterhead"}],
    )),
    Step("GetEmailIdentity", _identity()),
    Step("ListEmailIdentities", {"PageSize": 1000}),
    Step("PutEmailIdentityMailFromAttributes", _identity(
        MailFromDomain=f"send.{NAME}", BehaviorOnMxFailure="USE_DEFAULT_VALUE"
    )),
    Step("PutEmailIdentityDkimAttributes", _identity(SigningEnabled=True)),
    Step("PutEmailIdentityDkimSigningAttributes", _identity(
        SigningAttributesOrigin="AWS_SES", SigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"}
    )),
    Step("PutEmailIdentityConfigurationSetAttributes", _identity(ConfigurationSetName="letterhead")),
    Step("PutEmailIdentityFeedbackAttributes", _identity(EmailForwardingEnabled=False)),
    Step("TagResource", {"ResourceArn": IDENTITY_ARN, "Tags": [{"Key": "team", "Value": "a b/c"}]}),
    Step("ListTagsForResource", {"ResourceArn": IDENTITY_ARN}),
    Step("UntagResource", {"ResourceArn": IDENTITY_ARN, "TagKeys": ["team", "other"]}),
    Step("PutAccountSendingAttributes", {"SendingEnabled": True}),
    Step("PutAccountSuppressionAttributes", {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}),
    Step("GetAccount", {}),
    Step("PutSuppressedDestination", {"EmailAddress": ADDRESS, "Reason": "BOUNCE"}),
    Step("GetSuppressedDestination", {"EmailAddress": ADDRESS}),
    Step("ListSuppressedDestinations", {"Reasons": ["BOUNCE", "COMPLAINT"], "PageSize": 5}),
    Step("DeleteSuppressedDestination", {"EmailAddress": ADDRESS}),
    Step("SendEmail", {
        "FromEmailAddress": f"Agent <agent@{NAME}>",
        "Destination": {"ToAddresses": ["b@customer.com"], "BccAddresses": ["c@customer.com"]},
        "ReplyToAddresses": ["answer@customer.com"],
        "Content": {"Simple": SIMPLE},
        "EmailTags": [{"Name": "lh-attempt", "Value": "0190f3c2-7c5e"}],
        "ConfigurationSetName": "letterhead",
    }),
    Step("SendEmail", {"Content": {"Raw": {"Data": RAW}}}),
    Step("GetEmailIdentity", _identity()),
    Step("DeleteEmailIdentity", _identity()),
    Step("DeleteConfigurationSetEventDestination", _destination()),
    Step("DeleteConfigurationSet", _set()),
]  # fmt: skip

SNS = [
    Step("DeleteTopic", {"TopicArn": TOPIC_ARN}),  # the world's, which has other attributes
    Step("CreateTopic", {
        "Name": "events", "Attributes": {"SignatureVersion": "2", "DisplayName": "Events & more"},
        "Tags": [{"Key": "letterhead", "Value": "letterhead"}],
    }),
    Step("SetTopicAttributes", {
        "TopicArn": TOPIC_ARN, "AttributeName": "Policy",
        "AttributeValue": allowing("ses.amazonaws.com", "sns:Publish"),
    }),
    Step("GetTopicAttributes", {"TopicArn": TOPIC_ARN}),
    Step("TagResource", {"ResourceArn": TOPIC_ARN, "Tags": [{"Key": "team", "Value": "mail"}]}),
    Step("ListTagsForResource", {"ResourceArn": TOPIC_ARN}),
    Step("ListTopics", {}),
    Step("Subscribe", {
        "TopicArn": TOPIC_ARN, "Protocol": "http", "Endpoint": "http://127.0.0.1:9/hook",
        "Attributes": {"RawMessageDelivery": "false"}, "ReturnSubscriptionArn": True,
    }),
    Step("ConfirmSubscription", _token),
    Step("SetSubscriptionAttributes", lambda world, answers: _subscription(
        world, answers, AttributeName="RawMessageDelivery", AttributeValue="true"
    )),
    Step("GetSubscriptionAttributes", _subscription),
    Step("ListSubscriptionsByTopic", {"TopicArn": TOPIC_ARN}),
    Step("Publish", {"TopicArn": TOPIC_ARN, "Message": "Grüße <&>", "Subject": "Hello"}),
    Step("Unsubscribe", _subscription),
    Step("DeleteTopic", {"TopicArn": TOPIC_ARN}),
]  # fmt: skip

SQS = [
    Step("CreateQueue", {"QueueName": "dead"}),
    Step("CreateQueue", {"QueueName": "feedback", "Attributes": {
        "VisibilityTimeout": "60",
        "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead", "maxReceiveCount": 3}
        ),
    }}),
    Step("GetQueueUrl", {"QueueName": "feedback"}),
    Step("TagQueue", lambda world, answers: _queue(world, answers, Tags={"team": "mail"})),
    Step("ListQueueTags", _queue),
    Step("ListQueues", {"QueueNamePrefix": "feed"}),
    Step("SetQueueAttributes", lambda world, answers: _queue(
        world, answers, Attributes={"ReceiveMessageWaitTimeSeconds": "1"}
    )),
    Step("SendMessage", lambda world, answers: _queue(world, answers, MessageBody="Grüße", DelaySeconds=0)),
    Step("GetQueueAttributes", lambda world, answers: _queue(world, answers, AttributeNames=["All"])),
    Step("ReceiveMessage", lambda world, answers: _queue(
        world, answers, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageSystemAttributeNames=["All"]
    )),
    Step("ChangeMessageVisibility", lambda world, answers: _receipt(world, answers, VisibilityTimeout=90)),
    Step("DeleteMessageBatch", lambda world, answers: _queue(world, answers, Entries=[
        {"Id": "good", "ReceiptHandle": answers["ReceiveMessage"]["Messages"][0]["ReceiptHandle"]},
        {"Id": "bad", "ReceiptHandle": "nonsense"},
    ])),
    Step("DeleteMessage", _receipt),
    Step("PurgeQueue", _queue),
    Step("DeleteQueue", _queue),
]  # fmt: skip

TRUST = {
    "Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"
}  # fmt: skip
RIGHTS = {"Effect": "Allow", "Action": "ses:GetAccount", "Resource": "*"}


def _role(**more: Any) -> Json:
    return {"RoleName": "letterhead-verifier", **more}


def document(*statements: Json) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


IAM = [
    Step("CreateRole", _role(
        AssumeRolePolicyDocument=document(TRUST), Tags=[{"Key": "letterhead", "Value": "letterhead"}]
    )),
    Step("TagRole", _role(Tags=[{"Key": "team", "Value": "mail and more"}])),
    Step("UpdateAssumeRolePolicy", _role(PolicyDocument=document(TRUST))),
    Step("GetRole", _role()),
    Step("PutRolePolicy", _role(PolicyName="us-east-1", PolicyDocument=document(RIGHTS))),
    Step("GetRolePolicy", _role(PolicyName="us-east-1")),
    Step("ListRolePolicies", _role()),
    Step("DeleteRolePolicy", _role(PolicyName="us-east-1")),
    Step("DeleteRole", _role()),
]  # fmt: skip

STS = [Step("GetCallerIdentity", {})]

EVENTS = [
    Step("PutRule", {
        "Name": "feedback", "State": "ENABLED",
        "EventPattern": json.dumps({"source": ["aws.ses"], "detail": {"eventType": ["Bounce", "Complaint"]}}),
    }),
    Step("DescribeRule", {"Name": "feedback", "EventBusName": "default"}),
    Step("PutTargets", {"Rule": "feedback", "Targets": [
        {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:123456789012:feedback"},
    ]}),
    Step("ListTargetsByRule", {"Rule": "feedback"}),
    Step("RemoveTargets", {"Rule": "feedback", "Ids": ["queue"]}),
    Step("DeleteRule", {"Name": "feedback"}),
]  # fmt: skip

JOURNEYS = {"sesv2": SES, "sns": SNS, "sqs": SQS, "iam": IAM, "sts": STS, "events": EVENTS}
