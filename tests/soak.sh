#!/usr/bin/env bash
# What takes too long for CI. `tests/soak.sh crash [NOTES]`: the engine dies at every crash point of a
# small run, one crash in each step of a run at a time, then 500 times twice. What is done is noted in
# NOTES (default: target/crash-points.done) and left out the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
crash)
  export IMSMIGRATE_CRASH_MATRIX="${2:-$PWD/target/crash-points.done}"
  cargo test --locked --test it crash::engines_that_die_in -- --nocapture
  IMSMIGRATE_CRASH_PAIRS=500 cargo test --locked --test it crash::engines_that_die_twice -- --nocapture
  ;;
undo)
  # Taken back after each step in turn; then 30 times with an engine that dies twice on the way back.
  export IMSMIGRATE_UNDO_ALL=1
  cargo test --locked --test it undo:: -- --nocapture
  ;;
*)
  echo "usage: tests/soak.sh crash [NOTES] | undo" >&2
  exit 2
  ;;
esac
