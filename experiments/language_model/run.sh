#!/bin/sh
# Trigram models of 14, 32 and 56 MB from a book text, and what they are worth on its last paragraphs.
#   experiments/language_model/run.sh TEXT.xz FOLDER
# writes train.txt, held_out.txt and the models to FOLDER, and one JSON object a measurement to FOLDER/results.jsonl.
set -eu
text=$1 folder=$2
stonechat=${STONECHAT:-target/release/stonechat}
mkdir -p "$folder"
xz -dc "$text" > "$folder/all.txt"
lines=$(wc -l < "$folder/all.txt")
held_out=$((lines / 100))
head -n $((lines - held_out)) "$folder/all.txt" > "$folder/train.txt"
tail -n "$held_out" "$folder/all.txt" > "$folder/held_out.txt"
rm "$folder/all.txt"
: > "$folder/results.jsonl"
line() { tr -d '\n' | sed 's/  */ /g' && echo; }
for size in 14 32 56; do
    "$stonechat" lm build --normalize english --order 3 --target-size ${size}MB --memory 512MB \
        --output "$folder/$size.lm" --json "$folder/train.txt" | line >> "$folder/results.jsonl"
    "$stonechat" lm perplexity "$folder/$size.lm" --normalize english --json "$folder/held_out.txt" |
        line >> "$folder/results.jsonl"
done
