"""Elixir on this machine: what the runtimes that start `mix` say if it is missing."""

from __future__ import annotations

#: What to do on a machine without `mix`.
INSTALL_ELIXIR = (
    "on Debian run `apt-get install elixir erlang-p1-yaml erlang-jiffy erlang-mochiweb` as root; elsewhere follow "
    "https://elixir-lang.org/install.html"
)
