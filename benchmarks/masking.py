"""How many lines of ordinary logs does masking change, and how long does it take?

    python benchmarks/masking.py LOGS [--show]

Reads `*.raw.log.gz` of LOGS. Public addresses and mail addresses are personal data; what else is masked in logs without
secrets is masked wrongly. `--show` prints what was changed, so that a person can judge.
"""

import argparse
import gzip
import re
import time
from collections import Counter
from pathlib import Path

from aiops_processor.masking import Mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path)
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    lines = [
        line
        for path in sorted(args.logs.glob("*.raw.log.gz"))
        for line in gzip.decompress(path.read_bytes()).decode(errors="replace").splitlines()
    ]
    mask, kinds = Mask(), Counter[str]()
    began = time.process_time()
    masked = [mask.text(line) for line in lines]
    micros = (time.process_time() - began) / len(lines) * 1e6
    for before, after in zip(lines, masked, strict=True):
        if before != after:
            found = sorted(set(re.findall(r"‹(\w+) ", after)))
            kinds[", ".join(found)] += 1
            if args.show:
                print(f"- {before}\n+ {after}")
    print(f"{len(lines)} lines, {micros:.0f} µs each")
    for kind, count in kinds.most_common():
        print(f"{kind:20} {count:6} lines {100 * count / len(lines):7.3f} %")


if __name__ == "__main__":
    main()
