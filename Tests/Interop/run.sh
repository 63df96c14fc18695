#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clients and proxies that others have made against `mtproto dc`, on loopback only.
#   Tests/Interop/run.sh PATH_TO_MTPROTO [PART…]
# Parts: python (Telethon, pyMTProto), curl, browser (headless Chromium), nginx, proxies, network (lost packets, paths and
# addresses; needs root, iproute2 and TUN devices): all of them by default.
# Makes its own Python environment under .build-interop/ (INTEROP_VENV names another place). Needs curl, openssl, chromium,
# nginx, dante-server, microsocks, squid, tinyproxy and iproute2 for the parts that use them.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 PATH_TO_MTPROTO [PART…] (a built binary, for example \$(swift build -c release --show-bin-path)/mtproto)" >&2
    exit 64
fi
binary="$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
shift
parts=("$@")
if [ "${#parts[@]}" -eq 0 ]; then parts=(python curl browser nginx proxies network); fi
venv="${INTEROP_VENV:-$root/.build-interop/venv}"
python="$venv/bin/python"

has_part() { [[ " ${parts[*]} " == *" $1 "* ]]; }

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
    if has_part python || has_part proxies; then prepare_python; fi
    export INTEROP_ISOLATED=none
    if unshare --net true 2>/dev/null; then
        export INTEROP_ISOLATED=namespace
        exec unshare --net "$BASH" "${BASH_SOURCE[0]}" "$binary" "${parts[@]}"
    fi
fi
if [ "$INTEROP_ISOLATED" = namespace ]; then
    python3 - <<'PY'
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
PY
fi

for part in support python_cases curl_cases browser_cases nginx_cases proxies network; do
    # shellcheck source=/dev/null
    source "$here/$part.sh"
done

scratch="$(mktemp -d)"
dc=""
cleanup() {
    stop_nginx
    stop_proxies
    stop_network
    if [ -n "$dc" ]; then kill "$dc" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap cleanup EXIT

start_data_centre
echo "mtproto dc listens on 127.0.0.1:$port and, with TLS, $tls_port (network: $INTEROP_ISOLATED)"

for part in "${parts[@]}"; do
    case "$part" in
    python) python_cases ;;
    curl) curl_cases ;;
    browser)
        browser_cases "Chromium" --plain "127.0.0.1:$port" --tls "127.0.0.1:$tls_port" --certificate "$scratch/ca.pem"
        ;;
    nginx) nginx_cases ;;
    proxies) proxies_cases ;;
    network) network_cases ;;
    *)
        echo "there is no part '$part'" >&2
        exit 64
        ;;
    esac
done

# SIGTERM: drained and ended with exit 0 within ten seconds.
terminate() {
    local pid="$1" _
    kill -TERM "$pid"
    for _ in $(seq 100); do
        if ! kill -0 "$pid" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    kill -KILL "$pid"
    cat "$scratch/dc.err" >&2
    return 1
}
try_function "mtproto dc ends on SIGTERM" terminate "$dc"
status=0
wait "$dc" || status=$?
dc=""
cp "$scratch/dc.err" "$scratch/case.log"
verdict "mtproto dc ends with exit 0" "$status" 0

if [ "$failed" -ne 0 ]; then
    echo "--- what mtproto dc wrote to stderr (last 40 lines)"
    tail -n 40 "$scratch/dc.err"
fi
echo "interop: $passed passed, $failed failed${skipped[*]:+, left out: $(printf '%s; ' "${skipped[@]}")}"
[ "$failed" -eq 0 ]
