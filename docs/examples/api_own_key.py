"""A member with its own key: signs here, opens here; the gateway's machine has no key of it.

URL=… TOKEN=… python api_own_key.py com-01.key authority.pub
"""

import os
import sys

from jdgate.client import OwnKey, read_authority, read_keys

RECORD = {
    "name": "示例己", "id_type": "ric", "id_no": "999999198806102044",
    "doc_no": "示社戒〔2026〕1号", "date": "2026-11-20", "agreement_no": "示戒〔2026〕001号",
}  # fmt: skip

keys, authority = read_keys(sys.argv[1]), read_authority(sys.argv[2])
with OwnKey(os.environ["URL"], os.environ["TOKEN"], keys, authority) as me:
    message = me.sign("comm.checkin.done.v1", [RECORD], purpose="comm.execution")
    judged = me.hand_in(message)  # the same bytes again, should the answer get lost
    assert judged.said is not None
    print("signed by", keys.signer.kid, "and", judged.said.verdict)

    for one in me.mailbox():
        print("opened:", one.type, len(one.records))
        me.acknowledge(one)
