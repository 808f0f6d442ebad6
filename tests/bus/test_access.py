"""nkeys and the configuration that is written from them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.bus.access import (
    BusUser,
    ServerSettings,
    Tls,
    check_nkey,
    crc16,
    is_loopback,
    nkey_public,
    render,
)
from jdgate.errors import JdgateError, Misuse, UsageError


def settings(*users: BusUser, **more: object) -> ServerSettings:
    paths = {"store_dir": Path("s"), "ports_dir": Path("r"), "log_file": Path("l")}
    return ServerSettings(users=users, port=4222, **(paths | more))  # type: ignore[arg-type]


def key(number: int) -> str:
    return nkey_public(bytes([number]) * 32)


def test_the_check_sum_is_crc16_xmodem() -> None:
    # The check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms.
    assert crc16(b"123456789") == 0x31C3


@given(st.binary(min_size=32, max_size=32))
def test_an_nkey_holds_its_key(public: bytes) -> None:
    nkey = nkey_public(public)
    assert len(nkey) == 56
    assert nkey.startswith("U")
    assert base64.b32decode(nkey)[1:33] == public
    assert check_nkey(nkey) == nkey


@given(st.binary(min_size=32, max_size=32), st.integers(0, 55), st.integers(1, 31))
def test_a_mistyped_nkey_is_refused(public: bytes, at: int, by: int) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    nkey = nkey_public(public)
    wrong = letters[(letters.index(nkey[at]) + by) % 32]
    with pytest.raises(Misuse) as refused:
        check_nkey(nkey[:at] + wrong + nkey[at + 1 :])
    assert refused.value.code == "bus.nkey"


def test_a_seed_given_for_a_key_is_refused_and_not_repeated() -> None:
    seed = "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"
    with pytest.raises(Misuse) as refused:
        check_nkey(seed)
    assert seed not in str(refused.value)


def test_a_member_may_publish_to_five_subjects_and_hear_one() -> None:
    config = json.loads(render(settings(BusUser("m1", key(1)))))
    (user,) = config["authorization"]["users"]
    assert user["permissions"] == {
        "publish": {
            "allow": [
                "jd.in.m1",
                "$JS.API.CONSUMER.MSG.NEXT.JD_BOX.m1",
                "$JS.ACK.JD_BOX.m1.*.*.*.*.*",
                "$JS.ACK.*.*.JD_BOX.m1.*.*.*.*.*",
                "$JS.ACK.*.*.JD_BOX.m1.*.*.*.*.*.*",
            ]
        },
        "subscribe": {"allow": ["_INBOX_m1.>"]},
    }


def test_the_disk_is_synced_and_nothing_is_monitored() -> None:
    config = json.loads(render(settings(BusUser("m1", key(1)))))
    assert config["jetstream"]["sync_interval"] == "always"
    assert config["jetstream"]["limits"]["default_max_consumers"] == -1
    assert config["host"] == "127.0.0.1"
    assert not {"http", "http_port", "https", "https_port", "monitor_port"} & set(config)


def test_tls_asks_clients_for_certificates_when_there_is_a_ca() -> None:
    tls = Tls(Path("c.pem"), Path("k.pem"), Path("ca.pem"))
    config = json.loads(render(settings(host="10.0.0.1", tls=tls)))
    assert config["tls"]["verify"] is True
    assert config["tls"]["min_version"] == "1.3"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (settings(BusUser("M1", key(1))), "bus.member_name"),
        (settings(BusUser('m1"]}', key(1))), "bus.member_name"),
        (settings(BusUser("m1", "UABC")), "bus.nkey"),
        (settings(BusUser("m1", key(1)), BusUser("m1", key(2))), "bus.user_twice"),
        (settings(BusUser("m1", key(1)), BusUser("m2", key(1))), "bus.user_twice"),
        (settings(host="10.0.0.1"), "bus.tls_required"),
        (settings(host="0.0.0.0"), "bus.tls_required"),
        (settings(store_dir=Path("a\nb")), "bus.config_path"),
    ],
)
def test_what_must_not_be_written_is_refused(given: ServerSettings, code: str) -> None:
    with pytest.raises(JdgateError) as refused:
        render(given)
    assert refused.value.code == code
    assert isinstance(refused.value, (Misuse, UsageError))


def test_loopback_is_told_from_the_rest() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["0.0.0.0", "10.0.0.1", "localhost.example", "", "::"]))
