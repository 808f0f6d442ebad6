"""Files as they really are: CSV and Excel from office systems, row by row, as records.

from jdgate.files import open_file, write_refused, write_table

with open_file(path, importer, defaults={"site": "cln-01"}) as reading:
    for row in reading.rows:
        row.record or [fault.text("zh") for fault in row.faults]
"""

from jdgate.files.importer import Column, Importer, Limits, Row, RowFault
from jdgate.files.opening import open_file
from jdgate.files.person import person
from jdgate.files.reading import Reading
from jdgate.files.report import write_refused, write_table

__all__ = [
    "Column",
    "Importer",
    "Limits",
    "Reading",
    "Row",
    "RowFault",
    "open_file",
    "person",
    "write_refused",
    "write_table",
]
