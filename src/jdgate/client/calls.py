"""Calls over HTTP that may be tried again, and what is raised when they fail.

Exception
└── ClientError
    ├── Problem        the API said no, or went on saying "later"; holds the problem (RFC 9457)
    └── Unreachable    no answer came in the time that was given
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import msgspec

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
AGAIN = (408, 429, 502, 503, 504)
"""Answers after which the same may succeed."""


class ClientError(Exception):
    """Base of what this client raises of its own."""


class Problem(ClientError):
    """An answer that says no. `code` is a key of jdgate's messages; `str()` is the English text."""

    def __init__(self, status: int, code: str, texts: dict[str, str]) -> None:
        super().__init__(texts.get("en") or code)
        self.status = status
        self.code = code
        self.texts = texts


class Unreachable(ClientError):
    """No answer came: the address, the network or the machine."""


class Calls:
    """One API with one token. `patience`: seconds for which a call is tried again."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = 60.0,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = f"{url.rstrip('/')}/api/v1"
        self._own = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(60.0, connect=10.0))
        self._headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        self._patience = patience
        self._sleep = sleep

    def close(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._own:
            self._http.close()

    def read(self, kind: type[T], method: str, path: str, **more: Any) -> T:
        """The answer as a `kind`.

        Raises:
            Problem, Unreachable.
        """
        return msgspec.json.decode(self.call(method, path, **more).content, type=kind)

    def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """The answer, tried for as long as `patience` says.

        Raises:
            Problem, Unreachable.
        """
        given = self._headers | (headers or {})
        until = time.monotonic() + self._patience
        wait = FIRST_WAIT_S
        while True:
            try:
                answer = self._http.request(method, self._url + path, headers=given, **more)
            except httpx.TransportError as error:
                failure: ClientError = Unreachable(f"{type(error).__name__}: {self._url}")
                asked = 0.0
            else:
                if answer.is_success:
                    return answer
                failure = problem_of(answer.status_code, answer.content)
                if answer.status_code not in AGAIN:
                    raise failure
                asked = after(answer.headers.get("retry-after"))
            # by chance, so that not all who were turned away come back at once
            pause = max(asked, wait * random.uniform(0.5, 1.0))  # noqa: S311
            if time.monotonic() + pause > until:
                raise failure
            self._sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT_S)

    @contextmanager
    def stream(self, path: str, last: str | None) -> Iterator[Iterator[tuple[str, bytes]]]:
        """The events of a stream that go on behind `last`, as their ids and data.

        Raises:
            Problem, Unreachable.
        """
        headers = self._headers | ({"last-event-id": last} if last else {})
        timeout = httpx.Timeout(60.0, connect=10.0)  # a comment comes every 15 s
        try:
            with self._http.stream(
                "GET", self._url + path, headers=headers, timeout=timeout
            ) as answer:
                if not answer.is_success:
                    raise problem_of(answer.status_code, answer.read())
                yield events(lines(answer.iter_bytes()))
        except httpx.TransportError as error:
            raise Unreachable(f"{type(error).__name__}: {self._url}") from None


def lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """The lines of a stream. They end with a line feed and nothing else: what text may hold besides
    (U+2028, U+0085) is no end of one."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.removesuffix(b"\r").decode() for line in whole)


def events(lines: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """The id and data of each event (HTML Living Standard §9.2.6)."""
    id, data = "", []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and line:
            id = value
        elif name == "data":
            data.append(value)
        elif not line:
            if data:
                yield id, "\n".join(data).encode()
            id, data = "", []


def problem_of(status: int, content: bytes) -> Problem:
    """The problem in an answer; its status alone where a proxy answered instead."""
    try:
        told = msgspec.json.decode(content, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem(status, "http", {"en": f"HTTP {status}", "zh": f"HTTP {status}"})
    return Problem(status, told.type.removeprefix("urn:jdgate:"), told.texts)


def after(header: str | None) -> float:
    """The seconds of a `Retry-After`; a date counts as none."""
    return float(header) if header and header.isdecimal() else 0.0


class _Told(msgspec.Struct):
    type: str
    texts: dict[str, str] = {}
