"""An OpenID provider of the tests' own: Authlib's authorization server, its code grant with PKCE
and its OpenID extension, served by uvicorn on loopback.

async with Provider().running() as provider:         # at provider.issuer
    provider.who = User("subject-1", "clerk")        # who sits at its sign-in page
    provider.since = 1_700_000_000                   # and is signed in there since
    provider.spoilt = {"aud": "another"}             # what its id tokens say instead
    provider.rotate()                                # sign with a new key from now on
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import uvicorn
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, errors
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "jdgate", "a-secret-of-the-tests"


class User(NamedTuple):
    """Somebody at the provider's own sign-in page."""

    subject: str
    name: str = "somebody"
    amr: tuple[str, ...] = ("pwd",)

    def get_user_id(self) -> str:
        return self.subject


class Client(ClientMixin):
    """Us, as the provider knows us."""

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/sign-in/provider/back")

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code(AuthorizationCodeMixin):
    """A code that was given out."""

    def __init__(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        self.code, self.user = code, request.user
        self.redirect_uri, self.scope = data["redirect_uri"], data["scope"]
        self.nonce = data.get("nonce")
        self.auth_time = 0
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_amr(self) -> list[str]:
        return list(self.user.amr)


class _Request(OAuth2Request):
    def __init__(self, method: str, uri: str, given: dict[str, str], headers: Any) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload = BasicOAuth2Payload(given)
        self._given = given

    @property
    def args(self) -> dict[str, str]:
        return self._given if self.method == "GET" else {}

    @property
    def form(self) -> dict[str, str]:
        return self._given if self.method == "POST" else {}


class _Server(AuthorizationServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator("default", _token)

    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == CLIENT else None

    def save_token(self, token: Any, request: Any) -> None:
        """Access tokens are of no use here."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        assert isinstance(request, OAuth2Request)
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers


def _token(**given: Any) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "access_token": os.urandom(16).hex(),
        "scope": given["scope"],
        "expires_in": 60,
    }


class Provider:
    """The provider. `now`: its clock; `since`: when who sits there signed in, None: they do now;
    asked to, it has them sign in anew, unless it is `heedless`. `spoilt`: claims of its id tokens
    that are wrong; `lies`: what it says wrong of itself; `down`: it answers nothing; `says_iss`:
    whom it names beside the code (RFC 9207)."""

    issuer = ""

    def __init__(self) -> None:
        self.who: User | None = User("nobody")
        self.since: int | None = None
        self.heedless = False
        self.now = time.time
        self.spoilt: dict[str, Any] = {}
        self.lies: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.down = False
        self.says_iss: str | None = None
        self.codes: dict[str, Code] = {}
        self.rotate()
        self._server = _Server(self)
        provider = self

        class Grant(AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

            def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
                provider.codes[code] = given = Code(code, request)
                given.auth_time = provider.since or int(provider.now())

            def query_authorization_code(self, code: str, client: Client) -> Code | None:
                return provider.codes.get(code)

            def delete_authorization_code(self, authorization_code: Code) -> None:
                del provider.codes[authorization_code.code]

            def authenticate_user(self, authorization_code: Code) -> User:
                return authorization_code.user

        class OpenId(OpenIDCode):
            def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
                return any(code.nonce == nonce for code in provider.codes.values())

            def resolve_client_private_key(self, client: Client) -> Any:
                symmetric = provider.algorithm == "HS256"
                return OctKey.import_key(SECRET) if symmetric else provider.key

            def get_client_algorithm(self, client: Client) -> str:
                return provider.algorithm

            def get_encode_header(self, client: Client) -> dict[str, str]:
                return {"alg": provider.algorithm, "kid": provider.key.kid or ""}

            def get_client_claims(self, client: Client) -> dict[str, Any]:
                return {"iss": provider.issuer}

            def generate_user_info(self, user: User, scope: str) -> UserInfo:
                said = {"sub": user.subject, "preferred_username": user.name}
                return UserInfo({**said, **provider.spoilt})

        self._server.register_grant(Grant, [OpenId(require_nonce=True), CodeChallenge()])

    def rotate(self) -> None:
        """Sign with a new key, and know the old one no more."""
        self.key = RSAKey.generate_key(2048, auto_kid=True)

    @asynccontextmanager
    async def running(self, **tls: str) -> AsyncIterator[Provider]:
        config = uvicorn.Config(
            self, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none", **tls
        )
        server = uvicorn.Server(config)
        server.capture_signals = _no_signals  # type: ignore[method-assign]
        task = asyncio.create_task(server.serve())
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        self.issuer = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.should_exit = True
            await task

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        status, answer, headers = self._answer(scope, body)
        data = answer if isinstance(answer, bytes) else (answer or "").encode()
        raw = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": data})

    def _answer(self, scope: Any, body: bytes) -> tuple[int, Any, list[tuple[str, str]]]:
        if self.down:
            return 503, "", []
        path, query = scope["path"], scope["query_string"].decode()
        uri = f"{self.issuer}{path}?{query}"
        headers = {name.decode().title(): value.decode() for name, value in scope["headers"]}
        if path == "/.well-known/openid-configuration":
            return _json(self._described() | self.lies)
        if path == "/keys":
            return _json({"keys": [self.key.as_dict(private=False, use="sig", alg="RS256")]})
        if path == "/authorize":
            return self._authorize(_Request("GET", uri, dict(parse_qsl(query)), headers))
        if path == "/token":
            asked = _Request("POST", uri, dict(parse_qsl(body.decode())), headers)
            status, answer, more = self._server.create_token_response(asked)
            return status, json.dumps(answer), more
        return 404, "", []

    def _authorize(self, asked: _Request) -> tuple[int, Any, list[tuple[str, str]]]:
        try:
            grant = self._server.get_consent_grant(asked, self.who)
        except errors.OAuth2Error as error:
            return 400, str(error), []
        self._sign_in_anew(asked.args)
        status, answer, headers = self._server.create_authorization_response(asked, self.who, grant)
        if self.says_iss is not None:
            headers = [(name, f"{value}&iss={self.says_iss}") for name, value in headers]
        return status, answer, headers

    def _sign_in_anew(self, asked: dict[str, str]) -> None:
        """OpenID Connect Core 1.0 §3.1.2.1."""
        if self.since is None or self.heedless:
            return
        now = int(self.now())
        if asked.get("prompt") == "login" or now - self.since > int(asked.get("max_age", now)):
            self.since = now

    def _described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/out",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }


def _no_signals() -> Any:
    return nullcontext()


def _json(document: Any) -> tuple[int, Any, list[tuple[str, str]]]:
    return 200, json.dumps(document), [("Content-Type", "application/json")]
