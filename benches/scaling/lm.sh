#!/usr/bin/env bash
# Time, memory and disk of counting and of building a language model of made text: lm.sh MILLIONS FOLDER [STONECHAT]
# Needs python3 (PYTHON) with numpy and Debian's `time`. The folder gets the text, the sorting and the model.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
millions=$1 folder=$2 stonechat=${3:-stonechat}
mkdir -p "$folder/sorting"
text=$folder/text-$millions.txt
[ -e "$text" ] || { "${PYTHON:-python3}" "$here/text.py" --words "${millions}000000" > "$text.new" && mv "$text.new" "$text"; }
echo "$millions million words, $(stat -c %s "$text") bytes"

# Prints the most that is on disk of temporary files, which have no names, while a child of process $1 runs.
watch() {
    local most=0 now
    while kill -0 "$1" 2>/dev/null; do
        now=$(find /proc/"$(pgrep -P "$1" | head -n 1)"/fd -type l -lname "$folder/sorting/*" -exec stat -L -c %s {} + 2>/dev/null | awk '{ s += $1 } END { printf "%d", s }')
        [ "${now:-0}" -le $most ] || most=$now
        sleep 0.5
    done
    echo "most on disk for sorting: $most bytes"
}

/usr/bin/time -f '%e s, %U s of a core, %M KB at the peak' \
    "$stonechat" lm build --order 3 --cutoffs 0,1 --memory 1GB --temporary "$folder/sorting" --json --output "$folder/text-$millions.lm" "$text" \
    > "$folder/text-$millions.json" &
building=$!
watch $building
wait $building
cat "$folder/text-$millions.json"
