"""The Authentication-Results header with which a receiver records its results, RFC 8601."""

import re

from sandbox.mailbox.evaluate import DkimResult, Envelope, Evaluation

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z@/]+")


def authentication_results(host: str, evaluation: Evaluation, envelope: Envelope) -> str:
    """Return the header's value, one method per line; `host` is the authserv-id."""
    kind, identity = ("mailfrom", envelope.sender) if envelope.sender else ("helo", envelope.helo)
    methods = [_dkim(result) for result in evaluation.dkim] or ["dkim=none"]
    client = _comment(envelope.client)
    methods.append(f"spf={evaluation.spf.result} (client {client}) smtp.{kind}={_quoted(identity)}")
    dmarc = evaluation.dmarc
    asked = f" (p={dmarc.policy.p} dis={dmarc.disposition})" if dmarc.policy else ""
    methods.append(f"dmarc={dmarc.result}{asked} header.from={_quoted(dmarc.domain)}")
    return ";\r\n       ".join([host, *methods])


def _dkim(result: DkimResult) -> str:
    remark = f"{result.bits}-bit key" if result.result == "pass" else result.reason
    return (
        f"dkim={result.result} ({_comment(remark)})"
        f" header.d={_quoted(result.domain)} header.s={_quoted(result.selector)}"
    )


def _quoted(value: str) -> str:
    """Return the value as a token, or quoted, so that an email cannot inject a header or a method."""
    if _TOKEN.fullmatch(value):
        return value
    printable = "".join(c for c in value if c.isprintable())
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "()\\")
