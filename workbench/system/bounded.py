"""Keeps the head and the tail of a stream of any length."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

#: The bytes that are kept of each stream by default: half of them from its beginning, half from its end.
LIMIT = 1_000_000
CHUNK = 65_536


@dataclass
class Kept:
    """The head and the tail of a stream. The first and the last lines of a program's output matter most."""

    limit: int = LIMIT
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        room = self.limit // 2 - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if (excess := len(self.tail) - self.limit // 2) > 0:
            self.dropped += excess
            del self.tail[:excess]

    def all(self) -> bytes:
        gap = f"\n… {self.dropped} bytes left out …\n".encode() if self.dropped else b""
        return bytes(self.head) + gap + bytes(self.tail)


def reading(stream: int, kept: Kept) -> threading.Thread:
    """Start a thread that reads the stream to its end into `kept`, and return the thread."""

    def read() -> None:
        while data := os.read(stream, CHUNK):
            kept.add(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
