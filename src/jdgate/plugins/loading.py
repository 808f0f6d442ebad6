"""Finding plugins and importing them, from entry points and from a folder.

In the folder (`--plugins-dir`) each of these is a plugin:

- `name.py`: a single file, called `name`;
- `name/__init__.py`: a package, called `name`; its hooks are in `name/plugin.py` if there is one;
- a project (`pyproject.toml` with an entry point in `jdgate.plugins`, code beside it or in
  `src/`), called as the entry point says. It need not be installed, what it depends on must be.

Names that begin with `.` or `_` and files that are not Python are passed over. A folder that
holds none of these is refused: a plugin that was meant to be there must not be missed.
The same plugin installed and in the folder is one plugin; two that share a name are refused.

    for found in [*installed(disabled), *in_folder(path, disabled)]:
        manager.register(found.module, found.name)
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from jdgate.errors import Refused
from jdgate.plugins.hookspecs import ENTRY_POINTS

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SINGLE = "_jdgate_plugin_"
_from_folders: set[str] = set()
"""Top-level modules this process took from a plugins folder: another host may replace them."""


class Found(Struct, frozen=True):
    """A plugin that was imported. `origin` says for people where it came from."""

    name: str
    module: Any
    origin: str
    version: str | None = None

    @property
    def file(self) -> str | None:
        """The file its hooks are in, to tell whether two are the same plugin."""
        path = getattr(self.module, "__file__", None)
        return str(Path(path).resolve()) if path else None


def installed(disabled: Collection[str] = ()) -> list[Found]:
    """The plugins that are installed in this Python environment, by name.

    Raises:
        Refused: `plugin.import_failed`, `plugin.name_bad`.
    """
    found = []
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for point in sorted(points, key=lambda point: point.name):
        if point.name in disabled:
            continue
        _check_name(point.name)
        try:
            module = point.load()
        except (Exception, SystemExit) as error:
            raise _import_failed(point.name, point.value, error) from error
        dist = point.dist
        origin = f"{dist.name} {dist.version}" if dist else point.value
        found.append(Found(point.name, module, origin, dist.version if dist else None))
    return found


def in_folder(folder: Path, disabled: Collection[str] = ()) -> list[Found]:
    """The plugins in a folder, by name.

    Raises:
        Refused: `plugin.folder_missing`, `plugin.folder_empty`, `plugin.project_unreadable`,
            `plugin.name_bad`, `plugin.name_taken`, `plugin.import_failed`.
    """
    if not folder.is_dir():
        raise Refused("plugin.folder_missing", folder=str(folder))
    importlib.invalidate_caches()
    found: list[Found] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            found.extend(_from_directory(path, disabled))
        elif path.suffix == ".py" and path.stem not in disabled:
            _check_name(path.stem)
            module = _import(path.stem, _SINGLE + path.stem, path)
            found.append(Found(path.stem, module, path.name))
    return found


def at_path(path: Path) -> list[Found]:
    """The plugins that one file or folder is, as `in_folder` would find them.

    Raises:
        Refused: as `in_folder`; `plugin.folder_missing` when there is nothing at `path`.
    """
    importlib.invalidate_caches()
    if path.is_dir():
        return list(_from_directory(path, ()))
    if not path.is_file() or path.suffix != ".py":
        raise Refused("plugin.folder_missing", folder=str(path))
    _check_name(path.stem)
    return [Found(path.stem, _import(path.stem, _SINGLE + path.stem, path), path.name)]


def _from_directory(path: Path, disabled: Collection[str]) -> Iterator[Found]:
    if (path / "pyproject.toml").is_file():
        yield from _from_project(path, disabled)
        return
    if not (path / "__init__.py").is_file():
        raise Refused("plugin.folder_empty", folder=path.name)
    if path.name in disabled:
        return
    _check_name(path.name)
    target = f"{path.name}.plugin" if (path / "plugin.py").is_file() else path.name
    yield Found(path.name, _import_from(path.name, path.parent, target), path.name)


def _from_project(path: Path, disabled: Collection[str]) -> Iterator[Found]:
    try:
        project = tomllib.loads((path / "pyproject.toml").read_text("utf-8")).get("project", {})
        points = project.get("entry-points", {}).get(ENTRY_POINTS, {})
        items = sorted(points.items())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise Refused("plugin.project_unreadable", folder=path.name, reason=str(error)) from error
    if not items:
        raise Refused("plugin.folder_empty", folder=path.name)
    root = path / "src" if (path / "src").is_dir() else path
    for name, target in items:
        if name in disabled:
            continue
        _check_name(name)
        module_name, _, attribute = str(target).partition(":")
        module: Any = _import_from(name, root, module_name)
        for part in attribute.split(".") if attribute else ():
            try:
                module = getattr(module, part)
            except AttributeError as error:
                raise _import_failed(name, str(target), error) from error
        yield Found(name, module, path.name, project.get("version"))


def _import_from(plugin: str, root: Path, module_name: str) -> ModuleType:
    """Import `module_name` from `root` without putting `root` on the path."""
    top = module_name.partition(".")[0]
    package = root / top / "__init__.py"
    file = package if package.is_file() else root / f"{top}.py"
    if not file.is_file():
        raise Refused(
            "plugin.import_failed", plugin=plugin, module=module_name, reason=f"no {top} in it"
        )
    if not _is_here(plugin, top, file):
        _import(plugin, top, file)
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _import_failed(plugin, module_name, error) from error


def _is_here(plugin: str, top: str, file: Path) -> bool:
    """Whether `top` is imported or importable from this very file.

    Raises:
        Refused: `plugin.name_taken` when `top` is another module.
    """
    if top in _from_folders:
        return False
    loaded = sys.modules.get(top)
    spec = getattr(loaded, "__spec__", None) if loaded else importlib.util.find_spec(top)
    if loaded is None and spec is None:
        return False
    origin = spec.origin if spec else None
    if origin and Path(origin).resolve() == file.resolve():
        return True
    raise Refused("plugin.name_taken", plugin=plugin, module=top)


def _import(plugin: str, name: str, file: Path) -> ModuleType:
    _forget(name)
    where = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=where)
    assert spec is not None and spec.loader is not None  # a .py file always has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _forget(name)
        raise _import_failed(plugin, file.name, error) from error
    _from_folders.add(name)
    return module


def _forget(name: str) -> None:
    for known in [one for one in sys.modules if one == name or one.startswith(name + ".")]:
        del sys.modules[known]
    _from_folders.discard(name)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Refused("plugin.name_bad", plugin=name)


def _import_failed(plugin: str, module: str, error: BaseException) -> Refused:
    reason = f"{type(error).__name__}: {error}"
    return Refused("plugin.import_failed", plugin=plugin, module=module, reason=reason)
