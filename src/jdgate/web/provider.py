"""Asks an OpenID provider who somebody is: authorization code with PKCE, state and nonce (OpenID
Connect Core 1.0 §3.1, RFC 6749, RFC 7636, RFC 9207).

Rules:
- the provider is reached over TLS, verified; over plain HTTP only where both are on this machine;
- who is to prove once more who they are is asked to sign in there again, whatever session they
  have there; when they did (auth_time) has to be said, and to be after they were sent;
- what it says counts when it is signed by a key of its own with an algorithm of `ALGORITHMS`, for
  us (aud, azp), for this very attempt (nonce), by the issuer that is configured, and not expired;
- its description and keys are asked for once an hour; keys also when a token has a new one;
- nothing that it says of a person is logged.

    url = await provider.send(back, state, nonce=…, verifier=…)
    person = await provider.answer(params, back, nonce=…, verifier=…)
    url = await provider.send(back, state, nonce=…, verifier=…, again=True)
    person = await provider.answer(params, back, nonce=…, verifier=…, since=sent)

It and its libraries are loaded where a provider is configured, and nowhere else.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from jdgate.config import Oidc, is_loopback
from jdgate.errors import Refused, TransportFailed, UsageError
from jdgate.people.binding import Person

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""None with a shared secret, and never none at all (RFC 8725 §3.1)."""
TIMEOUT_S = 10.0
DESCRIBED_FOR = timedelta(hours=1)
LEEWAY_S = 60
"""How far its clock may be from ours."""
_NAME = re.compile(r"[a-z_]{1,40}")


class _Described(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0 §3, as much as is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class Provider:
    """The provider of the configuration. `root`: where jdgate.toml lies.

    Raises:
        UsageError: `config.oidc_file`, the secret or the authority's certificate can't be read.
    """

    def __init__(self, settings: Oidc, root: Path, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._secret = ""
        if settings.client_secret_file:
            self._secret = _read(root / settings.client_secret_file).strip()
        ca = _read(root / settings.ca) if settings.ca else None
        try:
            self._tls = ssl.create_default_context(cadata=ca)
        except ssl.SSLError:
            raise UsageError("config.oidc_file", file=settings.ca) from None
        self._described: tuple[datetime, _Described] | None = None
        self._keys: KeySet | None = None

    @property
    def issuer(self) -> str:
        """Who it is."""
        return self._settings.issuer

    @property
    def label(self) -> str:
        """What its button says."""
        return self._settings.label or self._host

    @property
    def _host(self) -> str:
        return urlsplit(self._settings.issuer).hostname or ""

    async def send(
        self, back: str, state: str, *, nonce: str, verifier: str, again: bool = False
    ) -> str:
        """Where to send a browser that is to come back to `back`. `nonce` and `verifier` tie the
        answer to the question: nobody sees them but the browser and us. `again`: its person is to
        sign in there anew (§3.1.2.1).

        Raises:
            TransportFailed: `web.oidc_away`.
        """
        described = await self._describe()
        more = {"acr_values": " ".join(self._settings.acr)} if self._settings.acr else {}
        if again:
            more |= {"prompt": "login", "max_age": "0"}
        return str(
            prepare_grant_uri(
                described.authorization_endpoint,
                client_id=self._settings.client_id,
                response_type="code",
                redirect_uri=back,
                scope=" ".join(self._settings.scopes),
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
                **more,
            )
        )

    async def answer(
        self,
        given: Mapping[str, str],
        back: str,
        *,
        nonce: str,
        verifier: str,
        since: datetime | None = None,
    ) -> Person:
        """Who came back from the provider with this answer. `since`: they had to sign in after it.

        Raises:
            Refused: `web.oidc_refused`, it let nobody in; `web.oidc_token`, what it says is not
                valid; `web.oidc_stale`, they signed in before `since`, or it does not say when.
                TransportFailed: `web.oidc_away`.
        """
        described = await self._describe()
        iss = given.get("iss")
        if iss is None and described.authorization_response_iss_parameter_supported:
            raise Refused("web.oidc_token", why="iss")
        if iss is not None and iss != self._settings.issuer:
            raise Refused("web.oidc_token", why="iss")
        if "error" in given or "code" not in given:
            raise _turned_away(given.get("error"))
        tokens = await self._exchange(described, given["code"], back, verifier)
        claims = await self._claims(described, tokens, nonce)
        if since is not None and not self._is_fresh(claims.get("auth_time"), since):
            raise Refused("web.oidc_stale")
        return self._person(claims)

    async def way_out(self, back: str) -> str | None:
        """Where to send a browser to sign out there too (RP-Initiated Logout 1.0 §2).

        Raises:
            TransportFailed: `web.oidc_away`.
        """
        described = await self._describe()
        if not described.end_session_endpoint:
            return None
        asked = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        joined = "&" if urlsplit(described.end_session_endpoint).query else "?"
        return described.end_session_endpoint + joined + urlencode(asked)

    # --- what is said

    async def _claims(self, described: _Described, tokens: _Tokens, nonce: str) -> dict[str, Any]:
        """The id token's claims, all validated."""
        try:
            try:
                token = jwt.decode(tokens.id_token, await self._key_set(described), ALGORITHMS)
            except (InvalidKeyIdError, ValueError):  # a key that is new there
                self._keys = None
                token = jwt.decode(tokens.id_token, await self._key_set(described), ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._settings.client_id,
                    "access_token": tokens.access_token,
                },
            )
            claims.validate(int(self._now().timestamp()), LEEWAY_S)
        except JoseError as error:
            raise Refused("web.oidc_token", why=getattr(error, "claim", error.error)) from None
        except (ValueError, TypeError):
            raise Refused("web.oidc_token", why="form") from None
        return dict(claims)

    def _is_fresh(self, signed_in: object, since: datetime) -> bool:
        """Whether auth_time, as it is told, lies between `since` and now."""
        if isinstance(signed_in, bool) or not isinstance(signed_in, int | float):
            return False
        earliest, latest = since.timestamp() - LEEWAY_S, self._now().timestamp() + LEEWAY_S
        return earliest <= signed_in <= latest

    def _person(self, claims: dict[str, Any]) -> Person:
        subject, named = claims["sub"], None
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise Refused("web.oidc_token", why="sub")
        if self._settings.claim:
            named = claims.get(self._settings.claim)
        methods = {one for one in claims.get("amr") or () if isinstance(one, str)}
        strong = bool(methods & set(self._settings.amr)) or claims.get("acr") in self._settings.acr
        return Person(subject, named if isinstance(named, str) else None, strong)

    # --- asking

    async def _describe(self) -> _Described:
        now = self._now()
        if self._described is not None and now - self._described[0] < DESCRIBED_FOR:
            return self._described[1]
        url = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        described: _Described = await self._get(url, _Described)
        safe = all(
            self._is_safe(one)
            for one in (
                described.authorization_endpoint,
                described.token_endpoint,
                described.jwks_uri,
                described.end_session_endpoint or described.token_endpoint,
            )
        )
        if described.issuer != self._settings.issuer or not safe:
            raise self._away("describes another")
        self._described, self._keys = (now, described), None
        return described

    async def _key_set(self, described: _Described) -> KeySet:
        if self._keys is None:
            document = await self._get(described.jwks_uri, dict[str, Any])
            try:
                self._keys = KeySet.import_key_set(document)
            except (JoseError, ValueError, KeyError, TypeError):
                raise self._away("keys") from None
        return self._keys

    async def _exchange(
        self, described: _Described, code: str, back: str, verifier: str
    ) -> _Tokens:
        """The tokens for a code, which is good once."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        client_id, secret, auth = self._settings.client_id, self._secret, httpx.Auth()
        if secret and "client_secret_basic" in described.token_endpoint_auth_methods_supported:
            # RFC 6749 §2.3.1: each encoded as in a form
            auth = httpx.BasicAuth(quote_plus(client_id), quote_plus(secret))
        else:
            form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        try:
            async with self._client() as client:
                answer = await client.post(described.token_endpoint, data=form, auth=auth)
            if 400 <= answer.status_code < 500:
                raise _turned_away(_error_of(answer.content))
            tokens: _Tokens = self._read(answer, _Tokens)
            return tokens
        except httpx.HTTPError as error:
            raise self._away(type(error).__name__) from None

    async def _get(self, url: str, kind: type[Any]) -> Any:
        try:
            async with self._client() as client:
                return self._read(await client.get(url), kind)
        except httpx.HTTPError as error:
            raise self._away(type(error).__name__) from None

    def _read(self, answer: httpx.Response, kind: type[Any]) -> Any:
        if answer.status_code != 200:
            raise self._away(str(answer.status_code))
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._away("form") from None

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._tls, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )

    def _is_safe(self, url: str) -> bool:
        """Over TLS; or on this machine, where the issuer is too."""
        parts = urlsplit(url)
        here = urlsplit(self._settings.issuer).scheme == "http"
        return parts.scheme == "https" or (
            parts.scheme == "http" and here and is_loopback(parts.hostname or "")
        )

    def _away(self, why: str) -> TransportFailed:
        log.warning("the OpenID provider can't be used: %s", why)
        return TransportFailed("web.oidc_away", host=self._host)


def _turned_away(error: str | None) -> Refused:
    """What the provider calls its reason, where it is a name and no more."""
    named = error if error is not None and _NAME.fullmatch(error) else "other"
    log.warning("the OpenID provider let nobody in: %s", named)
    return Refused("web.oidc_refused", why=named)


def _error_of(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("config.oidc_file", file=path.name) from None
