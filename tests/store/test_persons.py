"""From an identity document to the pseudonyms under which the books know a person."""

from __future__ import annotations

import pytest

from jdgate.core.identity import ptoken
from jdgate.errors import Refused
from jdgate.gateway import persons
from jdgate.store.database import Database
from jdgate.store.vault import Vault

ID_NO = "999999199001010016"


def test_a_person_has_another_pseudonym_in_each_domain_that_is_in_use(
    books: Database, vault: Vault
) -> None:
    with books.transaction() as conn:
        keys = {domain: vault.domain_key(conn, domain) for domain in ("mmt", "comm")}
        found = persons.pseudonyms(conn, vault, ID_NO)
    assert found == {domain: ptoken(key, ID_NO) for domain, key in keys.items()}
    assert len(set(found.values())) == 2


def test_looking_somebody_up_makes_no_key(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        assert persons.pseudonyms(conn, vault, ID_NO) == {}
        assert vault.domains(conn) == []


@pytest.mark.parametrize("typed", [ID_NO, " 999999 19900101 0016 ", "９９９９９９199001010016"])
def test_a_number_is_taken_as_people_type_it(typed: str) -> None:
    assert persons.checked("ric", typed) == ID_NO


@pytest.mark.parametrize(
    ("id_type", "typed", "code"),
    [
        ("ric", "99999919900101001", "record.bad_id_length"),
        ("ric", "999999199001010019", "record.bad_id_check_digit"),
        ("ric", "", "record.bad_id_length"),
        ("passport", "E/1", "record.bad_id_characters"),
        ("passport", "E" * 33, "record.bad_id_characters"),
        ("badge", "12", "person.id_type"),
    ],
)
def test_what_can_be_nobodys_number_is_refused_without_repeating_it(
    id_type: str, typed: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        persons.checked(id_type, typed)
    assert refused.value.code == code
    assert not typed or typed not in str(refused.value)
