# SPDX-License-Identifier: Apache-2.0
# Headless Chromium as a client, by a page that speaks ws, wss, http and https. Sourced by run.sh.

# browser_cases PREFIX ARGUMENT…: each case of the page is one of ours.
browser_cases() {
    local prefix="$1" result name error milliseconds status=0 count=0 before="$failed"
    shift
    timeout --kill-after=5 180 python3 "$here/browser_client.py" --public-key "$scratch/public.pem" --dc-id 2 "$@" \
        >"$scratch/browser.out" 2>"$scratch/browser.err" </dev/null || status=$?
    while IFS= read -r result; do
        IFS=$'\t' read -r name milliseconds error < <(python3 -c '
import json, sys
result = json.loads(sys.argv[1])
print(result["name"], result["milliseconds"], result["error"] or "", sep="\t")' "$result")
        echo "${error:-}" >"$scratch/case.log"
        verdict "$prefix, $name" "$([ -z "${error:-}" ]; echo $?)" "$milliseconds"
        count=$((count + 1))
    done <"$scratch/browser.out"
    # No case, or an end without a reason.
    if [ "$count" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; }; then
        cp "$scratch/browser.err" "$scratch/case.log"
        verdict "$prefix" 1 0
    fi
}
