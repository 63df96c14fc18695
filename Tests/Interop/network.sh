# SPDX-License-Identifier: Apache-2.0
# A client and a data centre in two network namespaces with a cable between them that loses packets, its path or its address.
# Numbered queries have to be answered each once, whatever happens. Sourced by run.sh; needs root, iproute2 and /dev/net/tun.

network_client="mtproto-client-$$"
network_server="mtproto-server-$$"
network_place=10.77.0.1
network_processes=()
network_lines=()

# Removes the namespaces of runs that were killed.
remove_old_networks() {
    local name
    for name in $(ip netns list 2>/dev/null | grep -oE '^mtproto-(client|server)-[0-9]+'); do
        kill -0 "${name##*-}" 2>/dev/null || ip netns del "$name" 2>/dev/null || true
    done
}

# network_lack: what this machine has not, if anything.
network_lack() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "not root"
    elif ! unshare --net true 2>"$scratch/lack"; then
        echo "no network namespaces: $(tail -n 1 "$scratch/lack")"
    elif ! unshare --net python3 "$here/cable.py" --probe >"$scratch/lack" 2>&1; then
        echo "no TUN devices: $(tail -n 1 "$scratch/lack")"
    elif remove_old_networks && ! { ip netns add "$network_client" && ip netns add "$network_server"; } 2>"$scratch/lack"; then
        # Without the program it is an error: .ci/run installs it.
        command -v ip >/dev/null && echo "no named network namespaces: $(tail -n 1 "$scratch/lack")"
    fi
}

# Two namespaces, a cable between them, and a data centre at its far end.
start_network() {
    mkdir "$scratch/network"
    # No coproc: its descriptors are not there in subshells.
    mkfifo "$scratch/network/commands" "$scratch/network/answers"
    exec {cable_in}<>"$scratch/network/commands" {cable_out}<>"$scratch/network/answers"
    python3 "$here/cable.py" "$network_client" "$network_server" <"$scratch/network/commands" \
        >"$scratch/network/answers" 2>"$scratch/network/cable.err" &
    network_processes+=($!)
    [ "$(cable_answer)" = ready ] || { cat "$scratch/network/cable.err" >&2; return 1; }
    ip -n "$network_client" link set lo up &&
        ip -n "$network_server" link set lo up &&
        ip -n "$network_client" addr add 10.77.0.2/24 dev cable0 &&
        ip -n "$network_server" addr add "$network_place/24" dev cable0 &&
        ip -n "$network_client" link set cable0 up &&
        ip -n "$network_server" link set cable0 up || return 1
    ip netns exec "$network_server" "$binary" dc --listen "$network_place:4430" --public-key-out "$scratch/network/key.pem" \
        --key "$scratch/network/private.pem" >"$scratch/network/dc.out" 2>"$scratch/network/dc.err" &
    network_processes+=($!)
    wait_for_line '^listening on' "$scratch/network/dc.out"
}

stop_network() {
    local process
    for process in "${network_processes[@]}"; do kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true; done
    network_processes=()
    # It has a process group of its own, and is started by a subshell.
    if [ -s "$scratch/network/soak.pid" ]; then kill "$(cat "$scratch/network/soak.pid")" 2>/dev/null || true; fi
    ip netns del "$network_client" 2>/dev/null || true
    ip netns del "$network_server" 2>/dev/null || true
}

cable_answer() {
    local line
    read -r -t 10 -u "$cable_out" line && echo "$line"
}

# cable COMMAND…: tells the cable, and waits until it knows.
cable() {
    echo "$*" >&"$cable_in"
    [ "$(cable_answer)" = ok ]
}

# Packets since the last time, and how many of them were lost.
cable_count() {
    echo count >&"$cable_in"
    cable_answer
}

check_cable() {
    python3 "$here/cable_check.py" "$network_client" "$network_server" "$scratch/network/commands" "$scratch/network/answers"
}

# moment NAME: now the path is "lost" or "back".
moment() { echo "$1 $(date +%s.%N)" >>"$scratch/network/moments"; }

# What a program does that watches the network of its machine.
tell_client() { kill -HUP "$(cat "$scratch/network/soak.pid")"; }

# Each of these happens while queries are on their way.
nothing_happens() { :; }

# The packets before do not count.
packets_lost() {
    cable loss 0.3
    cable_count
}

path_lost() {
    moment lost
    cable down
    sleep "${1:-5}"
    cable up
    moment back
}

path_lost_for_long() { path_lost 25; }

path_lost_for_long_told() {
    path_lost 25
    tell_client
}

interface_lost() {
    moment lost
    ip -n "$network_client" link set cable0 down
    sleep 3
    ip -n "$network_client" link set cable0 up
    moment back
}

# The old connection can never be answered again.
address_changed() {
    moment lost
    ip -n "$network_client" addr del 10.77.0.2/24 dev cable0
    sleep 1
    ip -n "$network_client" addr add 10.77.0.3/24 dev cable0
    moment back
}

address_changed_told() {
    address_changed
    tell_client
}

# The session goes on over connections that lose packets from their first one.
all_at_once() {
    local address
    packets_lost
    for address in 3 4 5; do
        sleep 3
        ip -n "$network_client" addr flush dev cable0
        sleep 1
        ip -n "$network_client" addr add "10.77.0.$address/24" dev cable0
        tell_client
    done
}

# Also the cable's loss is over.
network_back() {
    cable up
    ip -n "$network_client" link set cable0 up
    ip -n "$network_client" addr flush dev cable0
    ip -n "$network_client" addr add 10.77.0.2/24 dev cable0
}

# soak EVENT LIMIT ARGUMENT…: numbered queries, and something that happens when they have begun; an answer has to come so many
# seconds after it is over.
soak() {
    local event="$1" limit="$2" client status=0 packets options=()
    shift 2
    : >"$scratch/network/moments"
    cable_count >"$scratch/network/count"
    # shellcheck disable=SC2016 — expanded by the inner shell.
    ip netns exec "$network_client" timeout --kill-after=5 240 sh -c 'echo $$ >"$0" && exec "$@"' "$scratch/network/soak.pid" \
        "$binary" soak "$network_place:4430" --public-key "$scratch/network/key.pem" --count 10000 --query-timeout 200 "$@" \
        >"$scratch/network/soak.out" 2>"$scratch/network/soak.err" &
    client=$!
    if wait_for_line '^connected$' "$scratch/network/soak.out"; then
        sleep 1
        "$event"
    else
        kill "$client"
    fi
    wait "$client" || status=$?
    rm -f "$scratch/network/soak.pid"
    cable_count >"$scratch/network/count"
    network_back
    cat "$scratch/network/soak.err"
    read -r -a packets <"$scratch/network/count"
    if [[ "$event" == packets_lost || "$event" == all_at_once ]]; then options=(--loss 0.3); fi
    python3 "$here/soak_report.py" "$scratch/network/soak.out" "$scratch/network/moments" "$scratch/network/soak.err" \
        --packets "${packets[@]}" --count 10000 --limit "$limit" "${options[@]}" | tee "$scratch/network/report"
    [ "$status" -eq 0 ]
}

# soak_case NAME EVENT LIMIT ARGUMENT…: its report is told also when all is well.
soak_case() {
    local name="$1"
    shift
    : >"$scratch/network/report"
    try_function "network, $name" soak "$@"
    sed 's/^/    /' "$scratch/network/report"
    network_lines+=("$(printf '%-46s %s' "$name" "$(cat "$scratch/network/report")")")
}

network_cases() {
    local lack status
    lack="$(network_lack)"
    if [ -n "$lack" ]; then
        left_out "network" "$lack"
        return
    fi
    set +e
    start_network >"$scratch/case.log" 2>&1
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        verdict "network starts" "$status" 0
        stop_network
        return
    fi
    try_function "network, the cable itself" check_cable
    sed 's/^/    /' "$scratch/case.log"
    soak_case "nothing happens" nothing_happens 1
    soak_case "30 % of the packets lost" packets_lost 1 --in-flight 1000 --rate 500
    soak_case "30 % lost, address changed 3 times, told" all_at_once 1 --in-flight 1000 --rate 500
    soak_case "path lost for 5 s" path_lost 15 --rate 800
    soak_case "path lost for 25 s" path_lost_for_long 30 --rate 300
    soak_case "path lost for 25 s, the client told" path_lost_for_long_told 10 --rate 300
    soak_case "interface lost for 3 s" interface_lost 15 --rate 800
    soak_case "address changed" address_changed 30 --rate 800
    soak_case "address changed, the client told" address_changed_told 10 --rate 800
    soak_case "address changed, told, temporary key" address_changed_told 10 --rate 800 --temporary-key
    soak_case "address changed, told, over HTTP" address_changed_told 20 --rate 800 --transport http
    stop_network
    printf '\n10 000 numbered queries by mtproto soak while:\n'
    printf '%s\n' "${network_lines[@]}" ""
}
