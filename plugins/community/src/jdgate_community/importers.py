"""The lists that township offices keep: check-ins, tests, absences and leave, papers handed to
another place, visits.

Rules
- A positive test is held (`positive_held`) unless the list says that it is confirmed.
- Test values, telephone numbers and whatever else the lists hold are not read.
- A list of approved leave has no column for it: the caller gives `approved` as a default.
- A list of visits has neither document number nor reason.

    with open_file(path, TEST_RESULT) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer
from jdgate.files.person import ID_NO, ID_TYPE, name

NAME = name("被检人", "人员姓名")
PERSON = (NAME, ID_TYPE, ID_NO)
DOC_NO = Column(
    "doc_no", "text", ("决定书文号", "文号", "决定书编号", "法律文书号"), "decision no",
    max_chars=64,
)  # fmt: skip

_NEVER_SENT = (
    "电话 联系电话 联系方式 手机 手机号 民族 性别 年龄 出生日期 住址 地址 家庭住址 现住址 户籍地 "
    "籍贯 文化程度 职业 工作单位 家属 家属电话 监护人 检测值 检测数值 试剂 试剂批号 吗啡 冰毒 "
    "氯胺酮 毒品种类 吸毒史 风险等级 管控等级 HIV 艾滋病 诊断 照片 签名 检测人 责任民警 社工 备注 "
    "说明 phone telephone ethnicity sex age address value remarks"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these lists that no message carries."""

CHECKIN_DONE = Importer(
    type="comm.checkin.done.v1",
    zh="报到签约",
    en="check-ins",
    columns=(
        *PERSON,
        DOC_NO,
        Column("date", "date", ("报到日期", "报到时间", "签约日期"), "checked in on"),
        Column(
            "agreement_no", "text", ("协议编号", "协议书编号", "协议号"), "agreement no",
            max_chars=64,
        ),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

CHECKIN_OVERDUE = Importer(
    type="comm.checkin.overdue.v1",
    zh="逾期未报到",
    en="overdue check-ins",
    columns=(
        *PERSON,
        DOC_NO,
        Column("due_on", "date", ("应报到日期", "报到期限"), "due on"),
        Column("contact_attempts", "whole", ("联系次数", "已联系次数"), "attempts", units=("次",)),
        Column(
            "reason",
            "choice",
            ("未报到原因", "原因", "核实原因"),
            "reason",
            required=False,
            choices={
                "联系不上": "not_reached",
                "患病住院": "ill",
                "被限制人身自由": "detained",
                "路途原因": "distance",
                "无正当理由": "refused",
                "拒绝": "refused",
                "其他": "other",
            },
        ),
    ),
    dropped=NEVER_SENT,
)

TEST_RESULT = Importer(
    type="comm.test.result.v1",
    zh="尿检情况",
    en="tests",
    columns=(
        *PERSON,
        Column("date", "date", ("检测日期", "尿检日期", "检测时间", "尿检时间"), "tested on"),
        Column(
            "state",
            "choice",
            ("检测情况", "尿检情况", "检测结果", "尿检结果", "结果"),
            "outcome",
            choices={
                "已检": "attended",
                "阴性": "attended",
                "按时检测": "attended",
                "复检阴性": "attended",
                "未到": "missed",
                "漏检": "missed",
                "未检": "missed",
                "拒检": "refused",
                "拒绝检测": "refused",
                "阳性": "positive_held",
                "阳性待确认": "positive_held",
                "阳性已确认": "positive_confirmed",
                "复检阳性": "positive_confirmed",
            },
        ),
        Column("retest_on", "date", ("复检日期", "复检时间"), "second test on", required=False),
    ),
    dropped=NEVER_SENT,
)

ABSENCE_NOTED = Importer(
    type="comm.absence.noted.v1",
    zh="外出请假",
    en="absences and leave",
    columns=(
        *PERSON,
        DOC_NO,
        Column(
            "left_on", "date", ("外出日期", "离开日期", "请假日期", "外出时间", "请假开始日期"),
            "left on",
        ),
        Column(
            "back_on", "date", ("返回日期", "销假日期", "返回时间", "归来日期"), "back on",
            required=False,
        ),
        Column(
            "approved", "bool", ("是否请假", "是否批准", "是否准假", "准假"), "approved",
        ),
    ),
    dropped=(*NEVER_SENT, "外出地点", "去向", "外出事由", "请假事由", "批准人"),
)  # fmt: skip

TRANSFER_HANDOVER = Importer(
    type="comm.transfer.handover.v1",
    zh="变更执行地移交",
    en="papers handed to another place",
    columns=(
        *PERSON,
        DOC_NO,
        Column("to_town", "code", ("新执行地代码", "转入地代码", "转入地区划代码"),
               "new place of execution", max_chars=12),
        Column(
            "docs",
            "list",
            ("移交材料", "移交文书", "材料清单"),
            "papers",
            choices={
                "决定书": "decision",
                "协议": "agreement",
                "社区戒毒协议": "agreement",
                "社区康复协议": "agreement",
                "执行记录": "record",
                "工作计划": "plan",
                "其他": "other",
            },
        ),
        Column("served_days", "whole", ("已执行天数", "已执行日数"), "days served",
               units=("天", "日")),
        Column("next_test", "date", ("下次检测日期", "下次尿检日期"), "next test"),
        Column("handed_on", "date", ("移交日期", "日期"), "handed over on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

VISIT_TASK = Importer(
    type="grid.visit.task.v1",
    zh="走访任务",
    en="visits to make",
    columns=(
        Column("task_no", "ref", ("任务编号", "编号"), "task no", max_chars=32),
        NAME,
        Column("address", "text", ("地址", "走访地址", "住址"), "address", max_chars=128),
        Column("place", "ref", ("村社区代码", "区划代码", "网格代码"), "place code", max_chars=12),
        Column(
            "code",
            "choice",
            ("任务种类", "走访种类"),
            "kind of visit",
            default="routine",
            choices={
                "日常走访": "routine",
                "了解生活困难": "need",
                "转告事项": "message",
                "回访": "return_call",
            },
        ),
        Column("due_on", "date", ("完成期限", "走访期限", "期限"), "due on"),
    ),
    dropped=(
        "身份证号", "证件号码", "电话", "人员类别", "管控类别", "风险等级", "走访原因", "备注",
    ),
)  # fmt: skip

VISIT_RESULT = Importer(
    type="grid.visit.result.v1",
    zh="走访结果",
    en="visits made",
    columns=(
        Column("task_no", "ref", ("任务编号", "编号"), "task no", max_chars=32),
        Column("date", "date", ("走访日期", "走访时间"), "visited on"),
        Column("met", "bool", ("是否见到本人", "见到本人"), "met"),
        Column(
            "need_code",
            "choice",
            ("困难种类", "生活困难", "需求"),
            "need",
            choices={
                "无": "none",
                "没有": "none",
                "生活": "income",
                "就业": "job",
                "住房": "housing",
                "就医": "medical",
                "就学": "school",
                "其他": "other",
            },
        ),
    ),
    dropped=("姓名", "地址", "备注", "照片", "定位"),
)

IMPORTERS = (
    CHECKIN_DONE,
    CHECKIN_OVERDUE,
    TEST_RESULT,
    ABSENCE_NOTED,
    TRANSFER_HANDOVER,
    VISIT_TASK,
    VISIT_RESULT,
)
"""What the hook `jdgate_importers` returns."""
