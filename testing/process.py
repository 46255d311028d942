"""The program as a process of its own, in a folder of its own, without the settings of whoever measures."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import env

ROOT = Path(__file__).resolve().parents[1]


def plain_environment(**more: str) -> dict[str, str]:
    """This process's environment without a setting of the program, and what is named."""
    return {name: value for name, value in os.environ.items() if name not in env.NAMES} | {"PYTHONPATH": str(ROOT)} | more


def begun(folder: Path, settings: Mapping[str, str], *arguments: str, how: tuple[str, ...] = ("-m", "main")) -> "subprocess.Popen[bytes]":
    """The program under way; what it says is added to `log.txt` in the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen([sys.executable, *how, *arguments], cwd=folder, env=plain_environment(**settings), stdout=log, stderr=log)
