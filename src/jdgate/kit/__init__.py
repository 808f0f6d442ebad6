"""The conformance kit: runs a plugin against what a county's exchange does to it.

Loaded alone in a real host with the real catalogue, a plugin is given: repeated and shuffled
records, records at the edge of their schema, rows of wrong types, thousands at once, a clock that
jumps, a system that is away; and its adapters run in a process that is really killed (SIGKILL) at
every line they run, then started again. Nothing here needs a bus or a daemon: what a plugin can
see of them is the calls of the edge and the gateway, and those are made by their own code
(`edge.adapters`, `core.rules`, `core.schema`, `files`).

    report = check_plugin("plugins/clinic", told=print)
    report.passed, report.lines("zh")

In a plugin's own tests:

    def test_the_plugin_conforms():
        report = check_plugin(Path(__file__).parents[1])
        assert report.passed, "\\n".join(report.lines("en"))
"""

from jdgate.kit.bench import Finding
from jdgate.kit.report import Report, read_report
from jdgate.kit.running import check_plugin
from jdgate.kit.trial import Case, Trial

__all__ = ["Case", "Finding", "Report", "Trial", "check_plugin", "read_report"]
