"""Schemathesis asks the running API for all that its document allows, and for much that it does
not: there is no server error and no answer that is not documented.

It runs as a program of its own, over HTTP, with a real token. `JDGATE_API_EXAMPLES=200` asks for
more of each operation.

One check is left out: that whatever fits the document is accepted. What a record has to hold is
the catalogue's to say, and one that is refused for it is answered with 422.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, County

from jdgate.web.api import asking

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent
EXAMPLES = os.environ.get("JDGATE_API_EXAMPLES", "4")
CONFIG = """
[parameters]
"query.wait" = 0
[warnings]
enabled = false
[phases.stateful.inference]
algorithms = []
"""
"""Nothing is waited for; and links are those of the document: a request's `id` is the caller's own
and no message's."""


@pytest.mark.parametrize(
    ("member", "types", "own_key", "paths"),
    [
        ("cln-01", [ATTENDANCE, ENROL], False, "/(status|messages|tables|deliveries)"),
        ("cln-09", [], True, "/(status|directory|messages/|mailbox)"),
    ],
)
async def test_every_answer_is_documented(
    county: County,
    member: str,
    types: list[str],
    own_key: bool,
    paths: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "A_MINUTE", 1_000_000)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, "utf-8")
    given = {"types": types, "receives": True, "days": 9, "own_key": own_key}
    made = await county.ask("token.add", member=member, name="schemathesis", **given)
    code, said = await asked(
        tmp_path, "--config-file", str(config), "run",
        f"{county.daemon.web_url}/api/openapi.json",
        "--header", f"Authorization: Bearer {made['token']}",
        "--header", "Accept-Language: en",
        "--include-path-regex", f"^/api/v1{paths}",
        "--exclude-path-regex", "/stream$",  # without end
        "--exclude-checks", "positive_data_acceptance",
        "--mode", "all", "--max-examples", EXAMPLES, "--seed", "1", "--no-color",
        "--continue-on-failure", "--generation-database", "none",
        "--request-timeout", "120", "--suppress-health-check", "too_slow",  # on a busy machine
    )  # fmt: skip
    assert code == 0, said


async def asked(folder: Path, *args: str) -> tuple[int, str]:
    """Run schemathesis; its exit code and what it said."""
    path = f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    child = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")), *args, cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": path},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, said.decode("utf-8", "replace")[-20_000:]
