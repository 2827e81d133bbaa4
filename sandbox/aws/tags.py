"""SES's tags of identities and configuration sets, by ARN."""

from sandbox.aws.config import AwsConfig
from sandbox.aws.configuration_sets import ConfigurationSets
from sandbox.aws.errors import bad_request, not_found
from sandbox.aws.registry import Registry
from sandbox.aws.service import Call, Params

TAG_LIMIT = 50  # tags per resource


class Tags:
    """The handlers of TagResource, UntagResource and ListTagsForResource."""

    def __init__(self, config: AwsConfig, registry: Registry, configuration_sets: ConfigurationSets) -> None:
        self._prefix = f"arn:aws:ses:{config.region}:{config.account}:"
        self._registry = registry
        self._configuration_sets = configuration_sets

    async def tag_resource(self, call: Call) -> Params:
        tags = self._tags(call["ResourceArn"])
        new = {tag["Key"]: tag["Value"] for tag in call["Tags"]}
        if len(tags | new) > TAG_LIMIT:
            raise bad_request(f"A resource may have {TAG_LIMIT} tags.")
        tags.update(new)
        return {}

    async def untag_resource(self, call: Call) -> Params:
        tags = self._tags(call["ResourceArn"])
        for key in call["TagKeys"]:
            tags.pop(key, None)
        return {}

    async def list_tags_for_resource(self, call: Call) -> Params:
        tags = self._tags(call["ResourceArn"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tags(self, arn: str) -> dict[str, str]:
        kind, _, name = arn.removeprefix(self._prefix).partition("/")
        if not arn.startswith(self._prefix) or kind not in ("identity", "configuration-set"):
            raise bad_request(f"Invalid ARN <{arn}>.")
        found = self._registry.find(name), self._configuration_sets.find(name)
        resource = found[0] if kind == "identity" else found[1]
        if resource is None:
            raise not_found("Resource", arn)
        return resource.tags
