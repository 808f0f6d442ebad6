"""A plugin in one file: a look at what was accepted."""

from __future__ import annotations

from jdgate.plugins import hookimpl


@hookimpl
def jdgate_accepted(type, records, register):
    """Note how many records the latest message of a type had; twice does no harm."""
    register.put("sent", type, {"records": len(records)})
