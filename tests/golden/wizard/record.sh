#!/usr/bin/env bash
# Records what tests/it/wizard_screens.rs draws: a lab's own site, what real checks said of it in good
# and in bad days, and its plan. Nothing is written by hand; only paths of this machine are replaced.
#
#     tests/golden/wizard/record.sh PATH-TO-imsmigrate
set -euo pipefail
program="$(realpath "$1")"
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
export IMSMIGRATE_STATE_DIR="$work/state"
lab="$work/lab"
trap '"$program" lab stop "$lab" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

keep() { # FILE: with the folders of this machine replaced
  sed -e "s#$program#/opt/imsmigrate/bin/imsmigrate#g" -e "s#$lab#/var/tmp/practice/lab#g" >"$here/$1"
}
look() { # FILE: what the checks say now; an exit code of 3 says that something inhibits
  "$program" check --site "$lab/site.toml" --json >"$work/out" || [ $? = 3 ]
  keep "$1" <"$work/out"
}

"$program" lab create "$lab" --users 5 --seed 7 --messages-per-user 3
keep site.toml <"$lab/site.toml"
"$program" plan --site "$lab/site.toml" --format json | keep plan.json
"$program" plan --site "$lab/site.toml" --format json --draft | keep draft.json
look checks-good.json

# A bad day: mail that is held, a disk that is too small, somebody on the new directory's port, and a
# password that is wrong.
echo 'disk-kb = 200' >>"$lab/drills.toml"
queue="$(ls -d "$lab"/hosts/mail/var/opt/SUNWmail/imta/queue/*/ | head -1)"
printf 'held by a person\n' >"$queue/ZZ0held.HELD"
sed -i 's/^directory = .*/directory = "not-the-password"/' "$lab/secrets.toml"
look checks-wrong-password.json

# A command that says what nobody has seen before, and queues that are not where the site says.
cat >"$lab/hosts/mail/usr/sbin/df" <<'ODD'
#!/bin/sh
n=1
while [ $n -le 12 ]; do
  echo "WARNING $n: kstat unix 0 is not what it was before patch 108528-$n"
  n=`expr $n + 1`
done
ODD
mv "$lab/hosts/mail/var/opt/SUNWmail/imta/queue" "$lab/hosts/mail/var/opt/SUNWmail/imta/moved"
look checks-odd-tools.json

# The directory is gone, and all the rest.
"$program" lab stop "$lab"
look checks-all-down.json
