#!/usr/bin/env bash
# Functions of more than 80 lines, blank lines and comments not counted: prints them and fails if there are any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
git ls-files 'crates/*.rs' 'models/*.rs' | xargs awk '
    FNR == 1 { inside = 0 }
    !inside && match($0, /^ *(pub(\([a-z]+\))? )?(const )?(unsafe )?(extern "C" )?fn [a-z_0-9]+/) {
        name = substr($0, RSTART, RLENGTH); sub(/.*fn /, "", name)
        match($0, /^ */); indent = RLENGTH; start = FNR; lines = 0; inside = 1
    }
    inside {
        if ($0 !~ /^ *(\/\/|$)/) lines++
        match($0, /^ */)
        if (RLENGTH == indent && ($0 ~ /^ *}$/ || $0 ~ /[;}]$/)) {
            if (lines > 80) { printf "%s:%d: fn %s has %d lines\n", FILENAME, start, name, lines; found = 1 }
            inside = 0
        }
    }
    END { exit found }'
