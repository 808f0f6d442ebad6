"""The columns that name a person, as departments' files have them: name, ID type and ID number.

A file without a column for the ID type holds resident identity cards.

    Importer(type="aid.referral.v1", …, columns=(REF, *person("申请人"), NEED))
"""

from __future__ import annotations

from jdgate.files.importer import Column

ID_TYPES = {
    "居民身份证": "ric",
    "身份证": "ric",
    "二代身份证": "ric",
    "resident identity card": "ric",
    "ric": "ric",
    "护照": "passport",
    "passport": "passport",
    "港澳居民来往内地通行证": "hk-mo-permit",
    "hk-mo-permit": "hk-mo-permit",
    "台湾居民来往大陆通行证": "tw-permit",
    "tw-permit": "tw-permit",
    "外国人永久居留身份证": "foreign-residence",
    "foreign-residence": "foreign-residence",
}
"""Kinds of identity document as they are written → as records have them."""

ID_TYPE = Column(
    "id_type",
    "choice",
    ("证件类型", "证件种类", "证件类别", "证件名称", "document type"),
    "ID type",
    default="ric",
    choices=ID_TYPES,
)
ID_NO = Column(
    "id_no",
    "id_no",
    (
        "身份证号",
        "身份证号码",
        "身份证",
        "证件号码",
        "证件号",
        "公民身份号码",
        "公民身份证号码",
        "id no",
        "document number",
    ),
    "ID number",
    max_chars=32,
)


def name(*titles: str) -> Column:
    """The person's name: 姓名, or one of the `titles` of this department's files."""
    return Column("name", "name", ("姓名", *titles), "name", max_chars=64)


def person(*titles: str) -> tuple[Column, Column, Column]:
    """Name, ID type and ID number; `titles` are those of the name beside 姓名."""
    return (name(*titles), ID_TYPE, ID_NO)
