/* collide.c - 65,536 keys in a table of as many buckets: numbers, and keys that somebody chose.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o collide collide.c
 *     ./collide */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { BITS = 16, KEYS = 1 << BITS, KEY_SIZE = 2 * BITS + 1 };

struct entry {
    struct entry *next;
    char key[KEY_SIZE];
};

/* [hash] */
/* The hash of many textbooks.  Even a secret start does not help. */
static uint64_t hash(const char *key, uint64_t start)
{
    uint64_t h = start;

    for (; *key != '\0'; key++)
        h = 31 * h + (unsigned char)*key;
    return h;
}
/* [hash-end] */

static void make_number(char *key, unsigned number)
{
    snprintf(key, KEY_SIZE, "%u", number);
}

/* [pairs] */
/* 31 * 'A' + 'a' == 31 * 'B' + 'B': so "Aa" and "BB" add the same, wherever they stand. */
static void make_pairs(char *key, unsigned number)
{
    for (unsigned bit = 0; bit < BITS; bit++)
        memcpy(key + 2 * (size_t)bit, (number >> bit & 1) != 0 ? "Aa" : "BB", 3);
}
/* [pairs-end] */

static void fill(const char *what, void (*make)(char *key, unsigned number), uint64_t start)
{
    static struct entry entries[KEYS];
    static struct entry *buckets[KEYS];
    unsigned long long compared = 0;
    clock_t begin = clock();

    memset(buckets, 0, sizeof buckets);
    for (unsigned i = 0; i < KEYS; i++) {
        struct entry *entry = &entries[i];
        make(entry->key, i);
        struct entry **bucket = &buckets[hash(entry->key, start) % KEYS];
        for (struct entry *e = *bucket; e != NULL && strcmp(e->key, entry->key) != 0; e = e->next)
            compared++;
        entry->next = *bucket;
        *bucket = entry;
    }
    printf("%-34s %11llu comparisons %7.2f s\n", what, compared,
           (double)(clock() - begin) / CLOCKS_PER_SEC);
}

int main(void)
{
    uint64_t secret;

    if (getrandom(&secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return EXIT_FAILURE;
    fill("numbers", make_number, 0);
    fill("chosen keys", make_pairs, 0);
    fill("chosen keys, from a secret start", make_pairs, secret);
    return 0;
}
