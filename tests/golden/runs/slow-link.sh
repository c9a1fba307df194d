#!/usr/bin/env bash
# Makes the way out of a lab's old host slow, as `moving.jsonl` was recorded: imbackup writes 40 KB a second.
#
#     tests/golden/runs/slow-link.sh LAB
set -euo pipefail
tool="$1/hosts/mail/opt/SUNWmail/sbin/imbackup"
mv "$tool" "$tool.fast"
cat >"$tool" <<SLOW
#!/usr/bin/env bash
set -o pipefail
'$(realpath "$tool.fast")' "\$@" | python3 -c '
import sys, time
while block := sys.stdin.buffer.read1(8192):
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    time.sleep(len(block) / 40960)'
SLOW
chmod 755 "$tool"
