"""The files a clinic has: its attendance sheet, its list of enrolments, and its reports.

Rules
- An attendance record is a patient number, a day, a place and yes or no. Names, telephone
  numbers, doses and test results are in nearly every clinic's sheet and stay there.
- A sheet without patient numbers may have ID numbers instead; the edge swaps them for the
  clinic's own numbers before anything is sent. Of a row that has both, the ID number stays behind.
- A sheet of one place has no column for it: the caller gives `site` as a default.

    with open_file(path, ATTENDANCE, defaults={"site": "cln-01"}) as reading: ...
"""

from __future__ import annotations

from jdgate.files.importer import Column, Importer
from jdgate.files.person import ID_NO, ID_TYPE, name

PATIENT_REF = Column(
    "patient_ref",
    "ref",
    (
        "编号",
        "病历号",
        "患者编号",
        "病人编号",
        "治疗编号",
        "服药编号",
        "门诊编号",
        "门诊内部编号",
        "登记号",
        "档案号",
        "patient no",
        "patient id",
        "patient ref",
    ),
    "patient number",
    max_chars=32,
)
NAME = name("患者姓名", "病人姓名", "patient name")
SITE = Column(
    "site",
    "code",
    ("服药点", "延伸服药点", "门诊或延伸服药点", "服药地点", "服药点代码", "站点", "dosing site"),
    "site",
    max_chars=32,
)

_NEVER_SENT = (
    "电话 联系电话 联系方式 手机 手机号 手机号码 民族 性别 年龄 出生日期 出生年月 住址 地址 "
    "家庭住址 现住址 户籍 户籍地 户籍地址 籍贯 宗教 宗教信仰 文化程度 职业 婚姻状况 工作单位 "
    "家属 家属电话 剂量 服药剂量 用药剂量 用量 药量 美沙酮剂量 剂量ml 剂量mg 尿检 尿检结果 "
    "尿检日期 检测结果 吗啡 HIV 艾滋病 梅毒 丙肝 乙肝 结核 诊断 病史 吸毒史 风险等级 照片 签名 "
    "患者签名 签字 医生 护士 发药人 备注 说明 费用 缴费 phone telephone mobile ethnicity sex "
    "gender age birthday address dose dosage urine test hepatitis diagnosis signature doctor nurse "
    "remarks remark note notes fee"
)
NEVER_SENT = tuple(_NEVER_SENT.split())
"""Titles often met in a clinic's files that no message of a clinic carries."""

ATTENDANCE = Importer(
    type="mmt.attendance.v1",
    zh="服药到诊",
    en="attendance",
    columns=(
        PATIENT_REF,
        ID_NO,
        Column(
            "date",
            "date",
            ("日期", "服药日期", "到诊日期", "就诊日期", "签到日期", "day"),
            "date",
        ),
        Column(
            "attended",
            "bool",
            (
                "到诊",
                "是否到诊",
                "到诊情况",
                "是否服药",
                "服药",
                "服药情况",
                "是否到",
                "签到",
                "present",
            ),
            "attended",
        ),
        SITE,
    ),
    either=(("patient_ref", "id_no"),),
    unique=("patient_ref", "id_no", "date"),
    dropped=("姓名", "患者姓名", "病人姓名", "name", "patient name", *NEVER_SENT),
)

ENROL_FILED = Importer(
    type="mmt.enrol.filed.v1",
    zh="登记备案",
    en="enrolment filed",
    columns=(
        NAME,
        ID_TYPE,
        ID_NO,
        PATIENT_REF,
        SITE,
        Column(
            "date",
            "date",
            ("日期", "登记日期", "入组日期", "状态日期", "备案日期", "day"),
            "date",
        ),
        Column(
            "status",
            "choice",
            ("状态", "治疗状态", "在治状态", "treatment status"),
            "status",
            choices={
                "在治": "active",
                "治疗中": "active",
                "在治疗": "active",
                "active": "active",
                "转出": "transferred",
                "已转出": "transferred",
                "transferred": "transferred",
                "终止": "terminated",
                "已终止": "terminated",
                "终止治疗": "terminated",
                "terminated": "terminated",
            },
        ),
    ),
    dropped=NEVER_SENT,
    unique=("id_type", "id_no", "date"),
)
