/* set_etcd.c - Put of etcd's API: gRPC, which is HTTP/2 (RFC 9113) around Protocol Buffers.
 *
 * It says no more than it must: so it takes less time than a library would, which etcd then has.
 * Headers are sent once, and come to be entries of a table that later requests refer to: RFC 7541.
 * Those of replies are not read: only a reply to a Put that was done has a message.  A server gives
 * room for requests again as it reads them, long before the 64 KiB of a connection are used up. */
#include "set_load.h"

#include <string.h>

enum frame_type {
    DATA = 0,
    HEADERS = 1,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8
};
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 }; /* flags */
enum { FRAME_HEADER_SIZE = 9, PREFIX_SIZE = 5, WINDOW = 65535 };

/* --- frames --- */

/* Numbers of up to 32 bits are sent with the highest byte first. */
static void put_number(struct set_client *c, uint32_t number, int bytes)
{
    while (bytes-- > 0) {
        uint8_t byte = (uint8_t)(number >> (8 * bytes));
        put(c, &byte, 1);
    }
}

static uint32_t number_at(const uint8_t *in, int bytes)
{
    uint32_t number = 0;

    while (bytes-- > 0)
        number = number << 8 | *in++;
    return number;
}

static void put_frame(struct set_client *c, size_t size, enum frame_type type, int flags,
                      uint32_t stream)
{
    put_number(c, (uint32_t)size, 3);
    put_number(c, type, 1);
    put_number(c, (uint32_t)flags, 1);
    put_number(c, stream, 4);
}

/* --- requests --- */

static void greet(struct set_client *c)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    put(c, preface, sizeof preface - 1);
    put_frame(c, 0, SETTINGS, 0, 0);
}

/* ":method: POST" and ":scheme: http" are entries 3 and 6 of the table from the start; 62 and above
 * is what was added to it, the latest first. */
static void put_headers(struct set_client *c, uint32_t stream)
{
    static const char first[] = "\x83\x86"
                                "\x44\x14/etcdserverpb.KV/Put" /* 4: ":path" */
                                "\x41\x09localhost"            /* 1: ":authority" */
                                "\x5f\x10"
                                "application/grpc" /* 31: "content-type" */
                                "\x40\x02te\x08trailers";
    static const char later[] = "\x83\x86\xc1\xc0\xbf\xbe";
    const char *block = stream == 1 ? first : later;
    size_t size = (stream == 1 ? sizeof first : sizeof later) - 1;

    put_frame(c, size, HEADERS, END_HEADERS, stream);
    put(c, block, size);
}

/* PutRequest: field 1 is the key, field 2 the value.  A prefix says that it is not compressed. */
static void ask(struct set_client *c, const char *key, const char *value)
{
    uint32_t size = 2 + KEY_SIZE + 2 + VALUE_SIZE;

    c->stream = c->stream == 0 ? 1 : c->stream + 2;
    c->has_data = false;
    put_headers(c, c->stream);
    put_frame(c, PREFIX_SIZE + size, DATA, END_STREAM, c->stream);
    put_number(c, 0, 1);
    put_number(c, size, 4);
    put(c, (const uint8_t[]){0x0a, KEY_SIZE}, 2);
    put(c, key, KEY_SIZE);
    put(c, (const uint8_t[]){0x12, VALUE_SIZE}, 2);
    put(c, value, VALUE_SIZE);
}

/* --- replies --- */

/* Half of what the server may send at all has come: it may send as much again. */
static void take_data(struct set_client *c, uint32_t size)
{
    c->has_data = true;
    c->unacknowledged += size;
    if (c->unacknowledged < WINDOW / 2)
        return;
    put_frame(c, 4, WINDOW_UPDATE, 0, 0);
    put_number(c, c->unacknowledged, 4);
    c->unacknowledged = 0;
}

/* Whether the frame is the last one of a reply. */
static bool take_frame(struct set_client *c, uint32_t type, uint32_t flags, const uint8_t *payload,
                       uint32_t size)
{
    switch (type) {
    case DATA: take_data(c, size); break;
    case SETTINGS:
        if ((flags & ACK) == 0)
            put_frame(c, 0, SETTINGS, ACK, 0);
        break;
    case PING:
        if ((flags & ACK) == 0) {
            put_frame(c, size, PING, ACK, 0);
            put(c, payload, size);
        }
        break;
    case RST_STREAM: fail("etcd gave a request up");
    case GOAWAY: fail("etcd ends the connection");
    default: break;
    }
    return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
}

static bool take(struct set_client *c)
{
    bool is_end = false;

    while (!is_end && c->in_size >= FRAME_HEADER_SIZE) {
        uint32_t size = number_at(c->in, 3);
        if (c->in_size < FRAME_HEADER_SIZE + size)
            break;
        is_end = take_frame(c, c->in[3], c->in[4], c->in + FRAME_HEADER_SIZE, size);
        drop(c, FRAME_HEADER_SIZE + size);
    }
    if (is_end && !c->has_data)
        fail("etcd refuses a Put");
    return is_end;
}

const struct set_protocol set_etcd = {greet, ask, take};
