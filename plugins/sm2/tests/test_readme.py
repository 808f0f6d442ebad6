"""What the README tells a reader to do works."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
JDGATE = str(Path(sys.executable).with_name("jdgate"))


def test_keys_made_as_the_readme_says_are_in_the_county_that_is_founded(tmp_path: Path) -> None:
    (found,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-c", textwrap.dedent(found))
    run(JDGATE, "init", "county", "--region", "511623", "--name", "测试县")
    directory = (tmp_path / "county" / "keys").stat().st_mode & 0o777
    assert directory == 0o700
    run(sys.executable, "-c", CHECK)


CHECK = """
from pathlib import Path
from jdgate.config import Home
from jdgate.core.directory import read
from jdgate.founding import pinned_authority
home = Home(Path("county"))
directory = read(home.directory.read_bytes(), pinned_authority(home.authority_public))
suites = {m.id: [k.suite for k in m.keys if k.use == "sig"] for m in directory.members}
assert suites.pop("cln-01") == ["SM2-SM3"], suites
assert set(map(tuple, suites.values())) == {("EdDSA",)}, suites
"""
