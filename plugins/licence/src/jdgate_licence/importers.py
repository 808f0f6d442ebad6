"""The files that traffic bureau and police keep: results, objections, questions; grounds, answers.

Rules
- A person is the number of an identity document; a row without one is no record.
- Telephones, addresses, licence numbers and remarks stay behind.
- Decisions by a person (`licence.action.result`, `licence.restore`) are pushed with `--by`, grounds
  by two people; `jdgate_licence.rows` reads grounds and how a person was matched.

    with open_file(path, ACTION_RESULT) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer
from jdgate.files.person import person

_NEVER_SENT = (
    "性别 出生日期 年龄 电话 联系电话 手机 手机号 地址 住址 驾驶证号 档案编号 准驾车型 车牌号 "
    "号牌号码 照片 备注 说明 sex birthday age telephone mobile address plate photo remarks remark "
    "note notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these files that no message about a licence carries."""

PERSON = person("当事人", "申请人")
_DOC = ("决定书文号", "文书编号", "文号", "决定书编号")


def _doc(field: str) -> Column:
    return Column(field, "text", _DOC, "decision number", max_chars=64)


BASIS_NOTICE = Importer(
    type="licence.basis.notice.v1",
    zh="驾驶证注销依据",
    en="ground for cancelling",
    columns=(
        *PERSON,
        Column("matched_by", "text", ("核对方式", "比对方式", "身份核对方式"), "matched by",
               max_chars=40),
        Column("ground_code", "text", ("依据", "注销依据", "依据代码", "注销情形", "决定种类"),
               "ground", max_chars=80),
        _doc("doc_no"),
        Column("effective_on", "date", ("决定生效日期", "生效日期", "决定日期"), "effective on"),
        Column("reviewer1", "name", ("核对民警甲", "核对人1", "核对民警一"), "first reviewer",
               max_chars=64),
        Column("reviewer2", "name", ("核对民警乙", "核对人2", "核对民警二"), "second reviewer",
               max_chars=64),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

ACTION_RESULT = Importer(
    type="licence.action.result.v1",
    zh="驾驶证办理结果",
    en="licence action",
    columns=(
        *PERSON,
        _doc("doc_no"),
        Column(
            "action",
            "choice",
            ("办理结果", "处理结果", "业务类型", "办理"),
            "action",
            choices={
                "已书面告知": "notified", "书面告知": "notified", "已告知": "notified",
                "notified": "notified", "本人申请注销": "self", "主动注销": "self", "self": "self",
                "注销": "cancelled", "已注销": "cancelled", "cancelled": "cancelled",
                "暂缓办理": "held", "暂缓": "held", "held": "held", "恢复": "restored",
                "已恢复": "restored", "restored": "restored",
            },
        ),
        Column("date", "date", ("办理日期", "日期", "处理日期"), "date"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

OBJECTION = Importer(
    type="licence.objection.v1",
    zh="驾驶证异议",
    en="objection",
    columns=(
        *PERSON,
        _doc("ref"),
        Column(
            "ground",
            "choice",
            ("异议理由", "理由", "异议类型"),
            "ground",
            choices={
                "不是本人": "wrong_person", "非本人": "wrong_person",
                "wrong_person": "wrong_person", "决定已撤销": "decision_revoked",
                "决定已被撤销": "decision_revoked", "decision_revoked": "decision_revoked",
                "数据有误": "data_error", "data_error": "data_error", "未送达": "not_served",
                "not_served": "not_served", "其他": "other", "other": "other",
            },
        ),
        Column("lodged_on", "date", ("提出日期", "受理日期", "异议日期", "日期"), "lodged on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

RESTORATION = Importer(
    type="licence.restore.v1",
    zh="驾驶证异议处理",
    en="objection decided",
    columns=(
        *PERSON,
        _doc("ref"),
        Column(
            "decision",
            "choice",
            ("处理决定", "决定", "处理结果"),
            "decision",
            choices={"恢复": "restore", "restore": "restore", "继续暂缓": "hold", "暂缓": "hold",
                     "hold": "hold", "维持": "uphold", "uphold": "uphold"},
        ),
        Column("decided_by", "name", ("决定人", "审批人", "处理人"), "decided by", max_chars=64),
        Column("decided_on", "date", ("决定日期", "处理日期", "日期"), "decided on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

_NUMBER = Column("application_no", "text", ("受理编号", "受理号", "流水号", "业务流水号"),
                 "application number", max_chars=64)  # fmt: skip

ELIGIBILITY_QUERY = Importer(
    type="licence.eligibility.query.v1",
    zh="驾驶资格核查",
    en="eligibility asked",
    columns=(
        *PERSON,
        _NUMBER,
        Column(
            "class",
            "choice",
            ("申请类别", "核查类别", "业务种类"),
            "class",
            choices={
                "小型汽车等": "ordinary", "小型汽车": "ordinary", "普通": "ordinary",
                "ordinary": "ordinary", "大型客车": "large", "大型客车、重型牵引挂车等": "large",
                "大型": "large", "large": "large", "校车": "school_bus",
                "校车驾驶资格": "school_bus", "school_bus": "school_bus",
            },
        ),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

ELIGIBILITY_ANSWER = Importer(
    type="licence.eligibility.answer.v1",
    zh="驾驶资格核查答复",
    en="eligibility answered",
    columns=(
        Column("to", "code", ("查询单位", "查询单位编号"), "asking office", max_chars=32),
        _NUMBER,
        Column("eligible", "bool", ("符合", "是否符合"), "eligible"),
        Column(
            "rule_code",
            "choice",
            ("依据条款", "条款"),
            "rule",
            choices={"无限制情形": "none", "无": "none", "none": "none",
                     "令162第15条（二）": "162-15-2", "162-15-2": "162-15-2",
                     "令162第18条（四）": "162-18-4", "162-18-4": "162-18-4",
                     "令162第87条": "162-87", "162-87": "162-87"},
        ),
    ),
    dropped=(*NEVER_SENT, "姓名", "身份证号", "证件号码"),
)  # fmt: skip

IMPORTERS = (
    BASIS_NOTICE,
    ACTION_RESULT,
    OBJECTION,
    RESTORATION,
    ELIGIBILITY_QUERY,
    ELIGIBILITY_ANSWER,
)
"""What the hook `jdgate_importers` returns."""
