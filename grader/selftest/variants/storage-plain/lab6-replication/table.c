/* table.c - the table of table.h.  A value is kept as the array that GET gives: the words of a SET
 * from the third on, as they came. */
#include "table.h"

#include "kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct table {
    struct kv *kv;
    struct words words; /* of the entry that is executed */
};

struct table *table_new(void)
{
    uint8_t secret[KV_SECRET_SIZE];
    struct table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    if (getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret)
        table->kv = kv_new(secret);
    if (table->kv != NULL)
        return table;
    free(table);
    return NULL;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    kv_free(table->kv);
    words_free(&table->words);
    free(table);
}

struct text text_copy(const void *bytes, size_t size)
{
    struct text text = {malloc(size + 1), size};

    if (text.bytes != NULL && size > 0)
        memcpy(text.bytes, bytes, size);
    return text;
}

struct text text_number(const char *before, int64_t number)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%s%" PRId64 "\r\n", before, number);

    return text_copy(line, (size_t)size);
}

/* Bit 5 is all that a capital letter lacks to be a small one. */
static bool is_named(const struct words *words, const uint8_t *data, const char *name)
{
    struct word word = words->words[0];

    if (word.size != strlen(name))
        return false;
    for (size_t i = 0; i < word.size; i++)
        if ((data[word.at + i] | 0x20) != name[i])
            return false;
    return true;
}

enum command command_of(const struct words *words, const uint8_t *data)
{
    if (words->count >= 3 && is_named(words, data, "set"))
        return COMMAND_SET;
    if (words->count == 2 && is_named(words, data, "get"))
        return COMMAND_GET;
    if (words->count >= 2 && is_named(words, data, "del"))
        return COMMAND_DEL;
    return COMMAND_NONE;
}

static struct resp_word word_at(const struct words *words, const uint8_t *data, size_t i)
{
    return (struct resp_word){data + words->words[i].at, words->words[i].size};
}

size_t table_get(const struct table *table, const uint8_t *key, size_t key_size,
                 const uint8_t **value)
{
    static const char absent[] = "*1\r\n$3\r\nnil\r\n";
    struct resp_word found;

    if (!kv_get(table->kv, (struct resp_word){key, key_size}, &found))
        found = (struct resp_word){(const uint8_t *)absent, strlen(absent)};
    *value = found.data;
    return found.len;
}

/* Behind a word come CR LF, and the line of the next one. */
static int set(struct table *table, const uint8_t *data)
{
    const struct words *words = &table->words;
    size_t from = (size_t)words->words[1].at + words->words[1].size + 2, size = words->at - from;
    char top[24];
    int top_size = snprintf(top, sizeof top, "*%zu\r\n", words->count - 2);
    uint8_t *value = kv_put(table->kv, word_at(words, data, 1), (size_t)top_size + size);

    if (value == NULL)
        return -1;
    memcpy(value, top, (size_t)top_size);
    memcpy(value + top_size, data + from, size);
    return 0;
}

static int64_t del(struct table *table, const uint8_t *data)
{
    int64_t existed = 0;

    for (size_t i = 1; i < table->words.count; i++)
        existed += kv_del(table->kv, word_at(&table->words, data, i));
    return existed;
}

static struct text get(const struct table *table, const uint8_t *data)
{
    const struct word *key = &table->words.words[1];
    const uint8_t *value;
    size_t size = table_get(table, data + key->at, key->size, &value);

    return text_copy(value, size);
}

static int execute(struct table *table, const uint8_t *data, bool is_wanted, struct text *reply)
{
    int64_t existed;

    switch (command_of(&table->words, data)) {
    case COMMAND_NONE: return 0;
    case COMMAND_SET:
        if (set(table, data) < 0)
            return -1;
        *reply = is_wanted ? text_copy("+OK\r\n", 5) : *reply;
        return 0;
    case COMMAND_GET: *reply = is_wanted ? get(table, data) : *reply; return 0;
    case COMMAND_DEL:
        existed = del(table, data);
        *reply = is_wanted ? text_number(":", existed) : *reply;
        return 0;
    }
    return 0;
}

int table_execute(struct table *table, const uint8_t *data, size_t len, bool is_wanted,
                  struct text *reply)
{
    *reply = (struct text){NULL, 0};
    words_reset(&table->words);
    switch (words_read(&table->words, data, len)) {
    case WORDS_NO_MEMORY: return -1;
    case WORDS_DONE: break;
    default: return 0;
    }
    return table->words.at == len && table->words.count > 0 ? execute(table, data, is_wanted, reply)
                                                            : 0;
}
