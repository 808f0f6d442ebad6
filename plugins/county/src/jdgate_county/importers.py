"""The files of a county's units: one importer for each type that is sent from a file.

- Registers to be compared are never read here: `jdgate-tokens` makes a file of tokens from them.
- Names, telephones and remarks stay behind; all of these types are about units.

    with open_file(path, VENUE_PATROL) as reading: ...
"""

from __future__ import annotations

from jdgate.files import Column, Importer

_NEVER_SENT = (
    "姓名 负责人 联系人 经营者 法定代表人 巡查人 检查人 填报人 教师 电话 联系电话 手机 手机号 "
    "身份证号 证件号码 地址 场所名称 学校名称 单位名称 备注 说明事项 name phone telephone contact "
    "address remarks remark notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these files that no message of a unit carries."""

TOWN = Column("town", "code", ("乡镇代码", "乡镇（街道）代码", "乡镇", "街道", "区划代码"),
              "town code", max_chars=12)  # fmt: skip


def _count(field: str, titles: tuple[str, ...], en: str) -> Column:
    return Column(field, "whole", titles, en)


def _item(field: str, titles: tuple[str, ...], en: str) -> Column:
    return Column(field, "bool", titles, en)


REGISTER = Importer(
    type="reconcile.register.v1",
    zh="名册核对",
    en="register of tokens",
    columns=(
        Column("round", "date", ("核对日期", "日期"), "day of comparison"),
        TOWN,
        Column(
            "side",
            "choice",
            ("哪一方", "名册所属"),
            "whose register",
            choices={"乡镇": "town", "街道": "town", "town": "town", "派出所": "station",
                     "station": "station"},
        ),
        Column("token", "code", ("标识", "密文标识"), "keyed token", required=False,
               max_chars=22),
        Column(
            "status",
            "choice",
            ("状态", "状态代码"),
            "status code",
            required=False,
            choices={"执行中": "serving", "serving": "serving", "中止": "suspended",
                     "suspended": "suspended", "已变更执行地": "moved_out",
                     "moved_out": "moved_out", "已终止或解除": "ended", "ended": "ended"},
        ),
        _count("total", ("总数", "名册总数"), "size of register"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

VENUE_PATROL = Importer(
    type="venue.patrol.result.v1",
    zh="娱乐场所巡查",
    en="venue patrol",
    columns=(
        Column("uscc", "code", ("统一社会信用代码", "社会信用代码", "信用代码"), "uscc code",
               max_chars=18),
        Column("date", "date", ("巡查日期", "检查日期", "日期"), "patrolled on"),
        _item("warning_signs", ("禁毒警示标志", "警示标志"), "warning signs in place"),
        _item("staff_list", ("从业人员名簿", "人员名簿"), "staff list kept"),
        _item("business_log", ("营业日志",), "business log kept"),
        _item("cameras", ("监控录像", "监控"), "cameras working"),
        _item("own_patrols", ("自行巡查记录", "内部巡查"), "own patrols noted"),
        Column(
            "result",
            "choice",
            ("结论", "巡查结论", "结果"),
            "conclusion",
            choices={"合格": "passed", "passed": "passed", "需整改": "failed",
                     "不合格": "failed", "failed": "failed"},
        ),
        Column("fix_by", "date", ("整改期限", "整改时限"), "to be put right by",
               required=False),
    ),
    unique=("uscc", "date"),
    dropped=NEVER_SENT,
)  # fmt: skip

SCHOOL_REPORT = Importer(
    type="school.prevention.report.v1",
    zh="学校预防教育",
    en="school prevention report",
    columns=(
        Column("school", "ref", ("学校标识码", "学校代码"), "school code", max_chars=20),
        _count("year", ("学年", "学年开始年份", "起始年份"), "school year begins in"),
        _count("grade", ("年级",), "school grade"),
        Column("hours", "number", ("课时", "课时数", "禁毒课时"), "class hours"),
        _count("base_visits", ("基地参观次数", "参观次数"), "visits to base"),
    ),
    unique=("school", "year", "grade"),
    dropped=NEVER_SENT,
)

STAFFING_REPORT = Importer(
    type="staffing.report.v1",
    zh="专职人员配备",
    en="staffing report",
    columns=(
        TOWN,
        Column("as_of", "date", ("统计日期", "截至日期", "日期"), "counted on"),
        _count("workers_n", ("专职工作人员数", "专职人员", "专职人数"), "full-time workers"),
        _count("registered_n", ("登记人数", "在册人数"), "people registered"),
        _count("in_treatment_n", ("在治人数",), "people in treatment"),
    ),
    unique=("town", "as_of"),
    dropped=NEVER_SENT,
)

OUTREACH_REPORT = Importer(
    type="outreach.report.v1",
    zh="宣传巡防",
    en="outreach report",
    columns=(
        TOWN,
        Column("period_from", "date", ("期间自", "开始日期"), "first day"),
        Column("period_to", "date", ("期间至", "结束日期"), "last day"),
        _count("activities_n", ("宣传活动次数", "活动次数"), "activities held"),
        _count("patrols_n", ("巡防次数", "巡查次数"), "patrols made"),
        _count("audience_n", ("参加人次", "受众人次"), "people attending"),
        _count("leaflets_n", ("发放资料份数", "资料份数"), "leaflets given"),
    ),
    unique=("town", "period_from", "period_to"),
    dropped=NEVER_SENT,
)

SUPERVISE_NOTICE = Importer(
    type="supervise.notice.v1",
    zh="督办通知",
    en="supervision notice",
    columns=(
        Column("to", "code", ("被督办单位", "单位代码"), "member id", max_chars=32),
        Column("notice_no", "code", ("督办编号", "编号"), "notice number", max_chars=32),
        Column(
            "matter",
            "choice",
            ("事项", "督办事项"),
            "matter asked",
            choices={"应报未报": "overdue_report", "overdue_report": "overdue_report",
                     "提醒超期未处理": "overdue_alert", "overdue_alert": "overdue_alert",
                     "专职人员配备": "staffing", "staffing": "staffing",
                     "检查未完成": "inspection", "inspection": "inspection",
                     "预防教育": "prevention", "prevention": "prevention",
                     "其他": "other", "other": "other"},
        ),
        Column("text", "text", ("要求", "督办要求"), "what is asked", max_chars=500),
        Column("due_on", "date", ("期限", "办理期限"), "to be done by"),
    ),
    unique=("notice_no",),
    dropped=NEVER_SENT,
)  # fmt: skip

SUPERVISE_REPLY = Importer(
    type="supervise.reply.v1",
    zh="督办回复",
    en="supervision reply",
    columns=(
        Column("notice_no", "code", ("督办编号", "编号"), "notice number", max_chars=32),
        Column(
            "status",
            "choice",
            ("办理情况", "办理状态"),
            "how it stands",
            choices={"已办结": "done", "done": "done", "办理中": "in_progress",
                     "in_progress": "in_progress", "有异议": "disputed",
                     "disputed": "disputed"},
        ),
        Column("text", "text", ("说明", "办理说明"), "account given", max_chars=500),
        Column("date", "date", ("日期", "回复日期"), "replied on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

IMPORTERS = (
    REGISTER,
    VENUE_PATROL,
    SCHOOL_REPORT,
    STAFFING_REPORT,
    OUTREACH_REPORT,
    SUPERVISE_NOTICE,
    SUPERVISE_REPLY,
)
"""What the hook `jdgate_importers` returns."""
