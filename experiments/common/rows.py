"""Tables of `stonechat sweep collect`, and how a verdict is said."""
import csv
import pathlib
import statistics


def load(folder, name):
    """The rows of a table that have been trained to the end; numbers as numbers. None where there is no table."""
    path = pathlib.Path(folder) / f"{name}.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        rows = [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if row.get("state", "done") == "done"]


def number(text):
    if text == "":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def spread(values, scale=100, digits=1):
    """Mean and standard deviation, with the number of values."""
    values = [scale * value for value in values]
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (1 seed)"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f} ({len(values)} seeds)"


def groups(rows, *keys):
    """Rows by the values of keys, in order of appearance."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return found


def values(rows, key):
    return [row[key] for row in rows if row.get(key) is not None]


def mean(rows, key):
    found = values(rows, key)
    return statistics.mean(found) if found else None


def say(claim, holds, text):
    """holds: True, False, None (cannot be told yet), or words."""
    words = {True: "holds", False: "does not hold here", None: "not run yet"}
    print(f"{claim}: {words.get(holds, holds)}. {text}")
