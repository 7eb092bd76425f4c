"""Measures whether a server's answers wait for TCP acknowledgements, whatever process the server runs in."""

import http.client
import socket
import time

# Half of the 40 ms for which Linux delays an acknowledgement.
_HELD_UP = 0.02
_TURNS = 40


def are_waited_for(host: str, port: int, path: str) -> bool:
    """Return whether answers over a kept connection take longer if the client delays its acknowledgements."""
    usual = http.client.HTTPConnection(host, port, timeout=30)
    prompt = http.client.HTTPConnection(host, port, timeout=30)
    delays: dict[http.client.HTTPConnection, list[float]] = {usual: [], prompt: []}
    for _ in range(_TURNS):
        for caller, taken in delays.items():
            began = time.perf_counter()
            caller.request("GET", path)
            if caller is prompt:
                caller.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            caller.getresponse().read()
            taken.append(time.perf_counter() - began)
    usual.close()
    prompt.close()
    # The fastest quarters are compared: other processes delay some answers, delayed acknowledgements all.
    slow, quick = (sorted(taken)[_TURNS // 4] for taken in delays.values())
    return slow - quick > _HELD_UP
