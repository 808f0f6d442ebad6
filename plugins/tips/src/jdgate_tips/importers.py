"""The files of those who take tips, and of the police: each row goes by its token.

- A tip's text stands open in the file that the desk keeps, and is sealed to the police on the
  desk's own machine before anything is sent. Nothing about whoever gave it has a column.

    with open_file(path, TIP) as reading: ...
"""

from __future__ import annotations

from jdgate.files import Column, Importer

_NEVER_SENT = (
    "姓名 举报人 举报人姓名 线索提供人 联系人 电话 联系电话 手机 手机号 身份证号 证件号码 地址 "
    "住址 签名 录音 照片 案件编号 案号 备注 name informant phone telephone contact address "
    "signature case remark remarks notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles that would give somebody away. No message about a tip carries them."""

TOKEN = Column("receipt_token", "code", ("回执码", "回执号"), "token", max_chars=64)
AMOUNT = Column("amount", "number", ("金额", "奖励金额", "金额（元）"), "amount in yuan")
APPROVER = Column("approver", "name", ("批准人", "审批人"), "approved by whom", max_chars=64)

TIP = Importer(
    type="tip.sealed.v1",
    zh="线索",
    en="tip",
    columns=(
        TOKEN,
        Column("received_on", "date", ("收到日期", "日期"), "received"),
        Column("body", "text", ("线索内容", "内容"), "what was told", max_chars=5000),
    ),
    unique=("receipt_token",),
    dropped=NEVER_SENT,
)

ASK = Importer(
    type="tip.ask.v1",
    zh="凭码询问",
    en="tip asked about",
    columns=(TOKEN, Column("asked_on", "date", ("询问日期", "日期"), "asked")),
    dropped=NEVER_SENT,
)

PROGRESS = Importer(
    type="tip.progress.v1",
    zh="线索办理情况",
    en="how a tip stands",
    columns=(
        Column("to", "code", ("收线索单位", "单位代码"), "member id", max_chars=32),
        TOKEN,
        Column(
            "stage",
            "choice",
            ("办理阶段", "阶段"),
            "stage reached",
            choices={"已收到": "received", "received": "received", "核查中": "checking",
                     "checking": "checking", "查无实据": "unfounded", "unfounded": "unfounded",
                     "已查实": "solved", "solved": "solved", "可领奖": "reward_ready",
                     "reward_ready": "reward_ready", "已领奖": "paid", "paid": "paid"},
        ),
        Column("date", "date", ("日期", "办理日期"), "since when"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

REWARD_NOTICE = Importer(
    type="tip.reward.notice.v1",
    zh="奖励告知",
    en="reward decided",
    columns=(
        TOKEN,
        AMOUNT,
        APPROVER,
        Column("solved_on", "date", ("查实日期",), "solved"),
        Column("noticed_on", "date", ("告知日期", "告知领取日期"), "claimant told"),
    ),
    dropped=NEVER_SENT,
)

REWARD_PAY = Importer(
    type="tip.reward.pay.v1",
    zh="奖励支付",
    en="reward to be paid",
    columns=(TOKEN, AMOUNT, APPROVER),
    dropped=NEVER_SENT,
)

IMPORTERS = (TIP, ASK, PROGRESS, REWARD_NOTICE, REWARD_PAY)
"""What the hook `jdgate_importers` returns."""
