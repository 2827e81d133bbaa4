"""The request and response models of the API, in Resend's shapes. OpenAPI schemas are generated from them.

Unknown keys are ignored, as Resend does, unless they are almost a field. The types of fields are strict.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

MOST_ENTRIES = 1000  # in one field of an email; sender has far lower limits, stated in its errors
MOST_OF_BATCH = 100

Addresses: TypeAlias = str | list[str]
Id: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Time: TypeAlias = Annotated[
    str,
    Meta(
        description="A time in ISO 8601, in UTC unless it has a zone; or `in 1 hour`, `tomorrow at 9am`, "
        "`friday at 15:00`."
    ),
]
Entries: TypeAlias = Annotated[list[str], Meta(min_length=1, max_length=MOST_OF_BATCH)]
# PHP writes an empty map as a list, and Lua an empty list as a map. What is in one is rejected.
EmptyMap: TypeAlias = Annotated[list[Any], Meta(description="An empty map.")]
EmptyList: TypeAlias = Annotated[dict[str, Any], Meta(description="An empty list.")]
ContentIdAlias: TypeAlias = Annotated[str, Meta(description="An alias of `content_id`.")]
ContentTypeAlias: TypeAlias = Annotated[str, Meta(description="An alias of `content_type`.")]
Byte: TypeAlias = Annotated[int, Meta(ge=0, le=255)]
Switch: TypeAlias = Literal["enabled", "disabled"]
DomainStatus: TypeAlias = Literal["not_started", "pending", "verified", "partially_failed", "failed"]
RecordStatus: TypeAlias = Literal["not_started", "pending", "verified", "temporary_failure", "failed"]
LastEvent: TypeAlias = Literal[
    "scheduled", "queued", "sent", "delivered", "delivery_delayed", "bounced", "complained", "suppressed",
    "canceled", "failed",
]  # fmt: skip


class Body(Struct):
    """A request model.

    `parts` are its fields that are models themselves, or lists of them. `texts` are the paths of values for
    people, in which an unpaired surrogate is replaced.
    """

    parts: ClassVar[Mapping[str, type["Body"]]] = {}
    texts: ClassVar[frozenset[str]] = frozenset()


class Answer(Struct):
    """A response model."""


class Tag(Body):
    """A custom tag. Its name and value may contain letters, digits, `_` and `-`."""

    name: str
    value: str


class NodeBuffer(Body):
    """Bytes as `JSON.stringify` in Node.js writes a Buffer."""

    type: Literal["Buffer"]
    data: list[Byte]


class Attachment(Body):
    """An attached file. `content` is base64, the bytes as numbers, or the text of a text file.

    `path` is a `data:` URL; others are not fetched.
    """

    filename: str | None = None
    content: str | list[Byte] | NodeBuffer | None = None
    content_type: str | None = None
    content_id: str | None = None
    path: str | None = None
    inline_content_id: ContentIdAlias | None = None
    inlineContentId: ContentIdAlias | None = None  # noqa: N815 - a client's name
    contentId: ContentIdAlias | None = None  # noqa: N815 - n8n's name
    contentType: ContentTypeAlias | None = None  # noqa: N815 - the name of Resend's Rust SDK


class Template(Body):
    """A stored template. Templates are not supported."""

    id: str


class SendEmail(Body):
    """An email to send, with `html`, `text` or both. An address may be `Name <email@example.com>`."""

    parts = {"attachments": Attachment, "tags": Tag}
    texts = frozenset(
        {"subject", "html", "text", "attachments[].filename", "from", "to", "cc", "bcc", "reply_to"}
        | {"to[]", "cc[]", "bcc[]", "reply_to[]"}
    )

    from_: str = field(name="from")
    to: Addresses
    subject: str
    html: str | None = None
    text: str | None = None
    cc: Addresses | None = None
    bcc: Addresses | None = None
    reply_to: Addresses | None = None
    headers: dict[str, str] | EmptyMap | None = None
    tags: list[Tag] | EmptyList | None = None
    attachments: list[Attachment] | EmptyList | None = None
    scheduled_at: Time | None = None
    template: Template | None = None
    topic_id: str | None = None


Emails: TypeAlias = Annotated[list[SendEmail], Meta(min_length=1, max_length=MOST_OF_BATCH)]


class UpdateEmail(Body):
    """A new time for a scheduled email."""

    scheduled_at: Time


class Capabilities(Body):
    """The capabilities of a domain."""

    sending: Switch = "enabled"
    receiving: Switch = "disabled"


class DomainOptions(Body):
    """Options of a domain. Unsupported options are rejected with an error that names them."""

    parts = {"capabilities": Capabilities}

    custom_return_path: (
        Annotated[str, Meta(description="The subdomain label of the return path, which receives bounces.")]
        | None
    ) = None
    open_tracking: bool | None = None
    click_tracking: bool | None = None
    tls: Literal["opportunistic", "enforced"] | None = None
    capabilities: Capabilities | None = None
    tracking_subdomain: str | None = None


class CreateDomain(DomainOptions, kw_only=True):
    """A domain to send from."""

    name: str
    region: Annotated[str, Meta(description="One of the installation; default: its first.")] | None = None


class UpdateDomain(DomainOptions):
    """Changes to a domain."""


class CreateApiKey(Body):
    """An API key to create. A key with `sending_access` may be restricted to a domain."""

    texts = frozenset({"name"})

    name: str
    permission: str | None = None
    domain_id: Id | None = None


class UpdateApiKey(Body):
    """A new name for an API key."""

    texts = frozenset({"name"})

    name: str


Item = TypeVar("Item")


class Listing(Answer, Generic[Item], kw_only=True):
    """One page of a list, newest first."""

    object: Literal["list"] = "list"
    has_more: bool
    data: list[Item]


class EmailId(Answer):
    """The accepted email; `scheduled_at` is present if it waits for a time."""

    id: str
    scheduled_at: str | UnsetType = UNSET


class BatchError(Answer):
    """Why one email of a permissive batch was not accepted. `index` starts at 0."""

    index: int
    message: str


class Batch(Answer):
    """The accepted emails, in order. `errors` is present only in permissive mode."""

    data: list[EmailId]
    errors: list[BatchError] | UnsetType = UNSET


class EmailSummary(Answer):
    """An email as shown in lists."""

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
    """An email. Its bodies are null once they are erased."""

    object: Literal["email"] = "email"
    html: str | None
    text: str | None
    tags: list[Tag]


class EmailReference(Answer, kw_only=True):
    """The updated email; `scheduled_at` is present if it waits for a time."""

    object: Literal["email"] = "email"
    id: str
    scheduled_at: str | UnsetType = UNSET


class DomainRecord(Answer):
    """A DNS record to publish. `name` is relative to the zone, as most DNS providers expect."""

    record: Literal["SPF", "DKIM", "Receiving", "Ownership"]
    name: str
    type: Literal["MX", "TXT", "CNAME"]
    value: str
    ttl: str
    status: RecordStatus
    priority: int | UnsetType = UNSET


class DomainSummary(Answer):
    """A domain as shown in lists."""

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
    """The updated domain."""

    object: Literal["domain"] = "domain"
    id: str


class DeletedDomain(DomainReference, kw_only=True):
    """The deleted domain."""

    deleted: bool = True


class ApiKeyToken(Answer):
    """A new API key. Its token is shown only once."""

    id: str
    token: str


class ApiKey(Answer):
    """An API key without its token. `last_used_at` is always null, because it is not recorded."""

    id: str
    name: str
    created_at: str
    last_used_at: None = None


class ApiKeyReference(Answer, kw_only=True):
    """The renamed API key."""

    object: Literal["api_key"] = "api_key"
    id: str


class DeletedApiKey(ApiKeyReference, kw_only=True):
    """The revoked API key."""

    deleted: bool = True


class Problem(Answer):
    """An error: `name` for programs, `message` for people."""

    statusCode: int  # noqa: N815 - Resend's name
    name: str
    message: str
