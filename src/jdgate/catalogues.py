"""The catalogue as this installation has it: jdgate's own types and those of its plugins."""

from __future__ import annotations

from jdgate.core import catalogue
from jdgate.core.catalogue import Catalogue
from jdgate.plugins.host import PluginHost


def load_all(plugins: PluginHost) -> Catalogue:
    """Every schema and sheet in force.

    Raises:
        Refused: `catalogue.…`, with all problems of all files.
    """
    return catalogue.load([catalogue.default_path(), *plugins.schemas()])
