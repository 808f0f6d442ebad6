"""Operators by command, while no daemon runs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Jdgate


def test_operators_are_made_before_the_first_start(jdgate: Jdgate, tmp_path: Path) -> None:
    made = jdgate("init", tmp_path / "county", "--region", "511623", "--name", "示例县")
    assert "/first/" in made.stdout and "admin at nco" in made.stdout
    config = tmp_path / "county" / "jdgate.toml"
    here = ("-c", config)
    wang = ("--name", "王医生", "--as", "cln-01", "--role", "approver")
    added = jdgate("operator", "add", "wang", *wang, *here)
    assert added.exit_code == 0 and "/first/" in added.stdout, added.output

    assert "now clerk" in jdgate("operator", "role", "wang", "clerk", *here).stdout
    refused = jdgate("operator", "role", "wang", "administrator", *here)
    assert refused.exit_code == 1 and "make another account" in refused.stderr
    for given in (("--subject", "x"), (), ("--none", "--subject", "x")):
        assert jdgate("operator", "link", "wang", *given, *here).exit_code == 2
    with config.open("a") as file:
        file.write('[web.oidc]\nissuer = "https://login.example"\nclient_id = "x"\n')
    assert jdgate("operator", "link", "wang", "--subject", "x", *here).exit_code == 0
    assert jdgate("operator", "link", "wang", "--none", *here).exit_code == 0

    assert jdgate("operator", "disable", "admin", *here).exit_code == 0
    rows = json.loads(jdgate("operator", "list", "--json", *here).stdout)
    assert [(row["login"], row["state"]) for row in rows] == [
        ("wang", "invited"),
        ("admin", "disabled"),
    ]
    assert jdgate("operator", "reset", "nobody", *here).exit_code == 1
