// SPDX-License-Identifier: Apache-2.0

// AES-256 on x86-64: AES-NI (eight blocks at a time) and VAES on 256-bit registers (sixteen).

#include "internal.h"

#if CMTP_X86

#include <immintrin.h>

#define AESNI __attribute__((target("aes,ssse3,sse4.1")))
#define AESNI_INLINE static inline __attribute__((always_inline, target("aes,ssse3,sse4.1")))
#define VAES __attribute__((target("aes,vaes,avx2")))
#define VAES_INLINE static inline __attribute__((always_inline, target("aes,vaes,avx2")))
#define UNROLL _Pragma("clang loop unroll(full)")

// ---- Key schedule ---------------------------------------------------------------------------------------------------

// Each word becomes the XOR of itself and the words below it.
AESNI_INLINE __m128i prefix_xor(__m128i words) {
    words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
    return _mm_xor_si128(words, _mm_slli_si128(words, 8));
}

AESNI_INLINE void expand(const uint8_t key[32], __m128i schedule[15]) {
    // On a vector of four equal columns ShiftRows does nothing, so that the last round is SubWord, then XOR; it is much
    // faster than AESKEYGENASSIST.
    const __m128i rotate_last_word = _mm_set1_epi32(0x0c0f0e0d);
    __m128i even = _mm_loadu_si128((const __m128i *)key);
    __m128i odd = _mm_loadu_si128((const __m128i *)(key + 16));
    __m128i round_constant = _mm_set1_epi32(1);
    schedule[0] = even;
    schedule[1] = odd;
    UNROLL
    for (int i = 2; i < 15; i += 2) {
        __m128i word = _mm_aesenclast_si128(_mm_shuffle_epi8(odd, rotate_last_word), round_constant);
        even = _mm_xor_si128(prefix_xor(even), word);
        schedule[i] = even;
        round_constant = _mm_slli_epi32(round_constant, 1);
        if (i < 14) {
            word = _mm_aesenclast_si128(_mm_shuffle_epi32(even, 0xff), _mm_setzero_si128());
            odd = _mm_xor_si128(prefix_xor(odd), word);
            schedule[i + 1] = odd;
        }
    }
}

AESNI void cmtp_x86_expand(const uint8_t key[32], uint32_t schedule[64]) {
    __m128i keys[15];
    expand(key, keys);
    memcpy(schedule, keys, sizeof keys);
    cmtp_wipe(keys, sizeof keys);
}

// ---- CTR ------------------------------------------------------------------------------------------------------------

AESNI_INLINE __m128i load_key(const uint32_t *schedule, int round) {
    return _mm_load_si128((const __m128i *)schedule + round);
}

// The block of the counter, turned to big endian.
AESNI_INLINE __m128i swap_bytes(__m128i value) {
    return _mm_shuffle_epi8(value, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

// count blocks; the low half of the counter must not wrap in them.
AESNI_INLINE void aesni_blocks(const uint32_t *schedule, cmtp_counter counter, uint8_t *data, int count) {
    __m128i base = _mm_set_epi64x((long long)counter.high, (long long)counter.low);
    __m128i block[8];
    __m128i key = load_key(schedule, 0);
    UNROLL
    for (int i = 0; i < count; i++) {
        block[i] = _mm_xor_si128(swap_bytes(_mm_add_epi64(base, _mm_set_epi64x(0, i))), key);
    }
    UNROLL
    for (int round = 1; round < 14; round++) {
        key = load_key(schedule, round);
        UNROLL
        for (int i = 0; i < count; i++) {
            block[i] = _mm_aesenc_si128(block[i], key);
        }
    }
    key = load_key(schedule, 14);
    UNROLL
    for (int i = 0; i < count; i++) {
        __m128i *at = (__m128i *)data + i;
        // The data joins in as part of the last round key.
        _mm_storeu_si128(at, _mm_aesenclast_si128(block[i], _mm_xor_si128(key, _mm_loadu_si128(at))));
    }
}

// The blocks that are left after the wide steps, and the begun block.
AESNI_INLINE void finish(cmtp_ctr *ctr, cmtp_counter counter, uint8_t *data, size_t length) {
    while (length >= 16) {
        aesni_blocks(ctr->schedule, counter, data, 1);
        cmtp_counter_advance(&counter, 1);
        data += 16;
        length -= 16;
    }
    if (length > 0) {
        memset(ctr->keystream, 0, 16);
        aesni_blocks(ctr->schedule, counter, ctr->keystream, 1);
        cmtp_counter_advance(&counter, 1);
        for (size_t i = 0; i < length; i++) {
            data[i] ^= ctr->keystream[i];
        }
        ctr->used = (uint32_t)length;
    }
    // One store: the next call may load all sixteen bytes at once, which cannot be forwarded from two halves.
    __m128i number = _mm_set_epi64x((long long)counter.high, (long long)counter.low);
    _mm_store_si128((__m128i *)ctr->counter, swap_bytes(number));
}

AESNI void cmtp_aesni_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    size_t done = cmtp_ctr_use_leftover(ctr, data, length);
    data += done;
    length -= done;
    if (length == 0) {
        return;
    }
    cmtp_counter counter = cmtp_counter_load(ctr->counter);
    while (length >= 128) {
        if (cmtp_counter_wraps(counter, 8)) {
            aesni_blocks(ctr->schedule, counter, data, 1);
            cmtp_counter_advance(&counter, 1);
            data += 16;
            length -= 16;
            continue;
        }
        aesni_blocks(ctr->schedule, counter, data, 8);
        cmtp_counter_advance(&counter, 8);
        data += 128;
        length -= 128;
    }
    if (length >= 64 && !cmtp_counter_wraps(counter, 4)) {
        aesni_blocks(ctr->schedule, counter, data, 4);
        cmtp_counter_advance(&counter, 4);
        data += 64;
        length -= 64;
    }
    finish(ctr, counter, data, length);
}

VAES_INLINE __m256i load_key_twice(const uint32_t *schedule, int round) {
    return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)schedule + round));
}

// count pairs of blocks; the low half of the counter must not wrap in them.
VAES_INLINE void vaes_pairs(const uint32_t *schedule, cmtp_counter counter, uint8_t *data, int count) {
    const __m256i reverse = _mm256_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6,
                                            7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m256i base = _mm256_set_epi64x((long long)counter.high, (long long)counter.low, (long long)counter.high,
                                     (long long)counter.low);
    __m256i block[8];
    __m256i key = load_key_twice(schedule, 0);
    UNROLL
    for (int i = 0; i < count; i++) {
        __m256i number = _mm256_add_epi64(base, _mm256_set_epi64x(0, 2 * i + 1, 0, 2 * i));
        block[i] = _mm256_xor_si256(_mm256_shuffle_epi8(number, reverse), key);
    }
    UNROLL
    for (int round = 1; round < 14; round++) {
        key = load_key_twice(schedule, round);
        UNROLL
        for (int i = 0; i < count; i++) {
            block[i] = _mm256_aesenc_epi128(block[i], key);
        }
    }
    key = load_key_twice(schedule, 14);
    UNROLL
    for (int i = 0; i < count; i++) {
        __m256i *at = (__m256i *)data + i;
        _mm256_storeu_si256(at, _mm256_aesenclast_epi128(block[i], _mm256_xor_si256(key, _mm256_loadu_si256(at))));
    }
}

VAES void cmtp_vaes_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    size_t done = cmtp_ctr_use_leftover(ctr, data, length);
    data += done;
    length -= done;
    if (length == 0) {
        return;
    }
    cmtp_counter counter = cmtp_counter_load(ctr->counter);
    while (length >= 256) {
        if (cmtp_counter_wraps(counter, 16)) {
            aesni_blocks(ctr->schedule, counter, data, 1);
            cmtp_counter_advance(&counter, 1);
            data += 16;
            length -= 16;
            continue;
        }
        vaes_pairs(ctr->schedule, counter, data, 8);
        cmtp_counter_advance(&counter, 16);
        data += 256;
        length -= 256;
    }
    if (!cmtp_counter_wraps(counter, 16)) {
        if (length >= 128) {
            vaes_pairs(ctr->schedule, counter, data, 4);
            cmtp_counter_advance(&counter, 8);
            data += 128;
            length -= 128;
        }
        if (length >= 64) {
            vaes_pairs(ctr->schedule, counter, data, 2);
            cmtp_counter_advance(&counter, 4);
            data += 64;
            length -= 64;
        }
        if (length >= 32) {
            vaes_pairs(ctr->schedule, counter, data, 1);
            cmtp_counter_advance(&counter, 2);
            data += 32;
            length -= 32;
        }
    }
    finish(ctr, counter, data, length);
}

// ---- IGE ------------------------------------------------------------------------------------------------------------

// out[i] = E(in[i] ^ out[i-1]) ^ in[i-1], with D instead of E when decrypting. Only the fourteen rounds are on the path
// from one block to the next: both XORs and the first round key are folded into the last round key of the block before.
AESNI_INLINE void ige(const __m128i keys[15], __m128i previous_in, __m128i previous_out, uint8_t *data, size_t length,
                      int decrypting) {
    if (length < 16) {
        return;
    }
    __m128i *at = (__m128i *)data;
    size_t blocks = length / 16;
    __m128i in = _mm_loadu_si128(at);
    __m128i first = keys[0];
    __m128i first_and_last = _mm_xor_si128(keys[0], keys[14]);
    __m128i state = _mm_xor_si128(_mm_xor_si128(in, previous_out), first);
    for (size_t i = 0; i + 1 < blocks; i++) {
        __m128i next = _mm_loadu_si128(at + i + 1);
        __m128i off_path = _mm_xor_si128(next, first);
        __m128i folded = _mm_xor_si128(_mm_xor_si128(first_and_last, previous_in), next);
        UNROLL
        for (int round = 1; round < 14; round++) {
            state = decrypting ? _mm_aesdec_si128(state, keys[round]) : _mm_aesenc_si128(state, keys[round]);
        }
        state = decrypting ? _mm_aesdeclast_si128(state, folded) : _mm_aesenclast_si128(state, folded);
        _mm_storeu_si128(at + i, _mm_xor_si128(state, off_path));
        previous_in = in;
        in = next;
    }
    __m128i folded = _mm_xor_si128(keys[14], previous_in);
    UNROLL
    for (int round = 1; round < 14; round++) {
        state = decrypting ? _mm_aesdec_si128(state, keys[round]) : _mm_aesenc_si128(state, keys[round]);
    }
    state = decrypting ? _mm_aesdeclast_si128(state, folded) : _mm_aesenclast_si128(state, folded);
    _mm_storeu_si128(at + blocks - 1, state);
}

AESNI void cmtp_x86_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    __m128i keys[15];
    expand(key, keys);
    ige(keys, _mm_loadu_si128((const __m128i *)(iv + 16)), _mm_loadu_si128((const __m128i *)iv), data, length, 0);
    cmtp_wipe(keys, sizeof keys);
}

AESNI void cmtp_x86_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    __m128i forward[15];
    __m128i keys[15];
    expand(key, forward);
    keys[0] = forward[14];
    UNROLL
    for (int round = 1; round < 14; round++) {
        keys[round] = _mm_aesimc_si128(forward[14 - round]);
    }
    keys[14] = forward[0];
    ige(keys, _mm_loadu_si128((const __m128i *)iv), _mm_loadu_si128((const __m128i *)(iv + 16)), data, length, 1);
    cmtp_wipe(forward, sizeof forward);
    cmtp_wipe(keys, sizeof keys);
}

#endif
