"""The image without Docker: the folders and packages that the Dockerfile puts into it, and nothing else."""

import asyncio
import re
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
TIMEOUT = 60  # seconds
# Runs `python -m cli` without the packages that requirements/runtime.txt does not pin.
WITHOUT_OTHERS = """
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv[0] = "letterhead"
runpy.run_module("cli", run_name="__main__")
"""


@dataclass(frozen=True)
class Image:
    """The folder in which the image's commands run."""

    folder: Path

    async def letterhead(self, *arguments: str, **environ: str) -> tuple[int, str]:
        """Run `letterhead` with this environment only; return its exit status and output."""
        paths = [self.folder, self.folder / "gen", Path(sysconfig.get_path("purelib"))]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-S",  # as the repository is on the path of the virtual environment
            "-P",
            "-c",
            WITHOUT_OTHERS.format(absent=_absent()),
            *arguments,
            cwd=self.folder,
            env=environ | {"PYTHONPATH": ":".join(map(str, paths))},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        return process.returncode or 0, output.decode()


def an_image(folder: Path) -> Image:
    """Return the image, made in an empty folder."""
    copied = re.findall(r"^COPY (?:--from=contract /build/)?(\w+) \w+$", _last_stage(), re.MULTILINE)
    for name in copied:
        (folder / name).symlink_to(ROOT / name)
    return Image(folder)


def _last_stage() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]


def _absent() -> set[str]:
    """Return the modules of installed packages that the image does not contain."""
    pins = (ROOT / "requirements/runtime.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w.-]+)==", pins, re.MULTILINE))

    def names(distributions: Mapping[str, list[str]], module: str) -> set[str]:
        return {each.lower().replace("_", "-") for each in distributions[module]}

    known = packages_distributions()
    return {module for module in known if not names(known, module) & pinned}
