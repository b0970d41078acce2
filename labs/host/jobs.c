/* jobs.c - jobs in, answers out: jobs.h. */
#include "jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 3, OLD = 0xEE, NS_PER_S = 1000000000 };

struct bytes jobs_answer;

_Noreturn void jobs_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

_Noreturn void jobs_refuse(const char *why)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
    exit(EXIT_FAILURE);
}

uint8_t *jobs_block(size_t size)
{
    uint8_t *data = malloc(size);

    if (data == NULL && size > 0)
        jobs_die("malloc");
    return data;
}

void jobs_put(struct bytes *to, const void *data, size_t len)
{
    if (to->data == NULL || to->capacity - to->len < len) {
        to->capacity = 2 * to->capacity + len + 1;
        to->data = realloc(to->data, to->capacity);
        if (to->data == NULL)
            jobs_die("realloc");
    }
    if (len > 0)
        memcpy(to->data + to->len, data, len);
    to->len += len;
}

void jobs_answer_integer(uint64_t number, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    jobs_put(&jobs_answer, bytes, size);
}

const uint8_t *jobs_take_bytes(struct job *job, size_t len)
{
    const uint8_t *bytes = job->next;

    if (job->left < len)
        jobs_refuse("a job is too short");
    job->next += len;
    job->left -= len;
    return bytes;
}

uint64_t jobs_take_integer(struct job *job, size_t size)
{
    const uint8_t *bytes = jobs_take_bytes(job, size);
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

const uint8_t *jobs_lend(const uint8_t *data, size_t len, size_t offset)
{
    static uint8_t *old;
    static size_t old_size;
    uint8_t *copy = jobs_block(offset + len);

    if (len > 0)
        memcpy(copy + offset, data, len);
    if (old_size > 0)
        memset(old, OLD, old_size);
    free(old);
    old = copy;
    old_size = offset + len;
    return copy + offset;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void jobs_measure(struct job *job, bool chunks,
                  void (*in_chunks)(const uint8_t *data, size_t len, size_t chunk))
{
    uint64_t count = jobs_take_integer(job, 4);
    size_t chunk = chunks ? jobs_take_integer(job, 4) : job->left;

    if (chunk == 0 && job->left > 0)
        jobs_refuse("a chunk has at least one byte");
    uint64_t start = cpu_ns();
    for (; count > 0; count--)
        in_chunks(job->next, job->left, chunk);
    jobs_answer_integer(cpu_ns() - start, 8);
}

/* What was read and not taken so far: a job of common size comes with one call. */
static uint8_t ahead[4096];
static size_t ahead_start, ahead_end;

/* Returns how many bytes came, at most len; 0 at the end of input. */
static size_t take_ahead(uint8_t *data, size_t len)
{
    while (ahead_start == ahead_end) {
        ssize_t n = read(JOBS, ahead, sizeof ahead);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            jobs_die("read");
        if (n == 0)
            return 0;
        ahead_start = 0;
        ahead_end = (size_t)n;
    }
    if (len > ahead_end - ahead_start)
        len = ahead_end - ahead_start;
    memcpy(data, ahead + ahead_start, len);
    ahead_start += len;
    return len;
}

/* True if all len bytes came, false at the end of input before the first. */
static bool receive(uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t n = take_ahead(data + done, len - done);
        if (n == 0 && done == 0)
            return false;
        if (n == 0)
            jobs_refuse("a job was cut short");
        done += n;
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
            jobs_die("write");
        data += n;
        len -= (size_t)n;
    }
}

int jobs_serve(void (*obey)(uint8_t op, struct job *job))
{
    uint8_t header[4];

    ahead_start = ahead_end = 0; /* in a child those would be its parent's */
    while (receive(header, sizeof header)) {
        struct job job = {header, sizeof header};
        size_t size = jobs_take_integer(&job, 4);
        uint8_t *payload = jobs_block(size);
        if (size == 0 || !receive(payload, size))
            jobs_refuse("a job was cut short");
        jobs_answer.len = 0;
        jobs_answer_integer(0, 4); /* its size, once that is known */
        job = (struct job){payload + 1, size - 1};
        obey(payload[0], &job);
        for (size_t i = 0; i < sizeof header; i++)
            jobs_answer.data[i] = (uint8_t)((jobs_answer.len - sizeof header) >> (8 * i));
        send_all(jobs_answer.data, jobs_answer.len);
        free(payload);
    }
    return EXIT_SUCCESS;
}
