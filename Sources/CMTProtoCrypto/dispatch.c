// SPDX-License-Identifier: Apache-2.0

// Which paths this CPU has, and the way from a path to its functions.

#include "internal.h"

#include <stdatomic.h>

#if CMTP_X86
#include <cpuid.h>
#endif
#if CMTP_ARM && defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#if CMTP_ARM && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_AES
#define HWCAP_AES (1UL << 3)
#endif
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1UL << 7)
#endif
#endif

#if CMTP_X86
// The operating system must save the upper vector halves as well, which only XCR0 tells.
static uint32_t enabled_vector_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static uint32_t detect(void) {
    uint32_t mask = 1u << CMTP_PATH_PORTABLE;
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return mask;
    }
    const uint32_t needed = (1u << 1 /* pclmul */) | (1u << 9 /* ssse3 */) | (1u << 19 /* sse4.1 */) | (1u << 25 /* aes */);
    if ((c & needed) != needed) {
        return mask;
    }
    mask |= 1u << CMTP_PATH_AESNI;
    const uint32_t avx = (1u << 27 /* osxsave */) | (1u << 28 /* avx */);
    if ((c & avx) != avx || (enabled_vector_state() & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return mask;
    }
    if ((b & (1u << 5 /* avx2 */)) && (c & (1u << 9 /* vaes */))) {
        mask |= 1u << CMTP_PATH_VAES;
    }
    return mask;
}
#elif CMTP_ARM
static uint32_t detect(void) {
    uint32_t mask = 1u << CMTP_PATH_PORTABLE;
#if defined(__APPLE__)
    // Every 64-bit Apple CPU has AES; the first ones (A7 to A9) have no CRC-32 instructions.
    int has_crc32 = 0;
    size_t length = sizeof has_crc32;
    if (sysctlbyname("hw.optional.armv8_crc32", &has_crc32, &length, NULL, 0) == 0 && has_crc32) {
        mask |= 1u << CMTP_PATH_ARMV8;
    }
#elif defined(__linux__)
    unsigned long capabilities = getauxval(AT_HWCAP);
    if ((capabilities & HWCAP_AES) && (capabilities & HWCAP_CRC32)) {
        mask |= 1u << CMTP_PATH_ARMV8;
    }
#endif
    return mask;
}
#else
static uint32_t detect(void) {
    return 1u << CMTP_PATH_PORTABLE;
}
#endif

uint32_t cmtp_path_mask(void) {
    static _Atomic uint32_t cached = 0;
    uint32_t mask = atomic_load_explicit(&cached, memory_order_relaxed);
    if (mask == 0) {
        mask = detect();
        atomic_store_explicit(&cached, mask, memory_order_relaxed);
    }
    return mask;
}

void cmtp_ctr_init(cmtp_ctr *ctr, cmtp_path path, const uint8_t key[32], const uint8_t iv[16]) {
    ctr->path = path;
    ctr->used = 0;
    memcpy(ctr->counter, iv, 16);
    memset(ctr->keystream, 0, 16);
    switch (path) {
#if CMTP_X86
    case CMTP_PATH_AESNI:
    case CMTP_PATH_VAES:
        cmtp_x86_expand(key, ctr->schedule);
        return;
#endif
#if CMTP_ARM
    case CMTP_PATH_ARMV8:
        cmtp_arm_expand(key, ctr->schedule);
        return;
#endif
    default:
        ctr->path = CMTP_PATH_PORTABLE;
        cmtp_portable_expand(key, ctr->schedule);
    }
}

void cmtp_ctr_apply(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    switch (ctr->path) {
#if CMTP_X86
    case CMTP_PATH_AESNI:
        cmtp_aesni_ctr(ctr, data, length);
        return;
    case CMTP_PATH_VAES:
        cmtp_vaes_ctr(ctr, data, length);
        return;
#endif
#if CMTP_ARM
    case CMTP_PATH_ARMV8:
        cmtp_arm_ctr(ctr, data, length);
        return;
#endif
    default:
        cmtp_portable_ctr(ctr, data, length);
    }
}

void cmtp_ctr_wipe(cmtp_ctr *ctr) {
    cmtp_wipe(ctr, sizeof *ctr);
}

void cmtp_ige_encrypt(cmtp_path path, const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    switch (path) {
#if CMTP_X86
    case CMTP_PATH_AESNI:
    case CMTP_PATH_VAES:
        cmtp_x86_ige_encrypt(key, iv, data, length);
        return;
#endif
#if CMTP_ARM
    case CMTP_PATH_ARMV8:
        cmtp_arm_ige_encrypt(key, iv, data, length);
        return;
#endif
    default:
        cmtp_portable_ige_encrypt(key, iv, data, length);
    }
}

void cmtp_ige_decrypt(cmtp_path path, const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    switch (path) {
#if CMTP_X86
    case CMTP_PATH_AESNI:
    case CMTP_PATH_VAES:
        cmtp_x86_ige_decrypt(key, iv, data, length);
        return;
#endif
#if CMTP_ARM
    case CMTP_PATH_ARMV8:
        cmtp_arm_ige_decrypt(key, iv, data, length);
        return;
#endif
    default:
        cmtp_portable_ige_decrypt(key, iv, data, length);
    }
}

uint32_t cmtp_crc32(cmtp_path path, uint32_t previous, const uint8_t *data, size_t length) {
    uint32_t state = ~previous;
    switch (path) {
#if CMTP_X86
    case CMTP_PATH_AESNI:
    case CMTP_PATH_VAES:
        return ~cmtp_x86_crc32(state, data, length);
#endif
#if CMTP_ARM
    case CMTP_PATH_ARMV8:
        return ~cmtp_arm_crc32(state, data, length);
#endif
    default:
        return ~cmtp_portable_crc32(state, data, length);
    }
}
