"""Mail over SMTP: an alert waits at your desk, please sign in.

- The mail names neither the alert's rule nor what it says. Its Message-ID comes from the notice, so
  one that was sent twice after a crash is the same mail to who looks.
- STARTTLS or TLS with the server's certificate checked; without either only to this machine.
- `smtplib` blocks, so it runs on a thread; a server that hangs is given up after 20 seconds.

    await Mail(settings).notify(notice)
"""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime

from jdgate.core.calendar import LOCAL
from jdgate.plugins import Health, Notice, Refused, TransportFailed
from jdgate.texts import Lang, say

from .settings import MailSettings

TIMEOUT_S = 20.0


class Mail:
    """A channel that sends mail."""

    name = "notify.mail"

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    async def notify(self, notice: Notice) -> None:
        """Hand the mail over to the server.

        Raises:
            Refused: `notify.no_address`, `notify.mail_refused`.
            TransportFailed: `notify.mail_unavailable`, `notify.mail_login`.
        """
        to = self._settings.to.get(notice.member)
        if not to:
            raise Refused("notify.no_address", member=notice.member)
        mail = written(notice, self._settings, to)
        await asyncio.to_thread(self._hand_over, mail)

    async def check(self) -> Health:
        """Whether the server answers and lets us in."""
        try:
            await asyncio.to_thread(self._greet)
        except TransportFailed as reason:
            return Health(ok=False, code=reason.code, params=reason.params)
        return Health(ok=True)

    def _hand_over(self, mail: EmailMessage) -> None:
        with self._server() as server:
            server.send_message(mail)

    def _greet(self) -> None:
        with self._server() as server:
            server.noop()

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """A session with the server. What goes wrong is told by kind, without the server's words:
        they may repeat an address."""
        chosen = self._settings
        try:
            with self._connected() as server:
                if chosen.user:
                    server.login(chosen.user, chosen.password)
                yield server
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(500 <= code < 600 for code in codes):
                raise Refused("notify.mail_refused", host=chosen.host) from None
            raise self._unavailable(error) from None
        except smtplib.SMTPAuthenticationError:
            raise TransportFailed("notify.mail_login", host=chosen.host) from None
        except (smtplib.SMTPException, ssl.SSLError, OSError, UnicodeError) as error:
            raise self._unavailable(error) from None

    def _connected(self) -> smtplib.SMTP:
        chosen = self._settings
        if chosen.security == "tls":
            return smtplib.SMTP_SSL(chosen.host, chosen.port, timeout=TIMEOUT_S, context=chosen.tls)
        server = smtplib.SMTP(chosen.host, chosen.port, timeout=TIMEOUT_S)
        if chosen.security == "starttls":
            try:
                server.starttls(context=chosen.tls)
            except BaseException:
                server.close()
                raise
        return server

    def _unavailable(self, error: Exception) -> TransportFailed:
        return TransportFailed(
            "notify.mail_unavailable", host=self._settings.host, error=type(error).__name__
        )


def written(notice: Notice, settings: MailSettings, to: tuple[str, ...]) -> EmailMessage:
    """The mail."""
    lang: Lang = "zh" if settings.lang == "zh" else "en"
    urgent = "notify.subject_urgent" if notice.urgent else "notify.subject"
    mail = EmailMessage()
    mail["From"] = settings.sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = say(urgent, lang)
    mail["Date"] = format_datetime(notice.at.astimezone(LOCAL))
    digest = hashlib.sha256(f"{notice.id}\n{notice.member}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{settings.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if notice.urgent:
        mail["Importance"] = "high"
    mail.set_content(say("notify.body", lang, member=notice.member, waiting=notice.waiting))
    return mail
