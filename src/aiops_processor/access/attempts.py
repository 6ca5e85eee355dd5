"""How often somebody may be wrong: a bound on guessing passwords."""

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from aiops_processor.clock import Clock

MOST_NAMES = 10_000


def counted_as(address: str) -> str:
    """The name under which an address is counted: of IPv6 its /64, for whoever has one address has all of those."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped:  # else all of IPv4 would be one name: some proxies write `::ffff:192.0.2.1`
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


class Attempts:
    """Counts failures by name (an address, a user) within a window of time; past `most` of them no more tries.

    Kept in memory, at most for 10,000 names, the oldest forgotten: each process counts for itself.
    """

    def __init__(self, clock: Clock, most: int = 10, window: timedelta = timedelta(minutes=5)) -> None:
        self._clock = clock
        self._most = most
        self._window = window
        self._failed: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, *names: str) -> float:
        """Seconds until the next try, 0 where it may be made now."""
        return max(0.0, *(self._wait(name) for name in names))

    def failed(self, *names: str) -> None:
        for name in names:
            self._failed.setdefault(name, deque(maxlen=self._most)).append(self._clock.now())
            self._failed.move_to_end(name)
        while len(self._failed) > MOST_NAMES:
            self._failed.popitem(last=False)

    def take_back(self, *names: str) -> None:
        """The newest failure of each was none. Those before stay: who can sign in must not guess at others for ever."""
        for name in names:
            if times := self._failed.get(name):
                times.pop()

    def _wait(self, name: str) -> float:
        times = self._failed.get(name)
        if times is None or len(times) < self._most:
            return 0.0
        return (times[0] + self._window - self._clock.now()).total_seconds()
