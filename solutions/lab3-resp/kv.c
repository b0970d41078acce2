/* kv.c - the hash table of kv.h, with chains.
 *
 * There are as many buckets as entries, or more, a power of two; so a chain has about one entry,
 * whoever chose the keys.  Each entry knows its hash: a comparison of keys is rare unless they are
 * equal, and the table grows without a look at the keys. */
#include "kv.h"

#include "siphash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 16 };

static_assert((int)KV_SECRET_SIZE == (int)SIPHASH_KEY_SIZE, "the secret is the hash's key");

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

struct kv *kv_new(const uint8_t secret[KV_SECRET_SIZE])
{
    struct kv *kv = malloc(sizeof *kv);
    struct entry **buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));

    if (kv == NULL || buckets == NULL) {
        free(kv);
        free(buckets);
        return NULL;
    }
    *kv = (struct kv){.buckets = buckets, .bucket_count = FIRST_BUCKETS};
    memcpy(kv->secret, secret, sizeof kv->secret);
    return kv;
}

static void free_entry(struct entry *entry)
{
    free(entry->value);
    free(entry);
}

void kv_free(struct kv *kv)
{
    if (kv == NULL)
        return;
    for (size_t i = 0; i < kv->bucket_count; i++) {
        while (kv->buckets[i] != NULL) {
            struct entry *entry = kv->buckets[i];
            kv->buckets[i] = entry->next;
            free_entry(entry);
        }
    }
    free(kv->buckets);
    free(kv);
}

static struct entry **bucket_of(struct entry **buckets, size_t count, uint64_t hash)
{
    return &buckets[hash & (count - 1)];
}

static bool has_key(const struct entry *entry, uint64_t hash, struct resp_word key)
{
    return entry->hash == hash && entry->key_len == key.len &&
           (key.len == 0 || memcmp(entry->key, key.data, key.len) == 0);
}

/* The link that points to the entry with this key, or the NULL at the end of its chain. */
static struct entry **find(const struct kv *kv, uint64_t hash, struct resp_word key)
{
    struct entry **link = bucket_of(kv->buckets, kv->bucket_count, hash);

    while (*link != NULL && !has_key(*link, hash, key))
        link = &(*link)->next;
    return link;
}

static uint64_t hash_of(const struct kv *kv, struct resp_word key)
{
    return siphash(kv->secret, key.data, key.len);
}

/* Twice as many buckets.  Without the memory for them the chains grow longer for now. */
static void grow(struct kv *kv)
{
    size_t count = 2 * kv->bucket_count;
    struct entry **buckets = calloc(count, sizeof(struct entry *));

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < kv->bucket_count; i++) {
        for (struct entry *entry = kv->buckets[i], *next; entry != NULL; entry = next) {
            struct entry **bucket = bucket_of(buckets, count, entry->hash);
            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(kv->buckets);
    kv->buckets = buckets;
    kv->bucket_count = count;
}

/* malloc(3) may answer 0 bytes with NULL, which would look like an error. */
static uint8_t *new_value(size_t size)
{
    return malloc(size == 0 ? 1 : size);
}

static struct entry *new_entry(uint64_t hash, struct resp_word key, size_t size)
{
    struct entry *entry = malloc(sizeof *entry + key.len);
    uint8_t *value = new_value(size);

    if (entry == NULL || value == NULL) {
        free(entry);
        free(value);
        return NULL;
    }
    *entry = (struct entry){.hash = hash, .value = value, .size = size, .key_len = key.len};
    if (key.len > 0)
        memcpy(entry->key, key.data, key.len);
    return entry;
}

static uint8_t *insert(struct kv *kv, uint64_t hash, struct resp_word key, size_t size)
{
    struct entry *entry = new_entry(hash, key, size);

    if (entry == NULL)
        return NULL;
    if (kv->count == kv->bucket_count)
        grow(kv);
    struct entry **bucket = bucket_of(kv->buckets, kv->bucket_count, hash);
    entry->next = *bucket;
    *bucket = entry;
    kv->count++;
    return entry->value;
}

static uint8_t *replace(struct entry *entry, size_t size)
{
    if (size == entry->size)
        return entry->value;
    uint8_t *value = new_value(size);
    if (value == NULL)
        return NULL;
    free(entry->value);
    entry->value = value;
    entry->size = size;
    return value;
}

uint8_t *kv_put(struct kv *kv, struct resp_word key, size_t size)
{
    uint64_t hash = hash_of(kv, key);
    struct entry *entry = *find(kv, hash, key);

    return entry == NULL ? insert(kv, hash, key, size) : replace(entry, size);
}

bool kv_get(const struct kv *kv, struct resp_word key, struct resp_word *value)
{
    const struct entry *entry = *find(kv, hash_of(kv, key), key);

    if (entry == NULL)
        return false;
    *value = (struct resp_word){entry->value, entry->size};
    return true;
}

bool kv_del(struct kv *kv, struct resp_word key)
{
    struct entry **link = find(kv, hash_of(kv, key), key), *entry = *link;

    if (entry == NULL)
        return false;
    *link = entry->next;
    free_entry(entry);
    kv->count--;
    return true;
}
