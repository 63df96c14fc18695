# SPDX-License-Identifier: Apache-2.0
# nginx in front of the data centre, as a proxy of http and ws that ends TLS. Sourced by run.sh.

nginx=""

start_nginx() {
    nginx_port="$(free_port)"
    nginx_tls_port="$(free_port)"
    mkdir -p "$scratch/nginx/temporary"
    make_certificate "$scratch/nginx"
    sed -e "s#@FOLDER@#$scratch/nginx#g; s#@PORT@#$nginx_port#g; s#@TLS_PORT@#$nginx_tls_port#g; s#@UPSTREAM@#127.0.0.1:$port#g" \
        "$here/nginx.conf" >"$scratch/nginx/nginx.conf"
    # Workers of another user could not reach the files; root has to say that they are its own.
    if [ "$(id -u)" -eq 0 ]; then sed -i '1i user root;' "$scratch/nginx/nginx.conf"; fi
    nginx -c "$scratch/nginx/nginx.conf" -e "$scratch/nginx/error.log" >"$scratch/nginx/out" 2>&1 &
    nginx=$!
    wait_for_port "$nginx_port" "$nginx" || { cat "$scratch/nginx/out" "$scratch/nginx/error.log" >&2; return 1; }
}

stop_nginx() {
    if [ -n "$nginx" ]; then kill "$nginx" 2>/dev/null && wait "$nginx" || true; fi
    nginx=""
}

# connect ENDPOINT ARGUMENT…: our client, until the first answer.
connect() {
    timeout --kill-after=5 60 "$binary" connect "$@" --public-key "$scratch/public.pem" --json >"$scratch/connect.out"
    tail -n 1 "$scratch/connect.out"
    tail -n 1 "$scratch/connect.out" | grep -q '"ok" *: *true'
}

nginx_cases() {
    local framing certificate="$scratch/nginx/certificate.pem" plain tls
    if ! start_nginx; then
        echo "nginx does not start" >"$scratch/case.log"
        verdict "nginx" 1 0
        return
    fi
    plain="127.0.0.1:$nginx_port"
    tls="localhost:$nginx_tls_port"
    for framing in abridged intermediate padded; do
        try_function "nginx, mtproto connect wss, $framing" connect "wss://$tls/apiws" --ca "$certificate" --framing "$framing"
    done
    try_function "nginx, mtproto connect https" connect "https://$tls/api" --ca "$certificate"
    try_function "nginx, mtproto connect ws" connect "ws://$plain/apiws"
    try_function "nginx, mtproto connect http" connect "http://$plain/api"
    try_function "nginx, curl https" proxied_query --cacert "$certificate" "https://$tls/api"
    try_function "nginx, curl https, three requests on one connection" proxied_keep_alive "$certificate" "https://$tls/api"
    try_function "nginx, curl https, garbage" proxied_garbage --cacert "$certificate" "https://$tls/api"
    try_function "nginx, curl http" proxied_query "http://$plain/apiw"
    if has_part browser; then
        browser_cases "nginx, Chromium" --plain "$plain" --tls "127.0.0.1:$nginx_tls_port" --certificate "$certificate"
    fi
    stop_nginx
}

# nginx puts its own headers behind ours, so that only status and body count.
proxied_query() {
    query "$scratch/query"
    request 200 --data-binary "@$scratch/query" "$@"
    is_result_pq "$scratch/body" "$scratch/query"
}

proxied_keep_alive() {
    local statuses
    query "$scratch/query"
    statuses="$(curl --silent --show-error --max-time 20 --noproxy '*' --cacert "$1" --data-binary "@$scratch/query" \
        --output "$scratch/first" --output "$scratch/second" --output "$scratch/third" --write-out '%{http_code} %{num_connects}\n' "$2" "$2" "$2")"
    echo "$statuses"
    [ "$statuses" = $'200 1\n200 0\n200 0' ]
    is_result_pq "$scratch/third" "$scratch/query"
}

proxied_garbage() {
    random_body 88
    request 404 -X POST --data-binary "@$scratch/random" "$@"
}
