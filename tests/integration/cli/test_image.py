"""The image contains `letterhead` with every command that operators need."""

import re
from pathlib import Path

import pytest

from cli.__main__ import COMMANDS, WITH_SANDBOX
from tests.image import an_image


async def test_all_commands_but_those_of_the_sandbox_are_listed(tmp_path: Path) -> None:
    code, output = await an_image(tmp_path).letterhead("--help", COLUMNS="200")

    assert code == 0, output
    listed = set(re.findall(r"^│ ([a-z][a-z-]*) ", output, re.MULTILINE))
    assert listed == set(COMMANDS) - WITH_SANDBOX


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITH_SANDBOX))
async def test_a_command_has_what_it_imports(tmp_path: Path, command: str) -> None:
    code, output = await an_image(tmp_path).letterhead(command, "--help")

    assert code == 0, output
