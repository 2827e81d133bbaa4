"""Evaluates the SPF records in an answer for the networks that SES sends from."""

from dataclasses import replace

from services.verifier.model.records import DEFINITE, Answer, Expected, Value
from services.verifier.model.spf import SpfSyntaxError, is_spf
from services.verifier.model.spf_macros import Message
from services.verifier.model.spf_results import Evaluation, Problem, Result, summarized
from services.verifier.resolver.resolver import Lookup
from services.verifier.resolver.spf import DnsFailedError, evaluate, networks_of

# SES's envelope senders have generated local parts, and its hosts such names.
HELO = "a1-1.smtp-out.amazonses.com"


async def with_evaluations(lookup: Lookup, expected: Expected, answer: Answer) -> Answer:
    """Return an answer whose SPF records are evaluated, except those that are as shown."""
    texts = {value.text for value in answer.values if is_spf(value.text) and value.text != expected.value}
    if not texts:
        return answer
    dns = _Queries(lookup)
    found = {text: await _evaluated(dns, expected, text) for text in texts}

    def evaluated(value: Value) -> Value:
        return replace(value, spf=found[value.text]) if value.text in found else value

    observations = (replace(seen, values=tuple(map(evaluated, seen.values))) for seen in answer.observations)
    return replace(answer, observations=tuple(observations))


async def _evaluated(dns: "_Queries", expected: Expected, text: str) -> Evaluation:
    include = next(term for term in expected.value.split() if term.startswith("include:"))
    of_ses = include.removeprefix("include:")
    try:
        networks = await networks_of(dns, of_ses)
    except (DnsFailedError, SpfSyntaxError):
        networks = []
    if not networks:  # nothing is known about the addresses of SES, so nothing about this record either
        return Evaluation(Result.TEMPERROR, of_ses, problem=Problem.DNS)
    message = Message(f"bounces@{expected.name}", HELO)
    return summarized(await evaluate(dns, expected.name, networks, message, record=text))


class _Queries:
    """The queries of one evaluation: each is made once, and any server may answer it."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[tuple[str, str], tuple[str, ...] | None] = {}

    async def query(self, name: str, type_: str) -> tuple[str, ...]:
        if (name, type_) not in self._known:
            answer = await self._lookup.ask(name, type_, follow=True, thorough=False)
            self._known[name, type_] = _values(answer)
        values = self._known[name, type_]
        if values is None:
            raise DnsFailedError
        return values


def _values(answer: Answer) -> tuple[str, ...] | None:
    """Return the values of the first definite answer; None without one."""
    definite = (seen for seen in answer.observations if seen.outcome in DEFINITE)
    seen = next(definite, None)
    return None if seen is None else tuple(value.text.removesuffix(".") for value in seen.values)
