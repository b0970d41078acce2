/* message_driver.h - what the files of message_driver share. */
#ifndef MESSAGE_DRIVER_H
#define MESSAGE_DRIVER_H

#include "message_reader.h"

/* Bytes in a block that grows.  All zero: empty. */
struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

void put(struct bytes *to, const void *data, size_t len);

/* To the job at hand. */
extern struct bytes answer;

/* The lowest bytes of number, at most 8. */
void answer_integer(uint64_t number, size_t size);

/* The rest of a job. */
struct job {
    const uint8_t *next;
    size_t left;
};

/* Both end the program if the job is too short. */
const uint8_t *take_bytes(struct job *job, size_t len);
uint64_t take_integer(struct job *job, size_t size);

void answer_fields(const struct message *message);

/* Entries that are not hollow point into the job.  free_fields gives back the array of them. */
struct message take_fields(struct job *job, bool hollow);
void free_fields(struct message *message);

/* End the program: after a system call that failed, and for a job that makes no sense. */
_Noreturn void die(const char *what);
_Noreturn void refuse(const char *why);

#endif
