"""What the files that are imported into each table look like: their columns and titles."""

from __future__ import annotations

from collections.abc import Mapping

from jdgate.files import Column, Importer
from jdgate.refdata.version import TableName

_YEARS = (1949, 2999)
_WORKED = {
    "是": "yes", "工作": "yes", "工作日": "yes", "上班": "yes", "班": "yes", "working": "yes",
    "yes": "yes", "y": "yes", "true": "yes", "1": "yes",
    "否": "no", "休息": "no", "休息日": "no", "放假": "no", "休": "no", "holiday": "no",
    "off": "no", "no": "no", "n": "no", "false": "no", "0": "no",
}  # fmt: skip
_CATEGORIES = {
    **{word: "1" for word in ("1", "第一类", "一类", "类1", "一", "I")},
    **{word: "2" for word in ("2", "第二类", "二类", "类2", "二", "II")},
    **{word: "3" for word in ("3", "第三类", "三类", "类3", "三", "III")},
}
_EFFECTS = {
    "注销": "cancel",
    "cancel": "cancel",
    "不得申请": "no_application",
    "no_application": "no_application",
    "不得申请大型客车等": "no_large_vehicle",
    "no_large_vehicle": "no_large_vehicle",
    "本人申请注销": "own_application",
    "own_application": "own_application",
    "不得驾驶校车": "no_school_bus",
    "no_school_bus": "no_school_bus",
}
_CODE = Column(
    "code",
    "ref",
    ("代码", "区划代码", "行政区划代码", "统计用区划代码", "编码", "code"),
    "code",
    max_chars=32,
)
_UNTIL = Column(
    "until", "date", ("停止日期", "解除列管日期", "废止日期", "until"), "until", required=False,
    years=_YEARS,
)  # fmt: skip

IMPORTERS: Mapping[TableName, Importer] = {
    "divisions": Importer(
        type="refdata.divisions",
        zh="区划代码表",
        en="division codes",
        columns=(
            _CODE,
            Column(
                "name", "name", ("名称", "区划名称", "单位名称", "地名", "name"), "name",
                max_chars=60,
            ),
        ),
        dropped=("城乡分类代码", "级别", "上级代码", "备注"),
    ),
    "working-days": Importer(
        type="refdata.working-days",
        zh="工作日调整",
        en="working-day overrides",
        columns=(
            Column("date", "date", ("日期", "date"), "date", years=_YEARS),
            Column(
                "working", "choice", ("是否工作日", "工作日", "是否上班", "working"), "working",
                choices=_WORKED,
            ),
            Column(
                "note", "text", ("说明", "依据", "来源", "备注", "note", "source"), "note",
                required=False, max_chars=200,
            ),
        ),
        dropped=("星期",),
    ),
    "precursors": Importer(
        type="refdata.precursors",
        zh="易制毒化学品目录",
        en="precursor catalogue",
        columns=(
            Column("category", "choice", ("类别", "分类", "category"), "category",
                   choices=_CATEGORIES),
            Column("name", "name", ("名称", "品种", "中文名", "name"), "name", max_chars=120),
            Column("cas", "text", ("CAS号", "CAS", "CAS登记号"), "CAS", required=False),
            Column("en", "text", ("英文名", "english name"), "English name", required=False,
                   max_chars=120),
            Column("aliases", "text", ("别名", "aliases"), "aliases", required=False),
            Column("pharmaceutical", "bool", ("药品类", "是否药品类", "pharmaceutical"),
                   "pharmaceutical", required=False),
            Column("listed", "date", ("列管日期", "列入日期", "实施日期", "listed"), "listed",
                   required=False, years=_YEARS),
            _UNTIL,
            Column("id", "code", ("编号", "id"), "id", required=False, max_chars=32),
        ),
    ),
    "grounds": Importer(
        type="refdata.grounds",
        zh="驾驶证处理依据",
        en="licence grounds",
        columns=(
            Column("code", "code", ("依据代码", "代码", "code"), "code", max_chars=40),
            Column("zh", "text", ("中文", "内容", "依据内容", "zh"), "zh"),
            Column("en", "text", ("英文", "en"), "en"),
            Column("law", "text", ("法律", "法律法规", "规定", "law"), "law"),
            Column("article", "code", ("条款", "条", "article"), "article", max_chars=40),
            Column("effect", "choice", ("处理", "后果", "effect"), "effect", choices=_EFFECTS),
            Column("listed", "date", ("施行日期", "实施日期", "from"), "from", required=False,
                   years=_YEARS),
            _UNTIL,
            Column("days", "code", ("期限天数", "期限", "days"), "days", required=False,
                   max_chars=4),
        ),
    ),
}  # fmt: skip
