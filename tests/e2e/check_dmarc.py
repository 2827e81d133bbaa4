"""Parse DMARC records with checkdmarc: one JSON string per line in, its policies or its error per line out.

Runs in a virtual environment of its own, without ours. The resolver answers each query from memory.
"""

import json
import sys

import checkdmarc.dmarc as oracle
import dns.resolver


class NoResolver(dns.resolver.Resolver):
    """A resolver that finds nothing: whether report addresses accept mail does not matter to a policy."""

    def __init__(self) -> None:
        super().__init__(configure=False)

    def resolve(self, *_: object, **__: object) -> dns.resolver.Answer:
        raise dns.resolver.NXDOMAIN


def result(record: str) -> dict[str, object]:
    """Return the policies of a record that is at its name, or the error for which it is not one."""
    if not oracle._is_dmarc_record(record):
        return {"error": "not a DMARC record"}
    try:
        tags = oracle.parse_dmarc_record(record, "shop.com", resolver=NoResolver())["tags"]
    except oracle.DMARCError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {name: tags[name]["value"] for name in ("p", "sp", "t")}


for line in sys.stdin:
    sys.stdout.write(json.dumps(result(json.loads(line))) + "\n")
