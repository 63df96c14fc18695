# SPDX-License-Identifier: Apache-2.0
# curl as a client of http and https. Sourced by run.sh.

# request STATUS CURL-ARGUMENT…: one request; leaves $scratch/headers and $scratch/body.
request() {
    local expected="$1" status
    shift
    : >"$scratch/headers"
    : >"$scratch/body"
    status="$(curl --silent --show-error --max-time 20 --noproxy '*' --dump-header "$scratch/headers" \
        --output "$scratch/body" --write-out '%{http_code}' "$@")"
    tr -d '\r' <"$scratch/headers" >"$scratch/headers.text"
    cat "$scratch/headers.text"
    [[ " ${expected//|/ } " == *" $status "* ]] || { echo "status $status instead of $expected" >&2; return 1; }
}

has_header() { grep -qix "$1" "$scratch/headers.text" || { echo "no header $1" >&2; return 1; }; }
has_no_header() { ! grep -qi "^$1:" "$scratch/headers.text" || { echo "a header $1" >&2; return 1; }; }
is_empty() { [ ! -s "$scratch/body" ] || { echo "a body" >&2; return 1; }; }

# The last header is Content-Length, as Telegram's servers have it.
ends_with_length() {
    local last
    last="$(grep -v '^$' "$scratch/headers.text" | tail -n 1)"
    [[ "${last,,}" == "content-length: $(stat -c %s "$scratch/body")" ]] || { echo "last header: $last" >&2; return 1; }
}

# answered CURL-ARGUMENT…: a query by POST, and its answer.
answered() {
    query "$scratch/query"
    request 200 --data-binary "@$scratch/query" "$@"
    is_result_pq "$scratch/body" "$scratch/query"
    has_header 'content-type: application/octet-stream'
    ends_with_length
}

has_cors() {
    has_header 'access-control-allow-origin: \*'
    has_header 'access-control-allow-methods: POST, OPTIONS'
    has_header 'access-control-allow-headers: origin, content-type'
    has_header 'access-control-max-age: 1728000'
}

plain_query() {
    answered "$@"
    has_no_header access-control-allow-origin
}

cors_query() {
    answered -H 'Origin: https://example.org' "$@"
    has_cors
}

preflight() {
    request 200 -X OPTIONS -H 'Origin: https://example.org' -H 'Access-Control-Request-Method: POST' \
        -H 'Access-Control-Request-Headers: content-type' "$1"
    has_cors
    is_empty
    ends_with_length
}

keep_alive() {
    local connections
    query "$scratch/query"
    connections="$(curl --silent --show-error --max-time 20 --noproxy '*' --data-binary "@$scratch/query" \
        --output "$scratch/first" --output "$scratch/second" --output "$scratch/third" \
        --write-out '%{http_code} %{num_connects}\n' "$1" "$1" "$1")"
    echo "$connections"
    [ "$connections" = $'200 1\n200 0\n200 0' ]
    is_result_pq "$scratch/first" "$scratch/query"
    is_result_pq "$scratch/second" "$scratch/query"
    is_result_pq "$scratch/third" "$scratch/query"
}

# A refused request must not cost the connection when HTTP itself is in order.
error_then_query() {
    local statuses
    query "$scratch/query"
    statuses="$(curl --silent --show-error --max-time 20 --noproxy '*' --write-out '%{http_code}\n' \
        --output /dev/null -X OPTIONS "$1/apiw" --next --silent --noproxy '*' --max-time 20 --write-out '%{http_code} %{num_connects}\n' \
        --output "$scratch/body" --data-binary "@$scratch/query" "$1/apiw")"
    echo "$statuses"
    [ "$statuses" = $'200\n200 0' ]
    is_result_pq "$scratch/body" "$scratch/query"
}

random_body() { head -c "$1" /dev/urandom >"$scratch/random"; }

# refused STATUS BYTES URL: random bytes as a body.
refused() {
    random_body "$2"
    request "$1" -X POST --data-binary "@$scratch/random" "$3"
    ends_with_length
}

# As its first bytes only the methods that MTProto knows are HTTP: others are taken for an obfuscated stream.
put_request() {
    local statuses
    statuses="$(curl --silent --show-error --max-time 20 --noproxy '*' --write-out '%{http_code}\n' --output /dev/null \
        --data-binary "@$scratch/query" "$1" --next --silent --max-time 20 --noproxy '*' --write-out '%{http_code} %{num_connects}' \
        --output /dev/null -X PUT --data-binary "@$scratch/query" "$1")"
    echo "$statuses"
    [ "$statuses" = $'200\n405 0' ]
}

without_answer() {
    request 405 "$@"
    has_header 'allow: POST\(, OPTIONS\)\?'
}

head_request() {
    request 405 --head "$1"
    has_header 'allow: POST\(, OPTIONS\)\?'
    [ "$(curl --silent --max-time 10 --noproxy '*' --head --output /dev/null --write-out '%{size_download}' "$1")" = 0 ]
}

http_1_0() {
    answered --http1.0 "$1"
    has_header 'connection: close'
}

connection_close() {
    answered -H 'Connection: close' "$1"
    has_header 'connection: close'
}

long_headers() {
    local arguments=() number
    for number in $(seq 300); do arguments+=(-H "X-Header-$number: value"); done
    request '431|400' -X POST --data-binary "@$scratch/query" "${arguments[@]}" "$1"
}

long_target() { request '414|431' -X POST --data-binary "@$scratch/query" "$1/api$(head -c 20000 /dev/zero | tr '\0' x)"; }

absolute_form() {
    query "$scratch/query"
    local status
    status="$(curl --silent --show-error --max-time 20 --noproxy '' --proxy "$1" --data-binary "@$scratch/query" \
        --output "$scratch/body" --write-out '%{http_code}' http://149.154.167.51:80/api)"
    [ "$status" = 200 ]
    is_result_pq "$scratch/body" "$scratch/query"
}

# upgrade STATUS CURL-ARGUMENT…: the opening handshake of a WebSocket, with RFC 6455's example key.
upgrade() {
    local expected="$1" status
    shift
    # After 101 the connection stays open, which is curl's time-out and no fault.
    status="$(curl --silent --max-time 2 --noproxy '*' --http1.1 --dump-header "$scratch/headers" --output /dev/null \
        --write-out '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' "$@" || true)"
    tr -d '\r' <"$scratch/headers" >"$scratch/headers.text"
    cat "$scratch/headers.text"
    [[ " ${expected//|/ } " == *" $status "* ]] || { echo "status $status instead of $expected" >&2; return 1; }
}

good_upgrade() {
    upgrade 101 "${websocket[@]}" "$@"
    has_header 'sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    has_header 'sec-websocket-protocol: binary'
    has_no_header sec-websocket-extensions
}

# fails CURL-EXIT-CODES CURL-ARGUMENT…: no answer at all, soon, and the server goes on.
fails() {
    local expected="$1" status=0
    shift
    curl --silent --show-error --max-time 20 --noproxy '*' --output /dev/null "$@" || status=$?
    [[ " ${expected//|/ } " == *" $status "* ]] || { echo "curl's exit code $status instead of $expected" >&2; return 1; }
    answered "http://127.0.0.1:$port/api"
}

garbage() {
    local _
    for _ in 1 2 3; do
        head -c 5000 /dev/urandom | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$1" || true
        printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage' | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$1" || true
        printf 'POST /api HTTP/1.1\r\nContent-Length: 40\r\nContent-Length: 44\r\n\r\n' | timeout 5 bash -c "cat >/dev/tcp/127.0.0.1/$1" || true
    done
    answered "http://127.0.0.1:$port/api"
    answered --cacert "$scratch/ca.pem" "https://localhost:$tls_port/api"
}

# A certificate in files: SIGHUP takes a new one, and files that are no good change nothing. Runs in a shell of its own.
certificate_reload() {
    local folder="$scratch/reload" pid
    mkdir -p "$folder"
    make_certificate "$folder"
    cp "$folder/certificate.pem" "$folder/first.pem"
    "$binary" dc --tls-listen 127.0.0.1:0 --tls-certificate "$folder/certificate.pem" --tls-key "$folder/key.pem" \
        >"$folder/out" 2>"$folder/err" &
    pid=$!
    # shellcheck disable=SC2064 — now is the time to expand.
    trap "kill $pid 2>/dev/null || true" EXIT
    wait_for_line '(tls' "$folder/out"
    tls_port="$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\) (tls.*/\1/p' "$folder/out")"
    answered --cacert "$folder/first.pem" "https://localhost:$tls_port/api"
    make_certificate "$folder"
    kill -HUP "$pid"
    wait_for_line 'certificate read again' "$folder/out"
    answered --cacert "$folder/certificate.pem" "https://localhost:$tls_port/api"
    fails 60 --cacert "$folder/first.pem" "https://localhost:$tls_port/api"
    cp "$folder/certificate.pem" "$folder/second.pem"
    echo "no certificate" >"$folder/certificate.pem"
    kill -HUP "$pid"
    wait_for_line 'the certificate stays as it was' "$folder/err"
    answered --cacert "$folder/second.pem" "https://localhost:$tls_port/api"
    kill -TERM "$pid"
    wait "$pid"
}

curl_cases() {
    local plain="http://127.0.0.1:$port" tls="https://localhost:$tls_port" path name base
    websocket=(-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Protocol: binary')
    query "$scratch/query"
    for path in /api /api_test; do try_function "curl, POST $path" plain_query "$plain$path"; done
    for path in /apiw /apiw_test; do
        try_function "curl, POST $path with CORS" cors_query "$plain$path"
        try_function "curl, OPTIONS $path" preflight "$plain$path"
    done
    try_function "curl, three requests on one connection" keep_alive "$plain/api"
    try_function "curl, OPTIONS and POST on one connection" error_then_query "$plain"
    try_function "curl, chunked body" answered -H 'Transfer-Encoding: chunked' "$plain/api"
    try_function "curl, Expect: 100-continue" answered -H 'Expect: 100-continue' "$plain/api"
    try_function "curl, HTTP/1.0" http_1_0 "$plain/api"
    try_function "curl, Connection: close" connection_close "$plain/api"
    try_function "curl, absolute target, as through a proxy" absolute_form "$plain"
    try_function "curl, empty body" request 400 -X POST --data-binary @/dev/null "$plain/api"
    try_function "curl, no length and no body" request '411|400' -X POST -H 'Content-Length:' "$plain/api"
    try_function "curl, garbage of 88 bytes" refused 404 88 "$plain/api"
    try_function "curl, garbage of 90 bytes" refused 400 90 "$plain/api"
    try_function "curl, 128 KiB without a known key" refused '413|404' 131072 "$plain/api"
    try_function "curl, 17 MiB" refused 413 17825792 "$plain/api"
    for path in / /api2 /api/ /apiw_ /nothing; do try_function "curl, POST $path" refused 404 40 "$plain$path"; done
    try_function "curl, GET /api" without_answer "$plain/api"
    try_function "curl, PUT /api behind a POST" put_request "$plain/api"
    try_function "curl, HEAD /api" head_request "$plain/api"
    try_function "curl, 300 headers" long_headers "$plain/api"
    try_function "curl, a target of 20 000 bytes" long_target "$plain"
    for name in plain tls; do
        base="${!name}"
        try_function "curl, WebSocket upgrade, $name" good_upgrade --cacert "$scratch/ca.pem" "$base/apiws"
    done
    try_function "curl, upgrade without a key" upgrade 400 "${websocket[@]:2}" "$plain/apiws"
    try_function "curl, upgrade with version 12" upgrade '400|426' "${websocket[@]:0:2}" "${websocket[@]:4}" \
        -H 'Sec-WebSocket-Version: 12' "$plain/apiws"
    try_function "curl, upgrade without the subprotocol" upgrade 400 "${websocket[@]:0:4}" "$plain/apiws"
    try_function "curl, upgrade of a path without s" upgrade '400|404|405' "${websocket[@]}" "$plain/api"
    try_function "curl, GET /apiws without upgrade" request '400|404|426' "$plain/apiws"
    try_function "curl, https" plain_query --cacert "$scratch/ca.pem" "$tls/api"
    try_function "curl, https by address" plain_query --cacert "$scratch/ca.pem" "https://127.0.0.1:$tls_port/api"
    try_function "curl, https, HTTP/2 offered" plain_query --http2 --cacert "$scratch/ca.pem" "$tls/api"
    try_function "curl, https with CORS" cors_query --cacert "$scratch/ca.pem" "$tls/apiw"
    try_function "curl, https without the certificate" fails 60 "$tls/api"
    try_function "curl, http on the TLS port" fails '1|52|56' "http://127.0.0.1:$tls_port/api"
    try_function "curl, https on the plain port" fails 35 "https://127.0.0.1:$port/api"
    try_function "garbage on the plain port" garbage "$port"
    try_function "garbage on the TLS port" garbage "$tls_port"
    try_function "mtproto dc takes a new certificate on SIGHUP" certificate_reload
}
