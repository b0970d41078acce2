/* log_queue.h - a bounded queue, from the threads that have something to log to the one that logs.
 *
 * It is a monitor: the lock guards every field, and only the functions below take it, for a few
 * instructions each.  So a thread that puts never waits for the one that takes.  A record that
 * finds the queue full is dropped, but its bytes are counted, and the taker learns their sum. */
#ifndef LOG_QUEUE_H
#define LOG_QUEUE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_QUEUE_CAPACITY = 16 };

struct log_record {
    bool dropped; /* stands for all that were dropped: bytes is their sum, peer is not set */
    struct sockaddr_in peer;
    uint64_t bytes;
};

/* At first lock and filled hold what pthread.h has for them, and all else is 0. */
struct log_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* there is a record, or a dropped byte */
    struct log_record records[LOG_QUEUE_CAPACITY];
    size_t first; /* the index of the oldest record */
    size_t count;
    uint64_t dropped; /* bytes that the taker was not told of yet */
};

/* Puts a copy of record behind all others.  If the queue is full, counts its bytes as dropped. */
void log_queue_put(struct log_queue *queue, const struct log_record *record);

/* Takes the sum of what was dropped since the last time, if anything was, and otherwise the oldest
 * record.  Waits while there is neither. */
struct log_record log_queue_take(struct log_queue *queue);

#endif
