"""What the running daemon answers to commands: one method each, on plain JSON values.

Reading goes to the books or the edge's database through their own thread; nothing here decides.

    control = ControlServer(home.control, handlers(running))
"""

from __future__ import annotations

from jdgate.commands.alerting import Alerting
from jdgate.commands.guarding import Guarding
from jdgate.commands.operating import Operating
from jdgate.commands.proving import Proving
from jdgate.commands.receiving import Receiving
from jdgate.commands.sending import Sending
from jdgate.commands.staffing import Staffing
from jdgate.commands.teaming import Teaming
from jdgate.control import Handler
from jdgate.running import Running


def handlers(running: Running) -> dict[str, Handler]:
    """Method name → handler, for the control server."""
    sending, receiving = Sending(running), Receiving(running)
    alerting, guarding = Alerting(running), Guarding(running)
    teaming, staffing = Teaming(running), Staffing(running)
    proving, operating = Proving(running), Operating(running)
    return {
        "status": operating.status,
        "submit": sending.submit,
        "check": sending.check,
        "wait": sending.wait,
        "inbox.list": receiving.inbox_list,
        "inbox.show": receiving.inbox_show,
        "inbox.follow": receiving.inbox_follow,
        "drafts.list": receiving.drafts_list,
        "drafts.show": receiving.drafts_show,
        "drafts.approve": receiving.drafts_approve,
        "drafts.reject": receiving.drafts_reject,
        "alerts.list": alerting.alerts_list,
        "alerts.show": alerting.alerts_show,
        "alerts.ack": alerting.alerts_ack,
        "alerts.resolve": alerting.alerts_resolve,
        "alerts.reassign": alerting.alerts_reassign,
        "expect.list": alerting.expect_list,
        "expect.show": alerting.expect_show,
        "assign.list": teaming.assign_list,
        "assign.show": teaming.assign_show,
        "assign.set": teaming.assign_set,
        "queries.list": guarding.queries_list,
        "queries.resume": guarding.queries_resume,
        "member.list": operating.member_list,
        "member.show": operating.member_show,
        "ledger.head": proving.ledger_head,
        "ledger.verify": proving.ledger_verify,
        "ledger.prove": proving.ledger_prove,
        "evidence.export": proving.evidence_export,
        "dead.list": operating.dead_list,
        "dead.show": operating.dead_show,
        "dead.retry": operating.dead_retry,
        "operator.add": staffing.operator_add,
        "operator.reset": staffing.operator_reset,
        "operator.disable": staffing.operator_disable,
        "operator.list": staffing.operator_list,
        "token.add": staffing.token_add,
        "token.list": staffing.token_list,
        "token.revoke": staffing.token_revoke,
        "plugin.list": operating.plugin_list,
    }
