"""A study of Optuna over a recipe: what does not look well after some epochs is pruned.

    pip install optuna
    python examples/cluster/study.py recipes/small.toml runs/study --trials 20

Several processes can share a study: give each the same --storage, such as sqlite:///study.db.
"""

import argparse
import json
import pathlib
import subprocess
import time

import optuna


def epochs(metrics):
    """(Epochs done over all stages, CER on the development set) for each line of an epoch; the last line may be half written."""
    if not metrics.exists():
        return []
    found = []
    for line in metrics.read_text().splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            break
        if "epoch" in entry and entry["dev"]:
            found.append((len(found) + 1, entry["dev"]["cer"]))
    return found


def objective(trial, options):
    run = options.runs / f"trial-{trial.number}"
    changes = {
        "stage.0.rate": trial.suggest_float("rate", 1e-4, 1e-2, log=True),
        "stage.0.dropout": trial.suggest_float("dropout", 0.0, 0.3),
    }
    command = [options.stonechat, "train", str(options.recipe), "--json", "--run", str(run)]
    for key, value in changes.items():
        command += ["--set", f"{key}={value}"]
    for change in options.set:
        command += ["--set", change]
    run.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{run}.log", "w") as log, open(f"{run}.json", "w") as report:
        training = subprocess.Popen(command, stdout=report, stderr=log)
        told = 0
        while training.poll() is None:
            time.sleep(options.poll)
            for step, cer in epochs(run / "metrics.jsonl")[told:]:
                trial.report(cer, step)
                told = step
            if trial.should_prune():
                training.terminate()  # It saves, and could go on with --resume.
                training.wait()
                raise optuna.TrialPruned()
    if training.returncode != 0:
        raise RuntimeError(f"{run}.log says why the training ended with status {training.returncode}")
    return min(cer for _, cer in epochs(run / "metrics.jsonl"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--storage")
    parser.add_argument("--stonechat", default="stonechat", help="the command")
    parser.add_argument("--poll", type=float, default=1.0, help="seconds between looks at the metrics")
    options = parser.parse_args()
    study = optuna.create_study(
        study_name=str(options.runs),
        storage=options.storage,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
    )
    study.optimize(lambda trial: objective(trial, options), n_trials=options.trials, catch=RuntimeError)
    for trial in study.trials:
        print(trial.number, trial.state.name, trial.value, trial.params)
    print("best:", study.best_trial.number, study.best_value, study.best_params)


if __name__ == "__main__":
    main()
