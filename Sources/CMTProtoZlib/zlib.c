// SPDX-License-Identifier: Apache-2.0

#include "CMTProtoZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

// zlib's window exponent, plus what selects the wrapper.
enum {
    WINDOW_BITS = 15,
    GZIP_ONLY = 16,
    GZIP_OR_ZLIB = 32,
    MEMORY_LEVEL = 8,
    GZIP_HEADER_EXCESS = 32,
};

struct cmtproto_inflater {
    z_stream stream;
};

cmtproto_inflater *cmtproto_inflater_make(const void *input, size_t length) {
    if (length > UINT_MAX) {
        return NULL;
    }
    cmtproto_inflater *inflater = calloc(1, sizeof *inflater);
    if (inflater == NULL) {
        return NULL;
    }
    // zlib never writes through next_in.
    inflater->stream.next_in = (Bytef *)input;
    inflater->stream.avail_in = (uInt)length;
    if (inflateInit2(&inflater->stream, WINDOW_BITS + GZIP_OR_ZLIB) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

enum cmtproto_inflate_status cmtproto_inflater_step(
    cmtproto_inflater *inflater, void *output, size_t capacity, size_t *written) {
    const uInt room = capacity > UINT_MAX ? UINT_MAX : (uInt)capacity;
    inflater->stream.next_out = output;
    inflater->stream.avail_out = room;
    const int result = inflate(&inflater->stream, Z_NO_FLUSH);
    *written = room - inflater->stream.avail_out;
    switch (result) {
    case Z_STREAM_END:
        return CMTPROTO_INFLATE_END;
    case Z_OK:
    case Z_BUF_ERROR:
        return inflater->stream.avail_out == 0 ? CMTPROTO_INFLATE_MORE : CMTPROTO_INFLATE_TRUNCATED;
    default:
        return CMTPROTO_INFLATE_INVALID;
    }
}

size_t cmtproto_inflater_remaining(const cmtproto_inflater *inflater) { return inflater->stream.avail_in; }

void cmtproto_inflater_free(cmtproto_inflater *inflater) {
    inflateEnd(&inflater->stream);
    free(inflater);
}

size_t cmtproto_gzip_bound(size_t length) {
    // compressBound counts a zlib wrapper of 6 bytes; gzip's has 18.
    return length > UINT_MAX / 2 ? 0 : compressBound((uLong)length) + GZIP_HEADER_EXCESS;
}

size_t cmtproto_gzip(const void *input, size_t length, void *output, size_t capacity) {
    if (length > UINT_MAX || capacity > UINT_MAX) {
        return 0;
    }
    z_stream stream = {0};
    if (deflateInit2(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS + GZIP_ONLY, MEMORY_LEVEL, Z_DEFAULT_STRATEGY)
        != Z_OK) {
        return 0;
    }
    stream.next_in = (Bytef *)input;
    stream.avail_in = (uInt)length;
    stream.next_out = output;
    stream.avail_out = (uInt)capacity;
    const int result = deflate(&stream, Z_FINISH);
    const size_t written = capacity - stream.avail_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? written : 0;
}
