"""Initialises and unseals a new server, then makes a token for each key, by its own API."""

import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GATEWAY = 'path "auth/token/lookup" { capabilities = ["update"] }'
# Unwrapping needs no policy of its own: the wrapping token is what allows it.
HANDOVER = 'path "sys/wrapping/wrap" { capabilities = ["update"] }'
# A key may be used by its holder for nothing here: it is only looked up.
PARTNER = 'path "partner/*" { capabilities = ["read"] }'
WAIT_SECONDS = 60
AT_ONCE = 8


class Server:
    def __init__(self, port: int):
        self.port = port
        self.token = None

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"X-Vault-Token": self.token} if self.token else {}
        connection.request(method, f"/v1/{path}", json.dumps(body or {}), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text or "{}")

    def until(self, method: str, path: str, body: dict | None = None) -> dict:
        """Tries again until the server is there."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self.call(method, path, body)
            except (OSError, RuntimeError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def issue(self, policy: str) -> str:
        """A service token: stored, revocable, with an expiry and any number of uses."""
        made = self.call(
            "POST",
            "auth/token/create-orphan",
            {"policies": [policy], "no_default_policy": True, "ttl": "720h", "type": "service"},
        )
        return made["auth"]["client_token"]


def run(folder: Path, port: int, keys: int) -> None:
    server = Server(port)
    started = server.until("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
    server.call("PUT", "sys/unseal", {"key": started["keys_base64"][0]})
    server.token = started["root_token"]
    server.until("GET", "auth/token/lookup-self")
    for name, policy in [("gateway", GATEWAY), ("handover", HANDOVER), ("partner", PARTNER)]:
        server.until("PUT", f"sys/policies/acl/{name}", {"policy": policy})
    gateway, handover = server.issue("gateway"), server.issue("handover")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tokens = list(pool.map(lambda _: server.issue("partner"), range(keys)))
    # As is advised: nobody works with the root token once the server is set up.
    server.call("POST", "auth/token/revoke-self")
    requests = [lookup(gateway, token) for token in tokens]
    write(folder, "wrap.json", {"token": handover})
    write(folder, "requests.json", {"requests": requests})


def lookup(gateway: str, token: str) -> dict:
    return {
        "method": "POST",
        "path": "/v1/auth/token/lookup",
        "headers": {"content-type": "application/json", "x-vault-token": gateway},
        "body": json.dumps({"token": token}),
    }


def write(folder: Path, name: str, content: dict) -> None:
    part = folder / f"{name}.part"
    part.touch(mode=0o600)
    part.write_text(json.dumps(content))
    os.rename(part, folder / name)
