"""What a plugin author needs: one import.

    from jdgate.plugins import Alert, Fact, Refused, hookimpl

    @hookimpl
    def jdgate_rules(settings):
        return [MyRule(settings)]

The hooks are in `jdgate.plugins.hookspecs`, each with when it is called, an example and its
errors; settings in `jdgate.plugins.settings`; adapters in `jdgate.plugins.adapters`; rules in
`jdgate.core.rules`; what a rule must hold to is tested with `jdgate.plugins.conformance`.
"""

from jdgate.core.digests import Period, Point, Tally, Total
from jdgate.core.fault import Fault
from jdgate.core.rules import Alert, Draft, Effect, Expect, Fact, Role, Rule, Settle, changes
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins.adapters import (
    Batch,
    Channel,
    Delivery,
    DraftView,
    Health,
    Notice,
    Register,
    Sink,
    Source,
)
from jdgate.plugins.hookspecs import hookimpl
from jdgate.plugins.settings import read_settings

__all__ = [
    "Alert",
    "Batch",
    "Channel",
    "Delivery",
    "Draft",
    "DraftView",
    "Effect",
    "Expect",
    "Fact",
    "Fault",
    "Health",
    "Notice",
    "Period",
    "Point",
    "Refused",
    "Register",
    "Role",
    "Rule",
    "Settle",
    "Sink",
    "Source",
    "Tally",
    "Total",
    "TransportFailed",
    "changes",
    "hookimpl",
    "read_settings",
]
