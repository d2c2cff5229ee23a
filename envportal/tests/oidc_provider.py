"""A small OpenID Connect provider on loopback, as honest or as broken as a test wants it."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "envportal", "a secret of two parties"


class OidcProvider:
    """Whoever comes to its sign-in page is `claims` and consents. What a test sets instead it sends instead."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.claims = {"sub": "248289761001", "preferred_username": "nora", "given_name": "Nora"}
        self.in_id_token = {}  # in place of what belongs there
        self.in_userinfo = {}
        self.signs_with = self.key
        self.algorithm = "RS256"
        self.denies = False
        self.codes, self.tokens = {}, {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def configuration(self, asked):
        return 200, {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def keys(self, asked):
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return 200, {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked):
        """Send the browser back with a code. Return the address."""
        if self.denies:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked):
        began = self.codes.pop(asked.get("code"), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        is_right = (
            began
            and (asked["client_id"], asked["client_secret"]) == (CLIENT, SECRET)
            and asked["redirect_uri"] == began["redirect_uri"]
            and began["code_challenge_method"] == "S256"
            and challenge.rstrip(b"=").decode() == began["code_challenge"]
        )
        if not is_right:
            return 400, {"error": "invalid_grant"}
        token = secrets.token_urlsafe(16)
        self.tokens[token] = self.claims | self.in_userinfo
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": began["nonce"]}
        claims |= self.claims | self.in_id_token
        id_token = jwt.encode(claims, self.signs_with, self.algorithm, headers={"kid": "one"})
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}

    def _handler(provider):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                there = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(there.query).items()}
                if there.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(asked))
                    self.end_headers()
                elif there.path == "/userinfo":
                    told = provider.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
                    self.answer(200 if told else 401, told or {})
                else:
                    ways = {"/.well-known/openid-configuration": provider.configuration, "/keys": provider.keys}
                    self.answer(*ways[there.path](asked))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*provider.token({name: values[0] for name, values in parse_qs(body).items()}))

            def answer(self, status, values):
                body = json.dumps(values).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        return Handler
