/* messages.c - the fuzz target for message_read, message_size and message_encode. */
#include "message_reader.h"

#include "stream.h"

#include <stdlib.h>
#include <string.h>

enum { UNTOUCHED = 0xA5 };

struct decoder {
    struct message_reader *reader;
    struct message message;
};

const char decoder_end[] = "";
const char decoder_good[] = ""; /* a reader that is shown other bytes may go on */

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    expect(decoder != NULL && (decoder->reader = message_reader_new()) != NULL,
           "there is memory for a reader");
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    message_reader_free(decoder->reader);
    free(decoder);
}

/* All of the bytes, at least one, are what memset made of them: each is like the next. */
static bool is_untouched(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    return byte[0] == UNTOUCHED && memcmp(byte, byte + 1, size - 1) == 0;
}

enum outcome decoder_read(struct decoder *decoder, const uint8_t *window, size_t len, size_t *size)
{
    struct message *message = &decoder->message;

    memset(message, UNTOUCHED, sizeof *message);
    memset(size, UNTOUCHED, sizeof *size);
    enum message_result result = message_read(decoder->reader, window, len, message, size);
    if (result == MESSAGE_DONE)
        return DONE;
    expect(is_untouched(message, sizeof *message) && is_untouched(size, sizeof *size),
           "*message and *size are untouched unless a message is complete");
    expect(result == MESSAGE_MORE || result == MESSAGE_MALFORMED,
           "a result is MORE, DONE or MALFORMED");
    return result == MESSAGE_MORE ? MORE : ERROR;
}

static void expect_entries_inside(const struct append_entries *m, const uint8_t *window,
                                  size_t size)
{
    for (uint32_t i = 0; i < m->entry_count; i++) {
        const struct log_entry *entry = &m->entries[i];
        expect(entry->data >= window && entry->data <= window + size &&
                   entry->size <= (size_t)(window + size - entry->data),
               "the data of an entry lies in the window");
    }
}

bool decoder_tell(struct decoder *decoder, const uint8_t *window, size_t size,
                  struct record *record)
{
    const struct message *message = &decoder->message;
    uint8_t *page = new_block(size);

    if (message->type == APPEND_ENTRIES)
        expect_entries_inside(&message->append_entries, window, size);
    expect(message_size(message) == size, "message_size is what the message took");
    memset(page, UNTOUCHED, size);
    expect(message_encode(message, page, size - 1) == 0 && is_untouched(page, size),
           "where there is no room, nothing is written");
    expect(message_encode(message, page, size) == size, "a block of just the size is enough");
    record_put(record, page, size);
    free(page);
    return true;
}
