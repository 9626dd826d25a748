#!/usr/bin/env python3
"""What the recognizer hears, as one table: run.py NAME=PACKAGE[,LM] ... [--coffee FOLDER] [--held MANIFEST] [--out FOLDER]

Each NAME is a column: a package decoded with LM (default: the one of the repository). The rows are word error rates on the development
and test sets that nothing was trained on, keywords, digits and closed grammars. FOLDER is what `coffee.py prepare` made, MANIFEST sentences
by voices that were held out. Prints Markdown; all reports stay in the folder (default runs/recognizer). Data: ../shared/data."""
import argparse, json, os, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data"
STONECHAT = os.environ.get("STONECHAT", ROOT / "target/release/stonechat")
KEYWORDS = ["alexa", "athena", "amelia", "computer", "hey computer", "hey chatterbox"]


def stonechat(report, *arguments):
    """The JSON that the command prints, kept in the file `report`."""
    if not report.exists():
        done = subprocess.run([STONECHAT, *map(str, arguments), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_bytes(done.stdout)
    return json.loads(report.read_text())


def keyword_manifest(path):
    """keywords/test, and LibriSpeech dev as speech in which no keyword is said."""
    with open(path, "w") as out:
        for manifest in (DATA / "keywords/test.jsonl", DATA / "librispeech-part/dev.jsonl"):
            for line in open(manifest):
                entry = json.loads(line)
                entry["audio_filepath"] = str((manifest.parent / entry["audio_filepath"]).resolve())
                print(json.dumps(entry), file=out)
    return path


def column(folder, package, lm, coffee, held):
    """The figures of one package, by row."""
    with_lm = ["--model", package, *(["--lm", lm] if lm else [])]
    greedy = ["--model", package, "--greedy"]
    sets = [("librispeech-part/dev", DATA / "librispeech-part/dev.jsonl"),
            ("speechocean762-adults/test", DATA / "speechocean762-adults/test.jsonl"),
            ("games/dev", DATA / "games/dev.jsonl"),
            *([("held-out synthetic voices", held)] if held else [])]
    percent = lambda share: f"{100 * share:.1f}"
    rows = {}
    for name, manifest in sets:
        slug = name.replace("/", "-").replace(" ", "-")
        letters = stonechat(folder / f"{slug}-greedy.json", "eval", "--manifest", manifest, *greedy)
        words = stonechat(folder / f"{slug}.json", "eval", "--manifest", manifest, *with_lm)
        rows[f"{name}: CER % greedy, WER % with LM"] = f"{percent(letters['cer'])}, {percent(words['wer'])}"
        rows.setdefault("network, language model, MB", f"{words['model_bytes'] / 1e6:.2f}, {(words['lm_bytes'] or 0) / 1e6:.2f}")
        rows.setdefault("RTF on one core", f"{words['rtf']:.4f}")
    keywords = stonechat(folder / "keywords.json", "eval", "--manifest", DATA / "keywords/test.jsonl", *with_lm)
    rows["keywords/test: sentences right % with LM"] = percent(keywords["sentences_right"])
    spotted = stonechat(folder / "spot.json", "spot", "--manifest", keyword_manifest(folder / "keywords.jsonl"), "--model", package,
                        *[argument for word in KEYWORDS for argument in ("--keyword", word)])
    rows["keywords/test: missed % at 1 false alarm an hour"] = percent([p for p in spotted["points"] if p["false_alarms_per_hour"] <= 1][-1]["missed"])
    digits = folder / "digits.txt"
    digits.write_text("\n".join("zero one two three four five six seven eight nine".split()) + "\n")
    named = stonechat(folder / "digits.json", "eval", "--manifest", DATA / "digits/test.jsonl", "--model", package, "--grammar", digits, "--nearest")
    rows["digits/test: right % with a grammar of ten"] = percent(named["sentences_right"])
    if coffee:
        for sounds in sorted(path for path in coffee.iterdir() if path.is_dir()):
            report = folder / f"coffee-{sounds.name}.json"
            stonechat(report, "transcribe", sounds, "--model", package, "--grammar", coffee / "coffee.jsgf", "--nearest")
            judged = subprocess.run([sys.executable, ROOT / "experiments/recognizer/coffee.py", "judge", coffee, report], stdout=subprocess.PIPE, check=True)
            rows[f"coffee orders, {sounds.name}: all slots right %"] = percent(json.loads(judged.stdout)["share"])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("packages", nargs="+", metavar="NAME=PACKAGE[,LM]")
    parser.add_argument("--coffee", type=pathlib.Path)
    parser.add_argument("--held", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs/recognizer")
    arguments = parser.parse_args()
    columns = {}
    for item in arguments.packages:
        name, _, files = item.partition("=")
        package, _, lm = files.partition(",")
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        columns[name] = column(folder, package, lm, arguments.coffee, arguments.held)
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for row in next(iter(columns.values())):
        print(f"| {row} | " + " | ".join(rows[row] for rows in columns.values()) + " |")


if __name__ == "__main__":
    main()
