"""Identifiers use the field's terms: private words that the code once had do not come back."""

import io
import re
import subprocess
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = frozenset(
    """
    axis axes standing standings specimen specimens proofreading handover handovers beginnings begun fence
    fences settlement settlements hearsay gathering bell bells forgetting forgotten parked parking
    understanding understood told heard hearing mend mended wish wishes wished deed deeds verdict verdicts
    refusal refusals sight listening silence settle settles settling park parks forgets forgot rooms judging
    repute fencing mending mends gathers gathered vitals pulse era fenced look looks looked looking judge
    judges judged turn turns turned rounds fact facts room away door doors tell tells telling truth truths
    tidy tidied vouch vouched vouches unsettled kept handed
    """.split()
)
# Ordinary English in places where the word has its ordinary meaning.
ORDINARY = {
    "Silence": "a fault of the sandbox: its SES accepts the connection and sends nothing",
    "SILENCE": "the duration of that fault",
    "_listening": "of sockets",
    "listening": "of sockets",
    "DomainKept": "the message of the public event `domain.kept`",
    "sandbox_emails_kept": "a public setting",
    "judged_from": "a column of sender.reputations",
    "kept": "a variable of functions in migrations that were applied",
    "kept_by": "a column of chassis.partitioned_tables",
    "kept_for": "a parameter of chassis.drop_partitions",
    "look_up": "a DNS lookup",
    "_look_up": "a lookup of a key",
    "look_alike_urls": "URLs that imitate another",
}
SQL_COMMENT = re.compile(r"--.*$", re.MULTILINE)
PROTO_COMMENT = re.compile(r"//.*$", re.MULTILINE)
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
IDENTIFIERS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def test_no_identifier_has_a_private_word() -> None:
    found = {
        f"{path}: {name}"
        for path in sources()
        for name in identifiers(ROOT / path)
        if name not in ORDINARY and PRIVATE & {word.lower() for word in WORDS.findall(name)}
    }

    assert not found, "\n".join(sorted(found))


def sources() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.sql", "protos/letterhead/*.proto"],  # noqa: S607 - git of the PATH
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return [path for path in listed if path != "tests/contract/test_language.py" and (ROOT / path).exists()]


def identifiers(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return {token.string for token in tokens if token.type == tokenize.NAME}
    comment = SQL_COMMENT if path.suffix == ".sql" else PROTO_COMMENT
    return set(IDENTIFIERS.findall(comment.sub("", text)))


def test_a_private_word_is_found_inside_a_name() -> None:
    assert PRIVATE & {word.lower() for word in WORDS.findall("_lastVerdict_of")}
    assert not PRIVATE & {word.lower() for word in WORDS.findall("record_status")}
