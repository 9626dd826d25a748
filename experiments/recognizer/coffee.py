#!/usr/bin/env python3
"""Coffee orders of the public benchmark Picovoice/speech-to-intent-benchmark: coffee.py prepare FOLDER OUT | coffee.py judge OUT TEXTS.json

FOLDER is a clone of that repository (Apache-2.0, not part of this project). `prepare` writes OUT/coffee.jsgf, which has the benchmark's own
expressions, OUT/labels.json and OUT/clean; where NumPy and soundfile are there and the clone has its noises, OUT/NOISE-DB beside it, mixed
as the benchmark does it. `judge` prints the share of orders whose slots are all right, TEXTS.json being what `transcribe --json` printed."""
import itertools, json, pathlib, re, sys

SLOT = {
    "size": ["small", "medium", "large", "eight ounce", "twelve ounce", "sixteen ounce", "twenty ounce"],
    "roast": ["light roast", "medium roast", "dark roast"],
    "numberOfShots": ["single shot", "double shot", "triple shot"],
    "coffeeDrink": ["americano", "cappuccino", "espresso", "iced mocha", "latte", "mocha", "coffee", "drip coffee", "house coffee", "iced coffee"],
    "milkAmount": ["milk", "skim milk", "whole milk", "soy milk", "almond milk", "cream"],
    "sugarAmount": ["sugar", "brown sugar", "sweetener"],
}
AMOUNTS = ["", "a little bit of ", "a bit of ", "some ", "a lot of ", "lots of "]
for slot in ("milkAmount", "sugarAmount"):
    SLOT[slot] = [amount + thing for thing in SLOT[slot] for amount in AMOUNTS]
ASK = ["brew", "can i get", "can i have", "i want", "get me", "give me", "i'd like", "make me", "may i have"]
KINDS = ("size", "roast", "numberOfShots")


def grammar():
    orders = [" ".join(f"<{kind}>" for kind in order) for n in range(1, 4) for order in itertools.permutations(KINDS, n)]
    rules = [f"<{slot}> = {' | '.join(values)};" for slot, values in SLOT.items()]
    return "\n".join([
        "#JSGF V1.0;", "grammar coffee;",
        f"public <order> = ({' | '.join(ASK)}) (a | an) [{' | '.join(orders)}] <coffeeDrink> [with <extras>];",
        "<extras> = <milkAmount> [and <sugarAmount>] | <sugarAmount> [and <milkAmount>];", *rules, ""])


def slots(text):
    """What is ordered; None if it is no order."""
    either = lambda slot: "|".join(sorted(map(re.escape, SLOT[slot]), key=len, reverse=True))
    kinds = "|".join(f"(?:{either(kind)})" for kind in KINDS)
    order = re.fullmatch(rf"(?:{'|'.join(ASK)}) an? ((?:(?:{kinds}) )*)({either('coffeeDrink')})(?: with (.*))?", text)
    if order is None:
        return None
    found = {"coffeeDrink": order[2]}
    for kind in KINDS:
        if value := re.search(rf"\b(?:{either(kind)})\b", order[1]):
            found[kind] = value[0]
    for extra in (order[3] or "").split(" and "):
        for slot in ("milkAmount", "sugarAmount"):
            if extra in SLOT[slot]:
                found[slot] = extra
    return found


def prepare(folder, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "coffee.jsgf").write_text(grammar())
    (out / "labels.json").write_text((folder / "data/label/label.json").read_text())
    clean = out / "clean"
    if not clean.exists():
        clean.symlink_to((folder / "data/speech/clean").resolve())
    try:
        import numpy as np, soundfile
    except ImportError:
        return print("no NumPy and soundfile: clean speech only")
    peak = lambda x: max((x[k:k + 2048] ** 2).sum() for k in range(0, len(x) - 2047, 2048))
    for noise_file in sorted((folder / "data/noise").glob("*.wav")):
        noise, _ = soundfile.read(noise_file)
        for db in range(6, 25, 3):
            mixed = out / f"{noise_file.stem}-{db}"
            mixed.mkdir(exist_ok=True)
            draw = np.random.default_rng(db)
            for path in sorted(clean.glob("*.wav")):
                speech, rate = soundfile.read(path)
                at = draw.integers(0, len(noise) - len(speech))
                part = noise[at:at + len(speech)]
                sound = speech + part * np.sqrt(peak(speech) / (peak(part) * 10 ** (db / 10)))
                soundfile.write(mixed / path.name, sound / (2 * np.abs(sound).max()), rate)


def judge(out, texts):
    labels = json.loads((out / "labels.json").read_text())
    right = total = 0
    for file in json.loads(texts.read_text())["files"]:
        label = labels.get(pathlib.Path(file["file"]).name)
        if label is not None:
            wanted = {slot: value.strip() for slot, value in label["slots"].items()}
            right += slots(file.get("text", "")) == wanted
            total += 1
    print(json.dumps({"right": right, "orders": total, "share": right / max(total, 1)}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", folder, out]: prepare(pathlib.Path(folder), pathlib.Path(out))
        case ["judge", out, texts]: judge(pathlib.Path(out), pathlib.Path(texts))
        case _: sys.exit(__doc__)
