"""The files of enterprises and permit offices: sales, annual reports, losses, permit changes.

Rules
- A private buyer is told as such; names, ID numbers and telephones stay behind.
- Moments are read as text; `jdgate_precursor.rows` makes them moments.
- A substance may stand there by name: it is looked up in the catalogue.

    with open_file(path, SALE_FILED) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer

_NEVER_SENT = (
    "姓名 购买人 经办人 联系人 身份证号 证件号码 电话 联系电话 手机 手机号 地址 企业名称 单位名称 "
    "备注 name phone telephone address contact remarks remark note notes"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in these files that no message of precursors carries."""

_USCC = ("统一社会信用代码", "社会信用代码", "信用代码", "企业代码", "uscc code")
_UNITS = {"千克": "kg", "公斤": "kg", "kg": "kg", "升": "L", "公升": "L", "L": "L"}

CAS = Column("cas", "text", ("CAS号", "CAS", "物质", "品名", "品种", "化学品名称"), "substance",
             max_chars=64)  # fmt: skip
UNIT = Column("unit", "choice", ("单位", "计量单位"), "unit of quantity", choices=_UNITS)
COMPANY = Column("uscc", "code", _USCC, "company", max_chars=18)


def _quantity(field: str, titles: tuple[str, ...], en: str) -> Column:
    return Column(field, "number", titles, en)


SALE_FILED = Importer(
    type="precursor.sale.filed.v1",
    zh="销售备案",
    en="sale filed",
    columns=(
        Column("seller", "code", ("销售单位", "销售方", *_USCC), "seller", max_chars=18),
        Column(
            "buyer_kind",
            "choice",
            ("买方种类", "购买方类型", "买方类型"),
            "kind of buyer",
            default="unit",
            choices={"单位": "unit", "企业": "unit", "unit": "unit", "个人": "person",
                     "person": "person"},
        ),
        Column("buyer", "code", ("购买单位", "购买方", "买方", "购买方信用代码"), "buyer",
               required=False, max_chars=18),
        CAS,
        _quantity("qty", ("数量", "销售数量"), "quantity"),
        UNIT,
        Column("date", "date", ("销售日期", "日期"), "sold on"),
        Column(
            "payment",
            "choice",
            ("付款方式", "支付方式", "结算方式"),
            "payment",
            choices={"转账": "transfer", "银行转账": "transfer", "对公转账": "transfer",
                     "transfer": "transfer", "其他": "other", "承兑": "other", "other": "other",
                     "现金": "cash", "cash": "cash"},
        ),
        Column("permit_no", "text", ("购买许可证号", "备案证明号", "许可证或备案证明编号"),
               "permit number", required=False, max_chars=64),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

ANNUAL_REPORT = Importer(
    type="precursor.annual.report.v1",
    zh="易制毒年报",
    en="annual report",
    columns=(
        COMPANY,
        Column("year", "whole", ("年度", "年份"), "calendar year", units=("年", "年度")),
        CAS,
        UNIT,
        _quantity("in", ("购进数量", "生产数量", "购进"), "came in"),
        _quantity("out", ("使用数量", "销售数量", "使用", "销售"), "went out"),
        _quantity("stock", ("年末库存", "库存", "期末库存"), "in stock"),
        Column(
            "authority",
            "choice",
            ("许可或者备案部门", "备案部门", "许可部门"),
            "permit authority",
            choices={"应急管理": "EMA", "应急": "EMA", "EMA": "EMA", "药监": "MPA",
                     "药品监督管理": "MPA", "MPA": "MPA", "公安": "POL", "POL": "POL"},
        ),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

LOSS_REPORT = Importer(
    type="precursor.loss.report.v1",
    zh="丢失被盗被抢报告",
    en="loss or theft reported",
    columns=(
        COMPANY,
        CAS,
        _quantity("qty", ("数量", "丢失数量"), "quantity"),
        UNIT,
        Column("found_at", "text", ("发现时间", "时间"), "found at", max_chars=32),
        Column(
            "kind",
            "choice",
            ("情形", "类型"),
            "kind of loss",
            choices={"丢失": "lost", "lost": "lost", "被盗": "stolen", "stolen": "stolen",
                     "被抢": "robbed", "robbed": "robbed"},
        ),
        Column("desc", "text", ("经过说明", "情况说明"), "what happened", required=False,
               max_chars=300),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

PERMIT_CHANGE = Importer(
    type="precursor.permit.change.v1",
    zh="许可变动",
    en="permit changed",
    columns=(
        COMPANY,
        Column("permit_no", "text", ("许可证号", "备案证明号", "许可证或备案证明编号", "编号"),
               "permit number", max_chars=64),
        Column(
            "action",
            "choice",
            ("变动", "变动类型", "动作"),
            "action taken",
            choices={"核发": "issued", "issued": "issued", "变更": "changed", "changed": "changed",
                     "吊销": "revoked", "revoked": "revoked", "注销": "cancelled",
                     "cancelled": "cancelled"},
        ),
        Column("valid_to", "date", ("有效期至", "有效期"), "valid until", required=False),
        Column("date", "date", ("变动日期", "日期"), "changed on"),
    ),
    dropped=NEVER_SENT,
)  # fmt: skip

IMPORTERS = (SALE_FILED, ANNUAL_REPORT, LOSS_REPORT, PERMIT_CHANGE)
"""What the hook `jdgate_importers` returns."""
