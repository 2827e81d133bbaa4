"""The English of invalid fields: one sentence for each reason of `letterhead.errors.v1.FieldReason`."""

from collections.abc import Mapping

# By the name of the reason without its prefix. Each sentence lacks its subject, the field.
SENTENCES: Mapping[str, str] = {
    "MISSING": "is empty; set it",
    "TOO_LONG": "has more than {limit} characters; shorten it",
    "TOO_MANY_BYTES": "has more than {limit} bytes; shorten it",
    "TOO_MANY": "has {count} items; at most {limit} are allowed",
    "TOO_LARGE": "brings the encoded email to {size} bytes; at most {limit} are allowed",
    "OUT_OF_RANGE": "must be between {least} and {most}",
    "NEGATIVE": "is negative; leave it unset to use the default",
    "DUPLICATE": "is a duplicate; list it only once",
    "UNKNOWN_VALUE": "must be one of {allowed}",
    "UNKNOWN_FIELD": "has the unknown path {value}; allowed paths: {allowed}",
    "BOTH_SET": "and {other_field} are both set; set only one of them",
    "BOTH_EMPTY": "and {other_field} are both empty; set one of them",
    "SET_BY_HEADERS": "sets {header}, which is in headers too; remove one of them",
    "SET_PER_EMAIL": "has its own request_id or tenant_id; set them once, next to emails",
    "NOT_A_UUID": "is not a UUID; use an id that a response returned",
    "CONTROL_CHARACTER": "has a line break, a control character or an invisible character in it; remove it",
    "SPACE": "has a space in it; remove it",
    "SPACE_AT_EDGE": "begins or ends with a space; remove it",
    "IN_THE_PAST": "is in the past; choose a later time, or leave it unset",
    "TOO_FAR_AHEAD": "is more than {days} days ahead; choose an earlier time",
    "NOT_AFTER": "must be later than {other_field}",
    "NOT_OF_THIS_LIST": (
        "is not a token of this list; use next_page_token of the previous response, or omit it"
    ),
    "ONLY_WITH_SCOPE": "is allowed only with scope {scope}; leave it empty",
    "WRONG_CODE": "is not the code that was sent to {address}; tries left: {tries}",
    "WEB_ADDRESS": "is a web address; enter only the domain, without `https://` and path",
    "EMAIL_ADDRESS": "is an email address; enter only the part after the @",
    "WILDCARD": "is a wildcard; create each exact name that you send from",
    "UNDERSCORE": "contains an underscore; enter the domain after the @ of your From address",
    "PORT": "contains a colon; enter only the domain, without a port",
    "IP_ADDRESS": "is an IP address; use a domain name, such as mail.your-company.com",
    "FORBIDDEN_CHARACTER": "contains a character that DNS names do not allow; use letters and digits",
    "EMPTY_LABEL": "starts with a dot or has two dots in a row; enter the name with single dots",
    "HYPHEN_AT_EDGE": "has a label that begins or ends with a hyphen: `{label}`; remove it",
    "RESERVED_LABEL": "has hyphens in positions 3 and 4 of `{label}`, which IDN reserves; use another name",
    "LABEL_TOO_LONG": "has a label of more than {limit} characters: `{label}`; use another name",
    "LABEL_CHARACTERS": "has a label with more than letters, digits and hyphens: `{label}`",
    "NOT_IDNA": "has a label that IDNA2008 does not allow: `{label}`; use another name",
    "TOO_MANY_LABELS": "has more than {limit} labels; use a shorter name",
    "SPECIAL_USE": "ends in `{suffix}`, a special-use name; use a domain that you own",
    "TOP_LEVEL_DOMAIN": "is a top-level domain; enter the full name, such as mail.your-company.com",
    "PUBLIC_SUFFIX": "is a public suffix; use a domain that you own under it",
    "NOT_A_LABEL": "is not a valid label; use 1 to 63 letters, digits and inner hyphens, such as `send`",
    "IS_A_DOMAIN": "results in {domain}, which is a domain of this tenant; choose another label",
    "IS_A_MAIL_FROM_DOMAIN": (
        "is the MAIL FROM domain of this tenant's domain {domain}; change its label first"
    ),
    "NOT_AN_ADDRESS": "is not an address like agent@example.com",
    "NOT_A_PLAIN_ADDRESS": (
        "must be a plain address without quotes, brackets, comments, groups, lists or adjacent "
        "dots; put each address and each name in its own field"
    ),
    "LOCAL_PART_TOO_LONG": "has more than {limit} characters before the @",
    "LOCAL_PART_NOT_ASCII": (
        "has a non-ASCII character before the @, which not every receiver accepts; use an ASCII address"
    ),
    "ENCODED_WORD": 'has "=?" in it, which starts an encoded word that some mail programs decode; remove it',
    "UNDECODABLE": "has an encoded word that cannot be decoded; send the text itself, in UTF-8",
    "NO_DOMAIN_NAME": "has no valid domain name after the @: {value}",
    "DOMAIN_IS_AN_IP_ADDRESS": "has an IP address after the @; use a domain name",
    "RESEMBLES_AN_ADDRESS": (
        "looks like an address; remove @, angle brackets and characters that look like them"
    ),
    "TOO_MANY_RECIPIENTS": "has {count} recipients with cc and bcc; at most {limit} are allowed in one email",
    "INVALID_TAG": "must have a name and a value of 1 to {limit} characters of {allowed}",
    "RESERVED_TAG": "begins with {prefix}, which is reserved for Letterhead; rename it",
    "SLASH": "has a slash or a backslash in it; remove it",
    "DOT_AT_EDGE": "begins or ends with a dot; remove it",
    "FILE_TYPE_REJECTED": "is of type .{type}, which SES rejects; send the file another way",
    "NOT_A_MEDIA_TYPE": "is not a media type like application/pdf",
    "TYPE_WITH_PARTS": "is a type with parts of its own; use application/octet-stream",
    "REPEATED_PARAMETER": "has a parameter twice; remove one, as mail programs differ on which one counts",
    "FILE_NAME_PARAMETER": "has a parameter with the file's name; set {other_field} instead",
    "UNKNOWN_CHARSET": "has a charset that not every mail program knows; use utf-8",
    "NOT_A_CONTENT_ID": "must have 1 to {limit} characters of {allowed}",
    "DUPLICATE_CONTENT_ID": "has a duplicate content_id; give each file a different one",
    "RESERVED_HEADER": "is a header that Letterhead, SES or a mail server sets; remove it",
    "CONTRADICTS": "says something else than {other_field}; remove it, or make both equal",
    "NOT_SENT_YET": ("names an email that is not sent yet, so it has no Message-ID; reply once it is sent"),
    "NOT_ONE_LINE": (
        "must be one line without control characters, not empty, without a leading or trailing space"
    ),
    "NOT_ONE_LINE_OF_ASCII": (
        "must be one line of printable ASCII, not empty, without a leading or trailing space"
    ),
    "LINE_TOO_LONG": (
        "needs a line of more than {limit} characters; shorten it, or put single spaces between Message-IDs"
    ),
    "NOT_A_MESSAGE_ID": "is not a Message-ID like <id@host>",
    "NOT_AN_HTTPS_URL": "is not an https URL in ASCII",
    "NOT_A_PUBLIC_URL": (
        "must be an https URL of a public host on port {ports}, in ASCII, without user name and fragment"
    ),
    "MAILTO_CHARACTER": "has ?, &, % or # in it, which have a special meaning in a mailto URL",
}


class BadValue(ValueError):
    """A value is invalid for a reason with parameters; the text is a sentence without its subject."""

    def __init__(self, reason: str, **metadata: object) -> None:
        self.reason = reason
        self.metadata = {key: str(value) for key, value in metadata.items()}
        super().__init__(SENTENCES[reason].format_map(self.metadata))
