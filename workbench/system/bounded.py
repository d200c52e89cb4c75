"""What is kept of a stream of any length: its head and its tail."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

#: Bytes kept of each stream, unless more are wanted: the first and the last half of them.
LIMIT = 1_000_000
CHUNK = 65_536


@dataclass
class Kept:
    """The head and the tail of a stream: what a program says first and last is what matters."""

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
    """Take what comes, to the stream's end, in a thread of its own."""

    def read() -> None:
        while data := os.read(stream, CHUNK):
            kept.add(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
