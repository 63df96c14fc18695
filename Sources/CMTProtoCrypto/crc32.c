// SPDX-License-Identifier: Apache-2.0

// CRC-32/ISO-HDLC (polynomial 0x04C11DB7, reflected). The functions here take and return the register, not inverted.

#include "internal.h"

#if CMTP_X86
#include <immintrin.h>
#endif
#if CMTP_ARM
#include <arm_acle.h>
#endif

#include "crc32_table.h"

CMTP_INLINE uint32_t load_le32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint32_t cmtp_portable_crc32(uint32_t state, const uint8_t *data, size_t length) {
    while (length >= 8) {
        uint32_t low = state ^ load_le32(data);
        uint32_t high = load_le32(data + 4);
        state = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24]
            ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
        data += 8;
        length -= 8;
    }
    while (length > 0) {
        state = state >> 8 ^ table[0][(state ^ *data) & 255];
        data++;
        length--;
    }
    return state;
}

#if CMTP_X86
#define PCLMUL __attribute__((target("pclmul,sse4.1")))
#define PCLMUL_INLINE static inline __attribute__((always_inline, target("pclmul,sse4.1")))

// Moves accumulated bits on by the distance that the two constants stand for, onto next.
PCLMUL_INLINE __m128i fold(__m128i bits, __m128i constants, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(bits, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(bits, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Folding by carry-less multiplication: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ".
PCLMUL uint32_t cmtp_x86_crc32(uint32_t state, const uint8_t *data, size_t length) {
    if (length < 64) {
        return cmtp_portable_crc32(state, data, length);
    }
    const __m128i by_64_bytes = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16_bytes = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i low_word = _mm_set_epi32(0, 0, 0, -1);
    const __m128i *at = (const __m128i *)data;
    __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_cvtsi32_si128((int)state));
    __m128i b = _mm_loadu_si128(at + 1);
    __m128i c = _mm_loadu_si128(at + 2);
    __m128i d = _mm_loadu_si128(at + 3);
    at += 4;
    length -= 64;
    while (length >= 64) {
        a = fold(a, by_64_bytes, _mm_loadu_si128(at));
        b = fold(b, by_64_bytes, _mm_loadu_si128(at + 1));
        c = fold(c, by_64_bytes, _mm_loadu_si128(at + 2));
        d = fold(d, by_64_bytes, _mm_loadu_si128(at + 3));
        at += 4;
        length -= 64;
    }
    a = fold(a, by_16_bytes, b);
    a = fold(a, by_16_bytes, c);
    a = fold(a, by_16_bytes, d);
    while (length >= 16) {
        a = fold(a, by_16_bytes, _mm_loadu_si128(at));
        at += 1;
        length -= 16;
    }
    // 128 bits to 64, then Barrett's reduction to 32.
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by_16_bytes, 0x10));
    const __m128i by_4_bytes = _mm_set_epi64x(0, 0x0163cd6124);
    a = _mm_xor_si128(_mm_srli_si128(a, 4), _mm_clmulepi64_si128(_mm_and_si128(a, low_word), by_4_bytes, 0x00));
    const __m128i polynomial_and_inverse = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(a, low_word), polynomial_and_inverse, 0x10);
    a = _mm_xor_si128(a, _mm_clmulepi64_si128(_mm_and_si128(quotient, low_word), polynomial_and_inverse, 0x00));
    return cmtp_portable_crc32((uint32_t)_mm_extract_epi32(a, 1), (const uint8_t *)at, length);
}
#endif

#if CMTP_ARM
__attribute__((target("crc"))) uint32_t cmtp_arm_crc32(uint32_t state, const uint8_t *data, size_t length) {
    while (length >= 8) {
        uint64_t bytes;
        memcpy(&bytes, data, sizeof bytes);
        state = __crc32d(state, bytes);
        data += 8;
        length -= 8;
    }
    while (length > 0) {
        state = __crc32b(state, *data);
        data++;
        length--;
    }
    return state;
}
#endif
