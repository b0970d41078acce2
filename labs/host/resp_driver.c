/* resp_driver.c - takes jobs for resp.c on descriptor 3, and answers there; standard input and
 * output stay free.
 *
 * A job is u32 size (of what follows) | u8 op | payload; an answer is u32 size | payload.  Integers
 * are little-endian.  At the end of jobs: exit status 0; after any trouble 1, and a line on
 * standard error says what it was.
 *
 *     n  u8 kind ('q' requests, 'r' replies): a new parser and an empty window.
 *     f  bytes: they join the window, which is shown in a heap block of exactly its size; so is the
 *        rest again after each RESP_DONE.  Answer: for each RESP_DONE u8 1 | u32 size | what was
 *        parsed; at last u8 result.  A size of 0 or beyond the window ends it: u8 255.
 *        A request is u32 count and for each word u32 len | bytes; a reply is u8 type and its text
 *        as u32 len | bytes, its i64 integer, or its array as a request's.
 *     g  bytes: the same in one growing buffer, for large input.
 *     a  u32 room | u32 count | for each word u32 len | bytes: resp_write_array into a heap block
 *        of room bytes that holds 0xA5.  Answer: u64 returned | the block.
 *     i  u32 room | i64: resp_write_integer likewise.
 *     t  u32 count | bytes: parses them count times over from a whole window.  Answer: u64
 *        nanoseconds of CPU time.
 *     c  u32 count | u32 chunk | bytes: as t, but they appear in the window chunk by chunk. */
#include "resp_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 3, OLD = 0xEE, UNWRITTEN = 0xA5, NS_PER_S = 1000000000 };

/* Bytes in a block that grows.  All zero: empty. */
struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

/* A result of this program's own, for a size that leads nowhere. */
static const enum resp_result ENDLESS = (enum resp_result)255;

static struct resp_parser *parser;
static bool parses_replies;
static struct bytes answer;

/* What came and was not taken so far: window.data[taken] to its end. */
static struct bytes window;
static size_t taken;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "resp_driver: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static _Noreturn void refuse(const char *why)
{
    fprintf(stderr, "resp_driver: %s\n", why);
    exit(EXIT_FAILURE);
}

static uint8_t *block(size_t size)
{
    uint8_t *data = malloc(size);

    if (data == NULL && size > 0)
        die("malloc");
    return data;
}

static void put(struct bytes *to, const void *data, size_t len)
{
    if (to->data == NULL || to->capacity - to->len < len) {
        to->capacity = 2 * to->capacity + len + 1;
        to->data = realloc(to->data, to->capacity);
        if (to->data == NULL)
            die("realloc");
    }
    if (len > 0)
        memcpy(to->data + to->len, data, len);
    to->len += len;
}

static void answer_integer(uint64_t number, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    put(&answer, bytes, size);
}

static void answer_word(struct resp_word word)
{
    answer_integer(word.len, 4);
    put(&answer, word.data, word.len);
}

static void answer_words(const struct resp_word *words, size_t count)
{
    answer_integer(count, 4);
    for (size_t i = 0; i < count; i++)
        answer_word(words[i]);
}

static void answer_reply(const struct resp_reply *reply)
{
    answer_integer(reply->type, 1);
    if (reply->type == RESP_INTEGER)
        answer_integer((uint64_t)reply->integer, 8);
    else if (reply->type == RESP_ARRAY)
        answer_words(reply->words, reply->count);
    else
        answer_word(reply->text);
}

/* --- the rest of a job --- */

struct job {
    const uint8_t *next;
    size_t left;
};

static uint64_t take_integer(struct job *job, size_t size)
{
    uint64_t number = 0;

    if (job->left < size)
        refuse("a job is too short");
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)job->next[i] << (8 * i);
    job->next += size;
    job->left -= size;
    return number;
}

static struct resp_word take_word(struct job *job)
{
    struct resp_word word = {.len = take_integer(job, 4)};

    if (job->left < word.len)
        refuse("a job is too short");
    word.data = job->next;
    job->next += word.len;
    job->left -= word.len;
    return word;
}

/* --- parsing --- */

/* What was parsed last. */
static struct resp_request request;
static struct resp_reply reply;

static enum resp_result parse(const uint8_t *data, size_t len)
{
    return parses_replies ? resp_parse_reply(parser, data, len, &reply)
                          : resp_parse(parser, data, len, &request);
}

static size_t parsed_size(void)
{
    return parses_replies ? reply.size : request.size;
}

static enum resp_result parse_and_tell(const uint8_t *data, size_t len)
{
    enum resp_result result = parse(data, len);

    if (result != RESP_DONE)
        return result;
    answer_integer(RESP_DONE, 1);
    answer_integer(parsed_size(), 4);
    if (parsed_size() == 0 || parsed_size() > len)
        return ENDLESS;
    if (parses_replies)
        answer_reply(&reply);
    else
        answer_words(request.words, request.count);
    return RESP_DONE;
}

/* Shows the window in a block of its own, so that no byte behind it can be read unnoticed, and none
 * after the call that shows it. */
static enum resp_result parse_copy(void)
{
    static uint8_t *old;
    static size_t old_len;
    size_t len = window.len - taken;
    uint8_t *copy = block(len);

    if (len > 0)
        memcpy(copy, window.data + taken, len);
    if (old_len > 0)
        memset(old, OLD, old_len);
    free(old);
    old = copy;
    old_len = len;
    return parse_and_tell(copy, len);
}

static void feed(struct job *job, bool copies)
{
    enum resp_result result;

    put(&window, job->next, job->left);
    do {
        result = copies ? parse_copy() : parse_and_tell(window.data + taken, window.len - taken);
        if (result == RESP_DONE)
            taken += parsed_size();
    } while (result == RESP_DONE);
    answer_integer(result, 1);
    if (copies) {
        window.len -= taken;
        memmove(window.data, window.data + taken, window.len);
        taken = 0;
    }
}

static void renew(struct job *job)
{
    uint64_t kind = take_integer(job, 1);

    if (kind != 'q' && kind != 'r')
        refuse("a parser is for 'q' or 'r'");
    parses_replies = kind == 'r';
    resp_parser_free(parser);
    parser = resp_parser_new();
    if (parser == NULL)
        die("resp_parser_new");
    free(window.data);
    window = (struct bytes){0};
    taken = 0;
}

/* --- encoding --- */

static void answer_block(uint64_t returned, const uint8_t *data, size_t room)
{
    answer_integer(returned, 8);
    put(&answer, data, room);
}

static void write_array(struct job *job)
{
    size_t room = take_integer(job, 4), count = take_integer(job, 4);
    struct resp_word *words = calloc(count + 1, sizeof *words);
    uint8_t *out = block(room);

    if (words == NULL)
        die("calloc");
    for (size_t i = 0; i < count; i++)
        words[i] = take_word(job);
    memset(out, UNWRITTEN, room);
    answer_block(resp_write_array(out, room, words, count), out, room);
    free(out);
    free(words);
}

static void write_integer(struct job *job)
{
    size_t room = take_integer(job, 4);
    uint8_t *out = block(room);

    memset(out, UNWRITTEN, room);
    answer_block(resp_write_integer(out, room, (int64_t)take_integer(job, 8)), out, room);
    free(out);
}

/* --- time --- */

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Shows data[0] to data[len - 1] in steps of chunk bytes, and takes what is complete. */
static void parse_in_chunks(const uint8_t *data, size_t len, size_t chunk)
{
    size_t start = 0, shown = 0;

    while (shown < len) {
        enum resp_result result;
        shown = len - shown < chunk ? len : shown + chunk;
        while ((result = parse(data + start, shown - start)) == RESP_DONE && parsed_size() > 0 &&
               parsed_size() <= shown - start)
            start += parsed_size();
        if (result != RESP_MORE)
            refuse("the bytes to be timed do not parse");
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
        parse_in_chunks(job->next, job->left, chunk);
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
    if (op != 'n' && op != 'a' && op != 'i' && parser == NULL)
        refuse("the first job is 'n'");
    switch (op) {
    case 'n': renew(job); break;
    case 'f': feed(job, true); break;
    case 'g': feed(job, false); break;
    case 'a': write_array(job); break;
    case 'i': write_integer(job); break;
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
    resp_parser_free(parser);
    return EXIT_SUCCESS;
}
