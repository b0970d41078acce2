/* set_load.h - what differs between the stores that set_load.c sets keys of: their protocols. */
#ifndef SET_LOAD_H
#define SET_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

enum { KEY_SIZE = 16, VALUE_SIZE = 32, BUFFER_SIZE = 64 * 1024 };

/* A client: it asks, and waits for the reply before it asks again. */
struct set_client {
    int fd;
    int64_t began;            /* when it asked, in ns */
    size_t out_size, in_size; /* bytes to be sent; bytes that came, and are not used */
    uint8_t out[1024], in[BUFFER_SIZE];
    uint32_t stream, unacknowledged; /* HTTP/2: of the latest request; bytes of data that came */
    bool has_data;                   /* HTTP/2: the reply has a message */
};

/* Each puts bytes behind those that are to be sent. */
struct set_protocol {
    void (*greet)(struct set_client *c); /* what a connection begins with */
    void (*ask)(struct set_client *c, const char *key, const char *value);
    /* Uses what came, as far as it can: true if the reply has ended.  One that is no success ends
     * the program. */
    bool (*take)(struct set_client *c);
};

extern const struct set_protocol set_resp, set_etcd;

void put(struct set_client *c, const void *data, size_t size);

/* The first bytes that came are used. */
void drop(struct set_client *c, size_t size);

noreturn void fail(const char *words);

#endif
