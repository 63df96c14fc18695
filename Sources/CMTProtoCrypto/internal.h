// SPDX-License-Identifier: Apache-2.0

// What the files of this target share.

#ifndef CMTP_INTERNAL_H
#define CMTP_INTERNAL_H

#include "CMTProtoCrypto.h"

#include <string.h>

#if defined(__x86_64__)
#define CMTP_X86 1
#endif
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define CMTP_ARM 1
#endif

#define CMTP_INLINE static inline __attribute__((always_inline))

// Both schedules are sixteen-byte round keys in order of use.
void cmtp_portable_expand(const uint8_t key[32], uint32_t schedule[64]);
void cmtp_portable_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length);
void cmtp_portable_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
void cmtp_portable_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
uint32_t cmtp_portable_crc32(uint32_t state, const uint8_t *data, size_t length);

#if CMTP_X86
void cmtp_x86_expand(const uint8_t key[32], uint32_t schedule[64]);
void cmtp_aesni_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length);
void cmtp_vaes_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length);
void cmtp_x86_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
void cmtp_x86_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
uint32_t cmtp_x86_crc32(uint32_t state, const uint8_t *data, size_t length);
#endif

#if CMTP_ARM
void cmtp_arm_expand(const uint8_t key[32], uint32_t schedule[64]);
void cmtp_arm_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length);
void cmtp_arm_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
void cmtp_arm_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
uint32_t cmtp_arm_crc32(uint32_t state, const uint8_t *data, size_t length);
#endif

// The counter as two host-order halves.
typedef struct cmtp_counter {
    uint64_t high;
    uint64_t low;
} cmtp_counter;

CMTP_INLINE uint64_t cmtp_load_be64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

CMTP_INLINE void cmtp_store_be64(uint8_t *bytes, uint64_t value) {
    value = __builtin_bswap64(value);
    memcpy(bytes, &value, sizeof value);
}

CMTP_INLINE cmtp_counter cmtp_counter_load(const uint8_t bytes[16]) {
    return (cmtp_counter){.high = cmtp_load_be64(bytes), .low = cmtp_load_be64(bytes + 8)};
}

CMTP_INLINE void cmtp_counter_store(uint8_t bytes[16], cmtp_counter counter) {
    cmtp_store_be64(bytes, counter.high);
    cmtp_store_be64(bytes + 8, counter.low);
}

CMTP_INLINE void cmtp_counter_advance(cmtp_counter *counter, uint64_t blocks) {
    counter->low += blocks;
    counter->high += counter->low < blocks;
}

// Whether the low half wraps inside the next blocks blocks, so that vectors may not add to it alone.
CMTP_INLINE int cmtp_counter_wraps(cmtp_counter counter, uint64_t blocks) {
    return counter.low > UINT64_MAX - (blocks - 1);
}

// Uses up the key stream of a block begun by an earlier call. Returns the number of bytes done.
CMTP_INLINE size_t cmtp_ctr_use_leftover(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    size_t used = ctr->used;
    if (used == 0) {
        return 0;
    }
    size_t count = 16 - used;
    if (count > length) {
        count = length;
    }
    for (size_t i = 0; i < count; i++) {
        data[i] ^= ctr->keystream[used + i];
    }
    ctr->used = (uint32_t)((used + count) & 15);
    return count;
}

#endif
