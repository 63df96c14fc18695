# SPDX-License-Identifier: Apache-2.0
# Telethon and pyMTProto as clients. Sourced by run.sh.

python_client() {
    local script="$1"
    shift
    timeout --kill-after=5 60 "$python" "$here/$script" --port "$port" --public-key "$scratch/public.pem" --dc-id 2 "$@"
}

# README's own example for Telethon, at this address and with this key.
readme_example() {
    sed -n '/^```python$/,/^```$/p' "$root/README.md" | sed '/^```/d' \
        | sed "s#4430#$port#; s#dc-public.pem#$scratch/public.pem#" >"$scratch/readme.py"
    timeout --kill-after=5 60 "$python" "$scratch/readme.py" >"$scratch/readme.out"
    cat "$scratch/readme.out"
    grep -q '^Config(' "$scratch/readme.out"
}

python_cases() {
    local transport framing
    for transport in abridged intermediate full obfuscated; do
        try_function "Telethon, $transport" python_client telethon_client.py --transport "$transport"
    done
    for framing in abridged intermediate padded full; do
        try_function "pyMTProto, $framing, whole payloads" python_client pymtproto_client.py --framing "$framing" --with-salt
        try_function "pyMTProto, $framing, 7-byte pieces" python_client pymtproto_client.py --framing "$framing" --pieces 7
    done
    for framing in abridged intermediate padded; do
        try_function "pyMTProto, $framing obfuscated, whole payloads" \
            python_client pymtproto_client.py --framing "$framing" --obfuscated --with-salt
        try_function "pyMTProto, $framing obfuscated, 7-byte pieces" \
            python_client pymtproto_client.py --framing "$framing" --obfuscated --pieces 7
    done
    try_function "README's Telethon example" readme_example
}
