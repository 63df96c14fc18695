// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CMeasure.h"

#include <stdatomic.h>
#include <time.h>
#include <zlib.h>

uint64_t measure_thread_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t measure_zlib_crc32(const void *bytes, size_t count) {
    return (uint32_t)crc32(0, bytes, (uInt)count);
}

#if defined(__x86_64__)
#include <wmmintrin.h>

__attribute__((target("aes"))) static void latency(uint64_t blocks) {
    __m128i state = _mm_setzero_si128();
    const __m128i key = _mm_set1_epi8(0x5a);
    for (uint64_t block = 0; block < blocks; block++) {
        for (int round = 0; round < 13; round++) {
            state = _mm_aesenc_si128(state, key);
            __asm__ volatile("" : "+x"(state));
        }
        state = _mm_aesenclast_si128(state, key);
        __asm__ volatile("" : "+x"(state));
    }
}

int measure_aes_latency(uint64_t blocks) {
    if (!__builtin_cpu_supports("aes")) return 0;
    latency(blocks);
    return 1;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRYPTO)
#include <arm_neon.h>

int measure_aes_latency(uint64_t blocks) {
    uint8x16_t state = vdupq_n_u8(0);
    const uint8x16_t key = vdupq_n_u8(0x5a);
    for (uint64_t block = 0; block < blocks; block++) {
        for (int round = 0; round < 14; round++) {
            state = vaesmcq_u8(vaeseq_u8(state, key));
            __asm__ volatile("" : "+w"(state));
        }
    }
    return 1;
}
#else
int measure_aes_latency(uint64_t blocks) {
    (void)blocks;
    return 0;
}
#endif

// The allocator's entry points, counted: the executable's own come before the C library's.
static atomic_uint_fast64_t allocation_count;

uint64_t measure_allocation_count(void) {
    return atomic_load_explicit(&allocation_count, memory_order_relaxed);
}

#if defined(__linux__) && defined(__GLIBC__)
#include <errno.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void count_allocation(void) {
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
}

void *malloc(size_t size) {
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_allocation();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    count_allocation();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count_allocation();
    void *result = __libc_memalign(alignment, size);
    if (result == NULL) return ENOMEM;
    *memory = result;
    return 0;
}
#endif
