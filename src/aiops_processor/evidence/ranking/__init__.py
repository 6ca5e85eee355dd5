"""Which entity changed first and most: the same arithmetic for every system. Pure numpy.

`moves` says how far each row moved, `surprise` how unlikely that is beside the row's peers, `lines` the same for log
lines and `blame` whom a line is about; `fusion` adds up what is known of an entity, `topology` takes off what its
callees explain, `verdict` says whether anything is unusual at all and how sure the order is.
docs/explanation/ranking.md tells why each step is there.
"""

from aiops_processor.evidence.ranking.blame import HEARSAY, blamed
from aiops_processor.evidence.ranking.fusion import Extra, Ranked, Ranking, rank
from aiops_processor.evidence.ranking.lines import Said
from aiops_processor.evidence.ranking.moves import HIGHEST, UNUSUAL, Shift, shifts
from aiops_processor.evidence.ranking.topology import below

__all__ = [
    "HEARSAY",
    "HIGHEST",
    "UNUSUAL",
    "Extra",
    "Ranked",
    "Ranking",
    "Said",
    "Shift",
    "below",
    "blamed",
    "rank",
    "shifts",
]
