"""What the API takes and gives, in Resend's shapes: the one description, its OpenAPI document's too.

Fields that are not named here are ignored, as Resend ignores them; the types of those that are, are strict.
"""

from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

MOST_ENTRIES = 1000  # of a field of an email; sender takes far fewer, and says how many
MOST_OF_BATCH = 100

Addresses: TypeAlias = str | list[str]
Id: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Time: TypeAlias = Annotated[
    str, Meta(description="A time in ISO 8601, with its zone.", extra_json_schema={"format": "date-time"})
]
Entries: TypeAlias = Annotated[list[str], Meta(min_length=1, max_length=MOST_OF_BATCH)]
Byte: TypeAlias = Annotated[int, Meta(ge=0, le=255)]
Switch: TypeAlias = Literal["enabled", "disabled"]
Origin: TypeAlias = Literal["bounce", "complaint", "manual"]
DomainStatus: TypeAlias = Literal["not_started", "pending", "verified", "partially_failed", "failed"]
RecordStatus: TypeAlias = Literal["not_started", "pending", "verified", "temporary_failure", "failed"]
LastEvent: TypeAlias = Literal[
    "scheduled", "queued", "sent", "delivered", "delivery_delayed", "bounced", "complained", "suppressed",
    "canceled", "failed",
]  # fmt: skip


class Body(Struct):
    """What a request brings."""


class Answer(Struct):
    """What a request is answered with."""


class Tag(Body):
    """A label of the caller's own, of letters, digits, `_` and `-`."""

    name: str
    value: str


class NodeBuffer(Body):
    """Bytes as Node's `JSON.stringify` writes a Buffer."""

    type: Literal["Buffer"]
    data: list[Byte]


class Attachment(Body):
    """A file that goes with an email; `content` is base64, or its bytes as numbers. `path` is not fetched."""

    filename: str | None = None
    content: str | list[Byte] | NodeBuffer | None = None
    content_type: str | None = None
    content_id: str | None = None
    inline_content_id: Annotated[str, Meta(description="Another name of `content_id`.")] | None = None
    path: str | None = None


class Template(Body):
    """A stored template, which is not offered."""

    id: str


class SendEmail(Body):
    """An email to send: `html`, `text` or both. An address may be `Name <email@example.com>`."""

    from_: str = field(name="from")
    to: Addresses
    subject: str
    html: str | None = None
    text: str | None = None
    cc: Addresses | None = None
    bcc: Addresses | None = None
    reply_to: Addresses | None = None
    headers: dict[str, str] | None = None
    tags: list[Tag] | None = None
    attachments: list[Attachment] | None = None
    scheduled_at: Time | None = None
    template: Template | None = None
    topic_id: str | None = None


Emails: TypeAlias = Annotated[list[SendEmail], Meta(min_length=1, max_length=MOST_OF_BATCH)]


class UpdateEmail(Body):
    """Another time for an email that waits."""

    scheduled_at: Time


class Capabilities(Answer):
    """What a domain may do."""

    sending: Switch = "enabled"
    receiving: Switch = "disabled"


class DomainOptions(Body):
    """What may be asked of a domain; whatever is not offered is refused by name."""

    custom_return_path: Annotated[str, Meta(description="The label that bounces return to.")] | None = None
    open_tracking: bool | None = None
    click_tracking: bool | None = None
    tls: Literal["opportunistic", "enforced"] | None = None
    capabilities: Capabilities | None = None
    tracking_subdomain: str | None = None


class CreateDomain(DomainOptions, kw_only=True):
    """A domain to send as."""

    name: str
    region: Annotated[str, Meta(description="The installation's own region.")] | None = None


class UpdateDomain(DomainOptions):
    """What changes of a domain."""


class CreateApiKey(Body):
    """A key to make; one for sending may be tied to a domain."""

    name: str
    permission: str | None = None
    domain_id: Id | None = None


class AddSuppression(Body):
    """An address to keep email from."""

    email: str


class AddSuppressions(Body):
    """Addresses to keep email from."""

    emails: Entries


class RemoveSuppressions(Body):
    """Addresses or ids, not both, to send to again."""

    emails: Entries | None = None
    ids: Annotated[list[Id], Meta(min_length=1, max_length=MOST_OF_BATCH)] | None = None


Item = TypeVar("Item")


class Listing(Answer, Generic[Item], kw_only=True):
    """One page of a list, newest first."""

    object: Literal["list"] = "list"
    has_more: bool
    data: list[Item]


class EmailId(Answer):
    """The email accepted."""

    id: str


class BatchError(Answer):
    """Why one email of a permissive batch was not accepted; `index` counts from 0."""

    index: int
    message: str


class Batch(Answer):
    """The emails accepted, in order; `errors` in permissive mode alone."""

    data: list[EmailId]
    errors: list[BatchError] | UnsetType = UNSET


class EmailSummary(Answer):
    """An email as lists show it."""

    id: str
    message_id: str | None
    from_: str = field(name="from")
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    subject: str
    created_at: str
    scheduled_at: str | None
    last_event: LastEvent
    topic_id: None = None


class Email(EmailSummary, kw_only=True):
    """An email; its bodies are null once they were erased."""

    object: Literal["email"] = "email"
    html: str | None
    text: str | None
    tags: list[Tag]


class EmailReference(Answer, kw_only=True):
    """The email that was changed."""

    object: Literal["email"] = "email"
    id: str


class DomainRecord(Answer):
    """A DNS record to publish; `name` is relative to the zone, as DNS providers ask for it."""

    record: Literal["SPF", "DKIM", "Receiving", "Ownership"]
    name: str
    type: Literal["MX", "TXT", "CNAME"]
    value: str
    ttl: str
    status: RecordStatus
    priority: int | UnsetType = UNSET


class DomainSummary(Answer):
    """A domain as lists show it."""

    id: str
    name: str
    status: DomainStatus
    created_at: str
    region: str
    capabilities: Capabilities
    open_tracking: bool = False
    click_tracking: bool = False


class Domain(DomainSummary, kw_only=True):
    """A domain with its records."""

    object: Literal["domain"] = "domain"
    records: list[DomainRecord]


class DomainReference(Answer, kw_only=True):
    """The domain that was changed."""

    object: Literal["domain"] = "domain"
    id: str


class DeletedDomain(DomainReference, kw_only=True):
    """The domain that is gone."""

    deleted: bool = True


class ApiKeyToken(Answer):
    """A new key; its token is shown this once."""

    id: str
    token: str


class ApiKey(Answer):
    """A key without its token; when it was last used is not kept."""

    id: str
    name: str
    created_at: str
    last_used_at: None = None


class DeletedApiKey(Answer, kw_only=True):
    """The key that does not work any more."""

    object: Literal["api_key"] = "api_key"
    id: str
    deleted: bool = True


class SuppressionEntry(Answer):
    """A suppressed address as lists show it; `source_id` is the email that caused it."""

    id: str
    email: str
    origin: Origin
    source_id: str | None
    created_at: str


class Suppression(SuppressionEntry, kw_only=True):
    """A suppressed address."""

    object: Literal["suppression"] = "suppression"


class SuppressionReference(Answer, kw_only=True):
    """The suppression that was made."""

    object: Literal["suppression"] = "suppression"
    id: str


class RemovedSuppression(SuppressionReference, kw_only=True):
    """The suppression that is gone."""

    deleted: bool = True


class Suppressions(Answer):
    """The suppressions made, fewer than asked for where some are of one address."""

    data: list[SuppressionReference]


class RemovedSuppressions(Answer):
    """The suppressions that are gone; what was not on the list is left out."""

    data: list[RemovedSuppression]


class Problem(Answer):
    """Why a request was refused: `name` for programs, `message` for people."""

    statusCode: int  # noqa: N815 - Resend's own word
    name: str
    message: str
