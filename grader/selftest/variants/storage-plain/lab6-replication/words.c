/* words.c - the parser of words.h. */
#include "words.h"

#include <stdlib.h>

void words_reset(struct words *words)
{
    words->count = words->at = words->expected = 0;
    words->is_in_word = false;
}

void words_free(struct words *words)
{
    free(words->words);
    *words = (struct words){0};
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A line such as "$12\r\n" at data; *size is what it takes.  A number beyond most is told at its
 * last digit, so that no line grows long. */
static enum words_result read_line(const uint8_t *data, size_t len, uint8_t type, size_t most,
                                   size_t *number, size_t *size)
{
    size_t i = 1;

    if (len > 0 && data[0] != type)
        return WORDS_BAD;
    for (*number = 0; i < len && is_digit(data[i]); i++) {
        *number = 10 * *number + (size_t)(data[i] - '0');
        if (*number > most || (i == 2 && data[1] == '0'))
            return WORDS_BAD;
    }
    if (i < len && (i == 1 || data[i] != '\r'))
        return WORDS_BAD;
    if (i + 1 < len && data[i + 1] != '\n')
        return WORDS_BAD;
    *size = i + 2;
    return *size <= len ? WORDS_DONE : WORDS_MORE;
}

static bool reserve(struct words *words)
{
    if (words->count < words->room)
        return true;
    size_t room = words->room + words->room / 2 + 4;
    struct word *array = realloc(words->words, room * sizeof *array);
    if (array == NULL)
        return false;
    words->words = array;
    words->room = room;
    return true;
}

static enum words_result read_size(struct words *words, const uint8_t *data, size_t len)
{
    size_t number, size;
    enum words_result result =
        read_line(data + words->at, len - words->at, '$', WORDS_LARGEST_REQUEST, &number, &size);

    if (result != WORDS_DONE)
        return result;
    if (words->at + size + number + 2 > WORDS_LARGEST_REQUEST)
        return WORDS_BAD;
    if (!reserve(words))
        return WORDS_NO_MEMORY;
    words->at += size;
    words->words[words->count++] = (struct word){(uint32_t)words->at, (uint32_t)number};
    words->is_in_word = true;
    return WORDS_DONE;
}

/* The CR LF behind the bytes may be wrong before it is whole. */
static enum words_result read_bytes(struct words *words, const uint8_t *data, size_t len)
{
    const struct word *word = &words->words[words->count - 1];
    size_t end = (size_t)word->at + word->size;

    if ((end < len && data[end] != '\r') || (end + 1 < len && data[end + 1] != '\n'))
        return WORDS_BAD;
    if (end + 2 > len)
        return WORDS_MORE;
    words->at = end + 2;
    words->is_in_word = false;
    return WORDS_DONE;
}

static enum words_result read_count(struct words *words, const uint8_t *data, size_t len)
{
    return read_line(data, len, '*', WORDS_MOST, &words->expected, &words->at);
}

enum words_result words_read(struct words *words, const uint8_t *data, size_t len)
{
    enum words_result result = WORDS_DONE;

    if (words->at > 0 && words->count == words->expected && !words->is_in_word)
        words_reset(words);
    if (words->at == 0)
        result = read_count(words, data, len);
    if (result != WORDS_DONE)
        words->at = 0;
    while (result == WORDS_DONE && (words->is_in_word || words->count < words->expected))
        result = words->is_in_word ? read_bytes(words, data, len) : read_size(words, data, len);
    return result;
}
