#!/usr/bin/env bash
# Makes the pictures in screenshots/ from a real run: the practice migration on a lab, in tmux at 80×24,
# driven by keys as a person would. Needs tmux, aha and chromium (Debian packages of the same names).
# usage: tests/screenshots.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."
binary="$(realpath "${1:-target/release/imsmigrate}")"
work="$(mktemp -d)"
export IMSMIGRATE_STATE_DIR="$work/state"
lab="$work/lab"
tm() { tmux -L imsmigrate-screenshots "$@"; }
finish() {
  tm kill-server 2>/dev/null || true
  "$binary" lab stop "$lab" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

# Ends the terminal, and waits until tmux is gone.
hang_up() {
  tm kill-server 2>/dev/null || true
  while tm list-sessions >/dev/null 2>&1; do sleep 0.1; done
  sleep 0.5
}

screen() { tm capture-pane -p; }
# Waits until the screen shows a text.
until_shown() {
  for _ in $(seq 600); do
    if screen | grep -qF -- "$1"; then return 0; fi
    sleep 0.2
  done
  echo "never shown: $1" >&2
  screen >&2
  return 1
}
picture() {
  {
    echo '<!doctype html><meta charset="utf-8"><style>body{margin:12px;background:#101418}'
    echo 'pre{font:15px/1.2 "DejaVu Sans Mono",monospace;color:#d8dee9;margin:0}</style><pre>'
    tm capture-pane -e -p | aha --no-header
    echo '</pre>'
  } >"$work/$1.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/chromium" \
    --disable-background-networking --disable-component-update --disable-sync --no-first-run \
    --force-device-scale-factor=1.5 --window-size=760,470 --screenshot="$PWD/screenshots/$1.png" \
    "file://$work/$1.html" >/dev/null 2>&1
  test -s "screenshots/$1.png"
  echo "screenshots/$1.png"
}

mkdir -p screenshots
tm new-session -d -x 80 -y 24 "$binary practice --users 60 --messages-per-user 40 --seed 7 --lab $lab"
until_shown "step intro (1 of"
sleep 1
picture gate-note

run="$("$binary" runs --json | grep -oE '"id":"[^"]+"' | head -1 | cut -d'"' -f4)"
hang_up
# Another client goes on to the first gate that stops something.
cat >"$work/answers.toml" <<EOF
keep-backups = ""
back-up-directory = ""
merge-schema = "o=internet"
EOF
"$binary" resume "$run" --headless --answers "$work/answers.toml" >/dev/null 2>&1 || true
tm new-session -d -x 80 -y 24 "$binary attach $run"
until_shown "DESTRUCTIVE"
sleep 1
picture gate-destructive
hang_up

"$binary" resume "$run" --headless --yes >/dev/null 2>&1 &
tm new-session -d -x 80 -y 24 "$binary attach $run"
until_shown "running  Session"
picture run
until_shown "steps done"
sleep 1
picture result
wait
