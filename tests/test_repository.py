"""What lies in the repository: nothing of one machine, nothing secret, nothing unfinished.

The words looked for are put together here, so that this file does not hold them itself.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("npmmirror", "com"),
        ("yarnpkg", "com"),
        ("tuna", "tsinghua", "edu"),
        ("mirrors", "aliyun"),
        ("proxy", "golang", "org"),
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.~}<-])/(?:wo" + r"rk|ro" + r"ot|tm" + r"p|home/\w+)/")
SECRETS = re.compile(
    "-----BEGIN [A-Z ]*PRI" + r"VATE KEY-----"
    r'|"d" *: *"[A-Za-z0-9_-]{43}"'  # the private half of a JWK
    r"|\bS[UANOCX][A-Z2-7]{56}\b"  # the seed of a NATS key
    r"|\bgh[pousr]_[A-Za-z0-9]{36}|\bAKIA[0-9A-Z]{16}\b"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
SWITCHED_OFF = re.compile(r"\bpytest\.(?:sk" + r"ip|xf" + r"ail)|mark\.(?:sk" + r"ip|xf" + r"ail)")
PRIVATE_FILES = (".key", ".pem", ".nk", ".seed", ".db", ".env")


def listed() -> list[Path]:
    """Files of the repository: what git has, or would take if it were asked to add all.

    In CI only what it has: a cache may lie in the clone.
    """
    # a clone in a container may belong to another user than the one who tests it
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files"]
    command += ["--cached", "--exclude-standard", "-z"]
    if not os.environ.get("CI"):
        command.append("--others")
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    paths = [REPOSITORY / name for name in found.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Name → text of every file that is text."""
    texts = {}
    for path in listed():
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        texts[path.relative_to(REPOSITORY).as_posix()] = text
    assert "pyproject.toml" in texts and len(texts) > 100
    return texts


def places(files: dict[str, str], wanted: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {found.group()}"
        for name, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if (found := wanted.search(line))
    ]


def test_no_registry_is_named(files: dict[str, str]) -> None:
    """A mirror that one builder uses must not become everybody's, in a lock file least of all."""
    assert places(files, re.compile("|".join(map(re.escape, HOSTS)))) == []


def test_no_path_of_one_machine_is_written_down(files: dict[str, str]) -> None:
    assert places(files, MACHINE_PATHS) == []


def test_no_secret_is_in_the_repository(files: dict[str, str]) -> None:
    # the seed that NATS's own documentation shows, given to our code to see it refused
    found = [place for place in places(files, SECRETS) if ": SUAMLK2ZNL35" not in place]
    assert found == []
    names = [path.relative_to(REPOSITORY).as_posix() for path in listed()]
    assert [name for name in names if name.endswith(PRIVATE_FILES)] == []


def test_nothing_is_left_for_later_and_no_test_is_switched_off(files: dict[str, str]) -> None:
    code = {name: text for name, text in files.items() if name.endswith((".py", ".toml", ".mjs"))}
    assert places(code, UNFINISHED) == []
    assert places(code, SWITCHED_OFF) == []


def test_lock_files_hold_hashes_and_no_address(files: dict[str, str]) -> None:
    locks = {n: t for n, t in files.items() if n.endswith((".lock", "package-lock.json"))}
    assert locks
    for name, text in locks.items():
        assert "://" not in re.sub(r'"url": *"https://[^"]*"', "", text), name
        if name.endswith(".json"):
            assert text.count('"integrity": "sha512-') == text.count('"node_modules/'), name
            continue
        required = [line for line in text.replace("\\\n", "").splitlines() if line.strip()]
        assert len(required) > 20, name
        for line in required:
            assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), (
                name,
                line[:60],
            )
