"""Fields that may never be exchanged (domain reference §6), recognised by name.

Rules:
- a forbidden field is refused when a schema declares it, in any language and spelling: whole
  words in `snake_case`, `kebab-case` and `camelCase` names, stems of long words anywhere, and
  Chinese words anywhere in a name or title;
- data about minors needs a guardian's consent field in the same type (个保法 31);
- a match errs on the safe side: whoever needs an innocent field finds another name for it.

    forbidden_field("hiv_status")      # "health"
    forbidden_field("民族")            # "ethnicity"
    forbidden_field("archive_no")      # None
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORDS: dict[str, str] = {
    "ethnicity": "ethnic ethnicity race racial minzu nation nationality",
    "religion": "religion religious faith creed zongjiao",
    "origin": "jiguan birthplace hometown",
    "health": "hiv aids hepatitis hbv hcv hbsag tb tuberculosis syphilis psychiatric psychosis "
    "schizophrenia mental diagnosis",
    "dose": "dose doses dosage mg ml",
    "urine": "urine urinalysis niaojian",
    "family": "family spouse husband wife parent parents father mother sibling siblings relative "
    "relatives kin",
    "risk": "risk",
    "location": "gps trajectory track tracks latitude longitude lat lng lon geolocation "
    "coordinates",
    "biometric": "face faces facial portrait selfie biometric biometrics fingerprint fingerprints "
    "iris voiceprint dna",
    "informant": "informant informer whistleblower tipster",
    "case": "intelligence",
    "mail": "consignee consignor addressee",
    "ranking": "ranking ranked blacklist",
    "secret": "classified",
}
_PHRASES: dict[str, str] = {
    "origin": "native_place birth_place ancestral_home",
    "urine": "test_value test_values",
    "family": "next_of_kin",
    "location": "location_history",
    "informant": "reporter_name reporter_id reporter_phone",
    "case": "case_detail case_details case_facts",
    "mail": "sender_name sender_id sender_phone sender_address recipient_name recipient_id "
    "recipient_phone recipient_address receiver_name receiver_id",
    "sealed": "penalty_record penalty_records criminal_record criminal_records police_record",
    "ranking": "credit_score credit_punishment benefit_stop",
    "secret": "state_secret work_secret",
}
_STEMS: dict[str, str] = {
    "ethnicity": "ethnic",
    "religion": "religio",
    "health": "hepatit tubercul psychiat schizophr",
    "dose": "dosage",
    "urine": "urinaly",
    "location": "trajector geolocat",
    "biometric": "biometr fingerprint",
    "informant": "whistleblow",
}
_CHINESE: dict[str, str] = {
    "ethnicity": "民族 族别",
    "religion": "宗教 信仰",
    "origin": "籍贯 祖籍 原籍",
    "health": "艾滋 肝炎 乙肝 丙肝 结核 梅毒 精神病 精神诊断 精神障碍 诊断",
    "dose": "剂量 用药量 服药量",
    "urine": "尿检值 尿检结果 尿样 尿液 检测值",
    "family": "家属 家庭成员 配偶 父母 父亲 母亲 丈夫 妻子 亲属",
    "risk": "风险等级 风险分级 风险评估 风险级别",
    "location": "轨迹 定位 经纬度 经度 纬度",
    "biometric": "人脸 面部 指纹 虹膜 声纹 基因",
    "informant": "举报人 线人 耳目",
    "case": "案情 情报",
    "mail": "寄件人 收件人",
    "sealed": "处罚记录 前科 违法记录",
    "ranking": "排名 失信 信用惩戒 黑名单 停发",
    "secret": "国家秘密 工作秘密 涉密",
}
_MINOR = frozenset(("minor", "minors", "child", "children", "juvenile", "pupil"))
_MINOR_CHINESE = ("未成年", "儿童", "少年", "子女", "孩子")

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_word = {word: reason for reason, words in _WORDS.items() for word in words.split()}
_phrase = {phrase: reason for reason, phrases in _PHRASES.items() for phrase in phrases.split()}
_stem = {stem: reason for reason, stems in _STEMS.items() for stem in stems.split()}
_chinese = {word: reason for reason, words in _CHINESE.items() for word in words.split()}

REASONS: tuple[str, ...] = tuple(dict.fromkeys((*_WORDS, *_PHRASES, *_CHINESE)))
"""Why a field can be forbidden; each has a text `catalogue.forbidden.<reason>`."""


def _words(name: str) -> Iterator[str]:
    return (part.lower() for part in _PARTS.findall(name))


def forbidden_word(name: str) -> tuple[str, str] | None:
    """(the word of our lists that was met, the reason), or None."""
    for word, reason in _chinese.items():
        if word in name:
            return word, reason
    words = list(_words(name))
    for word in words:
        if word in _word:
            return word, _word[word]
    joined = f"_{'_'.join(words)}_"
    for phrase, reason in _phrase.items():
        if f"_{phrase}_" in joined:
            return phrase, reason
    run = "".join(words)
    for stem, reason in _stem.items():
        if stem in run:
            return stem, reason
    return None


def forbidden_field(name: str) -> str | None:
    """The reason why a field of this name or title may not exist, or None."""
    found = forbidden_word(name)
    return found[1] if found else None


def is_minor_field(name: str) -> bool:
    """Whether a field of this name or title speaks of a minor."""
    return any(word in name for word in _MINOR_CHINESE) or not _MINOR.isdisjoint(_words(name))
