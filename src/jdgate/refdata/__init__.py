"""Reference data: dated tables with their source, and the county's own versions over them.

from jdgate.refdata import References

tables = References(home.var / FOLDER)
tables.precursors.category("103-79-7", day)
tables.divisions.path("511623")
tables.working_days.add_working_days(day, 10)
"""

from jdgate.refdata.importing import ImportRefused
from jdgate.refdata.references import FOLDER, Imported, References
from jdgate.refdata.version import TABLES, TableName, Version

__all__ = [
    "FOLDER",
    "TABLES",
    "ImportRefused",
    "Imported",
    "References",
    "TableName",
    "Version",
]
