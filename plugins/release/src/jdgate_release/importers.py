"""The files of treatment centres, townships and stations: notices of release, papers handed over,
and receipts.

    with open_file(path, PRENOTICE) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer
from jdgate.files.person import person

_NEVER_SENT = (
    "性别 民族 籍贯 出生日期 年龄 电话 联系电话 手机 手机号 地址 住址 家属 家属电话 联系人 照片 "
    "戒毒场所 工作单位 备注 说明 sex birthday age telephone mobile address family photo employer "
    "remarks remark note notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these files that no message about a release carries."""

WHO = person("戒毒人员")
PERSON = (
    *WHO,
    Column("release_on", "date", ("出所日期", "解除日期", "出所时间"), "released on"),
)

PAPERS = {
    "解除强制隔离戒毒证明书": "release_certificate",
    "解除证明书": "release_certificate",
    "释放证明": "release_certificate",
    "release_certificate": "release_certificate",
    "决定书": "decision",
    "decision": "decision",
    "评估材料": "assessment",
    "诊断评估材料": "assessment",
    "assessment": "assessment",
    "康复计划": "plan",
    "plan": "plan",
    "其他": "other",
    "other": "other",
}

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

HANDOVER = Importer(
    type="release.handover.v1",
    zh="出所文书移交",
    en="papers handed over",
    columns=(
        *WHO,
        Column("doc_no", "text", ("决定书文号", "文号", "决定书编号", "法律文书号"), "decision no",
               max_chars=64),
        Column("town", "code", ("执行地代码", "执行地区划代码", "居住地区划代码", "区划代码"),
               "place of execution", max_chars=12),
        Column("docs", "list", ("移交文书", "移交材料", "文书清单"), "papers", choices=PAPERS),
        Column("handed_on", "date", ("移交日期", "日期"), "handed over on"),
        Column("assessment", "text", ("评估意见", "评估内容"), "assessment", required=False,
               max_chars=4000),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip
"""The assessment is sealed at the centre's edge; only the place of execution opens it."""

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
                     "人已接到": "person", "已接到本人": "person", "person": "person",
                     "文书已收到": "papers", "收到文书": "papers", "papers": "papers"},
        ),
        Column("docs", "list", ("签收文书", "收到文书清单", "文书清单"), "papers received",
               required=False, choices=PAPERS),
        Column("received_on", "date", ("签收日期", "日期"), "received on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

IMPORTERS = (PRENOTICE, HANDOVER, RECEIVED)
"""What the hook `jdgate_importers` returns."""
