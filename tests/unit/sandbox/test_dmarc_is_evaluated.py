"""RFC 9989 over a DNS that is a dictionary."""

import pytest

from sandbox.mailbox.dmarc import Dmarc, DmarcVerdict, parse_policy

Zone = dict[str, list[str]]


def evaluator(dns: Zone, unsure: str = "") -> Dmarc:
    async def txt(name: str) -> list[str] | None:
        return None if name == unsure else dns.get(name, [])

    async def exists(name: str) -> bool:
        return not name.startswith("ghost.")

    return Dmarc(txt, exists)


async def judged(dns: Zone, author: str, dkim: list[str], spf: str | None) -> DmarcVerdict:
    return await evaluator(dns).evaluate(author, dkim, spf)


@pytest.mark.parametrize(
    ("tags", "dkim", "spf", "aligned_by"),
    [
        ("adkim=s; aspf=s", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim",)),
        ("adkim=s; aspf=r", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim", "spf")),
        ("", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim", "spf")),
        ("adkim=s; aspf=s", [], "inbox.mnexa.ai", ("spf",)),
        ("adkim=s; aspf=s", ["sub.inbox.mnexa.ai"], None, ()),
        ("adkim=r; aspf=s", ["sub.inbox.mnexa.ai"], None, ("dkim",)),
        ("aspf=s", ["amazonses.com"], "send.inbox.mnexa.ai", ()),
        ("aspf=r", ["amazonses.com"], "send.inbox.mnexa.ai", ("spf",)),
        ("", ["amazonses.com", "inbox.mnexa.ai"], "amazonses.com", ("dkim",)),
        ("", ["amazonses.com"], "amazonses.com", ()),
        ("", [], None, ()),
    ],
)
async def test_alignment_is_strict_or_relaxed_for_each_identifier(
    tags: str, dkim: list[str], spf: str | None, aligned_by: tuple[str, ...]
) -> None:
    dns = {"_dmarc.inbox.mnexa.ai": [f"v=DMARC1; p=reject; {tags}"]}

    verdict = await judged(dns, "inbox.mnexa.ai", dkim, spf)

    assert verdict.aligned_by == aligned_by
    assert verdict.result == ("pass" if aligned_by else "fail")
    assert verdict.disposition == ("none" if aligned_by else "reject")


@pytest.mark.parametrize(
    ("dns", "domain", "organization"),
    [
        ({}, "a.b.mnexa.ai", "a.b.mnexa.ai"),
        ({"_dmarc.mnexa.ai": ["v=DMARC1; p=none"]}, "a.b.mnexa.ai", "mnexa.ai"),
        (
            {"_dmarc.mnexa.ai": ["v=DMARC1; p=none"], "_dmarc.b.mnexa.ai": ["v=DMARC1; p=none; psd=n"]},
            "a.b.mnexa.ai",
            "b.mnexa.ai",
        ),
        ({"_dmarc.ai": ["v=DMARC1; p=none; psd=y"]}, "a.b.mnexa.ai", "mnexa.ai"),
        ({"_dmarc.mnexa.ai": ["v=DMARC1; p=none; psd=y"]}, "mnexa.ai", "mnexa.ai"),
        (
            {"_dmarc.c.d.e.f.g.mnexa.ai": ["v=DMARC1; p=none"]},
            "1.2.3.c.d.e.f.g.mnexa.ai",
            "c.d.e.f.g.mnexa.ai",
        ),
        ({"_dmarc.b.c.d.e.f.g.mnexa.ai": ["v=DMARC1; p=none"]}, "1.a.b.c.d.e.f.g.mnexa.ai", None),
    ],
    ids=["no record", "upward", "psd=n", "psd=y above", "psd=y itself", "deep", "leapt over"],
)
async def test_the_tree_walk_finds_the_organization(dns: Zone, domain: str, organization: str | None) -> None:
    assert await evaluator(dns).organizational(domain) == (organization or domain)


@pytest.mark.parametrize(
    ("record", "author", "disposition"),
    [
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "mnexa.ai", "reject"),
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "sub.mnexa.ai", "quarantine"),
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "ghost.mnexa.ai", "none"),
        ("v=DMARC1; p=reject; sp=quarantine", "ghost.mnexa.ai", "quarantine"),
        ("v=DMARC1; p=reject", "sub.mnexa.ai", "reject"),
        ("v=DMARC1; p=reject; t=y", "mnexa.ai", "quarantine"),
        ("v=DMARC1; p=none; t=y", "mnexa.ai", "none"),
        ("v=DMARC1; rua=mailto:reports@mnexa.ai", "mnexa.ai", "none"),
    ],
)
async def test_a_failing_email_gets_what_the_owner_asks_for(
    record: str, author: str, disposition: str
) -> None:
    verdict = await judged({"_dmarc.mnexa.ai": [record]}, author, [], None)

    assert (verdict.result, verdict.disposition) == ("fail", disposition)


async def test_the_registrys_policy_covers_a_domain_without_one() -> None:
    verdict = await judged({"_dmarc.ai": ["v=DMARC1; p=reject; psd=y"]}, "mnexa.ai", [], None)

    assert (verdict.result, verdict.disposition) == ("fail", "reject")


@pytest.mark.parametrize(
    "texts",
    [[], ["v=spf1 -all"], ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["v=DMARC1"], ["p=none; v=DMARC1"]],
    ids=["nothing", "something else", "two records", "asks for nothing", "version not first"],
)
async def test_without_one_clear_policy_there_is_no_verdict(texts: list[str]) -> None:
    verdict = await judged({"_dmarc.mnexa.ai": texts}, "mnexa.ai", ["mnexa.ai"], None)

    assert verdict.result == "none"


async def test_an_unsure_dns_makes_an_unsure_verdict() -> None:
    verdict = await evaluator({}, unsure="_dmarc.mnexa.ai").evaluate("mnexa.ai", ["mnexa.ai"], None)

    assert verdict.result == "temperror"


def test_unknown_and_retired_tags_are_ignored() -> None:
    policy = parse_policy("mnexa.ai", "v=DMARC1; p=Quarantine; pct=10; rf=afrf; ri=60; new=thing; adkim=s ;")

    assert policy is not None
    assert (policy.p, policy.strict_dkim, policy.strict_spf) == ("quarantine", True, False)
