"""Puts an assertion that reached a backend, and forgeries of it, to the documented check."""

import json
import pathlib
import sys
import time
from unittest import mock

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "docs" / "gateways"))
from check_assertion import check  # noqa: E402

asked = json.load(sys.stdin)
genuine = asked.pop("assertion")
header = jwt.get_unverified_header(genuine)
claims = jwt.decode(genuine, options={"verify_signature": False})
stranger = Ed25519PrivateKey.generate()


def resigned(claims=claims, key=stranger, algorithm="EdDSA", **changed):
    headers = {"typ": header["typ"], "kid": header["kid"], **changed}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def verdict(assertion=genuine, **changed):
    try:
        return check(assertion, **{**asked, **changed})
    except Exception as refusal:  # whatever it is, the test names it
        return type(refusal).__name__


def later(seconds):
    """The same check, by a clock that is ahead."""
    ahead = time.time() + seconds

    class Clock(jwt.api_jwt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(ahead, tz)

    with mock.patch.object(jwt.api_jwt, "datetime", Clock):
        return verdict()


head, body, signature = genuine.split(".")
others = jwt.utils.base64url_encode(
    json.dumps({**claims, "scope": "everything"}).encode()
).decode()

print(
    json.dumps(
        {
            "genuine": verdict(),
            "a minute later": later(66),
            "for another gateway": verdict(gateway="00000000-0000-0000-0000-000000000000"),
            "of another portal": verdict(portal="https://elsewhere.example"),
            "with other claims": verdict(f"{head}.{others}.{signature}"),
            "signed by somebody else": verdict(resigned()),
            "without a signature": verdict(resigned(key=None, algorithm="none")),
            "with another call": verdict(target="/v2/invoices"),
            "with another method": verdict(method="DELETE"),
            "under a key that is not published": verdict(resigned(kid="another")),
        }
    )
)
