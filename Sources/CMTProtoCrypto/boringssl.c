// SPDX-License-Identifier: Apache-2.0

// The only file that reaches into BoringSSL as swift-crypto builds it. In C its names are the same in every swift-crypto
// release, whatever prefix the symbols get; Swift would see the prefix.

#include "internal.h"

#include <CCryptoBoringSSL.h>

// ---- AES where the CPU has no instructions for it -------------------------------------------------------------------

_Static_assert(sizeof(AES_KEY) <= sizeof(((cmtp_ctr *)0)->schedule), "the schedule must hold a BoringSSL key");

void cmtp_portable_expand(const uint8_t key[32], uint32_t schedule[64]) {
    AES_KEY expanded;
    AES_set_encrypt_key(key, 256, &expanded);
    memcpy(schedule, &expanded, sizeof expanded);
    OPENSSL_cleanse(&expanded, sizeof expanded);
}

void cmtp_portable_ctr(cmtp_ctr *ctr, uint8_t *data, size_t length) {
    unsigned used = ctr->used;
    AES_ctr128_encrypt(data, data, length, (const AES_KEY *)(const void *)ctr->schedule, ctr->counter, ctr->keystream,
                       &used);
    ctr->used = used;
}

// out[i] = E(in[i] ^ out[i-1]) ^ in[i-1], with D instead of E when decrypting.
static void ige(void (*transform)(const uint8_t *, uint8_t *, const AES_KEY *), const AES_KEY *key,
                const uint8_t *previous_in, const uint8_t *previous_out, uint8_t *data, size_t length) {
    uint64_t before[2], last[2], in[2], block[2];
    memcpy(before, previous_in, 16);
    memcpy(last, previous_out, 16);
    for (size_t at = 0; at + 16 <= length; at += 16) {
        memcpy(in, data + at, 16);
        block[0] = in[0] ^ last[0];
        block[1] = in[1] ^ last[1];
        transform((const uint8_t *)block, (uint8_t *)block, key);
        last[0] = block[0] ^ before[0];
        last[1] = block[1] ^ before[1];
        memcpy(data + at, last, 16);
        before[0] = in[0];
        before[1] = in[1];
    }
}

void cmtp_portable_ige_encrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    AES_KEY expanded;
    AES_set_encrypt_key(key, 256, &expanded);
    ige(AES_encrypt, &expanded, iv + 16, iv, data, length);
    OPENSSL_cleanse(&expanded, sizeof expanded);
}

void cmtp_portable_ige_decrypt(const uint8_t key[32], const uint8_t iv[32], uint8_t *data, size_t length) {
    AES_KEY expanded;
    AES_set_decrypt_key(key, 256, &expanded);
    ige(AES_decrypt, &expanded, iv, iv + 16, data, length);
    OPENSSL_cleanse(&expanded, sizeof expanded);
}

// ---- Hashes, random bytes, wiping -----------------------------------------------------------------------------------

_Static_assert(sizeof(SHA_CTX) <= sizeof(cmtp_sha1), "cmtp_sha1 must hold a BoringSSL context");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(cmtp_sha256), "cmtp_sha256 must hold a BoringSSL context");

void cmtp_sha1_init(cmtp_sha1 *hash) {
    SHA1_Init((SHA_CTX *)(void *)hash);
}

void cmtp_sha1_update(cmtp_sha1 *hash, const void *data, size_t length) {
    SHA1_Update((SHA_CTX *)(void *)hash, data, length);
}

void cmtp_sha1_final(cmtp_sha1 *hash, uint8_t out[20]) {
    SHA1_Final(out, (SHA_CTX *)(void *)hash);
    // The last block may hold a part of a key.
    OPENSSL_cleanse(hash, sizeof *hash);
}

void cmtp_sha256_init(cmtp_sha256 *hash) {
    SHA256_Init((SHA256_CTX *)(void *)hash);
}

void cmtp_sha256_update(cmtp_sha256 *hash, const void *data, size_t length) {
    SHA256_Update((SHA256_CTX *)(void *)hash, data, length);
}

void cmtp_sha256_final(cmtp_sha256 *hash, uint8_t out[32]) {
    SHA256_Final(out, (SHA256_CTX *)(void *)hash);
    OPENSSL_cleanse(hash, sizeof *hash);
}

void cmtp_x25519_public(uint8_t public_key[32], const uint8_t private_key[32]) {
    X25519_public_from_private(public_key, private_key);
}

void cmtp_random(uint8_t *out, size_t length) {
    RAND_bytes(out, length);
}

void cmtp_wipe(void *memory, size_t length) {
    OPENSSL_cleanse(memory, length);
}

int cmtp_equal(const void *a, const void *b, size_t length) {
    return CRYPTO_memcmp(a, b, length) == 0;
}

// ---- Big numbers ----------------------------------------------------------------------------------------------------

static int modexp(int secret, uint8_t *out, size_t out_length, const uint8_t *base, size_t base_length,
                  const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length) {
    int ok = 0;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *b = BN_bin2bn(base, base_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    BIGNUM *m = BN_bin2bn(modulus, modulus_length, NULL);
    BIGNUM *result = BN_new();
    BN_MONT_CTX *montgomery = NULL;
    if (context == NULL || b == NULL || e == NULL || m == NULL || result == NULL) {
        goto done;
    }
    if (!BN_is_odd(m) || BN_is_one(m) || BN_num_bytes(m) > out_length || BN_ucmp(b, m) >= 0) {
        goto done;
    }
    montgomery = BN_MONT_CTX_new_for_modulus(m, context);
    if (montgomery == NULL) {
        goto done;
    }
    ok = secret ? BN_mod_exp_mont_consttime(result, b, e, m, context, montgomery)
                : BN_mod_exp_mont(result, b, e, m, context, montgomery);
    ok = ok && BN_bn2bin_padded(out, out_length, result);
done:
    BN_MONT_CTX_free(montgomery);
    BN_clear_free(result);
    BN_free(m);
    BN_clear_free(e);
    BN_clear_free(b);
    BN_CTX_free(context);
    if (!ok) {
        ERR_clear_error();
    }
    return ok;
}

int cmtp_modexp_secret(uint8_t *out, size_t out_length, const uint8_t *base, size_t base_length,
                       const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length) {
    return modexp(1, out, out_length, base, base_length, exponent, exponent_length, modulus, modulus_length);
}

int cmtp_modexp_public(uint8_t *out, size_t out_length, const uint8_t *base, size_t base_length,
                       const uint8_t *exponent, size_t exponent_length, const uint8_t *modulus, size_t modulus_length) {
    return modexp(0, out, out_length, base, base_length, exponent, exponent_length, modulus, modulus_length);
}

// One round: whether n is a strong probable prime to the base witness. n - 1 = odd_part * 2^twos.
static int passes(const BIGNUM *n, const BIGNUM *n_minus_1, const BIGNUM *odd_part, int twos, const BIGNUM *witness,
                  BIGNUM *power, BN_CTX *context, const BN_MONT_CTX *montgomery) {
    if (!BN_mod_exp_mont(power, witness, odd_part, n, context, montgomery)) {
        return -1;
    }
    if (BN_is_one(power) || BN_cmp(power, n_minus_1) == 0) {
        return 1;
    }
    for (int i = 1; i < twos; i++) {
        if (!BN_mod_sqr(power, power, n, context)) {
            return -1;
        }
        if (BN_cmp(power, n_minus_1) == 0) {
            return 1;
        }
        if (BN_is_one(power)) {
            return 0;
        }
    }
    return 0;
}

int cmtp_is_probable_prime(const uint8_t *number, size_t length, const uint8_t *witnesses, size_t rounds) {
    int result = -1;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *n = BN_bin2bn(number, length, NULL);
    BIGNUM *n_minus_1 = BN_new();
    BIGNUM *range = BN_new();
    BIGNUM *odd_part = BN_new();
    BIGNUM *witness = BN_new();
    BIGNUM *power = BN_new();
    BN_MONT_CTX *montgomery = NULL;
    if (context == NULL || n == NULL || n_minus_1 == NULL || range == NULL || odd_part == NULL || witness == NULL
        || power == NULL) {
        goto done;
    }
    if (BN_is_word(n, 2) || BN_is_word(n, 3)) {
        result = 1;
        goto done;
    }
    if (!BN_is_odd(n) || BN_is_one(n)) {
        result = 0;
        goto done;
    }
    // A cheap look for small factors ends most composites here.
    static const uint16_t small_primes[] = {3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47, 53,
                                            59, 61, 67, 71, 73, 79,  83,  89,  97,  101, 103, 107, 109, 113};
    for (size_t i = 0; i < sizeof small_primes / sizeof small_primes[0]; i++) {
        if (BN_mod_word(n, small_primes[i]) == 0) {
            result = BN_is_word(n, small_primes[i]);
            goto done;
        }
    }
    montgomery = BN_MONT_CTX_new_for_modulus(n, context);
    if (montgomery == NULL || !BN_copy(n_minus_1, n) || !BN_sub_word(n_minus_1, 1) || !BN_copy(range, n)
        || !BN_sub_word(range, 3)) {
        goto done;
    }
    int twos = BN_count_low_zero_bits(n_minus_1);
    if (!BN_rshift(odd_part, n_minus_1, twos)) {
        goto done;
    }
    for (size_t i = 0; i < rounds; i++) {
        if (!BN_bin2bn(witnesses + i * length, length, witness) || !BN_mod(witness, witness, range, context)
            || !BN_add_word(witness, 2)) {
            goto done;
        }
        int passed = passes(n, n_minus_1, odd_part, twos, witness, power, context, montgomery);
        if (passed != 1) {
            result = passed;
            goto done;
        }
    }
    result = 1;
done:
    BN_MONT_CTX_free(montgomery);
    BN_free(power);
    BN_free(witness);
    BN_free(odd_part);
    BN_free(range);
    BN_free(n_minus_1);
    BN_free(n);
    BN_CTX_free(context);
    if (result < 0) {
        ERR_clear_error();
    }
    return result;
}

int cmtp_rsa_numbers(const uint8_t *p, size_t p_length, const uint8_t *q, size_t q_length, const uint8_t *exponent,
                     size_t exponent_length, uint8_t *modulus, size_t modulus_length, uint8_t *d, size_t d_length) {
    int ok = 0;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *first = BN_bin2bn(p, p_length, NULL);
    BIGNUM *second = BN_bin2bn(q, q_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    BIGNUM *product = BN_new();
    BIGNUM *inverse = BN_new();
    if (context == NULL || first == NULL || second == NULL || e == NULL || product == NULL || inverse == NULL) {
        goto done;
    }
    ok = !BN_is_zero(first) && !BN_is_zero(second) && BN_mul(product, first, second, context)
        && BN_bn2bin_padded(modulus, modulus_length, product) && BN_sub_word(first, 1) && BN_sub_word(second, 1)
        && BN_mul(product, first, second, context) && !BN_is_zero(product)
        && BN_mod_inverse(inverse, e, product, context) != NULL && BN_bn2bin_padded(d, d_length, inverse);
done:
    BN_clear_free(inverse);
    BN_clear_free(product);
    BN_free(e);
    BN_clear_free(second);
    BN_clear_free(first);
    BN_CTX_free(context);
    if (!ok) {
        ERR_clear_error();
    }
    return ok;
}
