#!/usr/bin/env python3
"""Where the time of a message goes, for a heartbeat of 36 bytes and for an entry of 1 MiB."""

KM_PER_MS = 200.0  # light in glass: two thirds of that in a vacuum
HEADERS = 66  # Ethernet, IP and TCP, for each packet
MOST = 1448  # bytes of data in a packet

# [links]
LINKS = [  # name, km of fibre, bits per second, routers on the way, microseconds for each
    ("same rack", 0.02, 10e9, 1, 2.0),
    ("same data centre", 0.5, 10e9, 3, 2.0),
    ("same city", 40, 10e9, 6, 20.0),
    ("Berlin to Munich", 700, 1e9, 10, 20.0),
    ("Frankfurt to Virginia", 8000, 1e9, 16, 20.0),
]
# [links-end]


# [parts]
def parts(size: int, km: float, rate: float, routers: int, each_us: float) -> tuple[float, ...]:
    """Milliseconds one way: propagation, transmission, processing."""
    packets = -(-size // MOST)
    return km / KM_PER_MS, 8000 * (size + HEADERS * packets) / rate, routers * each_us / 1000


def queueing(service_ms: float, load: float) -> float:
    """How long a packet waits at a link that is so busy: M/M/1, the simplest model."""
    return service_ms * load / (1 - load)


# [parts-end]


def main() -> None:
    print("one way, in ms          propagation  transmission  processing   36 bytes      1 MiB")
    for name, km, rate, routers, each_us in LINKS:
        small = parts(36, km, rate, routers, each_us)
        large = parts(1 << 20, km, rate, routers, each_us)
        print(
            f"{name:24}{small[0]:11.4f}{small[1]:14.5f}{small[2]:12.3f}"
            f"{sum(small):11.3f}{sum(large):11.3f}"
        )
    print("\nload of a link      50 %   80 %   90 %   95 %   99 %")
    waits = [queueing(1.0, load) for load in (0.5, 0.8, 0.9, 0.95, 0.99)]
    print("wait, in packets  " + "".join(f"{wait:6.0f} " for wait in waits))


if __name__ == "__main__":
    main()
