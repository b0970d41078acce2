/* session.c - the two threads of session.h.
 *
 * How one ends: the reader finds the end of calls, and says so.  The answerer gives the answers that
 * are due still, then sends FIN.  The reader stays until the socket has hung up: because both sides
 * have sent FIN, or after a reset, and then what is due is forgotten.  After malformed bytes it is
 * forgotten at once; what follows them is dropped, and the answerer waits a second for the client's
 * FIN, no longer. */
#include "session.h"

#include "bytes.h"
#include "net.h"
#include "rpc_serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ID_SIZE = 4, STATUS_SIZE = 1, MOST_RESULTS = 32, INPUT_SIZE = 4096, MOST_ARGUMENTS = 16 };
enum { STACK_SIZE = 256 * 1024, DRAIN_MS = 1000 };

static const int64_t NS_PER_MS = 1000 * 1000, NS_PER_S = 1000 * 1000 * 1000;

/* An answer that is due later. */
struct answer {
    int64_t due_ns;
    uint32_t call_id, request_id;
};

struct session {
    int fd;
    const struct procedure *procedures;
    pthread_mutex_t writing; /* held while a reply is written */
    pthread_mutex_t lock;    /* of all that follows, up to input */
    pthread_cond_t changed;
    struct answer answers[RPC_MOST_CALLS]; /* the first is due first */
    size_t count;
    bool has_ended;            /* no call follows */
    bool has_hung_up;          /* no answer arrives */
    bool is_over;              /* all was answered, and the client had its time */
    uint8_t input[INPUT_SIZE]; /* the reader's own */
    size_t start, end;
};

/* --- replies --- */

static void send_reply(struct session *s, uint32_t call_id, uint32_t request_id,
                       enum rpc_status status, const uint8_t *data, size_t size)
{
    uint8_t reply[MESSAGE_HEADER_SIZE + ID_SIZE + STATUS_SIZE + MOST_RESULTS], *out = reply;

    out = put_u32(out, call_id);
    out = put_u32(out, (uint32_t)(ID_SIZE + STATUS_SIZE + size));
    out = put_u32(out, request_id);
    *out++ = (uint8_t)status;
    for (size_t i = 0; i < size; i++)
        *out++ = data[i];
    pthread_mutex_lock(&s->writing);
    (void)net_write_all(s->fd, reply, (size_t)(out - reply)); /* the reader sees the hang-up */
    pthread_mutex_unlock(&s->writing);
}

void session_answer(struct session *s, uint32_t call_id, uint32_t request_id,
                    const uint8_t *results, size_t size)
{
    send_reply(s, call_id, request_id, RPC_FINE, results, size);
}

void session_fail(struct session *s, uint32_t call_id, uint32_t request_id, const char *text)
{
    send_reply(s, call_id, request_id, RPC_FAILED, (const uint8_t *)text, strlen(text));
}

/* --- the answerer --- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* With the lock; false when it is time. */
static bool wait_until(struct session *s, int64_t due_ns)
{
    struct timespec due = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};

    return pthread_cond_timedwait(&s->changed, &s->lock, &due) != ETIMEDOUT;
}

void session_answer_later(struct session *s, uint32_t call_id, uint32_t request_id,
                          uint32_t delay_ms)
{
    struct answer answer = {now_ns() + delay_ms * NS_PER_MS, call_id, request_id};

    pthread_mutex_lock(&s->lock);
    bool has_room = s->count < RPC_MOST_CALLS;
    if (has_room) {
        size_t i = s->count++;
        for (; i > 0 && s->answers[i - 1].due_ns > answer.due_ns; i--)
            s->answers[i] = s->answers[i - 1];
        s->answers[i] = answer;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    if (!has_room)
        session_fail(s, call_id, request_id, "too many calls");
}

/* With the lock, which it gives up while it writes: that may take long.  By then the call counts no
 * more, since a client that has the reply may send another one at once. */
static void answer_first(struct session *s)
{
    struct answer first = s->answers[0];

    memmove(s->answers, s->answers + 1, --s->count * sizeof first);
    pthread_mutex_unlock(&s->lock);
    session_answer(s, first.call_id, first.request_id, NULL, 0);
    pthread_mutex_lock(&s->lock);
}

static void *answer_all(void *argument)
{
    struct session *s = argument;

    pthread_mutex_lock(&s->lock);
    while (!s->has_hung_up && !(s->has_ended && s->count == 0)) {
        if (s->count == 0)
            pthread_cond_wait(&s->changed, &s->lock);
        else if (s->answers[0].due_ns > now_ns())
            wait_until(s, s->answers[0].due_ns);
        else
            answer_first(s);
    }
    (void)shutdown(s->fd, SHUT_WR); /* fails after a reset */
    int64_t end_ns = now_ns() + DRAIN_MS * NS_PER_MS;
    while (!s->has_hung_up && wait_until(s, end_ns))
        continue;
    s->is_over = true;
    (void)shutdown(s->fd, SHUT_RDWR); /* wakes the reader */
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- the reader --- */

/* A connection that fails has ended, too. */
static bool fill(struct session *s)
{
    ssize_t n = net_read(s->fd, s->input, sizeof s->input);

    s->start = 0;
    s->end = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The next len bytes; out may be NULL.  False: they don't come. */
static bool take(struct session *s, uint8_t *out, size_t len)
{
    while (len > 0) {
        if (s->start == s->end && !fill(s))
            return false;
        size_t size = s->end - s->start < len ? s->end - s->start : len;
        if (out != NULL) {
            memcpy(out, s->input + s->start, size);
            out += size;
        }
        s->start += size;
        len -= size;
    }
    return true;
}

static const struct procedure *find(const struct session *s, uint32_t call_id)
{
    const struct procedure *p = s->procedures;

    while (p->call_id != 0 && p->call_id != call_id)
        p++;
    return p->call_id == 0 ? NULL : p;
}

static bool can_be(const struct procedure *procedure, uint32_t call_id, uint32_t size)
{
    if (call_id < RPC_FIRST_CALL_ID || size < ID_SIZE || size > MESSAGE_LARGEST_PAYLOAD)
        return false;
    return procedure == NULL || size == ID_SIZE + procedure->arguments_size;
}

/* Returns at the end of calls; whether that is for a malformed one. */
static bool serve_calls(struct session *s)
{
    uint8_t head[MESSAGE_HEADER_SIZE], id[ID_SIZE], arguments[MOST_ARGUMENTS];

    while (take(s, head, sizeof head)) {
        uint32_t call_id = get_u32(head), size = get_u32(head + 4);
        const struct procedure *procedure = find(s, call_id);
        if (!can_be(procedure, call_id, size))
            return true;
        if (!take(s, id, ID_SIZE) || !take(s, procedure ? arguments : NULL, size - ID_SIZE))
            return false;
        if (procedure != NULL)
            procedure->run(s, get_u32(id), arguments);
        else
            send_reply(s, call_id, get_u32(id), RPC_UNKNOWN_PROCEDURE, NULL, 0);
    }
    return false;
}

static bool is_over(struct session *s)
{
    pthread_mutex_lock(&s->lock);
    bool over = s->is_over;
    pthread_mutex_unlock(&s->lock);
    return over;
}

static void await_hang_up(int fd)
{
    struct pollfd hang_up = {.fd = fd};

    while (poll(&hang_up, 1, -1) < 0 && errno == EINTR)
        continue;
}

static void note_end(struct session *s, bool is_malformed)
{
    pthread_mutex_lock(&s->lock);
    s->has_ended = true;
    if (is_malformed)
        s->count = 0;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void note_hang_up(struct session *s)
{
    pthread_mutex_lock(&s->lock);
    s->has_hung_up = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *argument)
{
    struct session *s = argument;
    pthread_t answerer;
    bool has_answerer = pthread_create(&answerer, NULL, answer_all, s) == 0;

    if (has_answerer) {
        bool is_malformed = serve_calls(s);
        note_end(s, is_malformed);
        while (is_malformed && !is_over(s) && fill(s))
            continue;
        await_hang_up(s->fd);
        note_hang_up(s);
        pthread_join(answerer, NULL);
    }
    close(s->fd);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->writing);
    free(s);
    return NULL;
}

/* pthread_cond_timedwait(3) looks at the wall clock if it is not told otherwise. */
static bool init_locks(struct session *s)
{
    pthread_condattr_t attributes;

    return pthread_condattr_init(&attributes) == 0 &&
           pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&s->changed, &attributes) == 0 &&
           pthread_mutex_init(&s->lock, NULL) == 0 && pthread_mutex_init(&s->writing, NULL) == 0;
}

static bool start(void *session)
{
    pthread_attr_t attributes;
    pthread_t reader;

    return pthread_attr_init(&attributes) == 0 &&
           pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
           pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
           pthread_create(&reader, &attributes, run, session) == 0;
}

void session_serve(int fd, const struct procedure *procedures)
{
    struct session *s = calloc(1, sizeof *s);
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only slower without it */
    if (s != NULL) {
        s->fd = fd;
        s->procedures = procedures;
        if (init_locks(s) && start(s))
            return;
    }
    free(s);
    close(fd);
}
