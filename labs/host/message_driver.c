/* message_driver.c - does the jobs of jobs.h with message.c:
 *
 *     n  a new reader and an empty window.
 *     u  u8 offset, 0 to 7: from now on blocks of 'f' and 'e' start so far off alignment.
 *     f  bytes: they join the window, which is shown in a heap block of exactly its size; so is the
 *        rest again after each MESSAGE_DONE.  Answer: for each MESSAGE_DONE u8 1 | u32 size | fields;
 *        at last u8 result | u8 1 if the struct message that was passed is untouched, else 0.  A size
 *        of 0 or beyond the window ends it: u8 1 | u32 size | u8 255 | u8 0.
 *     g  bytes: the same in one growing buffer, for large input.
 *     s  fields: message_size.  Answer: u64.
 *     e  u32 room | fields: message_encode into a heap block of room bytes that holds 0xA5.  Answer:
 *        u64 returned | the block.
 *     h  u32 room | fields: the same, but the entries are hollow: no bytes follow their sizes, and
 *        their data is NULL.  For messages that can't be sent.
 *     t  u32 count | bytes: reads them count times over from a whole window.  Answer: u64
 *        nanoseconds of CPU time.
 *     c  u32 count | u32 chunk | bytes: as t, but they appear in the window chunk by chunk.
 *
 * Fields are described in message_driver_fields.c. */
#include "message_driver.h"

#include <stdlib.h>
#include <string.h>

enum { UNTOUCHED = 0xEE, ENDLESS = 255 };

static struct message_reader *reader;

/* What came and was not taken so far: window.data[taken] to its end. */
static struct bytes window;
static size_t taken;

/* --- reading --- */

static size_t off_alignment;

/* Calls message_read, and tells of a message, and whether the struct is untouched without one. */
static int read_message(const uint8_t *data, size_t len, size_t *size)
{
    struct message message, before;
    memset(&message, UNTOUCHED, sizeof message);
    memset(&before, UNTOUCHED, sizeof before);
    *size = 0;
    enum message_result result = message_read(reader, data, len, &message, size);

    if (result == MESSAGE_DONE) {
        jobs_answer_integer(MESSAGE_DONE, 1);
        jobs_answer_integer(*size, 4);
        if (*size > 0 && *size <= len) {
            answer_fields(&message);
            return MESSAGE_DONE;
        }
    }
    int told = result == MESSAGE_DONE ? ENDLESS : (int)result;
    jobs_answer_integer((uint64_t)told, 1);
    jobs_answer_integer(memcmp((uint8_t *)&message, (uint8_t *)&before, sizeof message) == 0, 1);
    return told;
}

static void feed(struct job *job, bool copies)
{
    int result;
    size_t size;

    jobs_put(&window, job->next, job->left);
    do {
        const uint8_t *data = window.data + taken;
        size_t len = window.len - taken;
        result = read_message(copies ? jobs_lend(data, len, off_alignment) : data, len, &size);
        if (result == MESSAGE_DONE)
            taken += size;
    } while (result == MESSAGE_DONE);
    if (copies && taken > 0) {
        window.len -= taken;
        memmove(window.data, window.data + taken, window.len);
        taken = 0;
    }
}

static void renew(void)
{
    if (reader != NULL)
        message_reader_free(reader);
    reader = message_reader_new();
    if (reader == NULL)
        jobs_die("message_reader_new");
    free(window.data);
    window = (struct bytes){0};
    taken = 0;
}

/* --- encoding --- */

static void size_of_fields(struct job *job)
{
    struct message message = take_fields(job, false);

    jobs_answer_integer(message_size(&message), 8);
    free_fields(&message);
}

static void encode(struct job *job, bool hollow)
{
    size_t room = jobs_take_integer(job, 4);
    struct message message = take_fields(job, hollow);
    uint8_t *out = jobs_block(off_alignment + room);

    memset(out, JOBS_UNWRITTEN, off_alignment + room);
    jobs_answer_integer(message_encode(&message, out + off_alignment, room), 8);
    jobs_put(&jobs_answer, out + off_alignment, room);
    free(out);
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
    if (strchr("fgtc", op) != NULL && reader == NULL)
        jobs_refuse("the first job is 'n'");
    switch (op) {
    case 'n': renew(); break;
    case 'u': off_alignment = jobs_take_integer(job, 1) % 8; break;
    case 'f': feed(job, true); break;
    case 'g': feed(job, false); break;
    case 's': size_of_fields(job); break;
    case 'e': encode(job, false); break;
    case 'h': encode(job, true); break;
    case 't': jobs_measure(job, false, read_in_chunks); break;
    case 'c': jobs_measure(job, true, read_in_chunks); break;
    default: jobs_refuse("an unknown job");
    }
}

int main(void)
{
    return jobs_serve(obey);
}
