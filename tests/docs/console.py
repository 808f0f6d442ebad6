"""Runs the `console` blocks of a document in order, as a reader would, and compares the output.

The convention, for whoever writes documents:

- a line that begins with `$ ` is a command (`\\` at its end continues it), the lines below it are
  what it prints; a command with no lines below may print anything;
- a comment `# exit 3` at the end of a command is the exit code expected; without it, 0;
- `…` stands for any text within a line, and on a line of its own for any number of lines;
- moments (`2026-11-21 08:00:00`, `08:00:00`, `2026-11-21T08:00:00.000Z`) and local addresses
  (`nats://127.0.0.1:4222`) match any of their kind; runs of spaces and of `─` match each other;
- an id (UUID) or a fingerprint (eight groups of five digits) matches any the first time and the
  same one from then on, so a command may use one that an output above has shown;
- a command that only looks (`inbox`, `drafts`, `evidence export` …) is asked again for some seconds
  while its answer is not yet the expected one, as a reader would;
- port 24222, which documents give to a county that others reach, is a free one in the commands;
- what a command exports (`export URL=…`) is there for those below it;
- `jdgate run` and `make run` are started, must print the lines below them, and keep running until
  the next one in the same folder, or the end of the document.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.kit import kept_port

REPOSITORY = Path(__file__).parents[2]
START_WITHIN = 120.0
"""Seconds that a daemon may take to print what is promised."""
ONE_COMMAND = 180.0

_FENCE = re.compile(r"^```console *\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)\s*$")
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|\b[0-9]{5}(?: [0-9]{5}){7}\b"
)
_LOOKS = re.compile(
    r"jdgate (inbox|drafts( list| show)?( |$)|status|ledger|evidence export|dead list|member)"
    r"|curl (?!.*(-X|-d|--data))"
)
_EXPORT = re.compile(r"export (\w+)=")
_PATIENCE = 60.0
_PORT = re.compile(r"(port = |127\.0\.0\.1:)24222\b")
_DAEMON = re.compile(r"(make|jdgate( --lang \w+)?) run\b")
_KINDS = (
    (f"(?:{_UUID.pattern})", None),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    (r"\b\d\d:\d\d:\d\d\b", r"\d\d:\d\d:\d\d"),
    (r"127\.0\.0\.1:\d+", r"127\.0\.0\.1:\d+"),
    ("…", ".*?"),
)
_TOKEN = re.compile("|".join(f"({pattern})" for pattern, _ in _KINDS))


@dataclass
class Step:
    """One command of a document and what it is to print."""

    command: str
    expected: list[str]
    exit_code: int = 0


def steps(document: Path) -> Iterator[Step]:
    """The commands of a document, in order."""
    for block in _FENCE.findall(document.read_text(encoding="utf-8")):
        step: Step | None = None
        lines = iter(block.splitlines())
        for line in lines:
            if not line.startswith("$ "):
                assert step is not None, f"{document.name}: output before any command: {line}"
                step.expected.append(line)
                continue
            if step is not None:
                yield step
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).strip()
            code = _EXIT.search(command)
            step = Step(_EXIT.sub("", command), [], int(code[1]) if code else 0)
        if step is not None:
            yield step


@dataclass
class Reader:
    """Follows one document in a folder of its own."""

    folder: Path
    lang: str
    ids: dict[str, str] = field(default_factory=dict)
    daemons: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cwd = self.folder
        self._env = {
            **{name: value for name, value in os.environ.items() if name != "JDGATE_LOG"},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "JDGATE_LANG": self.lang,
            "PYTHONWARNINGS": "default",
        }

    def follow(self, document: Path) -> int:
        """Carry out every step; how many there were."""
        done = 0
        with kept_port() as port:
            try:
                for step in steps(document):
                    command = self._with_ids(_PORT.sub(rf"\g<1>{port}", step.command))
                    if _DAEMON.match(command):
                        self._start(command, step.expected)
                    else:
                        self._run(command, step)
                    done += 1
            finally:
                self.stop()
        return done

    def stop(self) -> None:
        """End the daemons of the document, as Ctrl-C does, the last started first."""
        for folder in reversed([*self.daemons]):
            self._stop_in(folder)

    def _stop_in(self, folder: Path) -> None:
        daemon = self.daemons.pop(folder, None)
        if daemon is not None and daemon.poll() is None:
            daemon.terminate()
            daemon.wait(120)

    def _with_ids(self, command: str) -> str:
        def known(match: re.Match[str]) -> str:
            assert match[0] in self.ids, f"no output has shown the id in: {command}"
            return self.ids[match[0]]

        return _UUID.sub(known, command)

    def _run(self, command: str, step: Step) -> None:
        until = time.monotonic() + (_PATIENCE if _LOOKS.match(command) else 0)
        while True:
            code, said = self._once(command)
            if code == step.exit_code and (not step.expected or self._fits(step.expected, said)):
                return
            assert time.monotonic() < until, (
                f"$ {command}\nprinted (exit {code}):\n{said}\n"
                f"and the document says (exit {step.exit_code}):\n" + "\n".join(step.expected)
            )
            time.sleep(0.3)

    def _once(self, command: str) -> tuple[int, str]:
        there, kept = self.folder.parent / "cwd", self.folder.parent / "exports"
        script = f'[ -f "{kept}" ] && . "{kept}"\n{command}\ncode=$?; pwd > "{there}"'
        if exported := _EXPORT.match(command):
            script += f'; declare -p {exported[1]} >> "{kept}"'
        script += "; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ONE_COMMAND,
            check=False,
        )
        if there.exists():
            self._cwd = Path(there.read_text().rstrip("\n"))
        return done.returncode, done.stdout.decode()

    def _start(self, command: str, expected: list[str]) -> None:
        self._stop_in(self._cwd)
        if command.startswith("make "):
            command = recipe(command.split()[1])
        path = self.folder.parent / f"daemon-{len(self.daemons)}.log"
        with path.open("wb") as log:
            daemon = self.daemons[self._cwd] = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self._cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + START_WITHIN
        # what it prints later is not the reader's concern yet; nor what it had to send first
        wanted = ["…", *expected, "…"] if expected else ["…"]
        while not (said := path.read_text("utf-8", "replace")) or not self._fits(wanted, said):
            ended = daemon.poll() is not None
            assert not ended and time.monotonic() < until, (
                f"$ {command}\nprinted:\n{said}\nand the document says:\n" + "\n".join(expected)
            )
            time.sleep(0.2)

    def _fits(self, expected: list[str], said: str) -> bool:
        """Whether the lines fit, as a glob of lines does: each part as early as it can."""
        wanted = [_even(line) for line in expected if line.strip()]
        lines = [_even(line) for line in said.splitlines() if line.strip()]
        parts: list[list[str]] = [[]]
        for line in wanted:
            if line == "…":
                parts.append([])
            else:
                parts[-1].append(line)
        ids = dict(self.ids)
        at = 0
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            if number == 0:
                places = [0]
            elif last:
                places = [len(lines) - len(part)] if part else [at]
            else:
                places = list(range(at, len(lines) - len(part) + 1))
            for place in places:
                found = self._same(part, lines[place : place + len(part)], ids)
                if place >= at and found is not None:
                    ids, at = found, place + len(part)
                    break
            else:
                return False
        if len(parts) == 1 and at != len(lines):
            return False
        self.ids = ids
        return True

    def _same(
        self, part: list[str], lines: list[str], ids: dict[str, str]
    ) -> dict[str, str] | None:
        """The ids known after these lines fit; None when they don't."""
        if len(part) != len(lines):
            return None
        known = dict(ids)
        for wanted, line in zip(part, lines, strict=True):
            new: dict[str, str] = {}
            match = re.fullmatch(self._line(wanted, known, new), line)
            if match is None:
                return None
            known.update({uuid: match[name] for uuid, name in new.items()})
        return known

    def _line(self, line: str, ids: dict[str, str], new: dict[str, str]) -> str:
        found, at = [], 0
        for token in _TOKEN.finditer(line):
            found.append(re.escape(line[at : token.start()]))
            at = token.end()
            assert token.lastindex is not None
            kind = _KINDS[token.lastindex - 1][1]
            if kind is not None:
                found.append(kind)
            elif token[0] in ids:
                found.append(re.escape(ids[token[0]]))
            elif token[0] in new:
                found.append(f"(?P={new[token[0]]})")
            else:
                new[token[0]] = f"id{len(new)}"
                found.append(f"(?P<{new[token[0]]}>{_UUID.pattern})")
        return "".join(found) + re.escape(line[at:])


def _even(line: str) -> str:
    return re.sub(r"─+", "─", re.sub(r"\s+", " ", line.strip()))


def recipe(target: str) -> str:
    """The one command that a target of the Makefile runs."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n\t\$\(BIN\)/(.+)$", makefile, re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    return found[1]


def folder_like_the_repository(base: Path) -> Path:
    """An empty folder in which the repository's files are found by the same names."""
    folder = base / "jdgate"
    folder.mkdir()
    for name in ("samples", "docs", "plugins", "schemas"):
        (folder / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "Makefile", folder)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder
