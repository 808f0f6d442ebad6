"""The files of treatment centres, townships and stations: notices of release, and receipts.

Papers handed over are a list in each record and come as JSON, and so does the receipt for them.

    with open_file(path, PRENOTICE) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer

_NEVER_SENT = (
    "性别 民族 籍贯 出生日期 年龄 电话 联系电话 手机 手机号 地址 住址 家属 家属电话 联系人 照片 "
    "戒毒场所 工作单位 备注 说明 sex birthday age telephone mobile address family photo employer "
    "remarks remark note notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these files that no message about a release carries."""

PERSON = (
    Column("name", "name", ("姓名", "戒毒人员"), "name", max_chars=64),
    Column(
        "id_type",
        "choice",
        ("证件种类", "证件类型"),
        "document type",
        default="ric",
        choices={
            "居民身份证": "ric",
            "身份证": "ric",
            "ric": "ric",
            "护照": "passport",
            "passport": "passport",
            "港澳居民来往内地通行证": "hk-mo-permit",
            "hk-mo-permit": "hk-mo-permit",
            "台湾居民来往大陆通行证": "tw-permit",
            "tw-permit": "tw-permit",
            "外国人永久居留身份证": "foreign-residence",
            "foreign-residence": "foreign-residence",
        },
    ),
    Column("id_no", "id_no", ("证件号码", "身份证号", "身份证号码", "公民身份号码"),
           "document number", max_chars=32),
    Column("release_on", "date", ("出所日期", "解除日期", "出所时间"), "released on"),
)  # fmt: skip

PRENOTICE = Importer(
    type="release.prenotice.v1",
    zh="出所预告",
    en="release announced",
    columns=(
        *PERSON,
        Column("town", "code", ("出所后居住地代码", "居住地区划代码", "区划代码"),
               "place of return", max_chars=12),
        Column(
            "next_measure",
            "choice",
            ("后续措施", "出所后措施"),
            "next measure",
            choices={"社区康复": "community_recovery", "community_recovery": "community_recovery",
                     "社区戒毒": "community_treatment",
                     "community_treatment": "community_treatment", "无": "none", "none": "none"},
        ),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

RECEIVED = Importer(
    type="release.received.v1",
    zh="出所衔接签收",
    en="release received",
    columns=(
        *PERSON,
        Column(
            "what",
            "choice",
            ("签收内容", "签收"),
            "received",
            choices={"预告已收到": "notice", "收到预告": "notice", "notice": "notice",
                     "人已接到": "person", "已接到本人": "person", "person": "person"},
        ),
        Column("received_on", "date", ("签收日期", "日期"), "received on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

IMPORTERS = (PRENOTICE, RECEIVED)
"""What the hook `jdgate_importers` returns."""
