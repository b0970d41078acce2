/* log_queue.c - the queue of log_queue.h as a ring. */
#include "log_queue.h"

/* Stage 1.19: there is room.  The records wrap around the end of the array. */
static void append(struct log_queue *queue, const struct log_record *record)
{
    queue->records[(queue->first + queue->count) % LOG_QUEUE_CAPACITY] = *record;
    queue->count++;
}

/* Stage 1.19: there is a record. */
static struct log_record take_first(struct log_queue *queue)
{
    struct log_record record = queue->records[queue->first];

    queue->first = (queue->first + 1) % LOG_QUEUE_CAPACITY;
    queue->count--;
    return record;
}

/* Stage 1.19: something was dropped; from now on, it was told. */
static struct log_record take_dropped(struct log_queue *queue)
{
    struct log_record record = {.dropped = true, .bytes = queue->dropped};

    queue->dropped = 0;
    return record;
}

/* Stage 1.19: pthread_mutex_lock(3), pthread_cond_signal(3).  For what does the taker wait? */
void log_queue_put(struct log_queue *queue, const struct log_record *record)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->count < LOG_QUEUE_CAPACITY)
        append(queue, record);
    else
        queue->dropped += record->bytes;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

/* Stage 1.19: pthread_cond_wait(3); its page says what is known when it returns. */
struct log_record log_queue_take(struct log_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && queue->dropped == 0)
        pthread_cond_wait(&queue->filled, &queue->lock);
    struct log_record record = queue->dropped > 0 ? take_dropped(queue) : take_first(queue);
    pthread_mutex_unlock(&queue->lock);
    return record;
}
