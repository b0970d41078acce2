/* message_driver.c - does the jobs of jobs.h with message.c:
 *
 *     n  a new reader and an empty window.
 *     u  u8 offset, 0 to 7: from now on blocks of 'f' and 'e' start so far off alignment.
 *     f  bytes: they join the window, which is shown in a heap block of exactly its size; so is the
 *        rest, if there is one, again after each MESSAGE_DONE.  Answer: for each MESSAGE_DONE u8 1 |
 *        u32 size | fields; at last u8 result (MESSAGE_MORE where nothing is left to be shown) | u8,
 *        what was written to without a message: 1 for *message, 2 for *size.  A size of 0 or beyond
 *        the window ends it: u8 1 | u32 size | u8 255 | u8 0.
 *     s  fields: message_size.  Answer: u64.
 *     e  u32 room | fields: message_encode into a heap block of room bytes that holds 0xA5.  Answer:
 *        u64 returned | the block.
 *     h  fields: message_size, and if that is 0 message_encode into 64 bytes; but the entries are
 *        hollow: no bytes follow their sizes, and their data is NULL.  For messages that can't be
 *        sent.  Answer: u64 message_size | u64 returned | the block.
 *     l  u32 count | bytes: the life of a reader.  It is made, reads the bytes count times over from
 *        a whole window, and is freed.  Answer: u8 the last result | u32 messages | u64 bytes on the
 *        heap (0 where nothing counts them) before it is made, when half of it is read, when all is,
 *        and when it is freed.
 *     b  u32 size | so many bytes | bytes: two messages for two new readers.  Both are shown half of
 *        theirs, then the second one and the first one all of it.  Answer: u8 1 and u32 size |
 *        fields of both, or u8 0 if one is not decoded.
 *     t  u32 count | bytes: reads them count times over from a whole window.  Answer: u64
 *        nanoseconds of CPU time.
 *     c  u32 count | u32 chunk | bytes: as t, but they appear in the window chunk by chunk.
 *
 * Fields are described in message_driver_fields.c. */
#include "message_driver.h"

#include <stdlib.h>
#include <string.h>

enum { UNTOUCHED = 0xEE, ENDLESS = 255, SMALL_ROOM = 64 };

static struct message_reader *reader;

/* What came and was not taken so far. */
static struct bytes window;

/* --- reading --- */

static size_t off_alignment;

/* What a call that found no message has written to. */
static int traces(const struct message *message, size_t size)
{
    uint8_t old[sizeof *message];
    memset(old, UNTOUCHED, sizeof old);

    return (memcmp((const uint8_t *)message, old, sizeof old) == 0 ? 0 : 1) +
           (memcmp((const uint8_t *)&size, old, sizeof size) == 0 ? 0 : 2);
}

/* Calls message_read, and tells of a message, or what was written to without one. */
static int read_message(const uint8_t *data, size_t len, size_t *size)
{
    struct message message;
    memset(&message, UNTOUCHED, sizeof message);
    memset(size, UNTOUCHED, sizeof *size);
    enum message_result result = message_read(reader, data, len, &message, size);

    if (result != MESSAGE_DONE) {
        jobs_answer_integer(result, 1);
        jobs_answer_integer((uint64_t)traces(&message, *size), 1);
        return (int)result;
    }
    jobs_answer_integer(MESSAGE_DONE, 1);
    jobs_answer_integer(*size, 4);
    if (*size > 0 && *size <= len) {
        answer_fields(&message);
        return MESSAGE_DONE;
    }
    jobs_answer_integer(ENDLESS, 1);
    jobs_answer_integer(0, 1);
    return ENDLESS;
}

static void feed(struct job *job)
{
    int result;
    size_t size, taken = 0;

    jobs_put(&window, job->next, job->left);
    do {
        size_t len = window.len - taken;
        result = read_message(jobs_lend(window.data + taken, len, off_alignment), len, &size);
        if (result == MESSAGE_DONE)
            taken += size;
    } while (result == MESSAGE_DONE && taken < window.len);
    if (result == MESSAGE_DONE) {
        jobs_answer_integer(MESSAGE_MORE, 1);
        jobs_answer_integer(0, 1);
    }
    window.len -= taken;
    memmove(window.data, window.data + taken, window.len);
}

static struct message_reader *new_reader(void)
{
    struct message_reader *made = message_reader_new();

    if (made == NULL)
        jobs_die("message_reader_new");
    return made;
}

static void renew(void)
{
    if (reader != NULL)
        message_reader_free(reader);
    reader = new_reader();
    free(window.data);
    window = (struct bytes){0};
}

/* --- more than one reader --- */

/* What the heap holds, as AddressSanitizer counts; a build without it has no such function. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static uint64_t heap_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes == NULL
               ? 0
               : __sanitizer_get_current_allocated_bytes();
}

/* All messages of a window; adds their number to *found. */
static enum message_result read_all(struct message_reader *from, const uint8_t *data, size_t len,
                                    uint32_t *found)
{
    enum message_result result = MESSAGE_MORE;
    struct message message;
    size_t size;

    while (len > 0 && (result = message_read(from, data, len, &message, &size)) == MESSAGE_DONE &&
           size > 0 && size <= len) {
        data += size;
        len -= size;
        ++*found;
    }
    return result;
}

static void live(struct job *job)
{
    uint64_t count = jobs_take_integer(job, 4), held[4];
    enum message_result result = MESSAGE_MORE;
    uint32_t found = 0;

    held[0] = held[1] = heap_bytes();
    struct message_reader *own = new_reader();
    for (uint64_t i = 0; i < count; i++) {
        if (i == count / 2)
            held[1] = heap_bytes();
        result = read_all(own, job->next, job->left, &found);
    }
    held[2] = heap_bytes();
    message_reader_free(own);
    held[3] = heap_bytes();
    jobs_answer_integer(result, 1);
    jobs_answer_integer(found, 4);
    for (int i = 0; i < 4; i++)
        jobs_answer_integer(held[i], 8);
}

struct stream {
    struct message_reader *reader;
    const uint8_t *data;
    size_t len, size;
    struct message message;
    enum message_result result;
};

static void show(struct stream *s, size_t len)
{
    s->result = message_read(s->reader, s->data, len, &s->message, &s->size);
}

static void answer_both(const struct stream *one, const struct stream *other)
{
    bool decoded = one->result == MESSAGE_DONE && other->result == MESSAGE_DONE;

    jobs_answer_integer(decoded, 1);
    if (!decoded)
        return;
    jobs_answer_integer(one->size, 4);
    answer_fields(&one->message);
    jobs_answer_integer(other->size, 4);
    answer_fields(&other->message);
}

static void read_both(struct job *job)
{
    struct stream one = {.reader = new_reader()}, other = {.reader = new_reader()};

    one.len = jobs_take_integer(job, 4);
    one.data = jobs_take_bytes(job, one.len);
    other.len = job->left;
    other.data = job->next;
    show(&one, one.len / 2);
    show(&other, other.len / 2);
    show(&other, other.len);
    show(&one, one.len);
    answer_both(&one, &other);
    message_reader_free(one.reader);
    message_reader_free(other.reader);
}

/* --- encoding --- */

static void size_of_fields(struct job *job)
{
    struct message message = take_fields(job, false);

    jobs_answer_integer(message_size(&message), 8);
    free_fields(&message);
}

/* Into a block of room bytes. */
static void encode(const struct message *message, size_t room)
{
    uint8_t *out = jobs_block(off_alignment + room);

    memset(out, JOBS_UNWRITTEN, off_alignment + room);
    jobs_answer_integer(message_encode(message, out + off_alignment, room), 8);
    jobs_put(&jobs_answer, out + off_alignment, room);
    free(out);
}

static void encode_fields(struct job *job)
{
    size_t room = jobs_take_integer(job, 4);
    struct message message = take_fields(job, false);

    encode(&message, room);
    free_fields(&message);
}

static void refuse_hollow(struct job *job)
{
    struct message message = take_fields(job, true);
    size_t size = message_size(&message);

    jobs_answer_integer(size, 8);
    if (size == 0)
        encode(&message, SMALL_ROOM);
    free_fields(&message);
}

/* --- time --- */

/* Shows data[0] to data[len - 1] in steps of chunk bytes, and takes what is complete. */
static void read_in_chunks(const uint8_t *data, size_t len, size_t chunk)
{
    struct message message;
    size_t start = 0, shown = 0, size;

    while (shown < len) {
        enum message_result result;
        shown = len - shown < chunk ? len : shown + chunk;
        while ((result = message_read(reader, data + start, shown - start, &message, &size)) ==
                   MESSAGE_DONE &&
               size > 0 && size <= shown - start)
            start += size;
        if (result != MESSAGE_MORE)
            jobs_refuse("the bytes to be timed do not decode");
    }
    if (start != len)
        jobs_refuse("the bytes to be timed end too soon");
}

/* --- jobs --- */

static void obey(uint8_t op, struct job *job)
{
    if (strchr("ftc", op) != NULL && reader == NULL)
        jobs_refuse("the first job is 'n'");
    switch (op) {
    case 'n': renew(); break;
    case 'u': off_alignment = jobs_take_integer(job, 1) % 8; break;
    case 'f': feed(job); break;
    case 's': size_of_fields(job); break;
    case 'e': encode_fields(job); break;
    case 'h': refuse_hollow(job); break;
    case 'l': live(job); break;
    case 'b': read_both(job); break;
    case 't': jobs_measure(job, false, read_in_chunks); break;
    case 'c': jobs_measure(job, true, read_in_chunks); break;
    default: jobs_refuse("an unknown job");
    }
}

int main(void)
{
    return jobs_serve(obey);
}
