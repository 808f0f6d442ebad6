"""A department's system: sends, waits for the verdict, fetches what came. See docs/http-api.md.

URL=… TOKEN=… python api_client.py
"""

import os

from jdgate.client import Client, Problem

RECORD = {
    "site": "cln-01", "patient_ref": "T004", "date": "2026-11-20", "attended": True,
}  # fmt: skip

with Client(os.environ["URL"], os.environ["TOKEN"]) as api:
    try:
        taken = api.send("mmt.attendance.v1", [RECORD], id="attendance.2026-11-20")
    except Problem as problem:
        raise SystemExit(f"{problem.status} {problem.code}: {problem}") from None
    for one in taken.refused:
        print("not sent:", one.index, one.texts["en"])
    for message in taken.messages:
        print("the gateway says:", api.wait(message.id).state)

    for delivery in api.deliveries():
        print("came:", delivery.type, len(delivery.records))  # store it first …
        api.acknowledge(delivery.id)  # … then take it off the list
