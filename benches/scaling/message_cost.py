#!/usr/bin/env python3
"""Processor time that a rank spends on one message sent and one received over TCP: o in the scaling model.

Two processes send 4 kB to and fro over the loopback. Processor time, not time: it stays the same on a machine that has
other work, too.
"""

import os
import socket
import statistics
import time

SIZE, MESSAGES, RUNS = 4096, 5000, 5


def receive(connection):
    """As many bytes as a message has."""
    missing = SIZE
    while missing:
        missing -= len(connection.recv(missing))


def run():
    """Microseconds for each message in one of the two processes."""
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        other = socket.create_connection(listener.getsockname())
    else:
        other, _ = listener.accept()
    other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = bytes(SIZE)
    start = time.process_time()
    for _ in range(MESSAGES):
        if child == 0:
            receive(other)
            other.sendall(message)
        else:
            other.sendall(message)
            receive(other)
    used = (time.process_time() - start) / MESSAGES * 1e6
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return used


if __name__ == "__main__":
    times = [run() for _ in range(RUNS)]
    median, least, most = statistics.median(times), min(times), max(times)
    print(f"{median:.1f} us for a message sent and one received ({least:.1f} to {most:.1f})")
