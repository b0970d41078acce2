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
    size_t waiting, cost; /* of its requests in the queue */
    size_t largest_set;   /* of them, or of those that waited together with them */
    bool is_held;         /* an answer is to be given behind those: */
    uint8_t *held;
    size_t held_len;
    bool is_paused;
    bool is_ending; /* no more requests are taken: it goes when it has got what it is owed */
    bool has_ended; /* nothing is sent any more */
    struct client *next, **place;
};

struct kvraft {
    struct loop *loop;
    struct kvraft_config config;
    struct kvraft_server server;
    struct store *store;
    struct pendings pendings;
    int32_t applied;         /* the index of the latest entry */
    struct loop_timer timer; /* set while there are some, for one that is or was the first */
    struct client *clients;
    uint8_t *entry; /* an inline request as an array */
    size_t entry_capacity;
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
