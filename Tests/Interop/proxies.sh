# SPDX-License-Identifier: Apache-2.0
# Real proxies between `mtproto connect` and the data centre: dante, microsocks, squid, tinyproxy, mtprotoproxy. Sourced by run.sh.
# curl and Telethon go the same ways first: what they cannot do is no fault of ours.

proxy_processes=()
proxy_user=interop
# Needs to be encoded in a URL.
proxy_password='secret/word:1%'
proxy_encoded='secret%2Fword%3A1%25'
# tinyproxy takes letters, digits and "-._" only.
tinyproxy_password=secret-word.1
mtproxy_secret=00112233445566778899aabbccddeeff
mtproxy_wrong_secret=ff112233445566778899aabbccddeeff

# start_proxy PORT COMMAND…: runs it until stop_proxies, and waits until it listens.
start_proxy() {
    local where="$1"
    shift
    "$@" >>"$scratch/proxies/out" 2>&1 </dev/null &
    proxy_processes+=($!)
    wait_for_port "$where" $! || { echo "does not start: $*"; cat "$scratch"/proxies/*/log "$scratch/proxies/out"; return 1; } >&2
}

stop_proxies() {
    local process
    for process in "${proxy_processes[@]}"; do kill "$process" 2>/dev/null && wait "$process" || true; done
    proxy_processes=()
}

# dante knows the users of the system only: it gets a system that has one more.
start_dante() {
    local folder="$scratch/proxies/dante"
    mkdir "$folder"
    dante_port="$(free_port)"
    cat >"$folder/danted.conf" <<CONF
logoutput: $folder/log
internal: 127.0.0.1 port = $dante_port
external: lo
clientmethod: none
socksmethod: username
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 command: connect }
socks pass { from: 127.0.0.0/8 to: localhost command: connect }
CONF
    { cat /etc/passwd; echo "$proxy_user:x:64999:64999::/nonexistent:/usr/sbin/nologin"; } >"$folder/passwd"
    { cat /etc/shadow; echo "$proxy_user:$(openssl passwd -6 "$proxy_password"):20000:0:99999:7:::"; } >"$folder/shadow"
    chmod 600 "$folder/shadow"
    # shellcheck disable=SC2016 — expanded by the inner shell.
    start_proxy "$dante_port" unshare --mount sh -c '
        mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow && exec danted -f "$1/danted.conf" -p "$1/pid"
    ' sh "$folder"
}

start_microsocks() {
    microsocks_port="$(free_port)"
    start_proxy "$microsocks_port" microsocks -i 127.0.0.1 -p "$microsocks_port" || return 1
    microsocks_password_port="$(free_port)"
    start_proxy "$microsocks_password_port" microsocks -i 127.0.0.1 -p "$microsocks_password_port" \
        -u "$proxy_user" -P "$proxy_password"
}

# One port with a password, one without.
start_squid() {
    local folder="$scratch/proxies/squid"
    mkdir "$folder"
    squid_port="$(free_port)"
    squid_password_port="$(free_port)"
    echo "$proxy_user:$(openssl passwd -apr1 "$proxy_password")" >"$folder/users"
    cat >"$folder/squid.conf" <<CONF
http_port 127.0.0.1:$squid_port
http_port 127.0.0.1:$squid_password_port
auth_param basic program /usr/lib/squid/basic_ncsa_auth $folder/users
auth_param basic children 1 startup=1
auth_param basic realm interop
acl open_port localport $squid_port
acl known_user proxy_auth REQUIRED
http_access allow open_port
http_access allow known_user
http_access deny all
cache deny all
cache_log $folder/log
access_log none
pid_filename $folder/pid
coredump_dir $folder
visible_hostname localhost
dns_nameservers 127.0.0.1
pinger_enable off
max_filedescriptors 1024
shutdown_lifetime 0 seconds
CONF
    if [ "$(id -u)" -eq 0 ]; then
        echo "cache_effective_user proxy" >>"$folder/squid.conf"
        chown -R proxy "$folder"
        chmod 711 "$scratch" "$scratch/proxies"
    fi
    start_proxy "$squid_port" squid -N -f "$folder/squid.conf"
}

start_tinyproxy() {
    local folder="$scratch/proxies/tinyproxy" name
    mkdir "$folder"
    tinyproxy_port="$(free_port)"
    tinyproxy_password_port="$(free_port)"
    for name in tinyproxy_port tinyproxy_password_port; do
        cat >"$folder/$name.conf" <<CONF
Port ${!name}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 600
MaxClients 100
LogFile "$folder/log"
LogLevel Error
CONF
        if [ "$name" = tinyproxy_password_port ]; then
            echo "BasicAuth $proxy_user $tinyproxy_password" >>"$folder/$name.conf"
        fi
        start_proxy "${!name}" tinyproxy -d -c "$folder/$name.conf" || return 1
    done
}

start_mtproxy() {
    mtproxy_port="$(free_port)"
    start_proxy "$mtproxy_port" "$python" "$here/mtproxy.py" --port "$mtproxy_port" --secret "$mtproxy_secret" --upstream-port "$port"
}

start_proxies() {
    mkdir "$scratch/proxies" && start_microsocks && start_squid && start_tinyproxy && start_mtproxy || return 1
    # Only root can give it its system.
    if [ "$(id -u)" -eq 0 ]; then start_dante; else left_out "dante with password" "not root"; fi
}

# transport_arguments TRANSPORT: sets arguments. By address without TLS, by name with TLS: proxies get both.
transport_arguments() {
    case "$1" in
    tcp) arguments=("127.0.0.1:$port") ;;
    ws) arguments=("ws://127.0.0.1:$port/apiws") ;;
    http) arguments=("http://127.0.0.1:$port/api") ;;
    wss) arguments=("wss://localhost:$tls_port/apiws" --ca "$scratch/ca.pem") ;;
    https) arguments=("https://localhost:$tls_port/api" --ca "$scratch/ca.pem") ;;
    esac
}

# proxied_connect ARGUMENT…: our client, until the first answer.
proxied_connect() {
    timeout --kill-after=5 40 "$binary" connect "$@" --public-key "$scratch/public.pem" --json >"$scratch/connect.out"
    tail -n 1 "$scratch/connect.out"
    tail -n 1 "$scratch/connect.out" | grep -q '"ok" *: *true'
}

# proxied_failure PATTERN ARGUMENT…: our client fails soon, says why, and keeps the password to itself. What it says is kept in
# $scratch/connect.err.
proxied_failure() {
    local pattern="$1" status=0
    shift
    timeout --kill-after=5 40 "$binary" connect "$@" --public-key "$scratch/public.pem" --timeout 20 \
        >"$scratch/connect.out" 2>"$scratch/connect.err" || status=$?
    cat "$scratch/connect.out" "$scratch/connect.err"
    [ "$status" -eq 1 ] || { echo "exit $status instead of 1"; return 1; }
    grep -qiE "$pattern" "$scratch/connect.err" || { echo "does not say '$pattern'"; return 1; }
    if grep -qF -e "$proxy_password" -e "$proxy_encoded" -e "$tinyproxy_password" -e "$mtproxy_secret" \
        -e "$mtproxy_wrong_secret" "$scratch/connect.out" "$scratch/connect.err"; then
        echo "shows a secret"
        return 1
    fi
}

# proxied_curl URL PROXY…: the last proxy, behind the first where there are two.
proxied_curl() {
    local url="$1" ways=()
    shift
    if [ $# -gt 1 ]; then ways+=(--preproxy "${1/socks5:/socks5h:}"); shift; fi
    ways+=(--proxytunnel --proxy "${1/socks5:/socks5h:}")
    query "$scratch/query"
    curl --silent --show-error --max-time 20 --noproxy '' --cacert "$scratch/ca.pem" "${ways[@]}" \
        --data-binary "@$scratch/query" --output "$scratch/body" "$url"
    is_result_pq "$scratch/body" "$scratch/query"
}

# connect_cause: the kind of failure in the report of the last proxied_connect.
connect_cause() {
    python3 - "$scratch/connect.out" <<'PY'
import json, sys
lines = open(sys.argv[1]).read().splitlines()
try:
    report = json.loads(lines[-1])
    print(report["attempts"][-1].get("cause") or report["error"])
except (IndexError, ValueError, KeyError, TypeError):
    print("FAILED")
PY
}

# proxy_cell ROW COLUMN FUNCTION ARGUMENT…: one case, and its time or its error for the table.
proxy_cell() {
    local row="$1" column="$2" before="$failed" begin
    shift 2
    begin="$(date +%s%3N)"
    try_function "$row, $column" "$@"
    if [ "$failed" -eq "$before" ]; then
        proxy_table["$row/$column"]="$(($(date +%s%3N) - begin)) ms"
    else
        proxy_table["$row/$column"]="$(connect_cause)"
    fi
}

# proxy_row ROW COLUMNS PROXY…: every transport of COLUMNS through the proxies, first hop first.
proxy_row() {
    local row="$1" columns="$2" transport proxy arguments options=()
    shift 2
    proxy_rows+=("$row")
    for proxy in "$@"; do options+=(--proxy "$proxy"); done
    for transport in $columns; do
        transport_arguments "$transport"
        proxy_cell "$row" "$transport" proxied_connect "${arguments[@]}" "${options[@]}"
    done
}

# proxy_fault NAME PATTERN ARGUMENT…: a case of proxied_failure, and what is said for the table.
proxy_fault() {
    local name="$1" text
    shift
    : >"$scratch/connect.err"
    try_function "$name" proxied_failure "$@"
    text="$(sed -n '1s/^mtproto connect: //p' "$scratch/connect.err" | sed 's/127\.0\.0\.1:[0-9]*/ADDRESS/g')"
    proxy_faults+=("$(printf '%-54s %s' "$name" "$text")")
}

print_proxy_tables() {
    local row column
    printf '\n%-50s' "mtproto connect through"
    for column in "${proxy_columns[@]}"; do printf '%10s' "$column"; done
    for row in "${proxy_rows[@]}"; do
        printf '\n%-50s' "$row"
        for column in "${proxy_columns[@]}"; do printf '%10s' "${proxy_table["$row/$column"]:--}"; done
    done
    printf '\n(from the start of the process to its end; the first query was answered)\n\n'
    printf '%s\n' "${proxy_faults[@]}" ""
}

proxies_cases() {
    local -A proxy_table=() socks=() connect=()
    local proxy_rows=() proxy_faults=() proxy_columns=(tcp ws wss http https) all="tcp ws wss http https"
    local login="$proxy_user:$proxy_encoded" first second url closed mtproxy refused wrong
    local socks_names=(microsocks "microsocks with password")
    local connect_names=(squid "squid with password" tinyproxy "tinyproxy with password")
    if ! start_proxies 2>"$scratch/case.log"; then
        verdict "proxies start" 1 0
        stop_proxies
        return
    fi
    socks=(
        [microsocks]="socks5://127.0.0.1:$microsocks_port"
        ["microsocks with password"]="socks5://$login@127.0.0.1:$microsocks_password_port"
    )
    if [ -n "${dante_port:-}" ]; then
        socks_names=("dante with password" "${socks_names[@]}")
        socks["dante with password"]="socks5://$login@127.0.0.1:$dante_port"
    fi
    connect=(
        [squid]="http://127.0.0.1:$squid_port"
        ["squid with password"]="http://$login@127.0.0.1:$squid_password_port"
        [tinyproxy]="http://127.0.0.1:$tinyproxy_port"
        ["tinyproxy with password"]="http://$proxy_user:$tinyproxy_password@127.0.0.1:$tinyproxy_password_port"
    )
    mtproxy="tg://proxy?server=127.0.0.1&port=$mtproxy_port&secret="

    # What others can do through these proxies.
    for url in "http://127.0.0.1:$port/api" "https://localhost:$tls_port/api"; do
        for first in "${socks_names[@]}"; do try_function "curl ${url%%:*} through $first" proxied_curl "$url" "${socks[$first]}"; done
        for first in "${connect_names[@]}"; do try_function "curl ${url%%:*} through $first" proxied_curl "$url" "${connect[$first]}"; done
        for first in "${socks_names[@]}"; do
            second="squid with password"
            try_function "curl ${url%%:*} through $first, $second" proxied_curl "$url" "${socks[$first]}" "${connect[$second]}"
        done
    done
    try_function "Telethon through mtprotoproxy, plain" python_client telethon_client.py --transport mtproxy \
        --mtproxy-port "$mtproxy_port" --mtproxy-secret "$mtproxy_secret"
    try_function "Telethon through mtprotoproxy, dd" python_client telethon_client.py --transport mtproxy-dd \
        --mtproxy-port "$mtproxy_port" --mtproxy-secret "dd$mtproxy_secret"

    # What we can.
    for first in "${socks_names[@]}"; do proxy_row "$first" "$all" "${socks[$first]}"; done
    for first in "${connect_names[@]}"; do proxy_row "$first" "$all" "${connect[$first]}"; done
    for first in "${socks_names[@]}"; do
        for second in "squid with password" "tinyproxy with password"; do
            proxy_row "$first, $second" "$all" "${socks[$first]}" "${connect[$second]}"
        done
    done
    proxy_row "microsocks, squid" "$all" "${socks[microsocks]}" "${connect[squid]}"
    proxy_row "microsocks, tinyproxy" "$all" "${socks[microsocks]}" "${connect[tinyproxy]}"
    proxy_row "squid, microsocks, tinyproxy" "$all" "${connect[squid]}" "${socks[microsocks]}" "${connect[tinyproxy]}"
    proxy_row "mtprotoproxy, plain" tcp "$mtproxy$mtproxy_secret"
    proxy_row "mtprotoproxy, dd" tcp "${mtproxy}dd$mtproxy_secret"
    for first in "${socks_names[@]}"; do
        proxy_row "$first, mtprotoproxy, plain" tcp "${socks[$first]}" "$mtproxy$mtproxy_secret"
        proxy_row "$first, mtprotoproxy, dd" tcp "${socks[$first]}" "${mtproxy}dd$mtproxy_secret"
    done
    first="microsocks with password"
    second="squid with password"
    proxy_row "$second, mtprotoproxy, dd" tcp "${connect[$second]}" "${mtproxy}dd$mtproxy_secret"
    proxy_row "$first, $second, mtprotoproxy, dd" tcp "${socks[$first]}" "${connect[$second]}" "${mtproxy}dd$mtproxy_secret"

    # What must go wrong, and how it is told.
    closed="$(free_port)"
    refused='the first hop .*: proxy refused .*refused'
    for first in "${socks_names[@]}"; do
        proxy_fault "$first, nobody at the destination" "$refused" "127.0.0.1:$closed" --proxy "${socks[$first]}"
    done
    refused='hop .*: proxy refused .*HTTP status 50[0-9]'
    for first in "${connect_names[@]}"; do
        proxy_fault "$first, nobody at the destination" "the first $refused" "127.0.0.1:$closed" --proxy "${connect[$first]}"
    done
    proxy_fault "microsocks, squid, nobody at the destination" "the second $refused" "127.0.0.1:$closed" \
        --proxy "${socks[microsocks]}" --proxy "${connect[squid]}"
    wrong='hop .*: proxy wants other credentials'
    for first in "${socks_names[@]}"; do
        [[ "$first" == *password ]] || continue
        proxy_fault "$first, a wrong one" "the first $wrong" "127.0.0.1:$port" --proxy "${socks[$first]/@/2@}"
        proxy_fault "$first, none" "the first $wrong" "127.0.0.1:$port" --proxy "socks5://${socks[$first]#*@}"
    done
    for first in "${connect_names[@]}"; do
        [[ "$first" == *password ]] || continue
        proxy_fault "$first, a wrong one" "the first $wrong.*HTTP status 40[17]" "127.0.0.1:$port" --proxy "${connect[$first]/@/2@}"
        proxy_fault "$first, none" "the first $wrong.*HTTP status 40[17]" "127.0.0.1:$port" --proxy "http://${connect[$first]#*@}"
        proxy_fault "microsocks, $first, a wrong one" "the second $wrong.*HTTP status 40[17]" "127.0.0.1:$port" \
            --proxy "${socks[microsocks]}" --proxy "${connect[$first]/@/2@}"
    done
    proxy_fault "no proxy where the first should be" 'the first hop .*: connection refused' \
        "127.0.0.1:$port" --proxy "socks5://127.0.0.1:$closed" --proxy "${connect[squid]}"
    proxy_fault "no proxy where the second should be" "the first hop .*: proxy refused .*refused" \
        "127.0.0.1:$port" --proxy "${socks[microsocks]}" --proxy "http://127.0.0.1:$closed"
    proxy_fault "no mtprotoproxy behind microsocks" 'the first hop .*: proxy refused .*refused' "127.0.0.1:$port" \
        --proxy "${socks[microsocks]}" --proxy "tg://proxy?server=127.0.0.1&port=$closed&secret=$mtproxy_secret"
    proxy_fault "microsocks in place of an HTTP proxy" "the first hop .*: not the proxy's protocol" "127.0.0.1:$port" \
        --proxy "http://127.0.0.1:$microsocks_port"
    proxy_fault "mtprotoproxy, a wrong secret" 'may not know this secret' "127.0.0.1:$port" \
        --proxy "$mtproxy$mtproxy_wrong_secret"
    stop_proxies
    print_proxy_tables
}
