"""One call: SHIPMENTS_KEY=… SHIPMENTS_BASE_URL=https://api.example.com python3 call.py /v2/shipments/1

Python 3.9 or later, the standard library alone. The key is read from the environment: on a command
line, everybody on this machine could read it.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for the API alone, not for where an answer may point."""

    def redirect_request(self, *_):
        return None


def call(path, tries=3):
    request = urllib.request.Request(
        os.environ["SHIPMENTS_BASE_URL"] + path,
        headers={"Authorization": "Bearer " + os.environ["SHIPMENTS_KEY"]},
    )
    opener = urllib.request.build_opener(NoRedirect)
    while True:
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as refused:
            tries -= 1
            wait = refused.headers.get("Retry-After", "1")
            wait = int(wait) if wait.isdecimal() else 1
            if refused.code == 429 and tries > 0 and wait <= 60:
                time.sleep(wait)
                continue
            raise SystemExit(f"{refused.code}: {sentence(refused)}")
        except OSError as failed:
            raise SystemExit(f"no answer: {failed}")


def sentence(refused):
    """That of application/problem+json (RFC 9457)."""
    try:
        return json.loads(refused.read())["detail"]
    except (ValueError, KeyError, TypeError):
        return "no reason given"


if __name__ == "__main__":
    print(call(sys.argv[1]))
