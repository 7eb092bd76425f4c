"""The limits of connections, whatever is sent over them."""

from dataclasses import dataclass

from models.limits import LimitSet, limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits(LimitSet):
    """How many connections there may be, and what one connection may cost."""

    total: int = limit(
        10_000,
        "open connections; fewer if the process may not open so many files",
        code="503 with Retry-After, after others have been closed: silent ones, then idle ones",
    )
    by_address: int = limit(
        1_000, "open connections of one address, or of one IPv6 network of 64 bits", code="503 with Retry-After"
    )
    descriptors: int = limit(
        65_536, "files and connections that the process may open, if the system allows it", code="none"
    )
    reserved: int = limit(
        128,
        "descriptors that are kept for AWS and for files, on top of those that are open at the start",
        code="none",
        may_be_zero=True,
    )
    header_seconds: float = limit(
        10.0, "seconds from the connect, or from a request's first byte, to the end of its headers", code="408"
    )
    body_seconds: float = limit(20.0, "seconds for a request's body", code="408")
    handshake_seconds: float = limit(10.0, "seconds for a TLS handshake, or a socket's", code="closed")
    # Longer than clients and load balancers keep idle connections (60 s), so that they close them first.
    idle_seconds: float = limit(75.0, "seconds without a request", code="closed")
    write_seconds: float = limit(
        20.0, "seconds in which a client reads too little of what was sent to it", code="closed"
    )
    slowest: int = limit(10_000, "bytes a second that a client must read while data waits for it", code="closed")
    unread_bytes: int = limit(16_000_000, "bytes that wait for one client", code="closed")
    unread_bytes_total: int = limit(256_000_000, "bytes that wait for all clients together", code="closed")
    close_seconds: float = limit(1.0, "seconds for a client to read why it is disconnected", code="closed")
    stop_seconds: int = limit(
        5, "seconds for the requests that are being answered when the server stops", code="closed"
    )
    head_bytes: int = limit(
        32 * 1024,
        "bytes of a request's line and headers; of a socket's, 8,192 each for the line and each header",
        code="414 for the line, 431 for the headers",
    )
    headers: int = limit(128, "headers of a request, trailers included", code="431")
    body_bytes: int = limit(
        2_000_000,
        "bytes of a request's body as sent, with what marks its chunks; an operation's own limit is lower",
        code="413",
    )
    pieces: int = limit(5_000, "parts in which a request may arrive: chunks of its body, and packets", code="413")
    pipelined: int = limit(50, "requests that are sent on one connection before the first is answered", code="429")
    first_frames: int = limit(
        16, "frames on a socket before its connection_init is accepted", code="close code 1008"
    )
    first_bytes: int = limit(
        32 * 1024, "bytes on a socket before its connection_init is accepted", code="close code 1008"
    )
    frames: int = limit(500, "frames on a socket at once", code="close code 1008")
    frames_per_second: float = limit(100.0, "frames a second on a socket, in the long run", code="close code 1008")
    frame_bytes: int = limit(4_000_000, "bytes on a socket at once, packed or unpacked", code="close code 1008")
    frame_bytes_per_second: float = limit(
        256_000.0, "bytes a second on a socket, in the long run, packed or unpacked", code="close code 1008"
    )
