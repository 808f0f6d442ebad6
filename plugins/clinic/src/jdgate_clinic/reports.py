"""The files in which a clinic reports single patients: relapse, end of treatment, transfer.

- A patient stands there with name and document, or by the clinic's own number alone: then the
  edge puts name and document in from its register (`jdgate_clinic.register`).
- Of a relapse the confirmed fact is sent, of an end of treatment a category; values, doses and
  accounts stay behind. The clinical summary of a transfer is sealed to the other clinic at this
  edge, and nobody else can open it.

    with open_file(path, TRANSFER_REQUEST, defaults={"site": "cln-01"}) as reading: ...
"""

from __future__ import annotations

from msgspec.structs import replace

from jdgate.files.importer import Column, Importer
from jdgate.files.person import ID_NO, ID_TYPE

from .importers import (
    ATTENDANCE,
    ENROL_FILED,
    NAME,
    NEVER_SENT,
    PATIENT_REF,
    SITE,
)

_WHO = (replace(NAME, required=False), ID_TYPE, ID_NO, PATIENT_REF)
_EITHER = (("id_no", "patient_ref"),)
_TRANSFER_NO = Column(
    "transfer_no", "code", ("转介编号", "转介号"), "transfer number", max_chars=32
)

RELAPSE = Importer(
    type="mmt.relapse.report.v1",
    zh="治疗期吸毒报告",
    en="relapse report",
    columns=(
        *_WHO,
        Column("date", "date", ("日期", "确认日期", "发现日期"), "confirmed on"),
        Column("confirmed", "bool", ("已确认", "是否确认"), "confirmed"),
    ),
    either=_EITHER,
    unique=("id_no", "patient_ref", "date"),
    dropped=NEVER_SENT,
)

TERMINATION = Importer(
    type="mmt.terminate.report.v1",
    zh="终止治疗报告",
    en="termination report",
    columns=(
        *_WHO,
        Column("date", "date", ("日期", "终止日期"), "ended on"),
        Column(
            "reason_code",
            "choice",
            ("终止原因", "原因"),
            "reason category",
            choices={
                "本人要求": "own_request",
                "own_request": "own_request",
                "治疗期吸毒": "relapse",
                "relapse": "relapse",
                "违反规定": "conduct",
                "conduct": "conduct",
                "迁居": "moved",
                "moved": "moved",
                "限制人身自由": "custody",
                "custody": "custody",
                "死亡": "deceased",
                "deceased": "deceased",
                "其他": "other",
                "other": "other",
            },
        ),
    ),
    either=_EITHER,
    unique=("id_no", "patient_ref", "date"),
    dropped=NEVER_SENT,
)

TRANSFER_REQUEST = Importer(
    type="mmt.transfer.request.v1",
    zh="异地转介",
    en="transfer request",
    columns=(
        *_WHO,
        _TRANSFER_NO,
        SITE,
        Column("to", "code", ("转往门诊", "接收门诊", "转入门诊"), "to clinic", max_chars=32),
        Column("valid_to", "date", ("有效期至", "转介有效期"), "valid until"),
        Column(
            "sealed_clinical",
            "text",
            ("病历摘要", "治疗情况摘要"),
            "clinical summary",
            max_chars=4000,
        ),
    ),
    either=_EITHER,
    unique=("transfer_no", "to"),
    dropped=NEVER_SENT,
)

TRANSFER_ACK = Importer(
    type="mmt.transfer.ack.v1",
    zh="转介答复",
    en="transfer answer",
    columns=(
        NAME,
        ID_TYPE,
        ID_NO,
        _TRANSFER_NO,
        Column("to", "code", ("转出门诊", "原门诊"), "asking clinic", max_chars=32),
        Column(
            "decision",
            "choice",
            ("答复", "是否接收"),
            "answer given",
            choices={
                "接收": "accepted",
                "accepted": "accepted",
                "不接收": "declined",
                "declined": "declined",
                "已到诊": "arrived",
                "arrived": "arrived",
            },
        ),
        Column("date", "date", ("日期", "答复日期"), "answered on"),
    ),
    unique=("transfer_no", "to", "date"),
    dropped=NEVER_SENT,
)

IMPORTERS = (ATTENDANCE, ENROL_FILED, RELAPSE, TERMINATION, TRANSFER_REQUEST, TRANSFER_ACK)
"""What the hook `jdgate_importers` returns."""
