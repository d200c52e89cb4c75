"""Makes the environment of the programs that Workbench starts."""

from __future__ import annotations

import os
import pwd
import tempfile

from workbench.system import loopback

#: The variables of our environment that every program gets. Keys and addresses are added for its providers.
PASSED = (
    "PATH", "HOME", "SHELL", "USER", "TMPDIR", "TZ", "MIX_HOME", "HEX_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "PIPELINE_HTTP_TIMEOUT_MS", "PIPELINE_RETRIES", "PIPELINE_RETRY_BASE_MS",
)  # fmt: skip


def passed_environment() -> dict[str, str]:
    """Return the part of our environment that every program gets.

    The locale is UTF-8. HOME is always set, because Mix does not start without it. A proxy is never used for servers
    on this machine.
    """
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    passed["HOME"] = passed.get("HOME") or _home()
    return {**passed, **loopback.exceptions(os.environ), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _home() -> str:
    """Return the user's home as the system knows it, or the folder for temporary files if it knows none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return tempfile.gettempdir()
