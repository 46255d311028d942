"""The floor to stand above: TF-IDF and k-means that is told the true number of issues, on labelled conversations.

    pip install scikit-learn
    python -m benchmarks.kmeans star.s300.jsonl.gz natcs_banking.s200.jsonl.gz

Reads what customers wrote, subject included, as the program does. Not part of the development install: nothing else needs scikit-learn.
"""

import argparse
import importlib
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversation_utils import customer_text
from testing.labelled_run import LabelledSet, LabelsUnusable, load_set
from testing.scoring import scores

SEEDS = range(5)


def clustered(data: LabelledSet, seed: int) -> list[int]:
    """The cluster of each conversation; as many clusters as there are labels."""
    text: Any = importlib.import_module("sklearn.feature_extraction.text")
    cluster: Any = importlib.import_module("sklearn.cluster")
    said = [f"{conversation['subject']}\n{customer_text(conversation)}" for conversation in data.conversations]
    vectors = text.TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(said)
    return [int(place) for place in cluster.KMeans(len(set(data.labels.values())), n_init=10, random_state=seed).fit_predict(vectors)]


def main(argv: Sequence[str] | None = None) -> int:
    """Print ARI and ACC of each file, mean of five seeds; 2 for files that cannot be used or a missing library."""
    parser = argparse.ArgumentParser(prog="benchmarks.kmeans", description="TF-IDF and k-means with the true number of issues.")
    parser.add_argument("files", nargs="+", type=Path, help="labelled conversations, JSON lines")
    args = parser.parse_args(argv)
    try:
        for data in map(load_set, args.files):
            gold = [data.labels[conversation["ticket_id"]] for conversation in data.conversations]
            found = [scores(clustered(data, seed), gold) for seed in SEEDS]
            ari, acc = (statistics.fmean(getattr(score, name) for score in found) for name in ("ari", "acc"))
            print(f"{data.name:28} ARI {ari:.3f}  ACC {acc:.3f}", flush=True)
    except LabelsUnusable as error:
        print(f"kmeans: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"kmeans: {error}; install it with: pip install scikit-learn", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
