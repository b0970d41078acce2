/* client.h - the clients of a server's store, and what they share. */
#ifndef CLIENT_H
#define CLIENT_H

#include "connection.h"
#include "kvraft.h"
#include "outbox.h"
#include "pending.h"
#include "requests.h"
#include "store.h"

struct client {
    struct kvraft *kvraft;
    struct connection *connection; /* NULL: it is gone, and something of its waits */
    struct requests requests;
    enum dialect dialect;
    size_t waiting; /* of its requests in the queue */
    /* What is there to be known of an answer that has to wait behind those; of how much it has
     * waiting; of a client that sends no more, or is owed nothing more?  Your fields here. */
    struct client *next, **place;
};

struct kvraft {
    struct loop *loop;
    struct kvraft_config config;
    struct kvraft_server server;
    struct store *store;
    struct pendings pendings;
    struct loop_timer timer; /* for requests that nobody will answer */
    struct client *clients;
    /* Your fields here. */
    struct outbox replies;
};

/* Of the clock that due_ms is of. */
int64_t client_now_ms(void);

/* As kvraft_serve. */
void client_serve(struct kvraft *kvraft, int fd);

/* For outbox_turn, with a client as context: sends it, unless that has ended. */
void client_send(void *context, const void *data, size_t len);

/* What it was not told so far, it will not be. */
void client_end(struct client *client);

/* One of its requests waits no more.  May free it. */
void client_release(struct client *client, size_t cost);

#endif
