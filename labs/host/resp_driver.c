/* resp_driver.c - does the jobs of jobs.h with resp.c:
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
#include "jobs.h"
#include "resp_reply.h"

#include <stdlib.h>
#include <string.h>

/* A result of this program's own, for a size that leads nowhere. */
static const enum resp_result ENDLESS = (enum resp_result)255;

static struct resp_parser *parser;
static bool parses_replies;

/* What came and was not taken so far: window.data[taken] to its end. */
static struct bytes window;
static size_t taken;

static void answer_word(struct resp_word word)
{
    jobs_answer_integer(word.len, 4);
    jobs_put(&jobs_answer, word.data, word.len);
}

static void answer_words(const struct resp_word *words, size_t count)
{
    jobs_answer_integer(count, 4);
    for (size_t i = 0; i < count; i++)
        answer_word(words[i]);
}

static void answer_reply(const struct resp_reply *reply)
{
    jobs_answer_integer(reply->type, 1);
    if (reply->type == RESP_INTEGER)
        jobs_answer_integer((uint64_t)reply->integer, 8);
    else if (reply->type == RESP_ARRAY)
        answer_words(reply->words, reply->count);
    else
        answer_word(reply->text);
}

static struct resp_word take_word(struct job *job)
{
    size_t len = jobs_take_integer(job, 4);

    return (struct resp_word){jobs_take_bytes(job, len), len};
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
    jobs_answer_integer(RESP_DONE, 1);
    jobs_answer_integer(parsed_size(), 4);
    if (parsed_size() == 0 || parsed_size() > len)
        return ENDLESS;
    if (parses_replies)
        answer_reply(&reply);
    else
        answer_words(request.words, request.count);
    return RESP_DONE;
}

static void feed(struct job *job, bool copies)
{
    enum resp_result result;

    jobs_put(&window, job->next, job->left);
    do {
        const uint8_t *data = window.data + taken;
        size_t len = window.len - taken;
        result = parse_and_tell(copies ? jobs_lend(data, len, 0) : data, len);
        if (result == RESP_DONE)
            taken += parsed_size();
    } while (result == RESP_DONE);
    jobs_answer_integer(result, 1);
    if (copies) {
        window.len -= taken;
        memmove(window.data, window.data + taken, window.len);
        taken = 0;
    }
}

static void renew(struct job *job)
{
    uint64_t kind = jobs_take_integer(job, 1);

    if (kind != 'q' && kind != 'r')
        jobs_refuse("a parser is for 'q' or 'r'");
    parses_replies = kind == 'r';
    if (parser != NULL)
        resp_parser_free(parser);
    parser = resp_parser_new();
    if (parser == NULL)
        jobs_die("resp_parser_new");
    free(window.data);
    window = (struct bytes){0};
    taken = 0;
}

/* --- encoding --- */

static void answer_block(uint64_t returned, const uint8_t *data, size_t room)
{
    jobs_answer_integer(returned, 8);
    jobs_put(&jobs_answer, data, room);
}

static void write_array(struct job *job)
{
    size_t room = jobs_take_integer(job, 4), count = jobs_take_integer(job, 4);
    struct resp_word *words = calloc(count + 1, sizeof *words);
    uint8_t *out = jobs_block(room);

    if (words == NULL)
        jobs_die("calloc");
    for (size_t i = 0; i < count; i++)
        words[i] = take_word(job);
    memset(out, JOBS_UNWRITTEN, room);
    answer_block(resp_write_array(out, room, words, count), out, room);
    free(out);
    free(words);
}

static void write_integer(struct job *job)
{
    size_t room = jobs_take_integer(job, 4);
    uint8_t *out = jobs_block(room);

    memset(out, JOBS_UNWRITTEN, room);
    answer_block(resp_write_integer(out, room, (int64_t)jobs_take_integer(job, 8)), out, room);
    free(out);
}

/* --- time --- */

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
            jobs_refuse("the bytes to be timed do not parse");
    }
    if (start != len)
        jobs_refuse("the bytes to be timed end too soon");
}

/* --- jobs --- */

static void obey(uint8_t op, struct job *job)
{
    if (op != 'n' && op != 'a' && op != 'i' && parser == NULL)
        jobs_refuse("the first job is 'n'");
    switch (op) {
    case 'n': renew(job); break;
    case 'f': feed(job, true); break;
    case 'g': feed(job, false); break;
    case 'a': write_array(job); break;
    case 'i': write_integer(job); break;
    case 't': jobs_measure(job, false, parse_in_chunks); break;
    case 'c': jobs_measure(job, true, parse_in_chunks); break;
    default: jobs_refuse("an unknown job");
    }
}

int main(void)
{
    return jobs_serve(obey);
}
