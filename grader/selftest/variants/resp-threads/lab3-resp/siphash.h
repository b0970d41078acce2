/* siphash.h - SipHash-1-3: a hash that nobody can predict without its key.
 *
 * J.-P. Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF (2012). */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *data, size_t len);

#endif
