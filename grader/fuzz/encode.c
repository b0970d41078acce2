/* encode.c - values as bytes: encode.h. */
#include "encode.h"

#include <stdlib.h>
#include <string.h>

enum { UNWRITTEN = 0xA5 };

/* A block of size bytes, in which the traces of a writer can be seen. */
static uint8_t *new_page(size_t size)
{
    uint8_t *page = new_block(size);

    memset(page, UNWRITTEN, size);
    return page;
}

static void expect_untouched(const uint8_t *page, size_t size)
{
    for (size_t i = 0; i < size; i++)
        expect(page[i] == UNWRITTEN, "where there is no room, nothing is written");
}

/* Of a page that was written to as a whole. */
static void put_page(struct record *record, uint8_t *page, size_t size, size_t returned)
{
    expect(returned == size, "an encoder returns the same size whatever the room");
    record_put(record, page, size);
    free(page);
}

void record_array(struct record *record, const struct resp_word *words, size_t count)
{
    size_t size = resp_write_array(NULL, 0, words, count);
    uint8_t *page = new_page(size);

    expect(resp_write_array(page, size - 1, words, count) == size,
           "an encoder returns the whole size where there is no room");
    expect_untouched(page, size);
    put_page(record, page, size, resp_write_array(page, size, words, count));
}

void record_integer(struct record *record, int64_t integer)
{
    size_t size = resp_write_integer(NULL, 0, integer);
    uint8_t *page = new_page(size);

    expect(resp_write_integer(page, size - 1, integer) == size,
           "an encoder returns the whole size where there is no room");
    expect_untouched(page, size);
    put_page(record, page, size, resp_write_integer(page, size, integer));
}

void record_line(struct record *record, uint8_t type, struct resp_word text)
{
    record_put(record, &type, 1);
    record_put(record, text.data, text.len);
    record_put(record, "\r\n", 2);
}

void expect_inside(struct resp_word word, const uint8_t *window, size_t size)
{
    expect(word.data >= window && word.data <= window + size &&
               word.len <= (size_t)(window + size - word.data),
           "a word points into the window");
}

enum outcome outcome_of(enum resp_result result)
{
    expect(result == RESP_MORE || result == RESP_DONE || result == RESP_ERROR,
           "a result is MORE, DONE or ERROR");
    return result == RESP_DONE ? DONE : result == RESP_MORE ? MORE : ERROR;
}
