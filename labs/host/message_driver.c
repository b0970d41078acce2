/* message_driver.c - takes jobs for message.c on descriptor 3, and answers there; standard input and
 * output stay free.
 *
 * A job is u32 size (of what follows) | u8 op | payload; an answer is u32 size | payload.  Integers
 * are little-endian.  At the end of jobs: exit status 0; after any trouble 1, and a line on standard
 * error says what it was.
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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 3, OLD = 0xEE, UNWRITTEN = 0xA5, ENDLESS = 255, NS_PER_S = 1000000000 };

struct bytes answer;

static struct message_reader *reader;

/* What came and was not taken so far: window.data[taken] to its end. */
static struct bytes window;
static size_t taken;

_Noreturn void die(const char *what)
{
    fprintf(stderr, "message_driver: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

_Noreturn void refuse(const char *why)
{
    fprintf(stderr, "message_driver: %s\n", why);
    exit(EXIT_FAILURE);
}

static uint8_t *block(size_t size)
{
    uint8_t *data = malloc(size);

    if (data == NULL && size > 0)
        die("malloc");
    return data;
}

void put(struct bytes *to, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (to->capacity - to->len < len) {
        to->capacity = 2 * to->capacity + len;
        to->data = realloc(to->data, to->capacity);
        if (to->data == NULL)
            die("realloc");
    }
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

void answer_integer(uint64_t number, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    put(&answer, bytes, size);
}

/* --- the rest of a job --- */

const uint8_t *take_bytes(struct job *job, size_t len)
{
    const uint8_t *bytes = job->next;

    if (job->left < len)
        refuse("a job is too short");
    job->next += len;
    job->left -= len;
    return bytes;
}

uint64_t take_integer(struct job *job, size_t size)
{
    const uint8_t *bytes = take_bytes(job, size);
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* --- reading --- */

static size_t off_alignment;

/* Calls message_read, and tells of a message, and whether the struct is untouched without one. */
static int read_message(const uint8_t *data, size_t len, size_t *size)
{
    struct message message, before;
    memset(&message, OLD, sizeof message);
    memset(&before, OLD, sizeof before);
    *size = 0;
    enum message_result result = message_read(reader, data, len, &message, size);

    if (result == MESSAGE_DONE) {
        answer_integer(MESSAGE_DONE, 1);
        answer_integer(*size, 4);
        if (*size > 0 && *size <= len) {
            answer_fields(&message);
            return MESSAGE_DONE;
        }
    }
    int told = result == MESSAGE_DONE ? ENDLESS : (int)result;
    answer_integer((uint64_t)told, 1);
    answer_integer(memcmp((uint8_t *)&message, (uint8_t *)&before, sizeof message) == 0, 1);
    return told;
}

/* Shows the window in a block of its own, so that no byte behind it can be read unnoticed, and none
 * after the call that shows it. */
static int read_copy(size_t *size)
{
    static uint8_t *old;
    static size_t old_len;
    size_t len = window.len - taken;
    uint8_t *copy = block(off_alignment + len);

    if (len > 0)
        memcpy(copy + off_alignment, window.data + taken, len);
    if (old_len > 0)
        memset(old, OLD, old_len);
    free(old);
    old = copy;
    old_len = off_alignment + len;
    return read_message(copy + off_alignment, len, size);
}

static void feed(struct job *job, bool copies)
{
    int result;
    size_t size;

    put(&window, job->next, job->left);
    do {
        result = copies ? read_copy(&size)
                        : read_message(window.data + taken, window.len - taken, &size);
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
    message_reader_free(reader);
    reader = message_reader_new();
    if (reader == NULL)
        die("message_reader_new");
    free(window.data);
    window = (struct bytes){0};
    taken = 0;
}

/* --- encoding --- */

static void size_of_fields(struct job *job)
{
    struct message message = take_fields(job, false);

    answer_integer(message_size(&message), 8);
    free_fields(&message);
}

static void encode(struct job *job, bool hollow)
{
    size_t room = take_integer(job, 4);
    struct message message = take_fields(job, hollow);
    uint8_t *out = block(off_alignment + room);

    memset(out, UNWRITTEN, off_alignment + room);
    answer_integer(message_encode(&message, out + off_alignment, room), 8);
    put(&answer, out + off_alignment, room);
    free(out);
    free_fields(&message);
}

/* --- time --- */

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

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
            refuse("the bytes to be timed do not decode");
    }
    if (start != len)
        refuse("the bytes to be timed end too soon");
}

static void measure(struct job *job, bool in_chunks)
{
    uint64_t count = take_integer(job, 4);
    size_t chunk = in_chunks ? take_integer(job, 4) : job->left;

    if (chunk == 0 && job->left > 0)
        refuse("a chunk has at least one byte");
    uint64_t start = cpu_ns();
    for (; count > 0; count--)
        read_in_chunks(job->next, job->left, chunk);
    answer_integer(cpu_ns() - start, 8);
}

/* --- jobs --- */

/* True if all len bytes came, false at the end of input before the first. */
static bool receive(uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(JOBS, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("read");
        if (n == 0 && done == 0)
            return false;
        if (n == 0)
            refuse("a job was cut short");
        done += (size_t)n;
    }
    return true;
}

static void send_all(const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(JOBS, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("write");
        data += n;
        len -= (size_t)n;
    }
}

static void obey(uint8_t op, struct job *job)
{
    if (strchr("fgtc", op) != NULL && reader == NULL)
        refuse("the first job is 'n'");
    switch (op) {
    case 'n': renew(); break;
    case 'u': off_alignment = take_integer(job, 1) % 8; break;
    case 'f': feed(job, true); break;
    case 'g': feed(job, false); break;
    case 's': size_of_fields(job); break;
    case 'e': encode(job, false); break;
    case 'h': encode(job, true); break;
    case 't': measure(job, false); break;
    case 'c': measure(job, true); break;
    default: refuse("an unknown job");
    }
}

int main(void)
{
    uint8_t header[4];

    while (receive(header, sizeof header)) {
        struct job job = {header, sizeof header};
        size_t size = take_integer(&job, 4);
        uint8_t *payload = block(size);
        if (size == 0 || !receive(payload, size))
            refuse("a job was cut short");
        answer.len = 0;
        answer_integer(0, 4); /* its size, once that is known */
        job = (struct job){payload + 1, size - 1};
        obey(payload[0], &job);
        for (size_t i = 0; i < sizeof header; i++)
            answer.data[i] = (uint8_t)((answer.len - sizeof header) >> (8 * i));
        send_all(answer.data, answer.len);
        free(payload);
    }
    return EXIT_SUCCESS;
}
