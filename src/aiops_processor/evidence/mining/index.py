"""Which template does a kind of line fit? Pure."""

from collections import defaultdict
from collections.abc import Iterable

ANY = "<*>"
Kind = tuple[str, ...]


class Index:
    """Templates by the places of their wildcards: as many look-ups a kind as there are different sets of places."""

    def __init__(self, templates: Iterable[Kind]) -> None:
        by_places: dict[tuple[int, tuple[int, ...]], dict[Kind, Kind]] = defaultdict(dict)
        for template in templates:
            places = tuple(at for at, word in enumerate(template) if word == ANY)
            by_places[len(template), places][template] = template
        self._by_length: dict[int, list[tuple[tuple[int, ...], dict[Kind, Kind]]]] = defaultdict(list)
        for (length, places), found in sorted(by_places.items(), key=lambda each: (len(each[0][1]), each[0])):
            self._by_length[length].append((places, found))

    def general(self, kind: Kind, more_than: int = -1) -> Kind | None:
        """The least general template that fits, of those with more wildcards than `more_than`."""
        for places, found in self._by_length.get(len(kind), ()):
            if len(places) <= more_than:
                continue
            wanted = list(kind)
            for at in places:
                wanted[at] = ANY
            if (template := found.get(tuple(wanted))) is not None:
                return template
        return None
