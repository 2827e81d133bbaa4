"""Earlier versions of this project, from its own history."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.contract.sources import ROOT

PYTHON = ("PYTHONPATH", "PYTHONSAFEPATH")  # where Python finds code, and not in the current directory


def git(*arguments: str) -> str:
    """Return what git prints; fail, with what to do, in a clone without the history."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of the PATH
    if done.returncode:
        raise AssertionError(
            f"git {' '.join(arguments)}: {done.stderr.strip()}. This test needs the history. Run"
            " `git fetch --unshallow`."
        )
    return done.stdout.strip()


def check_out(commit: str, directory: Path) -> Path:
    """Extract the files of a commit into a directory; return their root."""
    archive, tree = directory / "tree.tar", directory / "tree"
    git("archive", f"--output={archive}", commit)
    with tarfile.open(archive) as packed:
        packed.extractall(tree, filter="data")
    return tree


def environment_of(tree: Path) -> dict[str, str]:
    """Generate the code of a tree's protos; return the variables with which Python runs the tree's code."""
    generated = tree / "gen"
    generated.mkdir()
    protos = sorted(str(path.relative_to(tree)) for path in (tree / "protos/letterhead").rglob("*.proto"))
    output = [f"--python_out={generated}", f"--grpc_python_out={generated}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=protos", *output, *protos]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for directory in (generated / "letterhead", *(generated / "letterhead").rglob("*/")):
        (directory / "__init__.py").touch()
    return dict(zip(PYTHON, (os.pathsep.join(map(str, (tree, generated))), "1"), strict=True))
