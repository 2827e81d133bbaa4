"""Access to doctor's findings."""

from cli.doctor.findings import Finding


def of(findings: list[Finding], part: str) -> Finding:
    """Return the only finding about a part."""
    [found] = [finding for finding in findings if finding.part == part]
    return found
