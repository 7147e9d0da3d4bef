"""The other side of `peers`: searches the same codes with faiss and usearch.

Reads one JSON object a line from standard input and answers with one a line. `seconds` are of CPU time of the calling thread where
one thread works, and of the clock where several do.
"""

import json
import sys
import time

import faiss
import numpy as np
from usearch.index import Index, MetricKind, ScalarKind

THREADS_OF_HNSW = 2


class Peers:
    """The indexes built so far, by name."""

    def __init__(self):
        self.codes = {}
        self.queries = {}
        self.indexes = {}

    def versions(self):
        import usearch

        return {
            "faiss": f"{faiss.__version__} ({faiss.get_compile_options().strip()})",
            "usearch": usearch.__version__,
            "numpy": np.__version__,
        }

    def load(self, name, codes, queries, width):
        """Maps the two files, rows of `width` bytes."""
        self.codes[name] = np.memmap(codes, np.uint8, "r").reshape(-1, width)
        self.queries[name] = np.fromfile(queries, np.uint8).reshape(-1, width)
        return {"codes": len(self.codes[name]), "queries": len(self.queries[name])}

    def build_flat(self, name):
        index = faiss.IndexBinaryFlat(self.codes[name].shape[1] * 8)
        index.add(self.codes[name])
        self.indexes[name, "flat"] = index
        return {}

    def build_ivf(self, name, lists):
        faiss.omp_set_num_threads(THREADS_OF_HNSW)
        bits = self.codes[name].shape[1] * 8
        quantizer = faiss.IndexBinaryFlat(bits)
        index = faiss.IndexBinaryIVF(quantizer, bits, lists)
        codes = self.codes[name]
        begun = time.perf_counter()
        index.train(np.ascontiguousarray(codes[:: max(1, len(codes) // (40 * lists))]))
        index.add(codes)
        # The index does not keep its quantizer alive.
        self.indexes[name, "ivf"] = (index, quantizer)
        return {"build_s": time.perf_counter() - begun}

    def build_hnsw(self, name):
        codes = self.codes[name]
        index = Index(ndim=codes.shape[1] * 8, metric=MetricKind.Hamming, dtype=ScalarKind.B1)
        begun = time.perf_counter()
        index.add(np.arange(len(codes), dtype=np.uint64), np.ascontiguousarray(codes), threads=THREADS_OF_HNSW)
        self.indexes[name, "hnsw"] = index
        return {"build_s": time.perf_counter() - begun}

    def search(self, name, kind, count, threads=1, effort=None, k=1):
        """Searches for the first `count` queries; `effort` is nprobe or expansion. Rows of `k`, one after the other."""
        queries = self.queries[name][:count]
        faiss.omp_set_num_threads(threads)
        index = self.indexes[name, kind]
        if kind == "ivf":
            index = index[0]
            index.nprobe = effort
        clock = time.thread_time if threads == 1 else time.perf_counter
        if kind == "hnsw":
            index.expansion_search = effort
            begun = clock()
            found = index.search(queries, k, threads=threads)
            seconds = clock() - begun
            distances, ids = np.asarray(found.distances), np.asarray(found.keys)
        else:
            begun = clock()
            distances, ids = index.search(queries, k)
            seconds = clock() - begun
        rows = {"distances": distances, "ids": ids}
        return {"seconds": seconds} | {key: row.reshape(-1).astype(np.int64).tolist() for key, row in rows.items()}

    def forget(self, name, kind):
        del self.indexes[name, kind]
        return {}


def main():
    peers = Peers()
    for line in sys.stdin:
        command = json.loads(line)
        answer = getattr(peers, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
