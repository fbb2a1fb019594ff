"""A tiny training run, kept in typed tables, analysed twice, and asked five questions in SQL.

    python examples/training_run.py [store]

A two-layer network learns the parity of four of ten bits, with three seeds. For a long time nothing
seems to happen, then the network gets it: such a transition is what the tables of `squiggle` are for.
The facts (runs, checkpoints, samples, families, metrics) are written once. What is read out of them is
written under two `analysis_id`s, `coarse` and `fine`, which stand beside each other.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from parquetry import Store
from parquetry.tables import TableSchema, squiggle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

Row: TypeAlias = dict[str, Any]
Write: TypeAlias = "Callable[[TableSchema, pl.DataFrame], None]"

SEEDS = (0, 1, 2)
STEPS = 2400
EVERY = 40
HIDDEN = 32
SAMPLE_SET = "fixed_v1"
FEATURES = ("eff_rank", "l2_norm")


@dataclass(frozen=True)
class Config:
    """What a run is configured by."""

    bits: int = 10
    parity_of: int = 4
    hidden: int = HIDDEN
    lr: float = 0.003
    batch: int = 64
    steps: int = STEPS


@dataclass(frozen=True)
class Analysis:
    """What an analysis is configured by.

    Args:
        analysis_id: Its name.
        window: Over how many checkpoints it compares.
        threshold: How many robust standard deviations a change must have.
        points: At how many points in time its signatures are sampled.
    """

    analysis_id: str
    window: int
    threshold: float
    points: int


ANALYSES = (
    Analysis("coarse", window=6, threshold=4.0, points=8),
    Analysis("fine", window=3, threshold=3.0, points=32),
)


@dataclass
class Network:
    """Two layers: `hidden` with tanh, and one output whose sign is the answer."""

    w1: Array
    b1: Array
    w2: Array
    b2: float = 0.0

    @classmethod
    def initial(cls, config: Config, rng: np.random.Generator) -> Network:
        """Return a network before training."""
        w1 = rng.standard_normal((config.bits, config.hidden)) / np.sqrt(config.bits)
        w2 = rng.standard_normal(config.hidden) / np.sqrt(config.hidden)
        return cls(w1, np.zeros(config.hidden), w2)

    def hidden(self, inputs: Array) -> Array:
        """Return the activations of the hidden layer."""
        return np.tanh(inputs @ self.w1 + self.b1)

    def output(self, inputs: Array) -> Array:
        """Return the answers as numbers, +1 for odd and -1 for even."""
        return self.hidden(inputs) @ self.w2 + self.b2

    def loss(self, inputs: Array, targets: Array) -> float:
        """Return the mean squared error."""
        return float(np.mean((self.output(inputs) - targets) ** 2))

    def parameters(self) -> list[Array]:
        """Return what is trained."""
        return [self.w1, self.b1, self.w2, np.array([self.b2])]

    def gradients(self, inputs: Array, targets: Array) -> list[Array]:
        """Return how the loss changes with each parameter."""
        hidden = self.hidden(inputs)
        error = 2 * (hidden @ self.w2 + self.b2 - targets) / len(targets)
        back = np.outer(error, self.w2) * (1 - hidden**2)
        return [inputs.T @ back, back.sum(0), hidden.T @ error, np.array([error.sum()])]


def parity(inputs: Array, config: Config) -> Array:
    """Return the parity of the first bits, which are +1 or -1: their product."""
    return np.asarray(inputs[:, : config.parity_of].prod(axis=1))


def every_input(config: Config) -> Array:
    """Return all inputs there are; they are the samples."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=config.bits)))


def train(config: Config, seed: int) -> Iterator[tuple[int, Network]]:
    """Yield the network every few steps while Adam trains it."""
    rng = np.random.default_rng(seed)
    network = Network.initial(config, rng)
    first = [np.zeros_like(each) for each in network.parameters()]
    second = [np.zeros_like(each) for each in network.parameters()]
    for step in range(config.steps + 1):
        if step % EVERY == 0:
            yield step, network
        inputs = rng.choice((-1.0, 1.0), size=(config.batch, config.bits))
        gradients = network.gradients(inputs, parity(inputs, config))
        first = [m + 0.1 * (g - m) for m, g in zip(first, gradients, strict=True)]
        second = [v + 0.001 * (g**2 - v) for v, g in zip(second, gradients, strict=True)]
        rate = config.lr * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        w1, b1, w2, b2 = (
            each - rate * m / (np.sqrt(v) + 1e-8)
            for each, m, v in zip(network.parameters(), first, second, strict=True)
        )
        network = Network(w1, b1, w2, float(b2[0]))


def geometry(activations: Array) -> Row:
    """Return the descriptors of a matrix of activations, one row a sample."""
    singular = np.linalg.svd(activations - activations.mean(0), compute_uv=False)
    share = singular / singular.sum()
    entropy = float(-(share * np.log(share + 1e-12)).sum())
    flat = activations.ravel()
    return {
        "d": activations.shape[1],
        "n_samples": len(activations),
        "l2_norm": float(np.linalg.norm(activations, axis=1).mean()),
        "mean": float(flat.mean()),
        "var": float(flat.var()),
        "eff_rank": float(np.exp(entropy)),
        "sv_entropy": entropy,
        "sparsity_l0_frac": float((np.abs(flat) < 0.1).mean()),
        "participation_ratio": float(singular.sum() ** 2 / (singular**2).sum()),
        "top_sv_frac_1": float(share[0]),
    }


def write_facts(config: Config, write: Write) -> dict[str, list[tuple[int, Network]]]:
    """Train with each seed, write what happened, and return the networks of each run."""
    inputs = every_input(config)
    targets = parity(inputs, config)
    write(squiggle.FAMILIES, squiggle.FAMILIES.validate(_family_rows(config)))
    write(squiggle.SAMPLES, squiggle.SAMPLES.validate(_sample_rows(inputs, targets)))
    networks = {}
    for seed in SEEDS:
        run_id = f"parity-{seed}"
        networks[run_id] = list(train(config, seed))
        write(squiggle.RUNS, squiggle.RUNS.validate([_run_row(config, run_id, seed)]))
        losses = [(step, each.loss(inputs, targets)) for step, each in networks[run_id]]
        checkpoints = [
            {"run_id": run_id, "step": step, "lr": config.lr, "loss_val": loss, "is_saved": False}
            for step, loss in losses
        ]
        write(squiggle.CHECKPOINTS, squiggle.CHECKPOINTS.validate(checkpoints))
        metrics = _metric_rows(run_id, networks[run_id], inputs, targets)
        write(squiggle.METRICS_SCALAR, squiggle.METRICS_SCALAR.validate(metrics))
    return networks


def _run_row(config: Config, run_id: str, seed: int) -> Row:
    text = json.dumps(asdict(config))
    return {
        "run_id": run_id,
        "seed": seed,
        "run_mode": "train_full",
        "model_id": f"mlp-{config.bits}-{config.hidden}-1",
        "model_name": "two-layer tanh network",
        "n_layers": 2,
        "d_mlp": config.hidden,
        "optimizer": "adam",
        "total_steps": config.steps,
        "config_json": text,
        "config_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
    }


def _family_rows(config: Config) -> list[Row]:
    return [
        {
            "family_id": f"{name}-of-first-bits",
            "family_version": "1",
            "source": "all inputs",
            "tags": tags,
        }
        for name, tags in (("odd", ["parity", str(config.parity_of)]), ("even", ["parity"]))
    ]


def _sample_rows(inputs: Array, targets: Array) -> list[Row]:
    return [
        {
            "sample_set": SAMPLE_SET,
            "sample_id": f"sample-{number:04d}",
            "split": "probe",
            "family_id": f"{'odd' if target < 0 else 'even'}-of-first-bits",
            "prompt_text": "".join("+" if bit > 0 else "-" for bit in bits),
            "target_text": "+" if target > 0 else "-",
        }
        for number, (bits, target) in enumerate(zip(inputs, targets, strict=True))
    ]


def _metric_rows(
    run_id: str, networks: list[tuple[int, Network]], inputs: Array, targets: Array
) -> list[Row]:
    place = {"run_id": run_id, "split": "val", "sample_set": SAMPLE_SET}
    rows = []
    for step, network in networks:
        right = float((np.sign(network.output(inputs)) == targets).mean())
        values = {"loss": network.loss(inputs, targets), "accuracy": right}
        rows += [place | {"step": step, "metric_name": n, "value": v} for n, v in values.items()]
    return rows


def write_analysis(
    analysis: Analysis, config: Config, networks: dict[str, list[tuple[int, Network]]], write: Write
) -> None:
    """Write one interpretation of the runs: geometry, its dynamics, events, signatures, matches."""
    signatures: list[Row] = []
    inputs = every_input(config)
    for run_id, steps in networks.items():
        place = {"run_id": run_id, "analysis_id": analysis.analysis_id}
        state = [_state_row(place, step, each.hidden(inputs)) for step, each in steps]
        write(squiggle.GEOMETRY_STATE, squiggle.GEOMETRY_STATE.validate(state))
        dynamics = _dynamics_rows(place, state)
        write(squiggle.GEOMETRY_DYNAMICS, squiggle.GEOMETRY_DYNAMICS.validate(dynamics))
        events = _event_rows(place, state, analysis)
        write(squiggle.EVENTS_CANDIDATES, squiggle.EVENTS_CANDIDATES.validate(events))
        signatures.append(_signature_row(place, state, events, analysis.points))
    write(squiggle.SIGNATURES, squiggle.SIGNATURES.validate(signatures))
    write(squiggle.MATCHES, squiggle.MATCHES.validate(_match_rows(analysis, signatures)))


def _state_row(place: Row, step: int, activations: Array) -> Row:
    where = {"step": step, "sample_set": SAMPLE_SET, "sample_id": "__all__", "layer": 0}
    return place | where | {"module": "mlp_out", "split": "probe"} | geometry(activations)


def _dynamics_rows(place: Row, state: list[Row]) -> list[Row]:
    key = ("step", "sample_set", "sample_id", "layer", "module")
    rows: list[Row] = []
    for before, now in itertools.pairwise(state):
        steps = now["step"] - before["step"]
        change = {name: now[name] - before[name] for name in ("l2_norm", "eff_rank", "sv_entropy")}
        rows.append(
            place
            | {name: now[name] for name in key}
            | {"step_prev": before["step"], "dt_steps": steps}
            | {f"delta_{name}": value for name, value in change.items()}
            | {"velocity": abs(change["eff_rank"]) / steps}
        )
    return rows


def _event_rows(place: Row, state: list[Row], analysis: Analysis) -> list[Row]:
    """Return the change points: where the mean of a window differs much from that of the one before."""
    rows: list[Row] = []
    found: dict[int, dict[str, tuple[float, float]]] = {}
    for metric in FEATURES:
        values = np.array([row[metric] for row in state])
        for at in _change_points(values, analysis):
            size, z, median, mad = _jump(values, at, analysis.window)
            found.setdefault(at, {})[metric] = (size, z)
            rows.append(
                _event_row(place, state, at, metric, z, analysis)
                | {"event_type": "change_point", "metric_size": size, "metric_z": z}
                | {"baseline_median": median, "baseline_mad": mad}
            )
    for at, metrics in found.items():
        if len(metrics) > 1:
            score = min(z for _, z in metrics.values())
            rows.append(
                _event_row(place, state, at, "__composite__", score, analysis)
                | {"event_type": "change_point_composite"}
                | {"metric_sizes_json": json.dumps({name: m[0] for name, m in metrics.items()})}
                | {"metric_z_json": json.dumps({name: m[1] for name, m in metrics.items()})}
            )
    return rows


def _jump(values: Array, at: int, window: int) -> tuple[float, float, float, float]:
    before, after = values[at - window : at], values[at : at + window]
    median = float(np.median(before))
    mad = float(np.median(np.abs(before - median)))
    size = float(after.mean() - before.mean())
    return size, abs(size) / (1.4826 * mad + 0.002 * abs(median)), median, mad


def _change_points(values: Array, analysis: Analysis) -> list[int]:
    places = range(analysis.window, len(values) - analysis.window + 1)
    scores = {at: _jump(values, at, analysis.window)[1] for at in places}
    return [
        at
        for at, score in scores.items()
        if score >= analysis.threshold
        and score == max(scores.get(near, 0.0) for near in range(at - 2, at + 3))
    ]


def _event_row(
    place: Row, state: list[Row], at: int, metric: str, score: float, analysis: Analysis
) -> Row:
    step = state[at]["step"]
    return place | {
        "event_id": f"{place['run_id']}-{metric}-{step}",
        "layer": 0,
        "metric": metric,
        "step": step,
        "start_step": state[at - analysis.window]["step"],
        "end_step": state[at + analysis.window - 1]["step"],
        "score": score,
    }


def _signature_row(place: Row, state: list[Row], events: list[Row], resolution: int) -> Row:
    points = np.linspace(0, len(state) - 1, resolution)
    parts = []
    for name in FEATURES:
        values = np.interp(points, range(len(state)), [row[name] for row in state])
        parts.append((values - values.mean()) / (values.std() + 1e-9))
    vector = np.concatenate(parts).astype(np.float32)
    ordered = sorted(events, key=lambda event: (event["step"], event["event_id"]))
    return place | {
        "signature_id": f"{place['run_id']}-squiggle",
        "signature_version": "1",
        "step_start": state[0]["step"],
        "step_end": state[-1]["step"],
        "resolution": resolution,
        "feature_names": list(FEATURES),
        "signature_vector": vector.tolist(),
        "signature_norm": float(np.linalg.norm(vector)),
        "event_seq": [event["event_type"] for event in ordered],
        "event_steps": [event["step"] for event in ordered],
    }


def _match_rows(analysis: Analysis, signatures: list[Row]) -> list[Row]:
    rows = []
    for one, other in itertools.permutations(signatures, 2):
        vectors = [np.array(each["signature_vector"]) for each in (one, other)]
        score = vectors[0] @ vectors[1] / (one["signature_norm"] * other["signature_norm"])
        rows.append(
            {
                "analysis_id": analysis.analysis_id,
                "match_id": f"{one['run_id']}~{other['run_id']}",
                "run_id_a": one["run_id"],
                "signature_id_a": one["signature_id"],
                "run_id_b": other["run_id"],
                "signature_id_b": other["signature_id"],
                "method": "cosine",
                "method_version": "1",
                "match_score": float(score),
            }
        )
    return rows


QUESTIONS = {
    "When did each run get it, and how well does it do in the end?": """
        SELECT run_id, min(step) FILTER (WHERE value > 0.95) AS step_of_95_percent,
               arg_max(value, step) AS final_accuracy
        FROM metrics_scalar WHERE metric_name = 'accuracy'
        GROUP BY run_id ORDER BY run_id""",
    "How does the effective rank move while the loss falls?": """
        SELECT run_id, corr(eff_rank, loss_val) AS rank_with_loss,
               arg_min(eff_rank, step) AS rank_at_start, arg_max(eff_rank, step) AS rank_at_end
        FROM geometry_state_latest JOIN checkpoints USING (run_id, step)
        GROUP BY run_id ORDER BY run_id""",
    "When is the geometry fastest, and is that before the accuracy is there?": """
        WITH there AS (
            SELECT run_id, min(step) AS step_there FROM metrics_scalar
            WHERE metric_name = 'accuracy' AND value > 0.95 GROUP BY run_id)
        SELECT run_id, arg_max(step, velocity) AS step_fastest, step_there,
               arg_max(step, velocity) < step_there AS before
        FROM geometry_dynamics_latest LEFT JOIN there USING (run_id)
        GROUP BY run_id, step_there ORDER BY run_id""",
    "What do the two analyses see, and where do they agree within 120 steps?": """
        SELECT a.run_id, count(DISTINCT a.event_id) AS coarse_events,
               count(DISTINCT a.event_id) FILTER (WHERE b.event_id IS NOT NULL) AS seen_by_fine
        FROM events_candidates AS a LEFT JOIN events_candidates AS b
          ON b.analysis_id = 'fine' AND a.run_id = b.run_id AND a.metric = b.metric
         AND abs(a.step - b.step) <= 120
        WHERE a.analysis_id = 'coarse'
        GROUP BY a.run_id ORDER BY a.run_id""",
    "Which run is most like each run, and do the analyses say the same?": """
        SELECT analysis_id, run_id_a AS run_id, arg_max(run_id_b, match_score) AS most_like,
               max(match_score) AS score
        FROM matches GROUP BY ALL ORDER BY run_id, analysis_id""",
}


def run(write: Write) -> None:
    """Train, and write the facts and both analyses through a function that takes a table and rows."""
    config = Config()
    networks = write_facts(config, write)
    for analysis in ANALYSES:
        write_analysis(analysis, config, networks, write)


def write_into(store: Store) -> Write:
    """Return a function that appends each frame to the dataset of its table."""

    def write(table: TableSchema, frame: pl.DataFrame) -> None:
        store.create_dataset(table.name, schema=table).append(frame)

    return write


def main(folder: Path) -> None:
    """Run everything in a store, and print the questions with their answers."""
    store = Store(folder)
    run(write_into(store))
    for question, sql in QUESTIONS.items():
        print(question)
        print(store.sql(sql).pl())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
