"""Keeps the beginning and the end of a stream of any length."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

#: The bytes that are kept of each stream by default: half of them from its beginning, half from its end.
LIMIT = 1_000_000
CHUNK = 65_536


@dataclass
class HeadAndTail:
    """The head and the tail of a stream. The first and the last lines of a program's output matter most."""

    limit: int = LIMIT
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        """Add data to the end, and drop the middle if the limit is exceeded."""
        room = self.limit // 2 - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if (excess := len(self.tail) - self.limit // 2) > 0:
            self.dropped += excess
            del self.tail[:excess]

    def content(self) -> bytes:
        """Return head and tail, with a line between them that says how many bytes are left out."""
        gap = f"\n… {self.dropped} bytes left out …\n".encode() if self.dropped else b""
        return bytes(self.head) + gap + bytes(self.tail)


def start_reader(stream: int, output: HeadAndTail) -> threading.Thread:
    """Start a thread that reads the stream to its end into `output`, and return the thread."""

    def read() -> None:
        while data := os.read(stream, CHUNK):
            output.add(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
