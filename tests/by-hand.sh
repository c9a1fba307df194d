#!/usr/bin/env bash
# Migrates a lab with the vendor's stand-ins alone, step by step as the guide's off-line procedure
# has them; no wizard. It is the proof that the lab is a place in which the guide works, and that
# each of the guide's warnings is meant: ignore one, and the audit names exactly that damage.
#
#   tests/by-hand.sh BINARY LABDIR [VARIANT]
#
# VARIANT is none, or a warning to be ignored: no-rename-map, restore-twice, queue-not-drained,
# synclevel-zero; or what must come out clean as well: tape (steps 5 and 10a in place of 10b),
# power-cut (as with synclevel-zero, but with step 11 done).
#
# LABDIR is a new lab of the scenario sims-offline (`BINARY lab create LABDIR`). Ends with the audit
# and its exit status (0 clean, 6 not).
set -euo pipefail

binary=${1:?BINARY}
lab=$(cd "${2:?LABDIR}" && pwd)
damage=${3:-none}
case $damage in
  none | no-rename-map | restore-twice | queue-not-drained | synclevel-zero | tape | power-cut) ;;
  *) echo "unknown variant: $damage" >&2; exit 2 ;;
esac

R=$lab/hosts/mail
sims=$R/opt/SUNWmail/sbin
ds=$R/usr/netscape/server4
slapd=$ds/slapd-mail
server_root=$R/usr/iplanet/server5
instance_root=$server_root/msg-mail
host=mail.siroe.com
suffix=o=internet
default_organization=dc=siroe,dc=com,o=internet
manager='cn=Directory Manager'
sessions=4

secret() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$lab/secrets.toml"; }
bind_password=$(secret directory)
config_password=$(secret config-directory)
address=$(sed -n 's/^address = "\(.*\)"$/\1/p' "$lab/lab.toml" | head -1)
port_base=$(sed -n 's/^port_base = //p' "$lab/lab.toml")
# The host's own /tmp: its commands see no other.
work=$(mktemp -d "$R/tmp/by-hand.XXXXXX")
trap 'rm -rf "$work"' EXIT

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'by-hand: %s\n' "$*" >&2; exit 1; }

# until_true SECONDS WHAT COMMAND…: asks again until the command succeeds.
until_true() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "$what: still not so"
    sleep 0.2
  done
}

listens() { (exec 3<>"/dev/tcp/$address/$((port_base + $1))") 2>/dev/null; }
refuses() { ! listens "$1"; }
no_files() { [ -z "$(find "$1" -type f ! -name '$*' ! -name '.*' -print -quit)" ]; }

# deliver ADDRESS NAME: sends one message over SMTP, as a user's client would.
deliver() {
  local line
  exec 3<>"/dev/tcp/$address/$((port_base + 25))"
  answer() {
    while IFS= read -r -t 30 line <&3; do
      case $line in
        "$1"-*) ;;
        "$1"*) return ;;
        *) fail "SMTP said $line" ;;
      esac
    done
    fail "SMTP went away"
  }
  answer 220
  printf 'HELO client.siroe.com\r\n' >&3; answer 250
  printf 'MAIL FROM:<someone@example.com>\r\n' >&3; answer 250
  printf 'RCPT TO:<%s>\r\n' "$1" >&3; answer 250
  printf 'DATA\r\n' >&3; answer 354
  printf 'From: someone@example.com\r\nTo: %s\r\nMessage-ID: <%s@by-hand.example.com>\r\n' "$1" "$2" >&3
  printf 'Subject: %s\r\n\r\nsent by hand\r\n.\r\n' "$2" >&3; answer 250
  printf 'QUIT\r\n' >&3; answer 221
  exec 3>&-
}

# The address of somebody in the default domain whose mail is simply delivered.
somebody=$(sed -n 's/.*"user":"amehta".*"mail":"\([^"]*\)".*/\1/p' "$lab/accounts.jsonl")
[ -n "$somebody" ] || somebody=$(sed -n 's/.*"mail":"\([^"]*@siroe\.com\)".*/\1/p' "$lab/accounts.jsonl" | head -1)

"$binary" lab start "$lab" >/dev/null

step 1: keep a copy of the directory
(cd "$slapd" && bin/db2ldif "/usr/netscape/server4/slapd-mail/ldif/before.ldif")
grep -q '^dn: ' "$slapd/ldif/before.ldif" || fail "no entries in the copy of the directory"

step 2: the merged schema, for old and new entries alike
cp "$R"/cdrom/iplanet/solaris/migrate/schema/merged.{at,oc}.conf "$slapd/config/"
chmod u+w "$slapd"/config/merged.*.conf
# What the merged files define anew must no longer come from the old ones.
sed -i.save -E 's,^[[:space:]]*include.*(ns-mail-schema|sims-schema)\.conf,#&,' "$slapd/config/ns-schema.conf"
sed -i.save -E '/include.*ns-schema\.conf/a\
include "/usr/netscape/server4/slapd-mail/config/merged.at.conf"\
include "/usr/netscape/server4/slapd-mail/config/merged.oc.conf"' "$slapd/config/slapd.conf"
"$ds/bin/slapd/server/slapd_config" -c -f /usr/netscape/server4/slapd-mail/config/slapd.conf
"$slapd/restart-slapd"
until_true 60 "the directory answers" listens 389

step 3: no new mail, and the queues run empty
if [ "$damage" = queue-not-drained ]; then
  # The warning ignored: mail comes in that nobody delivers any more.
  "$sims/imta" stop job_controller
  deliver "$somebody" not-drained
  "$sims/imta" stop dispatcher
else
  "$sims/imta" stop dispatcher
  "$sims/imta" qm counters
  until_true 120 "the queues are empty" no_files "$R/var/opt/SUNWmail/imta/queue"
  "$sims/imta" qm directory
fi

step 4: stop SIMS, but not the directory
"$sims/im.server" stop
for port in 25 110 143; do until_true 60 "port $port is free" refuses "$port"; done
listens 389 || fail "the directory has gone with SIMS"

if [ "$damage" = tape ]; then
  step 5: the whole old store on tape
  "$sims/imbackup" -f /dev/rmt/0
else
  step '5: (left out: there is room for both stores)'
fi

step 6: install the new server with a directory of its own for its configuration, and stop it
# An empty line takes what is offered.
{
  echo                    # server root
  echo                    # this computer's name
  echo No                 # register with an existing configuration directory?
  echo No                 # use another directory for the data?
  echo 390                # the new directory's port: the old one keeps 389
  echo                    # its suffix
  echo                    # its manager
  echo "$config_password" # the manager's password
  echo "$config_password" # and again
  echo                    # default organization
  echo                    # the mail server's user
  echo                    # and group
} | "$R/cdrom/iplanet/setup"
"$instance_root/stop-msg"

step 7: the users and groups stay in the old directory
set_option() { # set_option NAME VALUE
  "$instance_root/configutil" -o "$1" -v "$2"
  [ "$("$instance_root/configutil" -o "$1")" = "$2" ] || fail "$1 does not read back"
}
set_option local.ugldapbasedn "$suffix"
set_option local.ugldapbinddn "$manager"
set_option local.ugldapbindcred "$bind_password"
set_option local.ugldapdeforgdn "$default_organization"
set_option local.ugldaphost "$host"
set_option local.ugldapport 389

step 8: the login separator, where people used the plus sign
if grep -qi '^ims-login-separator: *+' "$R/etc/opt/SUNWmail/ims/ims.cnf"; then
  set_option service.loginseparator +
fi

imsdirmig() {
  "$server_root/bin/msg/migrate/bin/imsdirmig" -h "$host" -b "$suffix" -M sims -D "$manager" -w "$bind_password" "$@"
}
step 9a: upgrade the domains
imsdirmig -m domains
step 9b: upgrade people and groups
imsdirmig -m both

step 10: whose uid has a capital letter needs the rename map
"$ds/shared/bin/ldapsearch" -h "$host" -p 389 -D "$manager" -w "$bind_password" -b "$suffix" \
  '(&(objectclass=inetMailUser)(uid=*))' uid >"$work/people"
sed -n 's/^uid: //p' "$work/people" | grep '[A-Z]' | while IFS= read -r uid; do
  printf '%s=%s\n' "$(printf %s "$uid" | tr '[:upper:]' '[:lower:]')" "$uid"
done >"$work/rename.map" || true
[ -s "$work/rename.map" ] || fail "nobody to rename: the guide's two have capitals"
map=(-u "$work/rename.map")
[ "$damage" != no-rename-map ] || map=()

set_option local.store.synclevel 0
"$instance_root/start-msg" store
imsrestore=$server_root/bin/msg/store/bin/imsrestore

# One session; both ends must say that all went well.
session() {
  local ends=(0 0)
  "$sims/imbackup" -f- -u "$1" | "$imsrestore" -f- -cy -n -v1 ${map[@]+"${map[@]}"} ||
    ends=("${PIPESTATUS[@]}")
  [ "${ends[*]}" = '0 0' ] || { echo "session $1 ended with ${ends[*]}" >&2; return 1; }
}
restore_all() {
  local users pids=() pid
  for users in "$work"/session.*.users; do
    (session "$users") >"${users%.users}.log" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || { cat "$work"/session.*.log; fail "a session failed"; }
  done
  cat "$work"/session.*.log
}
if [ "$damage" = tape ]; then
  step 10a: from the tape into the new store
  "$imsrestore" -f /dev/rmt/0 -t >"$work/on-tape"
  [ -s "$work/on-tape" ] || fail "nothing is on the tape"
  "$imsrestore" -f /dev/rmt/0 -cy -n -v1 "${map[@]}"
else
  step 10b: several sessions at once, each with its own people
  "$sims/imquotacheck" -v -n | awk 'NR > 1 && NF > 1 { print $1 }' >"$work/users"
  [ -s "$work/users" ] || fail "the old store has no users"
  awk -v n=$sessions -v stem="$work/session." '{ print > (stem (NR % n) ".users") }' "$work/users"
  restore_all
fi
if [ "$damage" = restore-twice ]; then
  # The warning ignored: the same flags again find every mailbox there and make a second one.
  restore_all
fi

if [ "$damage" != synclevel-zero ]; then
  step 11: write through to the disk again
  set_option local.store.synclevel -1
fi

step 12: stop the store
"$instance_root/stop-msg" store

step 13: full dirsync, then everything up
"$instance_root/imsimta" dirsync -F
"$instance_root/start-msg"
for port in 25 110 143; do until_true 120 "port $port answers" listens "$port"; done

step 14: what the delegated administrator will need
"$server_root/bin/msg/migrate/bin/imsdaaci" >"$work/da.ldif"
"$ds/shared/bin/ldapmodify" -h "$host" -p 389 -D "$manager" -w "$bind_password" -f "$work/da.ldif"

if [ "$damage" = synclevel-zero ] || [ "$damage" = power-cut ]; then
  # A message is taken and delivered, and then the power fails.
  deliver "$somebody" taken-before-the-cut
  until_true 60 "the message is delivered" no_files "$instance_root/imta/queue"
  kill -9 "$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$lab/lab.lock")"
  "$binary" lab start "$lab" >/dev/null
fi

step audit
"$binary" lab audit "$lab"
