/* raft_node_clients.c - what clients of raft_node get: it keeps no log, so a command is done by
 * none, and each client is told who leads. */
#include "raft_node.h"

#include "connection.h"
#include "net.h"
#include "resp.h"
#include "resp2.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request is to fit into a message, as an entry of the log. */
enum { LARGEST_REQUEST = 15 << 20, REPLIES_SIZE = 4096, LONGEST_REPLY = 64 };

/* One of the two parsers is NULL. */
struct client {
    const struct node_clients *clients;
    struct connection *connection;
    struct resp_parser *parser;
    struct resp2_parser *parser2;
};

/* Those that came at once are answered at once. */
struct replies {
    char text[REPLIES_SIZE];
    size_t len;
};

static bool is_word(struct resp_word word, const char *name)
{
    size_t i = 0;

    while (i < word.len && name[i] != '\0' && (word.data[i] & ~0x20) == name[i])
        i++;
    return i == word.len && name[i] == '\0';
}

/* PROTOCOL section 1: "SET key word..., GET key, DEL key..., in any letter case"; --resp2 has one
 * word as a value. */
static bool is_command(const struct resp_request *request, bool is_resp2)
{
    struct resp_word name = request->words[0];

    if (is_word(name, "SET"))
        return is_resp2 ? request->count == 3 : request->count >= 3;
    return (is_word(name, "GET") && request->count == 2) ||
           (is_word(name, "DEL") && request->count >= 2);
}

static void put_text(struct replies *replies, const char *text)
{
    size_t len = strlen(text);

    memcpy(replies->text + replies->len, text, len);
    replies->len += len;
}

static void redirect(const struct node_clients *clients, struct replies *replies)
{
    int32_t leader = raft_status(clients->raft).leader;
    char reply[LONGEST_REPLY] = "+TRYAGAIN\r\n";

    if (leader != RAFT_NOBODY && leader != clients->self)
        snprintf(reply, sizeof reply, "+MOVED %d\r\n", leader);
    put_text(replies, reply);
}

static void answer(const struct node_clients *clients, const struct resp_request *request,
                   struct replies *replies)
{
    if (request->count == 0)
        return;
    if (is_command(request, clients->is_resp2))
        redirect(clients, replies);
    else if (clients->is_resp2 && is_word(request->words[0], "PING"))
        put_text(replies, "+PONG\r\n");
    else
        put_text(replies, clients->is_resp2 ? "-ERR unknown command or wrong number of words\r\n"
                                            : "-ERROR\r\n");
}

static void flush(const struct client *client, struct replies *replies)
{
    if (replies->len > 0)
        connection_send(client->connection, replies->text, replies->len);
    replies->len = 0;
}

static enum resp_result parse(const struct client *client, const uint8_t *data, size_t len,
                              struct resp_request *request)
{
    enum resp_result result = client->parser2 != NULL
                                  ? resp2_parse(client->parser2, data, len, request)
                                  : resp_parse(client->parser, data, len, request);
    size_t size = result == RESP_DONE ? request->size : len;

    return size > LARGEST_REQUEST ? RESP_ERROR : result;
}

/* Returns the size of what was answered.  *result is that of the last look.  There is always room
 * for one more reply. */
static size_t answer_all(const struct client *client, const uint8_t *data, size_t len,
                         struct replies *replies, enum resp_result *result)
{
    struct resp_request request;
    size_t used = 0;

    *result = RESP_MORE;
    while (!connection_is_full(client->connection)) {
        *result = parse(client, data + used, len - used, &request);
        if (*result != RESP_DONE)
            break;
        answer(client->clients, &request, replies);
        used += request.size;
        if (REPLIES_SIZE - replies->len < LONGEST_REPLY)
            flush(client, replies);
    }
    return used;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    const struct client *client = context;
    struct replies replies = {.len = 0};
    enum resp_result result;
    size_t used = answer_all(client, data, len, &replies, &result);

    if (result == RESP_MORE || result == RESP_DONE) {
        flush(client, &replies);
        return used;
    }
    put_text(&replies, client->clients->is_resp2 ? "-ERR Protocol error\r\n" : "-ERROR\r\n");
    flush(client, &replies);
    connection_finish(client->connection);
    return len;
}

static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    resp_parser_free(client->parser);
    resp2_parser_free(client->parser2);
    free(client);
}

void node_serve_client(const struct node_clients *clients, int fd)
{
    static const struct connection_events events = {.on_data = take_data, .on_close = forget};
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        goto refused;
    client->clients = clients;
    if (clients->is_resp2)
        client->parser2 = resp2_parser_new();
    else
        client->parser = resp_parser_new();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (client->parser != NULL || client->parser2 != NULL)
        client->connection = connection_new(clients->loop, fd, &events, client);
    if (client->connection != NULL)
        return;
    forget(client, 0);
refused:
    close(fd);
}
