/* message.h - the four messages of Raft, and their bytes.
 *
 * A message is an 8-byte header, u32 type and u32 payload_size (of the payload alone), and the
 * payload.  All integers have 32 bits, little-endian, two's complement; flags are a byte, 0 or 1;
 * nothing is padded.  A message has one encoding, and only that decodes (message_reader.h). */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whoever announces a larger payload is not read any further. */
enum { MESSAGE_HEADER_SIZE = 8, MESSAGE_LARGEST_PAYLOAD = 16 << 20 };

enum message_type { REQUEST_VOTE = 1, REQUEST_VOTE_REPLY, APPEND_ENTRIES, APPEND_ENTRIES_REPLY };

/* Terms, indexes and ids are not negative. */
struct request_vote {
    int32_t term, candidate_id, last_log_index, last_log_term;
};
struct request_vote_reply {
    int32_t term;
    bool vote_granted;
};

/* i32 term, u32 size, and so many bytes, maybe none. */
struct log_entry {
    int32_t term;
    uint32_t size;
    const uint8_t *data; /* the owner's: a decoded entry points into the bytes that came */
};

/* On the wire, seq and entry_count stand before the entries. */
struct append_entries {
    int32_t term, leader_id, prev_log_index, prev_log_term, leader_commit;
    uint32_t seq, entry_count;
    const struct log_entry *entries;
};

struct append_entries_reply {
    int32_t term, follower_id, log_index;
    bool success;
    int32_t follower_commit;
    uint32_t ack;
};

struct message {
    enum message_type type;
    union {
        struct request_vote request_vote;
        struct request_vote_reply request_vote_reply;
        struct append_entries append_entries;
        struct append_entries_reply append_entries_reply;
    };
};

/* The bytes that message takes, header included; 0 if it can't be sent: an unknown type, a negative
 * term, index or id, or a payload above MESSAGE_LARGEST_PAYLOAD. */
size_t message_size(const struct message *message);

/* Writes it to out and returns its size; 0, with nothing written, if it can't be sent or takes more
 * than room bytes. */
size_t message_encode(const struct message *message, uint8_t *out, size_t room);

#endif
