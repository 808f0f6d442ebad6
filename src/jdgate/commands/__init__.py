"""What the running daemon answers to commands: one method each, on plain JSON values.

Reading goes to the books or the edge's database through their own thread; nothing here decides.

    control = ControlServer(home.control, handlers(running))
"""

from __future__ import annotations

from jdgate.commands.alerting import Alerting
from jdgate.commands.expecting import Expecting
from jdgate.commands.guarding import Guarding
from jdgate.commands.membering import Membering
from jdgate.commands.operating import Operating
from jdgate.commands.overseeing import Overseeing
from jdgate.commands.proving import Proving
from jdgate.commands.receiving import Receiving
from jdgate.commands.searching import Searching
from jdgate.commands.sending import Sending
from jdgate.commands.sent import Sent
from jdgate.commands.staffing import Staffing
from jdgate.commands.subjects import Subjects
from jdgate.commands.teaming import Teaming
from jdgate.commands.waiting import Waiting
from jdgate.control import Handler
from jdgate.running import Running


def handlers(running: Running) -> dict[str, Handler]:
    """Method name → handler, for the control server."""
    sending, receiving = Sending(running), Receiving(running)
    alerting, guarding = Alerting(running), Guarding(running)
    teaming, staffing = Teaming(running), Staffing(running)
    membering, waiting = Membering(running), Waiting(running)
    proving, operating = Proving(running), Operating(running)
    searching = Searching(running)
    sent, subjects = Sent(running), Subjects(running)
    expecting, overseeing = Expecting(running), Overseeing(running)
    return {
        "status": operating.status,
        "connection.show": operating.connection_show,
        "submit": sending.submit,
        "submit.once": sending.submit_once,
        "form.keep": waiting.form_keep,
        "form.count": waiting.form_count,
        "form.list": waiting.form_list,
        "form.show": waiting.form_show,
        "form.approve": waiting.form_approve,
        "form.return": waiting.form_return,
        "form.drop": waiting.form_drop,
        "check": sending.check,
        "wait": sending.wait,
        "sent.list": sent.sent_list,
        "sent.show": sent.sent_show,
        "sent.receipt": sent.sent_receipt,
        "inbox.list": receiving.inbox_list,
        "inbox.show": receiving.inbox_show,
        "inbox.follow": receiving.inbox_follow,
        "drafts.list": receiving.drafts_list,
        "drafts.show": receiving.drafts_show,
        "drafts.approve": receiving.drafts_approve,
        "drafts.reject": receiving.drafts_reject,
        "alerts.list": alerting.alerts_list,
        "alerts.waiting": alerting.alerts_waiting,
        "alerts.show": alerting.alerts_show,
        "alerts.ack": alerting.alerts_ack,
        "alerts.resolve": alerting.alerts_resolve,
        "alerts.reassign": alerting.alerts_reassign,
        "expect.list": alerting.expect_list,
        "expect.show": alerting.expect_show,
        "expect.month": expecting.expect_month,
        "expect.day": expecting.expect_day,
        "expect.late": expecting.expect_late,
        "flows.show": overseeing.flows_show,
        "charts.show": overseeing.charts_show,
        "assign.list": teaming.assign_list,
        "assign.show": teaming.assign_show,
        "assign.set": teaming.assign_set,
        "queries.list": guarding.queries_list,
        "queries.resume": guarding.queries_resume,
        "member.list": membering.member_list,
        "member.show": membering.member_show,
        "member.directory": membering.member_directory,
        "member.request": membering.member_request,
        "member.admit": membering.member_admit,
        "member.welcome": membering.member_welcome,
        "member.suspend": membering.member_suspend,
        "member.resume": membering.member_resume,
        "member.revoke": membering.member_revoke,
        "member.rekey": membering.member_rekey,
        "member.renew": membering.member_renew,
        "ledger.head": proving.ledger_head,
        "ledger.verify": proving.ledger_verify,
        "ledger.prove": proving.ledger_prove,
        "evidence.export": proving.evidence_export,
        "messages.search": searching.messages_search,
        "messages.person": searching.messages_person,
        "messages.show": searching.messages_show,
        "messages.verify": searching.messages_verify,
        "ledger.checkpoint": searching.ledger_checkpoint,
        "ledger.entry": searching.ledger_entry,
        "ledger.witnesses": searching.ledger_witnesses,
        "dead.list": operating.dead_list,
        "dead.show": operating.dead_show,
        "dead.retry": operating.dead_retry,
        **staffing.handlers(),
        "plugin.list": operating.plugin_list,
        "subject.ask": subjects.subject_ask,
        "subject.decide": subjects.subject_decide,
        "subject.list": subjects.subject_list,
        "subject.show": subjects.subject_show,
        "subject.report": subjects.subject_report,
    }
