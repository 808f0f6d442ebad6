"""libcrypto under use: nothing is lost, nothing is shared that must not be, and what is missing is
said in words that help."""

from __future__ import annotations

import ctypes
import logging
import secrets
import ssl
import string
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jdgate import texts
from jdgate.core import signing
from jdgate.core.signing import PublicKey, SigningKey
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins.host import PluginHost
from jdgate_sm2 import libcrypto, plugin, suite
from jdgate_sm2.curve import N, to_der
from jdgate_sm2.example import STANDARD
from jdgate_sm2.suite import Sm2Sm3

TEXTS = Path(plugin.__file__).with_name("texts.toml")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Name another file as libcrypto."""

    def named(path: str) -> None:
        libcrypto.load.cache_clear()
        monkeypatch.setenv(libcrypto.VARIABLE, path)

    yield named
    libcrypto.load.cache_clear()


class Heap(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def in_use() -> int:
    """Bytes that C code of this process holds now: exact, where resident memory is not."""
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Heap
    heap = ask()
    return int(heap.uordblks + heap.hblkhd)


def forget() -> None:
    suite._private.cache_clear()
    suite._public.cache_clear()


def left_behind(work: Callable[[], None], times: int = 200, rounds: int = 4) -> int:
    """Bytes that `work` keeps, each time it is done: in every round, as others work too."""
    kept = []
    for _ in range(rounds):
        before = in_use()
        for _ in range(times):
            work()
        forget()
        kept.append((in_use() - before) // times)
    return min(kept[1:])  # the first is what is set up once


# The smallest thing that could be lost, a number of 32 bytes, takes more than 24 bytes.


def test_signing_and_verifying_leave_nothing_behind() -> None:
    made = Sm2Sm3()
    signature = made.sign(STANDARD.private, b"x")

    def work() -> None:
        made.sign(STANDARD.private, b"x")
        made.verify(STANDARD.public, signature, b"x")
        made.verify(STANDARD.public, signature, b"y")

    assert left_behind(work) < 24


def test_keys_made_and_dropped_leave_nothing_behind() -> None:
    made = Sm2Sm3()

    def work() -> None:
        private = (secrets.randbelow(N - 2) + 1).to_bytes(32, "big")
        made.verify(made.public_of(private), STANDARD.signature, b"x")
        with pytest.raises(Refused):
            made.public_of(bytes(32))
        with pytest.raises(TransportFailed):
            libcrypto.load().public_key(bytes(65))
        forget()

    assert left_behind(work) < 24


def test_a_key_in_use_outlives_its_place_in_the_cache() -> None:
    made = Sm2Sm3()
    key = suite._public(libcrypto.load(), STANDARD.public)
    assert key is not None
    forget()
    der = to_der(STANDARD.signature)
    assert der is not None
    assert libcrypto.load().verify(key, der, STANDARD.data)
    assert suite._public(libcrypto.load(), STANDARD.public) is not key
    assert made.verify(STANDARD.public, STANDARD.signature, STANDARD.data)


def test_threads_share_keys_while_the_caches_are_emptied_under_them() -> None:
    made = Sm2Sm3()
    privates = [bytes([number]) * 32 for number in range(1, 9)]
    publics = [made.public_of(private) for private in privates]
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            suite._private.cache_clear()
            suite._public.cache_clear()
            stop.wait(0.001)

    def work(number: int) -> int:
        good = 0
        for turn in range(60):
            at = (number + turn) % len(privates)
            data = b"%d %d" % (number, turn)
            signature = made.sign(privates[at], data)
            good += made.verify(publics[at], signature, data)
            good += not made.verify(publics[at - 1], signature, data)
        return good

    emptying = threading.Thread(target=churn)
    emptying.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [120] * 8
    finally:
        stop.set()
        emptying.join()


def test_no_error_is_left_where_python_s_ssl_would_find_it() -> None:
    peek = ctypes.CDLL(libcrypto.load().name).ERR_peek_error
    peek.restype = ctypes.c_ulong
    made = Sm2Sm3()
    assert not made.verify(STANDARD.public, STANDARD.signature, b"another")
    # r + s = n: OpenSSL writes an error down
    assert not made.verify(STANDARD.public, bytes(31) + b"\1" + (N - 1).to_bytes(32, "big"), b"x")
    assert peek() == 0
    with pytest.raises(TransportFailed):
        libcrypto.load().public_key(b"\x04" + bytes(64))
    assert peek() == 0
    ssl.create_default_context()


def test_a_step_that_fails_is_no_verdict_on_a_signature() -> None:
    """What `curve` would have stopped is given to the library itself: it must not guess."""
    lib = libcrypto.load()
    for point in (b"", STANDARD.public[:-1], b"\x04" + bytes(64), b"\0" * 65):
        with pytest.raises(TransportFailed) as told:
            lib.public_key(point)
        assert told.value.code == "sm2.libcrypto_failed"
        assert told.value.params["step"] == "EVP_PKEY_fromdata"


def test_where_libcrypto_is_missing_a_person_is_told_what_to_install(
    elsewhere: Callable[[str], None],
) -> None:
    elsewhere("libcrypto-that-is-not-there.so.3")
    texts.add_file(TEXTS)
    with pytest.raises(Refused) as told:
        Sm2Sm3()
    assert told.value.code == "sm2.no_libcrypto"
    for lang in texts.LANGUAGES:
        text = told.value.text(lang)
        assert "libcrypto-that-is-not-there.so.3" in text
        assert "libssl3" in text and "openssl-libs" in text
        assert libcrypto.VARIABLE in text


def test_a_library_without_sm2_is_named_with_what_it_lacks(
    elsewhere: Callable[[str], None],
) -> None:
    elsewhere("libc.so.6")
    texts.add_file(TEXTS)
    with pytest.raises(Refused) as told:
        Sm2Sm3()
    assert told.value.code == "sm2.libcrypto_unfit"
    assert told.value.params["missing"] == "OpenSSL_version"
    for lang in texts.LANGUAGES:
        assert "libc.so.6" in told.value.text(lang)


def test_without_libcrypto_the_county_starts_and_a_key_that_needs_it_is_refused_by_name(
    elsewhere: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jws = _signed()
    monkeypatch.delitem(signing._SUITES, "SM2-SM3")
    elsewhere("libcrypto-that-is-not-there.so.3")
    with caplog.at_level(logging.WARNING):
        host = PluginHost(use_installed=False, plugins={"sm2": plugin})
        assert host.suites() == []
    assert "no SM2 signatures" in caplog.text and "libssl3" in caplog.text
    with pytest.raises(Refused) as told:
        signing.verify(jws, PublicKey("pol.sig.1", "SM2-SM3", STANDARD.public), "t")
    assert told.value.code == "signing.alg_unknown"
    assert told.value.params["got"] == "SM2-SM3"


def _signed() -> bytes:
    for one in PluginHost(use_installed=False, plugins={"sm2": plugin}).suites():
        signing.add_suite(one)
    return signing.sign(b"{}", SigningKey("pol.sig.1", "SM2-SM3", STANDARD.private), "t")


def test_every_text_has_both_languages_with_the_same_gaps_and_is_used() -> None:
    entries = texts.read_file(TEXTS)
    source = "".join(path.read_text("utf-8") for path in TEXTS.parent.glob("*.py"))

    def gaps(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert entries
    for code, entry in entries.items():
        assert set(entry) == set(texts.LANGUAGES), code
        assert gaps(entry["zh"]) == gaps(entry["en"]), code
        assert f'"{code}"' in source, code
