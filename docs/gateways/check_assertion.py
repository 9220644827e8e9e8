"""Checks a Latchkey-Assertion in a backend, with PyJWT. See ../protocol.md, "Assertions".

Fetch the keys once from https://keys.example.com/.well-known/latchkey-jwks.json, and again when an
assertion names one that is not among them.
"""

import base64
import hashlib

import jwt


class WrongCall(Exception):
    """The assertion is genuine, and was made for another call or another purpose."""


def check(assertion, keys, portal, gateway, method, target):
    """The claims, or an exception: then answer 401.

    keys: the fetched document. portal: its origin. gateway: the id of the gateway in front of this
    backend. method, target: of the request at hand, the target with its query, as it came.
    """
    header = jwt.get_unverified_header(assertion)
    key = {jwk["kid"]: jwk for jwk in keys["keys"]}[header["kid"]]
    claims = jwt.decode(
        assertion,
        jwt.PyJWK(key).key,
        algorithms=["EdDSA"],
        audience=gateway,
        issuer=portal,
        leeway=5,
        options={"require": ["iss", "aud", "sub", "iat", "exp", "method", "path_sha256"]},
    )
    digest = hashlib.sha256(target.encode()).digest()
    asked = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if header.get("typ") != "latchkey-assertion+jwt":
        raise WrongCall("It is a token of another type.")
    if (claims["method"], claims["path_sha256"]) != (method, asked):
        raise WrongCall("It was made for another call.")
    return claims
