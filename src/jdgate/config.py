"""The daemon's configuration: `jdgate.toml`, and where things lie beside it.

home = find_home(None)                 # ./jdgate.toml
config = read_config(home)
home.books, home.keys, home.control …
"""

from __future__ import annotations

import codecs
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from jdgate.errors import UsageError
from jdgate.texts import Lang, say

CONFIG_NAME = "jdgate.toml"
Role = Literal["gateway", "edge"]


class Home:
    """The paths of one installation. Everything jdgate writes lies under them."""

    def __init__(self, root: Path, config: Path | None = None) -> None:
        self.root = root.resolve()
        self.config = config.resolve() if config else self.root / CONFIG_NAME
        self.keys = self.root / "keys"
        self.var = self.root / "var"
        self.directory = self.var / "directory.jws"
        self.books = self.var / "books.db"
        self.edge = self.var / "edge.db"
        self.people = self.var / "people.db"
        self.nats = self.var / "nats"
        self.control = self.var / "control.sock"
        self.lock = self.var / "daemon.lock"

    @property
    def authority_public(self) -> Path:
        """The pinned public key of the authority."""
        return self.keys / "authority.pub"


class County(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose exchange this is. `region` is a 12-digit division code."""

    region: str
    name: str
    demo: bool = False


class Run(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which parts this daemon plays. No members named: all whose keys lie in `keys/`.

    `keep_days`: how long an edge keeps the bodies of what it sent and received, for its own
    people to look at; the gateway's own retention is in the exchange sheets.
    """

    roles: tuple[Role, ...] = ("gateway", "edge")
    members: tuple[str, ...] = ()
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 90
    workers: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    """Processes that open and seal messages for the gateway; worth it from some 500 single
    messages a second."""


class Nats(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The bus. No URL: an embedded server on loopback; port -1: any free one."""

    url: str = ""
    port: Annotated[int, msgspec.Meta(ge=-1, le=65535)] = -1
    server: str = ""
    """Path of an installed nats-server (2.12 or newer), instead of the one from the wheel."""
    ca: str = ""
    """Certificate authority of a TLS server, PEM file."""
    host: str = "127.0.0.1"
    """Where the embedded server listens; anything but loopback needs `cert` and `key`."""
    cert: str = ""
    key: str = ""
    client_ca: str = ""
    """The embedded server's certificate and key (PEM), and the authority that clients must have
    theirs from, if any."""


class Books(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The gateway's database and how often a checkpoint of the ledger is signed (seconds)."""

    url: str = ""
    checkpoint_seconds: Annotated[int, msgspec.Meta(ge=1)] = 60


class Plugins(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where plugins outside the Python environment lie, and which are switched off."""

    dir: str = ""
    disabled: tuple[str, ...] = ()


_CLOCK = r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$"
_SPAN = r"^([1-9][0-9]{0,3}(m|h|d|wd))?$"
Clock = Annotated[str, msgspec.Meta(pattern=_CLOCK)]
Span = Annotated[str, msgspec.Meta(pattern=_SPAN)]


class StepTimes(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How long a desk may take with an alert: "15m", "24h", "7d", "2wd" (working days).

    From when the alert came onto the desk; `resolve` from its acknowledgement. Empty: no deadline,
    or for a single rule what its urgency has.
    """

    deliver: Span = ""
    open: Span = ""
    acknowledge: Span = ""
    resolve: Span = ""


class Alerts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Deadlines of alerts, by urgency and by rule id, and who stands in for whom.

    Between `quiet_from` and `quiet_to` (local time) only urgent alerts are sent, and the time of
    the others stands still. Both empty: no quiet hours.
    """

    quiet_from: Clock = ""
    quiet_to: Clock = ""
    urgent: StepTimes = StepTimes(acknowledge="15m", resolve="24h")
    normal: StepTimes = StepTimes(acknowledge="24h", resolve="7d")
    rules: dict[str, StepTimes] = {}
    deputies: dict[str, str] = {}


class Queries(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """S2: how many people a member may ask about in a day, and when it may ask.

    Beyond that its queries are suspended and `security` (empty: the authority) gets an alert.
    `types`: the message types that are queries. No hours given: it may ask at any time.

    `looks_a_day`: about how many people an operator of this machine's console may open content in
    a day (this project's choice: what lies on one's own desk was sent there, so it is more than a
    query may ask). `looks_in_hours`: whether the hours hold for that too.
    """

    types: tuple[str, ...] = ("licence.eligibility.query.v1", "sealed.query.v1")
    persons_a_day: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 30
    hours_from: Clock = ""
    hours_to: Clock = ""
    working_days_only: bool = False
    security: str = ""
    looks_a_day: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 100
    looks_in_hours: bool = False


Days = Annotated[int, msgspec.Meta(ge=1, le=366)]


class Replies(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """S1: working days within which a provider answers; `remind`: how many before the last day it
    is reminded, 0 for never."""

    unconditional: Days = 1
    application: Days = 10
    extension: Days = 10
    provide: Days = 20
    correction: Days = 10
    subject: Days = 10
    remind: Annotated[int, msgspec.Meta(ge=0, le=366)] = 2


class Digests(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which digests are made, and from what local time on."""

    daily: bool = True
    weekly: bool = True
    monthly: bool = True
    at: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "08:00"


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Oidc(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An OpenID provider that people sign in with, beside or instead of passwords. No issuer: none.

    `claim`: a claim of the id token that holds the login of who has no subject linked yet; empty:
    only linked subjects come in. `amr`, `acr`: values by which the provider says that a second
    factor was used; without one our own code is asked for.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    """Beside jdgate.toml; empty: a public client, by PKCE alone."""
    scopes: tuple[str, ...] = ("openid", "profile")
    claim: str = ""
    label: str = ""
    """Of the button; empty: the issuer's host name."""
    passwords: bool = True
    amr: tuple[str, ...] = ()
    acr: tuple[str, ...] = ()
    ca: str = ""
    """Certificate authority of the provider, PEM file; empty: those that the machine trusts."""


class Web(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The console in the browser and the HTTP API. Port 0: any free one.

    Anything but loopback needs `cert` and `key`. `names`: host names that browsers call it by,
    beside its address; `idle_minutes`, `hours`: when people are signed out.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 0
    names: tuple[str, ...] = ()
    cert: str = ""
    key: str = ""
    idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 30
    hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12
    monitor_port: Port = 0
    """Health and metrics, on loopback."""
    oidc: Oidc = Oidc()


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file. `rules.<plugin>` belongs to the plugin, which checks it."""

    county: County
    run: Run = Run()
    nats: Nats = Nats()
    books: Books = Books()
    plugins: Plugins = Plugins()
    alerts: Alerts = Alerts()
    queries: Queries = Queries()
    replies: Replies = Replies()
    digests: Digests = Digests()
    web: Web = Web()
    rules: dict[str, dict[str, Any]] = {}


def find_home(config_file: Path | None) -> Home:
    """The installation that `-c FILE` names, or the one in the working directory.

    Raises:
        UsageError: `config.missing`.
    """
    path = config_file or Path(CONFIG_NAME)
    if path.is_dir():
        path = path / CONFIG_NAME
    if not path.is_file():
        raise UsageError("config.missing", file=str(path))
    return Home(path.resolve().parent, path)


def read_config(home: Home) -> Config:
    """The configuration in force.

    Raises:
        UsageError: `config.invalid` (names the entry), `config.region`,
            `config.quiet_hours`, `config.query_hours`, `config.web_tls`, `config.oidc`.
    """
    try:
        written = home.config.read_bytes().removeprefix(codecs.BOM_UTF8)  # as Notepad saves it
        config = msgspec.toml.decode(written, type=Config)
    except FileNotFoundError:
        raise UsageError("config.missing", file=str(home.config)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise _invalid(home.config.name, error) from None
    if not re.fullmatch(r"[0-9]{12}", config.county.region):
        raise UsageError("config.region", got=config.county.region[:20])
    if bool(config.alerts.quiet_from) != bool(config.alerts.quiet_to):
        raise UsageError("config.quiet_hours")
    hours = config.queries
    if bool(hours.hours_from) != bool(hours.hours_to) or hours.hours_from > hours.hours_to:
        raise UsageError("config.query_hours")
    web = config.web
    if bool(web.cert) != bool(web.key) or (not web.cert and not is_loopback(web.host)):
        raise UsageError("config.web_tls")
    if web.oidc != Oidc() and not _is_provider(web.oidc):
        raise UsageError("config.oidc")
    return config


def _is_provider(oidc: Oidc) -> bool:
    """Whether people can be sent there: over TLS, but on this machine."""
    url = urlsplit(oidc.issuer)
    safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    named = bool(url.hostname and oidc.client_id) and "openid" in oidc.scopes
    return safe and named and not (url.query or url.fragment)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ConfigInvalid(UsageError):
    """`config.invalid`; what is wrong with it is a text of its own."""

    def __init__(self, file: str, reason: str, **words: object) -> None:
        super().__init__("config.invalid", file=file, reason=reason, **words)

    def text(self, lang: Lang) -> str:
        """The sentence with the reason in it."""
        words = dict(self.params)
        if self.params.get("kind"):
            words["kind"] = say(f"config.kind.{self.params['kind']}", lang)
        reason = say(str(self.params["reason"]), lang, **words)
        return say(self.code, lang, file=self.params["file"], reason=reason)


_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<place>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"field `(?P<field>[^`]*)`")
_KIND = re.compile(r"Expected `(?P<kind>\w+)[^`]*`(?: (?P<sign>[<>]=) (?P<limit>-?\d+))?")
_LINE = re.compile(r"\(at line (?P<line>\d+)")
_KINDS = {"int": "int", "float": "int", "str": "str", "bool": "bool", "array": "array"}
_FORMS = {_CLOCK: "22:00", _SPAN: "15m, 24h, 7d"}


def _invalid(file: str, error: Exception) -> ConfigInvalid:
    """What the decoder found, as a person can read it: msgspec's sentences are English."""
    if isinstance(error, OSError):
        return ConfigInvalid(file, "config.unreadable", why=error.strerror or type(error).__name__)
    if isinstance(error, UnicodeDecodeError):
        line = 1 + error.object.count(b"\n", 0, error.start)
        return ConfigInvalid(file, "config.not_utf8", line=line)
    found = _PLACE.match(str(error))
    if not isinstance(error, msgspec.ValidationError) or found is None:
        where = _LINE.search(str(error))
        return ConfigInvalid(file, "config.not_toml", line=where["line"] if where else "?")
    what, place = found["what"], (found["place"] or "").replace("[...]", "")
    if field := _FIELD.search(what):
        entry = f"{place}.{field['field']}".lstrip(".")
        unknown = "unknown" in what
        code = "config.entry_unknown" if unknown else "config.entry_missing"
        return ConfigInvalid(file, code, entry=entry)
    for pattern, form in _FORMS.items():
        if repr(pattern) in what:
            return ConfigInvalid(file, "config.entry_form", entry=place, form=form)
    kind = _KIND.search(what)
    if kind and kind["sign"]:
        code = "config.entry_least" if kind["sign"] == ">=" else "config.entry_most"
        return ConfigInvalid(file, code, entry=place, limit=kind["limit"])
    if kind:
        named = _KINDS.get(kind["kind"], "object")
        return ConfigInvalid(file, "config.entry_kind", entry=place, kind=named)
    if place.startswith("run.roles"):
        roles = ", ".join(get_args(Role))
        return ConfigInvalid(file, "config.entry_form", entry=place, form=roles)
    return ConfigInvalid(file, "config.entry_wrong", entry=place)


def full_region(code: str) -> str:
    """A division code of 6, 9 or 12 digits as 12 digits.

    Raises:
        UsageError: `config.region`.
    """
    if not re.fullmatch(r"[0-9]{6}([0-9]{3}){0,2}", code):
        raise UsageError("config.region", got=code[:20])
    return code.ljust(12, "0")
