"""The SPF evaluator against RFC 7208: single terms, limits, and seeded records with pyspf's results."""

import random
from collections import Counter
from ipaddress import ip_network

import pytest

from services.verifier.model.spf import Flaw, SpfSyntaxError, is_spf, parse
from services.verifier.model.spf_macros import Message
from services.verifier.model.spf_results import Network, Outcome, Problem, Result
from services.verifier.resolver.spf import evaluate
from tests.figures import Figure
from tests.unit.verifier.spf_records import (
    DOMAIN,
    HELO,
    SENDER,
    SES,
    SES_RECORD,
    MemoryDns,
    Zones,
    a_zone,
    by_pyspf,
    counts_unreached_redirect,
)

MESSAGE = Message(SENDER, HELO)
SEEDS = range(20_261_130, 20_261_630)


async def outcomes(record: str, zones: Zones | None = None) -> list[Outcome]:
    known = {("amazonses.com", "TXT"): [SES_RECORD], (DOMAIN, "TXT"): [record]}
    return await evaluate(MemoryDns(known | dict(zones or {})), DOMAIN, SES, MESSAGE)


async def results(record: str, zones: Zones | None = None) -> dict[Network, Result]:
    return {network: each.result for each in await outcomes(record, zones) for network in each.networks}


@pytest.mark.parametrize(
    ("text", "term", "flaw", "suggestion"),
    [
        ("v=spf1 include:a.com\t~all", "include:a.com\t~all", Flaw.CHARACTER, "include:a.com ~all"),
        ("v=spf1 include:a.com\u00a0~all", "include:a.com\u00a0~all", Flaw.CHARACTER, "include:a.com ~all"),
        ("v=spf1 include:amazonses.com \u2013all", "\u2013all", Flaw.CHARACTER, "-all"),
        ("v=spf1 include:amazonses.com ~all;", "~all;", Flaw.UNKNOWN, "~all"),
        ("v=spf1 include:amazonses.com ~al", "~al", Flaw.UNKNOWN, "~all"),
        ("v=spf1 inlcude:amazonses.com ~all", "inlcude:amazonses.com", Flaw.UNKNOWN, "include:amazonses.com"),
        ("v=spf1 include:amazonses.com ip4:1.2.3.4/33", "ip4:1.2.3.4/33", Flaw.ADDRESS, ""),
        ("v=spf1 redirect=a.com redirect=b.com", "redirect=b.com", Flaw.REPEATED, ""),
        ("v=spf1 include: ~all", "include:", Flaw.TARGET, ""),
        ("v=spf1 a:%{d0}.com", "a:%{d0}.com", Flaw.TARGET, ""),
        ("v=spf1 -all ip4:300.1.1.1", "ip4:300.1.1.1", Flaw.ADDRESS, ""),
    ],
)  # fmt: skip
def test_an_invalid_term_is_named_with_what_was_probably_meant(
    text: str, term: str, flaw: Flaw, suggestion: str
) -> None:
    with pytest.raises(SpfSyntaxError) as caught:
        parse(text)

    assert (caught.value.term, caught.value.flaw, caught.value.suggestion) == (term, flaw, suggestion)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("v=spf1", True), ("V=SPF1 -all", True), (" v=spf1 -all", False), ("v=spf10 -all", False),
     ("v=spf1\t-all", False), ("v=spf1-all", False), ("\ufeffv=spf1 -all", False)],
)  # fmt: skip
def test_only_a_space_may_follow_the_version_and_nothing_may_precede_it(text: str, *, is_one: bool) -> None:
    assert is_spf(text) is is_one


async def test_every_network_passes_by_an_include_however_deep() -> None:
    nested = {
        ("a.com", "TXT"): ["v=spf1 redirect=b.com"],
        ("b.com", "TXT"): ["v=spf1 include:amazonses.com. -all"],
    }

    for record in ("v=spf1 include:amazonses.com ~all", "v=spf1 redirect=a.com", "v=spf1 include:a.com -all"):
        assert set((await results(record, nested)).values()) == {Result.PASS}, record


@pytest.mark.parametrize("sign", ["?", "~", "-"])
async def test_a_qualifier_other_than_plus_is_no_pass(sign: str) -> None:
    assert Result.PASS not in (await results(f"v=spf1 {sign}include:amazonses.com -all")).values()


async def test_a_part_of_a_network_may_pass_alone() -> None:
    found = await results("v=spf1 ip4:54.240.8.0/24 ~all")

    assert found.pop(ip_network("54.240.8.0/24")) is Result.PASS
    assert set(found.values()) == {Result.SOFTFAIL}
    assert sum(each.num_addresses for each in found) + 256 == sum(each.num_addresses for each in SES)


async def test_eleven_lookups_are_a_permanent_error_and_ten_are_not() -> None:
    others = {(f"i{n}.com", "TXT"): ["v=spf1 -all"] for n in range(11)}
    ten = " ".join(f"include:i{n}.com" for n in range(10))

    assert set((await results(f"v=spf1 {ten} +all", others)).values()) == {Result.PASS}
    [error] = await outcomes(f"v=spf1 {ten} include:amazonses.com", others)
    assert (error.result, error.problem, error.term) == (
        Result.PERMERROR, Problem.LOOKUPS, "include:amazonses.com"
    )  # fmt: skip


async def test_a_loop_of_includes_is_a_permanent_error() -> None:
    found = await results(f"v=spf1 include:{DOMAIN} -all")

    assert set(found.values()) == {Result.PERMERROR}


async def test_three_void_lookups_are_a_permanent_error() -> None:
    [error] = await outcomes("v=spf1 exists:a.no.com exists:b.no.com exists:c.no.com -all")

    assert (error.result, error.problem, error.term) == (
        Result.PERMERROR, Problem.VOID_LOOKUPS, "exists:c.no.com"
    )  # fmt: skip


async def test_a_failing_query_is_a_temporary_error() -> None:
    [error] = await outcomes("v=spf1 include:broken.com -all", {("broken.com", "TXT"): None})

    assert (error.result, error.problem, error.domain) == (Result.TEMPERROR, Problem.DNS, "broken.com")


async def test_a_redirect_that_is_not_reached_is_no_lookup() -> None:
    """An evaluation counts the terms that it reaches; see `counts_unreached_redirect`."""
    others = {(f"i{n}.com", "TXT"): ["v=spf1 -all"] for n in range(9)}
    nine = " ".join(f"include:i{n}.com" for n in range(9))

    assert set((await results(f"v=spf1 {nine} include:amazonses.com redirect=a.com", others)).values()) == {
        Result.PASS
    }


async def test_an_unknown_modifier_is_ignored_however_often_it_appears() -> None:
    """RFC 7208 section 6; pyspf rejects the second."""
    assert set((await results("v=spf1 x=1 x=2 include:amazonses.com -all")).values()) == {Result.PASS}


async def test_seeded_records_have_the_results_that_pyspf_gives(figure: Figure) -> None:
    counts, different = Counter[str](), 0
    for seed in SEEDS:
        zones = a_zone(random.Random(seed))  # noqa: S311 - repeatable, not secret
        found = await evaluate(MemoryDns(zones), DOMAIN, SES, MESSAGE)
        for address in (each for network in SES for each in (network[0], network[-1])):
            [ours] = [each for each in found if any(address in network for network in each.networks)]
            result, explanation = by_pyspf(zones, str(address))
            if ours.result != result and counts_unreached_redirect(zones, explanation):
                different += 1
                continue
            assert ours.result == result, f"seed {seed}, {address}: {ours}; pyspf: {explanation}"
            counts[ours.result] += 1

    figure(f"SPF: {len(SEEDS)} records, {counts.total()} results as pyspf gives them: {dict(counts)};"
           f" {different} where pyspf counts a redirect that is not reached")  # fmt: skip
    assert len(counts) == 6  # every result but `none`
