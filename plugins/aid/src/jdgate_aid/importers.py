"""The lists of referrals and their outcomes.

Rules
- A referral holds who, what is asked for and the number of the written consent. That it comes from
  the township is all it says of where it comes from.
- An outcome holds the number of the referral, to whom it goes back, how far it is and the day.
  Amounts, accounts and whatever else the department's list holds are not read.

    with open_file(path, RESULT) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer
from jdgate.files.person import person

REF = Column("ref", "ref", ("转介编号", "转介单编号", "编号"), "referral no", max_chars=32)
PERSON = person("申请人", "儿童姓名")
NEEDS = {
    "低保": "subsistence",
    "最低生活保障": "subsistence",
    "临时救助": "relief",
    "就业": "job",
    "就业岗位": "job",
    "培训": "training",
    "职业培训": "training",
    "住房": "housing",
    "公租房": "housing",
    "廉租房": "housing",
    "住房保障": "housing",
}
_NEVER_SENT = (
    "电话 联系电话 手机 手机号 民族 性别 年龄 住址 地址 户籍地 人员类别 类别 风险等级 备注 说明 "
    "事由 原因 家属 家庭成员 phone telephone address remarks"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
_AMOUNTS = (
    "金额 救助金额 补助金额 补贴金额 发放金额 保障金额 标准 工资 月薪 银行卡号 账号 开户行 面积 "
    "amount"
)
AMOUNTS = tuple(_AMOUNTS.split())

REFERRAL = Importer(
    type="aid.referral.v1",
    zh="帮扶转介",
    en="referrals",
    columns=(
        REF,
        *PERSON,
        Column("need_type", "choice", ("需求", "帮扶需求", "帮扶种类"), "need", choices=NEEDS),
        Column(
            "consent_ref", "text", ("同意书编号", "授权书编号", "承诺书编号"), "consent no",
            max_chars=64,
        ),
        Column(
            "source", "choice", ("来源",), "source", default="township",
            choices={"街道": "township", "乡镇": "township", "township": "township"},
        ),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

CHILD_REFERRAL = Importer(
    type="aid.child.referral.v1",
    zh="困境儿童转介",
    en="children referred",
    columns=(
        REF,
        *PERSON,
        Column(
            "guardian_consent", "text", ("监护人同意书编号", "同意书编号"), "guardian's consent no",
            max_chars=64,
        ),
        Column(
            "need", "choice", ("需求", "帮扶需求", "需要的帮助"), "need",
            choices={
                "基本生活": "living", "生活": "living", "就学": "schooling", "上学": "schooling",
                "医疗": "medical", "照料": "care",
            },
        ),
    ),
    dropped=(*NEVER_SENT, "父亲", "母亲", "父母情况", "监护人", "监护人姓名"),
)  # fmt: skip

WITHDRAWAL = Importer(
    type="aid.withdrawal.v1",
    zh="撤回同意",
    en="consents withdrawn",
    columns=(
        REF,
        Column(
            "need_type", "choice", ("需求", "帮扶需求", "帮扶种类"), "need",
            choices={**NEEDS, "困境儿童": "child", "儿童": "child"},
        ),
        Column("date", "date", ("撤回日期", "撤回时间"), "withdrawn on"),
    ),
    dropped=("姓名", "身份证号", *NEVER_SENT),
)  # fmt: skip

RESULT = Importer(
    type="aid.result.v1",
    zh="帮扶结果",
    en="outcomes",
    columns=(
        REF,
        Column("to", "code", ("转介单位", "转介单位编号", "乡镇街道"), "referred by", max_chars=32),
        Column(
            "status",
            "choice",
            ("办理情况", "办理结果", "结果", "状态"),
            "outcome",
            choices={
                "已受理": "received",
                "受理": "received",
                "办理中": "in_progress",
                "已落实": "granted",
                "已办结": "granted",
                "不符合条件": "declined",
                "未通过": "declined",
                "本人撤回": "withdrawn",
                "已停止": "withdrawn",
            },
        ),
        Column("date", "date", ("办理日期", "日期", "办结日期"), "date"),
    ),
    dropped=("姓名", "身份证号", *NEVER_SENT, *AMOUNTS),
)

IMPORTERS = (REFERRAL, CHILD_REFERRAL, WITHDRAWAL, RESULT)
"""What the hook `jdgate_importers` returns."""
