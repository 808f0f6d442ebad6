"""Running the daemon in the foreground: its folder's lock, signals, the story of a demo.

Ctrl-C and SIGTERM stop it in order; SIGHUP has it look at the directory again.

    code = run(home, config, lang="zh")
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from jdgate.config import Config, Home
from jdgate.core.rules import place_of
from jdgate.daemon import Daemon
from jdgate.ending import end
from jdgate.errors import JdgateError, Misuse, UsageError
from jdgate.plainlog import PlainFormatter, broke, on_loop
from jdgate.teller import Teller
from jdgate.texts import Lang, say

log = logging.getLogger(__name__)

_LOOKED_AT_S = 0.3


@contextlib.contextmanager
def folder_lock(home: Home) -> Iterator[None]:
    """Hold the folder: one daemon at a time.

    Raises:
        UsageError: `daemon.running`.
    """
    home.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # a command that looks whether a daemon runs holds it for an instant
        until = time.monotonic() + _LOOKED_AT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise UsageError("daemon.running", dir=str(home.root)) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def run(
    home: Home,
    config: Config,
    *,
    demo: bool = False,
    nats_url: str | None = None,
    plugins_dir: Path | None = None,
    lang: Lang = "zh",
) -> int:
    """Run until told to stop; the exit code of the command.

    Raises:
        JdgateError: what `Daemon.start` raises; `daemon.broke` for anything else, which is in the
            log without the values it may quote.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = os.environ.get("JDGATE_LOG", "WARNING").upper()
    logging.basicConfig(level=level, handlers=[handler])
    with folder_lock(home):
        try:
            return uvloop.run(_serve(home, config, demo, nats_url, plugins_dir, lang))
        except (JdgateError, OSError):
            raise
        except Exception as error:
            broke(log, "the daemon failed", error=error)
            raise Misuse("daemon.broke", place=place_of(error)) from None


async def _reload(daemon: Daemon) -> None:
    """SIGHUP: the authority has put a newer directory in place."""
    try:
        if not await daemon.reload():
            daemon.teller.say("daemon.nothing_newer", version=daemon.trust.directory.version)
    except (JdgateError, OSError) as reason:
        log.warning("%s", reason)
        text = reason.text(daemon.teller.lang) if isinstance(reason, JdgateError) else str(reason)
        daemon.teller.say("daemon.not_reloaded", reason=text)


def _tell_operators(daemon: Daemon) -> None:
    """Who may sign in to the demo county's console."""
    from jdgate.demo import staff

    if password := staff.password(daemon.home):
        lang = daemon.teller.lang
        logins = ", ".join(
            f"{login} ({say(f'role.{role}', lang)}, {member})"
            for login, _, member, role in staff.OPERATORS
        )
        daemon.teller.say("daemon.demo_operators", password=password, logins=logins)


async def _serve(
    home: Home,
    config: Config,
    demo: bool,
    nats_url: str | None,
    plugins_dir: Path | None,
    lang: Lang,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(on_loop)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    teller = Teller(lang)
    daemon = Daemon(home, config, teller=teller, nats_url=nats_url, plugins_dir=plugins_dir)
    if home.control.exists():  # an orderly stop takes it away
        teller.say("daemon.takes_up")
    await daemon.start()
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(_reload(daemon)))
    story: asyncio.Task[None] | None = None
    try:
        teller.learn(daemon.catalogue, daemon.trust)
        bus = daemon.nats_url
        teller.say(
            "daemon.up", county=config.county.name, bus=bus, members=len(daemon.trust.members)
        )
        if daemon.web_url is not None:
            teller.say("daemon.web", url=daemon.web_url)
            if demo:
                _tell_operators(daemon)
        if daemon.edge is not None and (absent := daemon.absent):
            members = len(daemon.edge.desks) + len(absent)
            shown = ", ".join(absent[:6]) + (" …" if len(absent) > 6 else "")
            teller.say("daemon.hosts", hosts=len(daemon.edge.desks), members=members, absent=shown)
        if demo:
            from jdgate.demo.story import tell

            story = asyncio.create_task(tell(daemon))
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await stop.wait()
            teller.flush()
            if daemon.failed is not None:
                raise daemon.failed
            if story is not None and story.done():
                story.result()
                story = None
        teller.say("daemon.stopping")
    finally:
        await end(story)
        await daemon.stop()
        teller.flush()
    print(say("daemon.stopped", lang), flush=True)
    return 0
