"""Identifiers are checked against independent implementations, and pseudonyms keep apart."""

from __future__ import annotations

from datetime import date

import pytest
import stdnum.casrn
import stdnum.cn.ric
import stdnum.cn.uscc
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.identity import (
    Pseudonyms,
    age_on,
    check_cas,
    check_id_no,
    check_uscc,
    id_check_digit,
    id_no_warning,
    normalise,
    ptoken,
    synthetic_id_no,
)
from jdgate.errors import Misuse

births = st.dates(date(1900, 1, 1), date(2026, 11, 21))
first17 = st.builds(
    lambda region, born, seq: f"{region:06d}{born:%Y%m%d}{seq:03d}",
    st.integers(110000, 999999),
    births,
    st.integers(0, 999),
)


@given(first17)
def test_the_check_digit_agrees_with_stdnum(digits: str) -> None:
    assert id_check_digit(digits) == stdnum.cn.ric.calc_check_digit(digits + "0")
    assert check_id_no(digits + id_check_digit(digits)) is None


@given(first17, st.sampled_from("0123456789X"))
def test_only_one_last_character_is_right(digits: str, last: str) -> None:
    right = last == stdnum.cn.ric.calc_check_digit(digits + "0")
    assert check_id_no(digits + last) == (None if right else "record.bad_id_check_digit")


@given(first17, st.integers(0, 16), st.integers(1, 9))
def test_one_miscopied_digit_is_noticed(digits: str, at: int, shift: int) -> None:
    good = digits + id_check_digit(digits)
    bad = good[:at] + str((int(good[at]) + shift) % 10) + good[at + 1 :]
    assert check_id_no(bad) in ("record.bad_id_check_digit", "record.bad_id_date")


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    for check in (check_id_no, check_uscc, check_cas):
        answer = check(text)
        assert answer is None or answer.startswith("record.")


@pytest.mark.parametrize("region", ["133101", "460400", "999999"])
def test_a_region_that_tables_miss_is_no_reason_to_refuse(region: str) -> None:
    digits = f"{region}19900101001"
    assert check_id_no(digits + id_check_digit(digits)) is None


def test_an_unknown_province_is_worth_a_warning_only() -> None:
    assert id_no_warning("133101199001010010") is None
    assert id_no_warning(synthetic_id_no(date(1990, 1, 1), 1)) == "record.warn_id_region"


@pytest.mark.parametrize(
    ("id_no", "code"),
    [
        ("511623900101001", "record.bad_id_length"),
        ("", "record.bad_id_length"),
        ("99999919900101001x", "record.bad_id_characters"),
        ("99999919900101001\n", "record.bad_id_characters"),
        ("９９９９９９１９９００１０１００１６", "record.bad_id_characters"),
        ("X99999199001010016", "record.bad_id_characters"),
        ("999999199002300013", "record.bad_id_date"),
        ("999999199913010013", "record.bad_id_date"),
        ("999999000001010013", "record.bad_id_date"),
        ("999999188912310013", "record.bad_id_date"),
        ("999999190002290013", "record.bad_id_date"),
        ("999999199001010017", "record.bad_id_check_digit"),
    ],
)
def test_what_is_wrong_with_a_number_is_named(id_no: str, code: str) -> None:
    assert check_id_no(id_no) == code


@given(births, st.integers(0, 999))
def test_synthetic_numbers_pass_and_belong_to_no_region(born: date, seq: int) -> None:
    id_no = synthetic_id_no(born, seq)
    assert check_id_no(id_no) is None
    assert id_no.startswith("999999")


@given(st.integers(1890, 2100), st.integers(0, 13), st.integers(0, 32))
def test_a_day_is_good_exactly_when_the_calendar_has_it(year: int, month: int, day: int) -> None:
    digits = f"999999{year:04d}{month:02d}{day:02d}001"
    expected: str | None = None
    try:
        date(year, month, day)
    except ValueError:
        expected = "record.bad_id_date"
    assert check_id_no(digits + id_check_digit(digits)) == expected


def test_synthetic_numbers_end_at_999() -> None:
    with pytest.raises(Misuse, match="between 0 and 999"):
        synthetic_id_no(date(1990, 1, 1), 1000)


def test_age_counts_the_birthday_itself() -> None:
    id_no = synthetic_id_no(date(2012, 11, 21), 1)
    assert age_on(id_no, date(2026, 11, 20)) == 13
    assert age_on(id_no, date(2026, 11, 21)) == 14


@given(
    st.text("0123456789", min_size=2, max_size=2),
    st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=15, max_size=15),
)
def test_credit_codes_agree_with_stdnum(kind: str, rest: str) -> None:
    """Where both have an opinion: stdnum knows none of the departments whose code is a letter
    (A, N, Y …), which GB 32100-2015 has."""
    body = kind + rest
    for last in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        assert (check_uscc(body + last) is None) == stdnum.cn.uscc.is_valid(body + last)


@pytest.mark.parametrize("uscc", ["91110000600037341", "9111000060003734IL", "91110000600037341l"])
def test_a_malformed_credit_code_is_refused(uscc: str) -> None:
    assert check_uscc(uscc) == "record.bad_uscc"


@pytest.mark.parametrize("cas", ["108-88-3", "7664-93-9", "2167189-50-4", "299-42-3"])
def test_substances_of_the_catalogue_pass(cas: str) -> None:
    assert check_cas(cas) is None
    assert stdnum.casrn.is_valid(cas)


@given(st.from_regex(r"[1-9][0-9]{1,6}-[0-9]{2}-[0-9]", fullmatch=True))
def test_substance_numbers_agree_with_stdnum(cas: str) -> None:
    assert (check_cas(cas) is None) == stdnum.casrn.is_valid(cas)


def test_normalising_undoes_what_typing_does() -> None:
    assert normalise(" ９９９９９９ 19900101 001x\u3000") == "99999919900101001X"


def test_pseudonyms_of_two_domains_can_not_be_joined() -> None:
    id_no = synthetic_id_no(date(1990, 1, 1), 1)
    mmt, comm = b"m" * 32, b"c" * 32
    assert len(ptoken(mmt, id_no)) == 16
    assert ptoken(mmt, id_no) == ptoken(mmt, id_no)
    assert ptoken(mmt, id_no) != ptoken(comm, id_no)


def test_a_batch_of_pseudonyms_equals_one_by_one() -> None:
    id_nos = [synthetic_id_no(date(1990, 1, 1), seq) for seq in range(50)]
    tokens = Pseudonyms(b"k" * 32).tokens(id_nos)
    assert tokens == [ptoken(b"k" * 32, id_no) for id_no in id_nos]
    assert len(set(tokens)) == 50


def test_hmac_sm3_is_built_from_sm3_as_rfc_2104_says() -> None:
    from cryptography.hazmat.primitives import hashes

    def sm3(data: bytes) -> bytes:
        state = hashes.Hash(hashes.SM3())
        state.update(data)
        return state.finalize()

    key, text = b"k" * 32, b"99999919900101001X"
    padded = key.ljust(64, b"\0")
    inner = sm3(bytes(b ^ 0x36 for b in padded) + text)
    outer = sm3(bytes(b ^ 0x5C for b in padded) + inner)
    assert ptoken(key, text.decode()) == outer[:16]


def test_a_short_key_is_a_bug_and_says_so() -> None:
    with pytest.raises(Misuse, match="at least 16"):
        ptoken(b"short", "1")
