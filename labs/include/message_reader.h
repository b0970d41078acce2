/* message_reader.h - decodes a stream of Raft's messages, cut anywhere.
 *
 * Bytes come in pieces, so a reader is shown a window: all that came and was not used yet, longer
 * at each call, and maybe at another place in memory, aligned or not.  Entries are decoded in
 * place: their data lies in the window.  Nothing prints. */
#ifndef MESSAGE_READER_H
#define MESSAGE_READER_H

#include "message.h"

enum message_result {
    MESSAGE_MORE,      /* the bytes are a beginning */
    MESSAGE_DONE,      /* a message was decoded */
    MESSAGE_MALFORMED, /* no continuation makes it right */
    MESSAGE_NO_MEMORY,
};

/* Decodes streams of messages.  It owns the array of entries of the last one. */
struct message_reader;

/* NULL with errno (ENOMEM). */
struct message_reader *message_reader_new(void);
void message_reader_free(struct message_reader *reader);

/* Looks for a message at the start of the window.  On MESSAGE_DONE *size is what it took, and
 * message->append_entries.entries lives until the next call; otherwise *message and *size are
 * untouched.  Malformed are, when the header is there: an unknown type; a payload_size other than
 * this type's (of APPEND_ENTRIES: less than 28), or above MESSAGE_LARGEST_PAYLOAD; and when the
 * payload is there: a negative term, index or id; a flag other than 0 or 1; an entry that runs past
 * the payload; entries that leave a rest, or are fewer than entry_count.  Each may be told before,
 * as soon as it can be seen.  Takes no memory for entries that a count only announces.  The time is
 * linear in the bytes that came, however they are cut. */
enum message_result message_read(struct message_reader *reader, const uint8_t *window, size_t len,
                                 struct message *message, size_t *size);

#endif
