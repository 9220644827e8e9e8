"""One worker a core. Threads, because the default class closes the connection after each answer."""

import os
from pathlib import Path

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = len(os.sched_getaffinity(0))
worker_class = "gthread"
threads = 4
keepalive = 75
loglevel = "warning"


def when_ready(server):
    folder = Path(os.environ["FOLDER"])
    (folder / "requests.part").rename(folder / "requests.json")
