#!/usr/bin/env bash
# C: the example program of crates/capi (TRANSCRIBE), and programs over vosk_api.h, which print the same.
set -euo pipefail

model=$1 folder=$2
tr '\t' '\001' | while IFS=$'\001' read -r name _ rate settings _; do
    mapfile -t options < <(tr ';' '\n' <<<"$settings" | sed '/^$/d')
    "$TRANSCRIBE" "$model" "$rate" "${options[@]}" <"$folder/$name.pcm" 2>/dev/null >"$folder/$name.c"
    # Objects of utterances that ended, one a line, then the text of the last.
    texts="$(sed -n -e '/^{"keyword"/d' -e 's/^{.*"text": \{0,1\}"\([^"]*\)".*/\1/' -e '/./p' "$folder/$name.c" | paste -s -d ' ')"
    printf '%s\t%s\n' "$name" "$texts"
done
