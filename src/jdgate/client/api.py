"""The client for a member that the API's machine signs for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from jdgate.client.answers import Delivery, Sealed, Standing, State, TableSent, Taken
from jdgate.client.calls import AGAIN, Calls, Problem, Unreachable
from jdgate.core import signing
from jdgate.core.signing import TYP_MESSAGE, PublicKey

AT_ONCE = 20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {".csv": "text/csv", ".xlsx": XLSX, ".xls": "application/vnd.ms-excel"}

Coming = TypeVar("Coming", Delivery, Sealed)


class Connected:
    """What both clients have in common: a connection that is closed at the end."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = 60.0,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`http`: one of the caller's own, for a certificate authority or a proxy; `patience`:
        seconds for which a call is tried again."""
        self._calls = Calls(url, token, patience=patience, http=http, sleep=sleep)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._calls.close()

    def status(self) -> Standing:
        """How the member stands."""
        return self._calls.read(Standing, "GET", "/status")

    def directory(self) -> bytes:
        """The signed directory (a JWS), as the machine has it."""
        return self._calls.call("GET", "/directory").content

    def message(self, id: str) -> State:
        """How a message stands.

        Raises:
            Problem: 404 `web.not_found`.
        """
        return self._calls.read(State, "GET", f"/messages/{id}")

    def receipt(self, id: str, key: PublicKey | None = None) -> bytes:
        """The gateway's signed receipt (a JWS); its signature verified where its `key` is given.

        Raises:
            Problem: 404; 409 `web.no_receipt`, there is none yet.
            Refused: `signing.…`, it is not of that key.
        """
        jws = self._calls.call("GET", f"/messages/{id}/receipt").content
        if key is not None:
            signing.verify(jws, key, TYP_MESSAGE)
        return jws

    def wait(self, id: str, within: float = 60.0) -> State:
        """How a message stands once the gateway has answered; how it stands then, if it has not."""
        until = time.monotonic() + within
        pause = 0.1
        while (state := self.message(id)).state == "open" and time.monotonic() < until:
            self._sleep(pause)
            pause = min(pause * 2, 5.0)
        return state

    def _coming(self, path: str, kind: type[Coming], follow: bool) -> Iterator[Coming]:
        """What nobody has acknowledged, each once; with `follow` for ever, as it comes."""
        if follow:
            for data in self._followed(f"{path}/stream"):
                yield msgspec.json.decode(data, type=kind)
            return
        seen: set[str] = set()
        while True:
            params = {"limit": min(AT_ONCE + len(seen), 100)}
            listed: type[list[Coming]] = list[kind]  # type: ignore[valid-type]
            found = self._calls.read(listed, "GET", path, params=params)
            fresh = [one for one in found if one.id not in seen]
            seen = {one.id for one in found}
            if not fresh:
                return
            yield from fresh

    def _followed(self, path: str) -> Iterator[bytes]:
        """What comes over a stream, taken up again whenever it breaks off."""
        last: str | None = None
        pause = 0.5
        while True:
            try:
                with self._calls.stream(path, last) as events:
                    for id, data in events:
                        yield data
                        last, pause = id or last, 0.5
            except (Problem, Unreachable) as error:
                if isinstance(error, Problem) and error.status not in AGAIN:
                    raise
            self._sleep(pause)
            pause = min(pause * 2, 30.0)


class Client(Connected):
    """A member whose key is on the API's machine."""

    def send(
        self,
        type: str,
        records: Sequence[dict[str, Any]],
        *,
        id: str,
        region: str | None = None,
        approved_by: Sequence[str] = (),
    ) -> Taken:
        """Send records, once for each `id` of the caller's own.

        Raises:
            Problem: 409 `web.same_id`, the id was used for other content; 403, 422.
            Unreachable: it is not known whether it was taken: the same again will tell.
        """
        given = {"id": id, "type": type, "records": records, "approved_by": list(approved_by)}
        if region is not None:
            given["region"] = region
        return self._calls.read(
            Taken, "POST", "/messages", content=msgspec.json.encode(given),
            headers={"content-type": "application/json"},
        )  # fmt: skip

    def send_table(
        self,
        file: Path | bytes,
        *,
        id: str,
        type: str | None = None,
        sheet: str | None = None,
        approved_by: Sequence[str] = (),
    ) -> TableSent:
        """Send a CSV or Excel file. The same again tells how its rows stand by now.

        Raises:
            Problem: 409 `web.same_id`; 422 when it can't be read.
        """
        answer = self._table(file, id, type, sheet, approved_by, "application/json")
        return msgspec.json.decode(answer, type=TableSent)

    def refused_rows(
        self,
        file: Path | bytes,
        *,
        id: str,
        type: str | None = None,
        sheet: str | None = None,
        approved_by: Sequence[str] = (),
    ) -> bytes:
        """The refused rows of a file that is sent, or was sent under this id, as an XLSX."""
        return self._table(file, id, type, sheet, approved_by, XLSX)

    def table(self, id: str) -> TableSent:
        """How a table stands that was sent before."""
        return self._calls.read(TableSent, "GET", f"/tables/{id}")

    def deliveries(self, *, follow: bool = False) -> Iterator[Delivery]:
        """What nobody has acknowledged, oldest first, each once; with `follow` for ever, as it
        comes. Acknowledge each when it is safely stored."""
        return self._coming("/deliveries", Delivery, follow)

    def acknowledge(self, id: str) -> None:
        """Take a delivery off the list.

        Raises:
            Problem: 404 `web.not_found`.
        """
        self._calls.call("POST", f"/deliveries/{id}/acknowledge")

    def _table(
        self,
        file: Path | bytes,
        id: str,
        type: str | None,
        sheet: str | None,
        approved_by: Sequence[str],
        accept: str,
    ) -> bytes:
        data, kind = (file, None) if isinstance(file, bytes) else (file.read_bytes(), file.suffix)
        given = {"id": id, "type": type, "sheet": sheet, "approved_by": list(approved_by)}
        media = KINDS.get((kind or "").lower(), "application/octet-stream")
        headers = {"content-type": media, "accept": accept}
        params = {name: value for name, value in given.items() if value}
        return self._calls.call(
            "POST", "/tables", content=data, params=params, headers=headers
        ).content
