// SPDX-License-Identifier: Apache-2.0

// AES-256 on arm64 with the ARMv8 cryptography extension, eight blocks at a time.

#include "internal.h"

#if CMTP_ARM

#include <arm_neon.h>

#define ARM_AES __attribute__((target("aes")))
#define ARM_INLINE static inline __attribute__((always_inline, target("aes")))
#define UNROLL _Pragma("clang loop unroll(full)")

// ---- Key schedule ---------------------------------------------------------------------------------------------------

// AESE without a key on four equal columns is SubWord: ShiftRows changes nothing there.
ARM_INLINE uint32_t substitute_word(uint32_t word) {
    uint8x16_t columns = vreinterpretq_u8_u32(vdupq_n_u32(word));
    return vgetq_lane_u32(vreinterpretq_u32_u8(vaeseq_u8(columns, vdupq_n_u8(0))), 0);
}

ARM_INLINE void expand(const uint8_t key[32], uint32_t words[60]) {
    uint32_t round_constant = 1;
    memcpy(words, key, 32);
    for (int i = 8; i < 60; i++) {
        uint32_t word = words[i - 1];
        if (i % 8 == 0) {
            word = substitute_word((word >> 8) | (word << 24)) ^ round_constant;
            round_constant <<= 1;
        } else if (i % 8 == 4) {
            word = substitute_word(word);
        }
        words[i] = words[i - 8] ^ word;
    }
}

ARM_AES void cmtp_arm_expand(const uint8_t key[32], uint32_t schedule[64]) {
    expand(key, schedule);
}

ARM_INLINE uint8x16_t load_key(const uint32_t *schedule, int round) {
    return vreinterpretq_u8_u32(vld1q_u32(schedule + 4 * round));
}

// ---- CTR ------------------------------------------------------------------------------------------------------------

// count blocks; the low half of the counter must not wrap in them.
ARM_INLINE void arm_blocks(const uint32_t *schedule, cmtp_counter counter, uint8_t *data, int count) {
    uint8x16_t block[8];
    uint64x2_t high = vdupq_n_u64(__builtin_bswap64(counter.high));
    UNROLL
    for (int i = 0; i < count; i++) {
        uint64_t low = __builtin_bswap64(counter.low + (uint64_t)i);
        block[i] = vreinterpretq_u8_u64(vsetq_lane_u64(low, high, 1));
    }
    UNROLL
    for (int round = 0; round < 13; round++) {
        uint8x16_t key = load_key(schedule, round);
        UNROLL
        for (int i = 0; i < count; i++) {
            block[i] = vaesmcq_u8(vaeseq_u8(block[i], key));
        }
    }
    uint8x16_t key = load_key(schedule, 13);
    uint8x16_t last = load_key(schedule, 14);
    UNROLL
    for (int i = 0; i < count; i++) {
        uint8x16_t keystream = veorq_u8(vaeseq_u8(block[i], key), last);
        vst1q_u8(data + 16 * i, veorq_u8(keystream, vld1q_u8(data + 16 * i)));
    }
}

ARM_AES void cmtp_arm_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    size_t done = cmtp_ctr_use_leftover(ctr, data, length);
    data += done;
    length -= done;
    if (length == 0) {
        return;
    }
    cmtp_counter counter = cmtp_counter_load(ctr->counter);
    while (length >= 128) {
        if (cmtp_counter_wraps(counter, 8)) {
            arm_blocks(ctr->schedule, counter, data, 1);
            cmtp_counter_advance(&counter, 1);
            data += 16;
            length -= 16;
            continue;
        }
        arm_blocks(ctr->schedule, counter, data, 8);
        cmtp_counter_advance(&counter, 8);
        data += 128;
        length -= 128;
    }
    if (length >= 64 && !cmtp_counter_wraps(counter, 4)) {
        arm_blocks(ctr->schedule, counter, data, 4);
        cmtp_counter_advance(&counter, 4);
        data += 64;
        length -= 64;
    }
    while (length >= 16) {
        arm_blocks(ctr->schedule, counter, data, 1);
        cmtp_counter_advance(&counter, 1);
        data += 16;
        length -= 16;
    }
    if (length > 0) {
        memset(ctr->keystream, 0, 16);
        arm_blocks(ctr->schedule, counter, ctr->keystream, 1);
        cmtp_counter_advance(&counter, 1);
        for (size_t i = 0; i < length; i++) {
            data[i] ^= ctr->keystream[i];
        }
        ctr->used = (uint32_t)length;
    }
    cmtp_counter_store(ctr->counter, counter);
}

// ---- IGE ------------------------------------------------------------------------------------------------------------

// out[i] = E(in[i] ^ out[i-1]) ^ in[i-1], with D instead of E when decrypting. AESE and AESD begin with the XOR of their
// key, so all XORs between two blocks are one key operand, off the path from block to block.
ARM_INLINE void ige(const uint8x16_t keys[15], uint8x16_t previous_in, uint8x16_t previous_out, uint8_t *data,
                    size_t length, int decrypting) {
    uint8x16_t state = previous_out;
    uint8x16_t pending = vdupq_n_u8(0);
    for (size_t at = 0; at + 16 <= length; at += 16) {
        uint8x16_t in = vld1q_u8(data + at);
        uint8x16_t key = veorq_u8(veorq_u8(keys[0], pending), in);
        UNROLL
        for (int round = 0; round < 13; round++) {
            state = decrypting ? vaesimcq_u8(vaesdq_u8(state, key)) : vaesmcq_u8(vaeseq_u8(state, key));
            key = keys[round + 1];
        }
        state = decrypting ? vaesdq_u8(state, key) : vaeseq_u8(state, key);
        pending = veorq_u8(keys[14], previous_in);
        vst1q_u8(data + at, veorq_u8(state, pending));
        previous_in = in;
    }
}

ARM_AES void cmtp_arm_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    uint32_t words[60];
    uint8x16_t keys[15];
    expand(key, words);
    for (int round = 0; round < 15; round++) {
        keys[round] = load_key(words, round);
    }
    ige(keys, vld1q_u8(iv + 16), vld1q_u8(iv), data, length, 0);
    cmtp_wipe(words, sizeof words);
    cmtp_wipe(keys, sizeof keys);
}

ARM_AES void cmtp_arm_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    uint32_t words[60];
    uint8x16_t keys[15];
    expand(key, words);
    keys[0] = load_key(words, 14);
    for (int round = 1; round < 14; round++) {
        keys[round] = vaesimcq_u8(load_key(words, 14 - round));
    }
    keys[14] = load_key(words, 0);
    ige(keys, vld1q_u8(iv), vld1q_u8(iv + 16), data, length, 1);
    cmtp_wipe(words, sizeof words);
    cmtp_wipe(keys, sizeof keys);
}

#endif
