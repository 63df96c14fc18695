// SPDX-License-Identifier: Apache-2.0
#ifndef C_MEASURE_H
#define C_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/// How often this process has called malloc, calloc, realloc and their aligned forms; 0 where they cannot be counted.
uint64_t measure_allocation_count(void);

/// CPU time of the calling thread in nanoseconds.
uint64_t measure_thread_nanoseconds(void);

/// Runs `blocks` times 14 AES rounds, each waiting for the one before: what IGE cannot be faster than on this CPU.
/// Returns 0 where the CPU has no AES instructions.
int measure_aes_latency(uint64_t blocks);

/// zlib's CRC-32.
uint32_t measure_zlib_crc32(const void *bytes, size_t count);

#endif
