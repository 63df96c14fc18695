// SPDX-License-Identifier: Apache-2.0

// AES-256 (CTR, IGE) and CRC-32 on the CPU's own instructions, chosen at run time, and the few BoringSSL functions that
// swift-crypto builds but does not offer, or only with Foundation's types: big-number exponentiation, hashes without an
// allocation, random bytes, public keys of X25519.

#ifndef CMTPROTOCRYPTO_H
#define CMTPROTOCRYPTO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One implementation of the primitives. A path may be used only if cmtp_path_mask() has its bit.
typedef enum cmtp_path {
    CMTP_PATH_PORTABLE = 0,
    CMTP_PATH_AESNI = 1,
    CMTP_PATH_VAES = 2,
    CMTP_PATH_ARMV8 = 3,
} cmtp_path;

// Bit (1 << path) for each path that this CPU and this operating system can run. Detected at the first call.
uint32_t cmtp_path_mask(void);

// ---- AES-256-CTR ----------------------------------------------------------------------------------------------------

// A position in one key stream. Swift imports no struct aligned above 16 bytes.
typedef struct cmtp_ctr {
    _Alignas(16) uint32_t schedule[64];
    _Alignas(16) uint8_t counter[16];   // of the next block to be encrypted, 128-bit big endian
    uint8_t keystream[16];              // of the block in use
    uint32_t used;                      // bytes of keystream already used; 0 when none is left over
    uint32_t path;
} cmtp_ctr;

void cmtp_ctr_init(cmtp_ctr *ctr, cmtp_path path, const uint8_t key[32], const uint8_t iv[16]);
// XORs the next length bytes of key stream onto data.
void cmtp_ctr_apply(cmtp_ctr *ctr, uint8_t *data, size_t length);
void cmtp_ctr_wipe(cmtp_ctr *ctr);

// ---- AES-256-IGE ----------------------------------------------------------------------------------------------------

// iv: previous ciphertext block, then previous plaintext block. In place; length is a multiple of 16.
void cmtp_ige_encrypt(cmtp_path path, const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);
void cmtp_ige_decrypt(cmtp_path path, const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length);

// ---- CRC-32/ISO-HDLC ------------------------------------------------------------------------------------------------

// previous is the checksum of the bytes before (0 for none).
uint32_t cmtp_crc32(cmtp_path path, uint32_t previous, const uint8_t *data, size_t length);

// ---- Hashes ---------------------------------------------------------------------------------------------------------

typedef struct cmtp_sha1 {
    uint64_t storage[12];
} cmtp_sha1;

typedef struct cmtp_sha256 {
    uint64_t storage[14];
} cmtp_sha256;

// The final functions wipe the state.
void cmtp_sha1_init(cmtp_sha1 *hash);
void cmtp_sha1_update(cmtp_sha1 *hash, const void *data, size_t length);
void cmtp_sha1_final(cmtp_sha1 *hash, uint8_t out[20]);
void cmtp_sha256_init(cmtp_sha256 *hash);
void cmtp_sha256_update(cmtp_sha256 *hash, const void *data, size_t length);
void cmtp_sha256_final(cmtp_sha256 *hash, uint8_t out[32]);

// ---- Random bytes and wiping ----------------------------------------------------------------------------------------

void cmtp_random(uint8_t *out, size_t length);
void cmtp_wipe(void *memory, size_t length);
// 1 if the two are equal, 0 if not, in a time that depends on length only.
int cmtp_equal(const void *a, const void *b, size_t length);

// ---- X25519 ---------------------------------------------------------------------------------------------------------

// The public key of any 32 bytes taken as a private key.
void cmtp_x25519_public(uint8_t public_key[32], const uint8_t private_key[32]);

// ---- Big numbers (big endian, any number of leading zeros) ----------------------------------------------------------

// out = base^exponent mod modulus, left padded to out_length; the exponent and the base are secret.
// 1 on success; 0 if the modulus is even, zero or one, does not fit out_length, base >= modulus, or memory is short.
int cmtp_modexp_secret(uint8_t *out, size_t out_length, const uint8_t *base, size_t base_length,
                       const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length);
// The same, faster, for a public exponent.
int cmtp_modexp_public(uint8_t *out, size_t out_length, const uint8_t *base, size_t base_length,
                       const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length);

// Miller–Rabin with one round a witness; witness i is witnesses[i * length ..< (i + 1) * length], taken modulo n - 3 and
// moved to 2 ... n - 2. Number and witnesses have length bytes. 1: probably prime; 0: composite; -1: memory is short.
int cmtp_is_probable_prime(const uint8_t *number, size_t length, const uint8_t *witnesses, size_t rounds);

// modulus = p * q and d = exponent^-1 mod (p - 1)(q - 1), each left padded to its length. Not in constant time.
// 1 on success; 0 if the exponent has no inverse or something does not fit.
int cmtp_rsa_numbers(const uint8_t *p, size_t p_length, const uint8_t *q, size_t q_length, const uint8_t *exponent,
                     size_t exponent_length, uint8_t *modulus, size_t modulus_length, uint8_t *d, size_t d_length);

#ifdef __cplusplus
}
#endif

#endif
