"""Whether a server's answers wait for acknowledgements, told by the clock alone, in whatever process it is."""

import http.client
import socket
import time

# Half of what Linux lets pass before it acknowledges what it has nothing to answer to.
_HELD_UP = 0.02
_TURNS = 40


def are_waited_for(host: str, port: int, path: str) -> bool:
    """Tell whether an answer over a kept connection takes longer if the caller takes its time to acknowledge."""
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
    # The better quarters: what another process holds up does not count, what holds up every answer does.
    slow, quick = (sorted(taken)[_TURNS // 4] for taken in delays.values())
    return slow - quick > _HELD_UP
