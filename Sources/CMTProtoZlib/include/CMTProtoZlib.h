// SPDX-License-Identifier: Apache-2.0

// A narrow face of zlib: zlib.h's macros and unions do not reach Swift, and nothing else of it is wanted.

#ifndef CMTPROTO_ZLIB_H
#define CMTPROTO_ZLIB_H

#include <stddef.h>

// How a step of cmtproto_inflater_step ended.
enum cmtproto_inflate_status {
    // The stream's end was reached and its checksum is right.
    CMTPROTO_INFLATE_END = 0,
    // There is no more room in the output.
    CMTPROTO_INFLATE_MORE = 1,
    // The input ended before the stream did.
    CMTPROTO_INFLATE_TRUNCATED = 2,
    // The input is not a stream of the format.
    CMTPROTO_INFLATE_INVALID = 3,
};

typedef struct cmtproto_inflater cmtproto_inflater;

// An inflater of one gzip (RFC 1952) or zlib (RFC 1950) stream, told apart by its first bytes. The input must stay where
// it is until the inflater is freed. NULL: out of memory, or a length beyond 4 GiB.
cmtproto_inflater *cmtproto_inflater_make(const void *input, size_t length);

// Unpacks into at most `capacity` bytes and says how many were written.
enum cmtproto_inflate_status cmtproto_inflater_step(
    cmtproto_inflater *inflater, void *output, size_t capacity, size_t *written);

// How many bytes of the input have not been read.
size_t cmtproto_inflater_remaining(const cmtproto_inflater *inflater);

void cmtproto_inflater_free(cmtproto_inflater *inflater);

// An upper bound of the gzip stream of `length` bytes; 0 if that is beyond 4 GiB.
size_t cmtproto_gzip_bound(size_t length);

// Packs into one gzip stream without a name or a time. Returns its length, or 0 if it does not fit or memory ran out.
size_t cmtproto_gzip(const void *input, size_t length, void *output, size_t capacity);

#endif
