#!/usr/bin/env bash
# Limits against a model on a real machine: the labelled failures that each finds, how soon, and the false alarms. Needs the folder of
# the data set "machine temperature" of the Numenta Anomaly Benchmark (github.com/numenta/NAB): the series
# `machine_temperature_system_failure.csv`, and its windows as `windows.json`. Writes a report beside the table.
set -euo pipefail
if [[ $# -lt 1 ]]; then
    echo "usage: $0 FOLDER-OF-THE-DATA [REPORT.html]" >&2
    exit 2
fi
data=$1
report=${2:-machine-temperature.html}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
points=$(mktemp --suffix .jsonl)
trap 'rm -f "$points"' EXIT

andon() { cargo run --quiet --release --manifest-path "$root/Cargo.toml" -p andon -- "$@"; }

andon import csv "$data/machine_temperature_system_failure.csv" --equipment press-1 --source nab --rename value=temperature \
    --output "$points" 2>/dev/null
# The model has seen what was before the first labelled window, and nothing else.
andon model try --rules "$root/events/rules/press-model.yaml" --train-until 2013-12-10 --labels "$data/windows.json" \
    --report "$report" "$points"
