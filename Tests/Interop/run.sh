#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs Telethon and pyMTProto as clients of `mtproto dc`, on loopback only.
#   Tests/Interop/run.sh PATH_TO_MTPROTO
# Makes its own Python environment under .build-interop/ (INTEROP_VENV names another place).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
if [ $# -ne 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 PATH_TO_MTPROTO (a built binary, for example \$(swift build -c release --show-bin-path)/mtproto)" >&2
    exit 64
fi
binary="$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
venv="${INTEROP_VENV:-$root/.build-interop/venv}"
python="$venv/bin/python"

prepare_python() {
    local stamp="$venv/requirements.txt"
    cmp -s "$here/requirements.txt" "$stamp" && return
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$stamp"
}

# Everything after the installation runs in a network namespace with nothing but loopback, where the system allows one.
if [ -z "${INTEROP_ISOLATED:-}" ]; then
    prepare_python
    export INTEROP_ISOLATED=none
    if unshare --net true 2>/dev/null; then
        export INTEROP_ISOLATED=namespace
        exec unshare --net "$BASH" "${BASH_SOURCE[0]}" "$binary"
    fi
fi
if [ "$INTEROP_ISOLATED" = namespace ]; then
    "$python" - <<'PY'
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
PY
fi

scratch="$(mktemp -d)"
dc=""
cleanup() {
    if [ -n "$dc" ]; then kill "$dc" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap cleanup EXIT

"$binary" dc --listen 127.0.0.1:0 --key "$scratch/private.pem" --public-key-out "$scratch/public.pem" --dc-id 2 \
    >"$scratch/dc.out" 2>"$scratch/dc.err" &
dc=$!
port=""
for _ in $(seq 150); do
    port="$(sed -n 's/.*listening on .*127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$scratch/dc.out" | head -n 1)"
    if [ -n "$port" ]; then break; fi
    if ! kill -0 "$dc" 2>/dev/null; then break; fi
    sleep 0.1
done
if [ -z "$port" ]; then
    echo "mtproto dc did not say where it listens:" >&2
    cat "$scratch/dc.out" "$scratch/dc.err" >&2
    exit 1
fi
echo "mtproto dc listens on 127.0.0.1:$port (network: $INTEROP_ISOLATED)"

passed=0
failed=0
verdict() {
    local name="$1" status="$2" milliseconds="$3"
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        printf '%-52s ok      %6d ms\n' "$name" "$milliseconds"
    else
        failed=$((failed + 1))
        printf '%-52s FAILED  %6d ms (exit %d)\n' "$name" "$milliseconds" "$status"
        tail -n 20 "$scratch/case.log" | sed 's/^/    /'
    fi
}
try() {
    local name="$1" script="$2" status=0 begin
    shift 2
    begin="$(date +%s%3N)"
    timeout --kill-after=5 60 "$python" "$here/$script" --port "$port" --public-key "$scratch/public.pem" --dc-id 2 "$@" \
        >"$scratch/case.log" 2>&1 </dev/null || status=$?
    verdict "$name" "$status" $(($(date +%s%3N) - begin))
}

for transport in abridged intermediate full obfuscated; do
    try "Telethon, $transport" telethon_client.py --transport "$transport"
done
for framing in abridged intermediate padded full; do
    try "pyMTProto, $framing, whole payloads" pymtproto_client.py --framing "$framing" --with-salt
    try "pyMTProto, $framing, 7-byte pieces" pymtproto_client.py --framing "$framing" --pieces 7
done
for framing in abridged intermediate padded; do
    try "pyMTProto, $framing obfuscated, whole payloads" pymtproto_client.py --framing "$framing" --obfuscated --with-salt
    try "pyMTProto, $framing obfuscated, 7-byte pieces" pymtproto_client.py --framing "$framing" --obfuscated --pieces 7
done

# README's own example for Telethon, at this address and with this key.
sed -n '/^```python$/,/^```$/p' "$root/README.md" | sed '/^```/d' \
    | sed "s#4430#$port#; s#dc-public.pem#$scratch/public.pem#" >"$scratch/readme.py"
begin="$(date +%s%3N)"
status=0
timeout --kill-after=5 60 "$python" "$scratch/readme.py" >"$scratch/case.log" 2>&1 </dev/null || status=$?
if ! grep -q '^Config(' "$scratch/case.log"; then status=1; fi
verdict "README's Telethon example" "$status" $(($(date +%s%3N) - begin))

# SIGTERM: drained and ended with exit 0 within ten seconds.
begin="$(date +%s%3N)"
kill -TERM "$dc"
status=124
for _ in $(seq 100); do
    if ! kill -0 "$dc" 2>/dev/null; then
        status=0
        wait "$dc" || status=$?
        break
    fi
    sleep 0.1
done
if [ "$status" -eq 124 ]; then kill -KILL "$dc" 2>/dev/null || true; fi
dc=""
cp "$scratch/dc.err" "$scratch/case.log"
verdict "mtproto dc ends on SIGTERM with exit 0" "$status" $(($(date +%s%3N) - begin))

if [ "$failed" -ne 0 ]; then
    echo "--- what mtproto dc wrote to stderr (last 40 lines)"
    tail -n 40 "$scratch/dc.err"
fi
echo "interop: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
