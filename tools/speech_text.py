#!/usr/bin/env python3
"""Lines to be spoken by text-to-speech for training: book sentences that cover the common words, commands, questions, numbers, dates, names, spelled words.

    tools/speech_text.py --books BOOKS.txt.xz --commands COMMANDS.txt --lines 20000 --seed 1 > lines.txt

Punctuation stays (voices pause by it), digits are written out. `--manifest OLD NEW` turns a manifest of such lines into one of lower-case words.
"""
import argparse, collections, json, lzma, random, re, sys

ABBREVIATIONS = {"Mr.": "mister", "Mrs.": "missus", "Dr.": "doctor", "St.": "saint", "Messrs.": "messrs", "etc.": "et cetera"}
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth "
            "eighteenth nineteenth twentieth").split() + ["twenty " + o for o in "first second third fourth fifth sixth seventh eighth ninth".split()] + ["thirtieth", "thirty first"]
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NAMES = ("Anna Maria Peter Paul John Mary James Robert Linda David Susan Michael Karen Thomas Nancy Daniel Lisa Mark Sarah Steven Laura Kevin Emily Brian Julia George "
         "Rachel Edward Helen Ronald Diana Anthony Alice Jason Frances Jeffrey Martha Ryan Teresa Jacob Gloria Gary Evelyn Nicholas Cheryl Eric Mildred Jonathan Ashley "
         "Stephen Kim Larry Megan Justin Olivia Scott Sophia Brandon Isabella Benjamin Mia Samuel Charlotte Gregory Amelia Frank Harper Alexander Raymond Patrick Grace Jack "
         "Hannah Dennis Chloe Jerry Zoe Tyler Lily Aaron Nora Henry Leah Adam Ruby Nathan Ivy Hugo Oscar Felix Clara Ahmed Fatima Wei Ling Raj Priya Carlos Elena Ivan Olga").split()
PLACES = ("London Paris Berlin Madrid Rome Vienna Oslo Dublin Chicago Boston Seattle Denver Toronto Sydney Tokyo Beijing Delhi Cairo Lagos Nairobi Moscow Athens Lisbon Prague Warsaw "
          "Brussels Geneva Munich Hamburg Milan Naples Dallas Houston Miami Atlanta Phoenix Portland Austin Montreal Vancouver Melbourne Auckland").split()
THINGS = ("the lights", "the kitchen lamp", "the heating", "the radio", "the television", "the fan", "the alarm", "the coffee machine", "the garage door", "the oven", "the music", "the blinds",
          "the washing machine", "the front door", "the bedroom light", "the computer", "the speaker", "the air conditioner", "the vacuum", "the printer")

def number(n):
    if n < 20: return ONES[n]
    if n < 100: return TENS[n // 10] + ("" if n % 10 == 0 else " " + ONES[n % 10])
    for size, name in [(10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")]:
        if n >= size: return number(n // size) + " " + name + ("" if n % size == 0 else " " + number(n % size))

def template(r):
    """One made sentence: numbers, dates, times, names, spelled words, short commands and questions."""
    n, name, other, place, thing = r.choice([r.randrange(100), r.randrange(1000), r.randrange(100000), r.randrange(10**7)]), r.choice(NAMES), r.choice(NAMES), r.choice(PLACES), r.choice(THINGS)
    hour, minute = ONES[r.randrange(1, 13)], r.choice(["", " fifteen", " thirty", " forty five", " o'clock", " oh five", " twenty", " ten"])
    digits = " ".join(ONES[r.randrange(10)] for _ in range(r.randrange(1, 11)))
    date = f"{r.choice(MONTHS)} the {r.choice(ORDINALS)}"; year = r.choice(["nineteen " + number(r.randrange(10, 100)), "twenty " + number(r.randrange(10, 40)), "two thousand and " + number(r.randrange(1, 10))])
    letters = " ".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randrange(2, 7)))
    return r.choice([
        number(n) + ".", f"The number is {number(n)}.", digits + ".", digits + ".", f"Call {name} at {digits}.", f"It is {hour}{minute}.", f"Wake me up at {hour}{minute} on {r.choice(DAYS)}.",
        f"{date}, {year}.", f"We meet on {r.choice(DAYS)}, {date}.", f"{name} was born in {year}.", f"{name} {other}.", f"Send a message to {name} {other}.", f"My name is {name}.", f"{name}, where is {other}?",
        f"What is the weather like in {place} {r.choice(['today', 'tomorrow', 'on ' + r.choice(DAYS), 'this weekend'])}?", f"How far is it from {place} to {r.choice(PLACES)}?", f"Flights to {place}, please.",
        f"{letters}.", f"That is spelled {letters}.", f"Turn {r.choice(['on', 'off'])} {thing}.", f"Switch {thing} {r.choice(['on', 'off'])}.", f"{r.choice(['Turn up', 'Turn down', 'Open', 'Close', 'Start', 'Stop'])} {thing}.",
        f"Set {thing} to {number(r.randrange(1, 101))} percent.", f"Set a timer for {number(r.randrange(1, 91))} {r.choice(['seconds', 'minutes', 'hours'])}.", f"{r.choice(['Yes', 'No', 'Okay', 'Please', 'Thank you', 'Hello', 'Good morning', 'Stop', 'Cancel', 'Help', 'Go on', 'Next', 'Back', 'Repeat'])}.",
        f"Play {r.choice(['some jazz', 'the news', 'my favourite song', 'rock music', 'the next track', 'an audio book'])}{r.choice(['', ' please', ' in the kitchen', ' in the bedroom', ' louder'])}.",
        f"{number(r.randrange(1, 100))} {r.choice(['plus', 'minus', 'times', 'divided by'])} {number(r.randrange(1, 100))}.", f"That costs {number(r.randrange(1, 500))} {r.choice(['dollars', 'pounds', 'euros'])} and {number(r.randrange(1, 100))} {r.choice(['cents', 'pence'])}.",
        f"Could I have a {r.choice(['small', 'medium', 'large'])} {r.choice(['coffee', 'tea', 'latte', 'cappuccino', 'espresso', 'hot chocolate', 'juice', 'sandwich'])} with {r.choice(['milk', 'sugar', 'no sugar', 'cream', 'ice', 'two sugars', 'lemon'])}, please?",
        f"{name} lives at {number(r.randrange(1, 200))} {r.choice(['Main', 'Church', 'Park', 'Oak', 'Station', 'King', 'High'])} {r.choice(['Street', 'Road', 'Avenue', 'Lane'])} in {place}."])

def words(line): return re.sub(r"[^a-z' ]+", " ", line.lower().replace("’", "'").replace("-", " ")).split()

def sentences(path):
    with lzma.open(path, "rt", encoding="utf-8") as f:
        for paragraph in f:
            for short, long in ABBREVIATIONS.items(): paragraph = paragraph.replace(short, long)
            for s in re.split(r"(?<=[.!?])[\"”’]?\s+", paragraph.strip()):
                s = s.strip(" \"“”_()[]*")
                if re.fullmatch(r"[A-Za-z,;:'’.!? -]+", s) and not re.search(r"\b[A-Z]{2,}\b|\b[A-Z]\.|[.]{2}", s) and 3 <= len(s.split()) <= 20 and len(s) <= 130: yield s

def books(path, count, r, known=20000):
    """`count` sentences drawn so that each of the `known` most frequent words comes about equally often as far as the text has it."""
    pool = list(sentences(path)); r.shuffle(pool); frequency = collections.Counter(w for s in pool for w in words(s))
    common = {w for w, _ in frequency.most_common(known)}; pool = [s for s in pool if sum(w in common for w in words(s)) == len(words(s))]
    half = pool[: count // 2]; heard = collections.Counter(w for s in half for w in words(s))
    for s in pool[count // 2:]:      # the other half: those with a word that was heard less than thrice
        if len(half) >= count: break
        if any(heard[w] < 3 for w in words(s)): half.append(s); heard.update(words(s))
    r.shuffle(half); print(f"{len(half)} sentences, {sum(1 for w in common if heard[w] > 0)} of the {known} most frequent words", file=sys.stderr)
    return half

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--books"); p.add_argument("--commands"); p.add_argument("--lines", type=int, default=10000); p.add_argument("--seed", type=int, default=1); p.add_argument("--manifest", nargs=2)
    a = p.parse_args()
    if a.manifest:
        with open(a.manifest[0]) as old, open(a.manifest[1], "w") as new:
            for line in old: entry = json.loads(line); entry["text"] = " ".join(words(entry["text"])); new.write(json.dumps(entry) + "\n")
        return
    r = random.Random(a.seed); lines = books(a.books, a.lines * 55 // 100, r)
    commands = [c.strip() for c in open(a.commands)]; commands = [c for c in commands if re.fullmatch(r"[a-z' ]+", c) and 1 <= len(c.split()) <= 16]
    lines += r.sample(commands, min(len(commands), a.lines * 20 // 100)); lines += [template(r) for _ in range(a.lines - len(lines))]
    r.shuffle(lines); print("\n".join(lines))
main()
