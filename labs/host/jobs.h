/* jobs.h - what the drivers of codecs share: jobs come on descriptor 3, and are answered there;
 * standard input and output stay free.
 *
 * A job is u32 size (of what follows) | u8 op | payload; an answer is u32 size | payload.  Integers
 * are little-endian.  At the end of jobs: exit status 0; after any trouble 1, and a line on standard
 * error says what it was.  (The names begin with jobs_, so that a student's own stay free.) */
#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOBS_UNWRITTEN = 0xA5 }; /* what a block that is to be written to holds before */

/* Bytes in a block that grows.  All zero: empty. */
struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

void jobs_put(struct bytes *to, const void *data, size_t len);

/* The answer to the job at hand, and the lowest bytes of number, at most 8, for it. */
extern struct bytes jobs_answer;
void jobs_answer_integer(uint64_t number, size_t size);

/* The rest of a job. */
struct job {
    const uint8_t *next;
    size_t left;
};

/* Both end the program if the job is too short. */
const uint8_t *jobs_take_bytes(struct job *job, size_t len);
uint64_t jobs_take_integer(struct job *job, size_t size);

/* A heap block of just that size. */
uint8_t *jobs_block(size_t size);

/* A copy of data that starts offset bytes into a block of its own and ends with it, so that no byte
 * behind it can be read unnoticed.  The next call spoils and frees it. */
const uint8_t *jobs_lend(const uint8_t *data, size_t len, size_t offset);

/* The jobs 't', u32 count | bytes, and 'c', u32 count | u32 chunk | bytes: calls in_chunks count
 * times with the bytes (whole, or so many at a time), and answers u64 nanoseconds of CPU time. */
void jobs_measure(struct job *job, bool chunks,
                  void (*in_chunks)(const uint8_t *data, size_t len, size_t chunk));

/* Calls obey for each job, and sends the answer.  For main to return. */
int jobs_serve(void (*obey)(uint8_t op, struct job *job));

/* End the program: after a system call that failed, and for a job that makes no sense. */
_Noreturn void jobs_die(const char *what);
_Noreturn void jobs_refuse(const char *why);

#endif
