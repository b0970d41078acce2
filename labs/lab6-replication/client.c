/* client.c - clients: their requests become entries, or are answered at once.
 *
 * Replies keep the order of requests.  Those of entries do so by themselves: why?  And an answer
 * that is known at once, while a reply is owed before it?
 *
 * A client may leave while its requests wait, and its memory is known to the queue then.  What holds
 * it, and who frees it? */
#include "client.h"

#include "tools.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

int64_t client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

/* --- the life of a client --- */

static void free_client(struct client *client)
{
    requests_free(&client->requests);
    free(client);
}

/* Stage 6.17: its connection is gone.  What of its requests that wait, and of replies to it that are
 * in the outbox? */
static void forget(void *context, int error)
{
    (void)context;
    (void)error;
    (void)free_client;
    /* Your code here. */
}

void client_send(void *context, const void *data, size_t len)
{
    const struct client *client = context;

    if (client->connection != NULL)
        connection_send(client->connection, data, len);
}

/* Stage 6.18: which replies may still leave, and which would be guesses? */
void client_end(struct client *client)
{
    (void)client;
    /* Your code here. */
}

/* Stage 6.17: what was held may be given now; it may be read from again; it may be freed.  In which
 * order? */
void client_release(struct client *client, size_t cost)
{
    (void)client;
    (void)cost;
    /* Your code here. */
}

/* --- answers that need no entry --- */

/* Stage 6.17: who leads, as far as this server knows. */
static void redirect(struct client *client, const struct raft_status *status)
{
    (void)client;
    (void)status;
    /* Your code here. */
}

/* Stage 6.17: words that are no command of the store; see tools.h for the dialects of Redis. */
static void answer(struct client *client, const struct resp_request *request)
{
    (void)client;
    (void)request;
    (void)tools_answer;
    /* Your code here. */
}

/* --- requests become entries --- */

/* Stage 6.17: is it a command at all?  Only then: who is to do it?  And what is kept of it, under
 * which name, until its entry comes back? */
static void take_request(struct client *client, const struct resp_request *request,
                         const uint8_t *bytes)
{
    (void)client;
    (void)request;
    (void)bytes;
    (void)redirect;
    (void)answer;
    /* Your code here. */
}

/* Stage 6.17: as many requests as there are.  How much may a client have waiting, and what is done
 * with one that has as much?  Which reply does it get for bytes that are no request? */
static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    (void)context;
    (void)data;
    (void)take_request;
    /* Your code here. */
    return len;
}

/* Stage 6.17: it sends no more.  What is it owed? */
static void take_end(void *context)
{
    (void)context;
    /* Your code here. */
}

/* --- a new one --- */

static struct client *new_client(struct kvraft *kvraft)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->kvraft = kvraft;
    client->dialect = kvraft->config.is_resp2 ? DIALECT_RESP2 : DIALECT_SIMPLE;
    if (requests_init(&client->requests, kvraft->config.is_resp2))
        return client;
    free_client(client);
    return NULL;
}

static void insert(struct kvraft *kvraft, struct client *client)
{
    client->next = kvraft->clients;
    client->place = &kvraft->clients;
    if (client->next != NULL)
        client->next->place = &client->next;
    kvraft->clients = client;
}

/* Stage 6.17: a client with its connection.  TCP_NODELAY: see lab 3.  And if it can't be served? */
void client_serve(struct kvraft *kvraft, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};

    (void)kvraft;
    (void)events;
    (void)new_client;
    (void)insert;
    /* Your code here. */
    close(fd);
}
