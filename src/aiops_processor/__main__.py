"""`python -m aiops_processor` is `aiops`; without a command it serves."""

import sys

from aiops_processor.cli import main

if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.argv.append("serve")
    main()
