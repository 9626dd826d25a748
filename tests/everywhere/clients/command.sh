#!/usr/bin/env bash
# The command: samples on its stdin, settings as its options.
set -euo pipefail

model=$1 folder=$2
# Empty columns stay: read takes tabs together, other characters not.
tr '\t' '\001' | while IFS=$'\001' read -r name _ rate settings _; do
    options=()
    while IFS='=' read -r option value; do
        case "$option=$value" in
        =) ;;
        *=true) options+=("--$option") ;;
        grammar=*)
            # The option takes a file.
            printf '%s\n' "$value" >"$folder/$name.grammar"
            options+=(--grammar "$folder/$name.grammar")
            ;;
        keyword=* | threshold=*) ;; # of the verb `spot`; the text is the same without
        *) options+=("--$option=$value") ;;
        esac
    done < <(tr ';' '\n' <<<"$settings")
    # A line an utterance.
    text="$("$STONECHAT" transcribe --model "$model" --rate "$rate" "${options[@]}" - <"$folder/$name.pcm" 2>/dev/null | paste -s -d ' ')"
    printf '%s\t%s\n' "$name" "$text"
done
