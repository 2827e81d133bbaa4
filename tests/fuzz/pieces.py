"""The pieces of which generated emails consist, ordinary and hostile."""

from collections.abc import Sequence

OWN_DOMAIN = "inbox.mnexa.ai"
# The boundary of an unsafe builder whose boundary can be guessed.
GUESS = "=_part"

# RFC 5322 §3.2.3, without the dot.
ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"
# Characters that end a line for some parser, are invisible, or reverse what is shown.
CONTROLS = (
    "\0\t\n\r\x0b\x0c\x1b\x1c\x1d\x1e\x7f\x85\xa0\xad\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
    "\u202a\u202e\u2060\u2066\u2069\ufeff\ufffe\U000e0041"
)
LOOKALIKES = (
    "\uff20\ufe6b\uff1c\uff1e\ufe64\ufe65\u2039\u203a\u27e8\u27e9\u3008\u3009\u227a\u227b\u24d0"
    "\u0430\u03bf\u0435\u2024\u3002\uff0e\uff0c\uff1b\uff1a\uff02"
)
SPECIALS = '()<>[]:;@\\,."'
SCRIPTS = (
    "Zo\u00eb M\u00fcller", "日本語の名前", "سلام", "👩\u200d👧 family", "\u0405\u0441\u0430m",
    "e\u0301a\u0308", "नमस्ते", "\U0001f1e9\U0001f1ea", "\ufdfa", "\ufb01",
)  # fmt: skip
ORDINARY_NAMES = (
    "Agent", "Agent Smith, Jr.", 'The "Agent"', "a\\", '"', "''", "A  B", "=", "Agent " * 12 + "X",
)  # fmt: skip
ORDINARY_TEXTS = ("Hello", "", "From me to you", "two  spaces", "word " * 60 + "x", "a" * 300, ".")

DOMAINS = (
    OWN_DOMAIN, "INBOX.mnexa.ai", "example.com", "x.org", "a-b.co.uk", "xn--bcher-kva.example",
    "bücher.example",
)  # fmt: skip
BAD_DOMAINS = (
    "localhost", "[192.0.2.1]", "[IPv6:::1]", "192.0.2.1", "example.com.", "-a.com", "a..com", "exa_mple.com",
    "*.example.com", "xn--.com", "a" * 64 + ".com", ".com", "\u0435xample.com", "example\u3002com", "com",
    "ex ample.com",
)  # fmt: skip
FORGED = "ceo@bank.com"

# Headers that a tenant must not set: the sender, the origin, signatures, and SES's own.
FORBIDDEN_HEADERS = (
    "From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID", "Return-Path",
    "Received", "Received-SPF", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    "Content-Disposition", "DKIM-Signature", "DomainKey-Signature", "ARC-Seal", "ARC-Message-Signature",
    "ARC-Authentication-Results", "Authentication-Results", "Resent-From", "Resent-Sender", "Resent-To",
    "Resent-Cc", "Resent-Bcc", "Resent-Date", "Resent-Message-ID", "Errors-To", "Return-Receipt-To",
    "Disposition-Notification-To", "Delivered-To", "Apparently-To",
    "X-SES-CONFIGURATION-SET", "X-SES-MESSAGE-TAGS", "X-SES-SOURCE-ARN", "X-SES-FROM-ARN",
    "X-SES-RETURN-PATH-ARN", "X-SES-TENANT", "X-SES-LIST-MANAGEMENT-OPTIONS", "X-SES-Anything",
    "X-Amz-Meta", "X-Amzn-Trace-Id", "X-Amazon-Mail",
)  # fmt: skip
ALLOWED_HEADERS = (
    "X-Order",
    "X-Entity-Ref-ID",
    "List-Id",
    "In-Reply-To",
    "References",
    "List-Unsubscribe",
    "Auto-Submitted",
    "Precedence",
    "Importance",
    "Feedback-ID",
    "Organization",
    "Comments",
)

INJECTIONS = tuple(
    end + line
    for end in ("\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\r\n ", "\r\n\t", "\r\n\r\n", "\0", " ")
    for line in (
        "Bcc: x@y.com",
        f"From: {FORGED}",
        "X-SES-TENANT: other",
        "DKIM-Signature: v=1",
        "Sender: a@b.c",
    )
)
ENCODED = (
    "=?utf-8?q?x?=", "=?utf-8?q?=0D=0ABcc:_x@y.com?=", "=?utf-8?b?Y2VvQGJhbmsuY29t?=", "=?utf-8?b?!!!?=",
    "=?us-ascii?q?a=40b.c?=", "=?utf-8?q?", "?=", "=?", "=?x?y?z?=", "=?utf-7?q?+AEA-?=",
    "=?utf-8?q?a?= =?utf-8?q?b?=",
)  # fmt: skip
INSIDE_HEADER_NAMES = (" ", ":", "\r\n", "\t", "\0", "-", "\u2010", "\u017f")

# Texts used in place of one address; `plain` is `local`@`domain`, `other` is another address.
ADDRESS_SHAPES = (
    "{plain}, {other}", "{plain},{other}", "{plain};{other}", "{plain} {other}", "{plain}\r\n {other}",
    "{plain} <{other}>", "<{plain}> <{other}>", "<{plain}>@{domain}", "{plain}({other})", "({other}){plain}",
    "{local}({other})@{domain}", "{local}@({other}){domain}", "{local}@{domain}({other})", "<{plain}>",
    "group: {plain}, {other};", "group:;", "undisclosed:{plain};", "@{domain},@x.org:{other}", '"{plain}"',
    '"{local}"@{domain}', '"{other}"@{domain}', '"{local} {other}"@{domain}', '"\\"{local}"@{domain}', "",
    "{local}@@{domain}", "{local}@{domain}@{domain}", "{other}@{domain}", ".{plain}", "{local}..a@{domain}",
    "{local}%x.org@{domain}", "x!{local}@{domain}", "{local}\uff20{domain}", "{local}\ufe6b{domain}",
    *(f"{'a' * length}@{{domain}}" for length in (64, 65, 900)),
    *(f"{{local}}@{domain}" for domain in BAD_DOMAINS),
    *(f"{word}@{{domain}}" for word in ENCODED),
    *(f"{{local}}@{word}" for word in ENCODED),
    *(f"{char}{{plain}}" for char in LOOKALIKES),
)  # fmt: skip

FILE_NAMES = (
    "invoice.pdf", "a b.txt", 'the "plan".txt', "a;b.txt", "a=b.csv", "a%20b.txt", "utf-8''a.txt",
    "日本語.pdf", "a'b.png", "=?utf-8?q?x?=.txt", "a, b.txt", "ü" * 127, "a" * 251 + ".txt", "x.tar.gz",
    "noextension", "(a).txt",
)  # fmt: skip
MEDIA_TYPES = (
    "", "application/pdf", "text/plain; charset=utf-8", "TEXT/HTML", "image/png", "x/y; a=b; c=d",
    'text/csv; charset="utf-8"', "text/calendar; method=REQUEST", "text/calendar", "message/rfc822",
)  # fmt: skip
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n--=_part\r\nEND:VCALENDAR\r\n"
URLS = ("https://example.com/u", "https://example.com/u?a=b,c;d=%20", "https://[::1]/")

# Body texts that have broken the structure of an email.
BODY_PIECES = (
    f"\r\n--{GUESS}\r\n", f"\r\n--{GUESS}--\r\n", f"\n--{GUESS}\nContent-Type: text/html\n\n<b>",
    "\n.\n", "\rFrom x", "=\r\n", "=3D", "ü" * 80, "a" * 1200, "\r\n" * 3, "\n\n", " \r\n\t\r\n",
    "\x1a", "\x7f",
)  # fmt: skip

# Pieces that have caused harm somewhere, by kind; each kind is equally likely.
PIECES: tuple[Sequence[str], ...] = (
    INJECTIONS,
    INJECTIONS,
    ENCODED,
    CONTROLS,
    LOOKALIKES,
    SPECIALS,
    (FORGED, f"<{FORGED}>", f", {FORGED}", f'" <{FORGED}>, "'),
    ("a" * 77, "a" * 998, "a" * 1100, f"--{GUESS}"),
)
