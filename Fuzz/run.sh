#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets and runs each of them for a while, as many at a time as there are cores.
#   Fuzz/run.sh SECONDS [TARGET…]
# Inputs that crash are left in Fuzz/.artifacts/. With FUZZ_KEEP=1 new inputs are kept in Fuzz/.corpora/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds="${1:?usage: Fuzz/run.sh SECONDS [TARGET…]}"
shift

swift build -c release -Xswiftc -sanitize=fuzzer,address 2>&1 | tail -n 1
fuzz="$(swift build -c release -Xswiftc -sanitize=fuzzer,address --show-bin-path)/fuzz"
targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then mapfile -t targets < <("$fuzz" --list); fi

mkdir -p .artifacts
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
# Swift's own crash handler would hang inside libFuzzer's.
export SWIFT_BACKTRACE=enable=no

run_one() {
    local target="$1" found status=0 runs
    found="$scratch/$target"
    if [ -n "${FUZZ_KEEP:-}" ]; then found=".corpora/$target"; fi
    mkdir -p "$found" "Corpora/$target"
    "$fuzz" --target="$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3072 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix=".artifacts/$target-" "$found" "Corpora/$target" >"$scratch/$target.log" 2>&1 || status=$?
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$target.log")"
    if [ "$status" -eq 0 ]; then
        printf '%-24s ok      %9d runs, %4d inputs in the tree\n' "$target" "${runs:-0}" "$(find "Corpora/$target" -type f | wc -l)"
    else
        printf '%-24s FAILED  (exit %d)\n' "$target" "$status"
        tail -n 30 "$scratch/$target.log" | sed 's/^/    /'
        touch "$scratch/failed"
    fi
}

for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    run_one "$target" &
done
wait
[ ! -e "$scratch/failed" ]
