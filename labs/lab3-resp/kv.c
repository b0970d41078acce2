/* kv.c - the hash table of kv.h, with chains.
 *
 * How many buckets are there for so many entries, and when does that change? */
#include "kv.h"

#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    uint64_t hash;
    uint8_t *value; /* a block of its own */
    size_t size, key_len;
    uint8_t key[];
};

struct kv {
    uint8_t secret[KV_SECRET_SIZE];
    struct entry **buckets;
    size_t bucket_count, count;
};

/* Stage 3.10. */
struct kv *kv_new(const uint8_t secret[KV_SECRET_SIZE])
{
    (void)secret;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}

/* Stage 3.10. */
void kv_free(struct kv *kv)
{
    (void)kv;
    /* Your code here. */
}

/* Stage 3.10: the link that points to the entry with this key, or the NULL at the end of its chain:
 * so an entry can be taken out without a look at the one before.  When are two keys equal? */
static struct entry **find(const struct kv *kv, uint64_t hash, struct resp_word key)
{
    (void)kv;
    (void)hash;
    (void)key;
    /* Your code here. */
    return NULL;
}

/* Stage 3.13: who knows where a key falls, and who must not? */
static uint64_t hash_of(const struct kv *kv, struct resp_word key)
{
    return siphash(kv->secret, key.data, key.len);
}

/* Stage 3.13: more buckets.  What if there is no memory for them? */
static void grow(struct kv *kv)
{
    (void)kv;
    /* Your code here. */
}

/* Stage 3.10: a new entry, or a new value for an old one.  What if malloc(3) fails half-way? */
uint8_t *kv_put(struct kv *kv, struct resp_word key, size_t size)
{
    (void)kv;
    (void)key;
    (void)size;
    (void)find;
    (void)hash_of;
    (void)grow;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}

/* Stage 3.10. */
bool kv_get(const struct kv *kv, struct resp_word key, struct resp_word *value)
{
    (void)kv;
    (void)key;
    (void)value;
    /* Your code here. */
    return false;
}

/* Stage 3.10. */
bool kv_del(struct kv *kv, struct resp_word key)
{
    (void)kv;
    (void)key;
    /* Your code here. */
    return false;
}
