"""DMARC records as receivers read them: the grammar of RFC 9989, and the policies of the names above."""

import pytest

from services.verifier.model.dmarc import is_dmarc, parents, parse, strictness


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("v=DMARC1; p=none;", "none"),
        ("v=DMARC1;p=reject", "reject"),
        ("v=DMARC1 ; p = reject ; rua = mailto:a@b.io", "reject"),
        ("v = DMARC1; p=none", "none"),
        ("V=DMARC1; P=Quarantine", "Quarantine"),
        ("v=DMARC1;\tp=none", "none"),
        ("v=DMARC1; p=none;;", "none"),
        ("v=DMARC1; sp=none; p=reject", "reject"),
        ("v=DMARC1; p=none; unknown=value; pct=50; ri=86400", "none"),
        ("v=DMARC1; p=none; rua=mailto:a@b.io,mailto:c@d.io!10m", "none"),
        ("v=DMARC1; rua=mailto:a@b.io", "none"),  # reports are requested, and the policy is missing
        ("v=DMARC1; p=nonsense; rua=mailto:a@b.io", "none"),
        ("v=DMARC1; p=reject; sp=nonsense; rua=mailto:a@b.io", "none"),
        ("v=DMARC1; p=none; x=a=b", "none"),
    ],
)
def test_a_valid_record_has_its_policy(text: str, policy: str) -> None:
    assert parse(text)["p"] == policy


@pytest.mark.parametrize(
    "text",
    [
        "", "v=DMARC1", "v=DMARC1;", "v=DMARC1 p=none", "v=DMARC1; p", "v=DMARC1; p=", "v=DMARC1; p=nonsense",
        "v=DMARC1; p=reject; sp=nonsense", "v=DMARC1; p=none; p=reject", "v=DMARC1; p=none; P=none",
        "v=DMARC1; p=none; text", "v=DMARC2; p=none", "v=dmarc1; p=none", "v=DMARC1.0; p=none",
        "p=none; v=DMARC1", " v=DMARC1; p=none", '"v=DMARC1; p=none"', "DMARC1; p=none",
        "v=DMARC1, p=none", "v=DMARC1; p:none", "v=DMARC1; p=no ne", "v=DMARC1\N{NO-BREAK SPACE}; p=none",
        "v=DMARC1; rua=https://example.com/",
    ],
)  # fmt: skip
def test_receivers_ignore_a_malformed_record(text: str) -> None:
    assert not parse(text)


@pytest.mark.parametrize("text", [" v=DMARC1; p=none", "v=dmarc1; p=none", "v=DMARC10; p=none", "spf"])
def test_a_record_without_the_version_at_its_start_is_another_record(text: str) -> None:
    assert not is_dmarc(text)


def test_a_subdomain_has_the_policy_for_subdomains() -> None:
    text = "v=DMARC1; p=reject; sp=none"

    assert strictness(text, subdomain=True) < strictness(text)
    assert strictness("v=DMARC1; p=reject", subdomain=True) == strictness("v=DMARC1; p=reject")


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("mnexa.ai", ()),
        ("inbox.mnexa.ai", ("mnexa.ai",)),
        ("a.inbox.mnexa.ai", ("inbox.mnexa.ai", "mnexa.ai")),
        ("a.b.inbox.mnexa.ai", ("b.inbox.mnexa.ai", "mnexa.ai")),
        ("inbox.example.co.uk", ("example.co.uk",)),
    ],
)
def test_the_policies_of_the_parent_and_of_the_organization_cover_a_name(
    domain: str, names: tuple[str, ...]
) -> None:
    assert parents(domain) == names
