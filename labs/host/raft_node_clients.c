/* raft_node_clients.c - the connections of raft_node's clients. */
#include "raft_node_clients.h"

#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLIES_SIZE = 4096 };

struct client {
    const struct node_clients *clients;
    struct connection *connection;
    struct node_requests requests;
};

/* Those that came at once are answered at once. */
struct replies {
    char text[REPLIES_SIZE];
    size_t len;
};

static void flush(const struct client *client, struct replies *replies)
{
    if (replies->len > 0)
        connection_send(client->connection, replies->text, replies->len);
    replies->len = 0;
}

static void put(const struct client *client, struct replies *replies,
                const struct node_reply *reply)
{
    if (REPLIES_SIZE - replies->len < reply->len)
        flush(client, replies);
    memcpy(replies->text + replies->len, reply->text, reply->len);
    replies->len += reply->len;
}

/* Returns the size of what was answered.  *result is that of the last look. */
static size_t answer_all(struct client *client, const uint8_t *data, size_t len,
                         struct replies *replies, enum resp_result *result)
{
    int32_t leader = raft_status(client->clients->raft).leader;
    struct node_reply reply;
    size_t used = 0, size = 0;

    for (*result = RESP_MORE; !connection_is_full(client->connection); used += size) {
        *result = node_answer(&client->requests, leader, data + used, len - used, &reply, &size);
        if (*result == RESP_MORE)
            break;
        put(client, replies, &reply);
        if (*result != RESP_DONE)
            break;
    }
    return used;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    struct replies replies = {.len = 0};
    enum resp_result result;
    size_t used = answer_all(client, data, len, &replies, &result);

    flush(client, &replies);
    if (result == RESP_MORE || result == RESP_DONE)
        return used;
    connection_finish(client->connection);
    return len;
}

static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    node_requests_free(&client->requests);
    free(client);
}

void node_serve_client(const struct node_clients *clients, int fd)
{
    static const struct connection_events events = {.on_data = take_data, .on_close = forget};
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        goto refused;
    client->clients = clients;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (node_requests_init(&client->requests, clients->self, clients->is_resp2))
        client->connection = connection_new(clients->loop, fd, &events, client);
    if (client->connection != NULL)
        return;
    forget(client, 0);
refused:
    close(fd);
}
