"""Elixir on this machine: what both runtimes that start `mix` say about it."""

from __future__ import annotations

#: What to do if there is no `mix`.
INSTALL_ELIXIR = "script/bootstrap installs Elixir"
