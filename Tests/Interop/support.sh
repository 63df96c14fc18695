# SPDX-License-Identifier: Apache-2.0
# What the parts of run.sh share: verdicts, cases, and a data centre to try them on. Sourced, not run.

passed=0
failed=0
skipped=()

# verdict NAME STATUS MILLISECONDS: prints a line; what a failed case wrote to $scratch/case.log follows it.
verdict() {
    local name="$1" status="$2" milliseconds="$3"
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        printf '%-66s ok      %6d ms\n' "$name" "$milliseconds"
    else
        failed=$((failed + 1))
        printf '%-66s FAILED  %6d ms (exit %d)\n' "$name" "$milliseconds" "$status"
        tail -n 20 "$scratch/case.log" | sed 's/^/    /'
    fi
}

# try_command NAME COMMAND…: a case is one command that has to end with 0 within a minute.
try_command() {
    local name="$1" status=0 begin
    shift
    begin="$(date +%s%3N)"
    timeout --kill-after=5 60 "$@" >"$scratch/case.log" 2>&1 </dev/null || status=$?
    verdict "$name" "$status" $(($(date +%s%3N) - begin))
}

# try_function NAME FUNCTION ARGUMENT…: a case is a function that must not fail anywhere. It has its own limits of time.
try_function() {
    local name="$1" status=0 begin
    shift
    begin="$(date +%s%3N)"
    # Not a condition, in which the shell would go on behind a failure.
    set +e
    (set -e; "$@") >"$scratch/case.log" 2>&1 </dev/null
    status=$?
    set -e
    verdict "$name" "$status" $(($(date +%s%3N) - begin))
}

# left_out WHAT REASON: what this machine cannot show is told here and at the end.
left_out() {
    skipped+=("$1 ($2)")
    printf '%-66s LEFT OUT: %s\n' "$1" "$2"
}

# wait_for_port PORT PID: until something listens there, or the process has ended.
wait_for_port() {
    local _
    for _ in $(seq 150); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# free_port: a TCP port of 127.0.0.1 that nobody uses now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# make_certificate FOLDER: a self-signed certificate for localhost and its key.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$1/key.pem" -out "$1/certificate.pem" 2>/dev/null
}

# wait_for_line PATTERN FILE: until a file has such a line.
wait_for_line() {
    local _
    for _ in $(seq 150); do
        if grep -q "$1" "$2"; then return 0; fi
        sleep 0.1
    done
    echo "no line '$1'" >&2
    cat "$2" >&2
    return 1
}

# start_data_centre: runs `mtproto dc`, and sets dc, port and tls_port.
start_data_centre() {
    "$binary" dc --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --tls-certificate-out "$scratch/ca.pem" \
        --key "$scratch/private.pem" --public-key-out "$scratch/public.pem" --dc-id 2 \
        >"$scratch/dc.out" 2>"$scratch/dc.err" &
    dc=$!
    local _
    for _ in $(seq 150); do
        port="$(listening_port tcp)"
        tls_port="$(listening_port tls)"
        if [ -n "$port" ] && [ -n "$tls_port" ]; then return; fi
        kill -0 "$dc" 2>/dev/null || break
        sleep 0.1
    done
    echo "mtproto dc did not say where it listens:" >&2
    cat "$scratch/dc.out" "$scratch/dc.err" >&2
    return 1
}

# "listening on 127.0.0.1:4430 (tcp, ws, http)", "listening on 127.0.0.1:4431 (tls, wss, https)"
listening_port() {
    sed -n "s/^listening on 127\.0\.0\.1:\([0-9][0-9]*\) ($1.*/\1/p" "$scratch/dc.out" | head -n 1
}

# query FILE: a req_pq_multi as a payload of now.
query() {
    python3 - "$1" <<'PY'
import os, struct, sys, time
identifier = int(time.time() * 2**32) & ~3
body = struct.pack("<I", 0xBE7E8EF1) + os.urandom(16)
open(sys.argv[1], "wb").write(struct.pack("<QQI", 0, identifier, len(body)) + body)
PY
}

# is_result_pq FILE QUERY: whether a payload answers that query.
is_result_pq() {
    python3 - "$1" "$2" <<'PY'
import struct, sys
answer, query = (open(path, "rb").read() for path in sys.argv[1:])
key, identifier, length, constructor = struct.unpack_from("<QQII", answer)
assert key == 0 and identifier % 4 == 1 and length == len(answer) - 20, answer.hex()
assert constructor == 0x05162463 and answer[24:40] == query[24:40], answer.hex()
PY
}
