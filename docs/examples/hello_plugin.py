"""A plugin in one file: texts of its own, and a look at what was accepted."""

from __future__ import annotations

from jdgate.plugins import hookimpl


@hookimpl
def jdgate_accepted(type, records, register):
    """Count what this member has sent, in its own notes."""
    note = register.get("sent", type) or {"records": 0}
    register.put("sent", type, {"records": note["records"] + len(records)})
