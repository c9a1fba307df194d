#!/usr/bin/env bash
# Sets up what the tests need, then runs fmt, clippy and every test.
# Without root or apt the tests that need a missing program are left out, and listed loudly at the end;
# with CI=true nothing may be left out.
set -euo pipefail
cd "$(dirname "$0")/.."

# name in tests:command:Debian package
needed="slapd:slapd:slapd 389ds:ns-slapd:389-ds-base ldapsearch:ldapsearch:ldap-utils tmux:tmux:tmux strace:strace:strace"
missing=""
PATH="$PATH:/usr/sbin:/sbin"
for one in $needed; do
  program="${one#*:}"
  command -v "${program%%:*}" >/dev/null 2>&1 || missing="$missing ${one##*:}"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing:$missing"
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
  missing=""
fi

skip=()
skipped=""
for one in $needed; do
  name="${one%%:*}"
  program="${one#*:}"
  program="${program%%:*}"
  if ! command -v "$program" >/dev/null 2>&1; then
    # Tests that need a program carry its name: needs_tmux_…
    skip+=(--skip "needs_${name}_")
    skipped="$skipped\n  every test named needs_${name}_*: \`$program\` (Debian package ${one##*:}) is missing"
  fi
done
if [ -n "$skipped" ] && [ "${CI:-}" = true ]; then
  printf 'CI must skip nothing, but:%b\n' "$skipped" >&2
  exit 1
fi

# The guide is not ours to copy: without its text at hand the index in tests/guide is not held against it.
text="${IMSMIGRATE_GUIDE:-../shared/guide}"
[ -e "$text" ] || skipped="$skipped\n  the_index_is_the_chapter_sentence_by_sentence: no text of the guide (IMSMIGRATE_GUIDE=FILE or FOLDER)"

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
status=0
cargo test --locked -- ${skip[@]+"${skip[@]}"} || status=$?
if [ -n "$skipped" ]; then
  printf '\n*** SKIPPED, because something is missing:%b\n' "$skipped" >&2
fi
exit "$status"
