"""The files of courier companies: their statistics and their reports of suspect items.

Rules
- Nothing of a customer is read: names, addresses, telephone and ID numbers stay behind.
- Rates in a file are not believed: `jdgate_courier.rows` computes them from the counts.
- Moments are read as text and made moments before they are sent.

    with open_file(path, STAT) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer

OUTLET = Column(
    "outlet",
    "code",
    ("网点编号", "网点", "网点代码", "营业网点", "门店编号", "outlet code"),
    "outlet",
    max_chars=32,
)

_NEVER_SENT = (
    "寄件人 寄件人姓名 收件人 收件人姓名 姓名 电话 联系电话 手机 手机号 寄件人电话 收件人电话 "
    "地址 寄件人地址 收件人地址 身份证号 证件号码 证件类型 面单照片 备注 name phone telephone "
    "address sender receiver remarks remark note notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles of what a courier company may not volunteer (邮政法 35, 36; 快递暂行条例 35)."""


def _count(field: str, titles: tuple[str, ...], en: str) -> Column:
    return Column(field, "whole", titles, en, units=("件",))


def _rate(field: str, title: str, en: str) -> Column:
    return Column(field, "number", (title,), en, required=False, units=("%",))


STAT = Importer(
    type="courier.stat.v1",
    zh="三个100%统计",
    en="three 100% statistics",
    columns=(
        OUTLET,
        Column(
            "period_from",
            "date",
            ("期间自", "开始日期", "起始日期", "统计开始", "from"),
            "period from",
        ),
        Column(
            "period_to", "date", ("期间至", "结束日期", "截止日期", "统计截止", "to"), "period to"
        ),
        _count("n", ("收寄件数", "收寄总数", "收寄量", "总件数", "件数"), "parcels taken in"),
        _count("realname_n", ("实名件数", "实名收寄数", "实名数"), "with real name"),
        _count("inspect_n", ("验视件数", "收寄验视数", "验视数"), "inspected"),
        _count("xray_n", ("过机安检件数", "安检件数", "过机数", "安检数"), "x-rayed"),
        _rate("realname_rate", "实名率", "real-name rate"),
        _rate("inspect_rate", "验视率", "inspection rate"),
        _rate("xray_rate", "安检率", "x-ray rate"),
    ),
    dropped=NEVER_SENT,
)

SUSPECT = Importer(
    type="courier.suspect.report.v1",
    zh="疑似禁寄物品报告",
    en="suspect item reported",
    columns=(
        Column("waybill_no", "ref", ("运单号", "单号", "快递单号", "面单号"), "waybill number",
               max_chars=32),
        OUTLET,
        Column("found_at", "text", ("发现时间", "发现日期时间", "时间"), "found at", max_chars=32),
        Column(
            "stage",
            "choice",
            ("环节", "发现环节"),
            "stage",
            choices={
                "收寄": "collection",
                "collection": "collection",
                "分拣": "sorting",
                "sorting": "sorting",
                "运输": "transport",
                "transport": "transport",
                "投递": "delivery",
                "派送": "delivery",
                "delivery": "delivery",
            },
        ),
        Column("desc", "text", ("物品说明", "情况说明", "描述"), "description", max_chars=300),
        Column("isolated", "bool", ("已隔离保管", "是否隔离", "已隔离"), "set aside"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

IMPORTERS = (STAT, SUSPECT)
"""What the hook `jdgate_importers` returns."""
