/* message_driver_fields.c - messages in jobs and answers of message_driver.
 *
 * Fields are u32 type and, for the four types that there are, each member of its struct in message.h
 * as i64; entries follow all other members, each as i64 term | u32 size | bytes.  A flag in an answer
 * is the byte in memory; in a job, all but 0 is true.  A message without entries has NULL for them,
 * as has an empty entry for its data. */
#include "message_driver.h"

#include <stdlib.h>
#include <string.h>

/* Where the members of each struct are, in its order. */
struct member {
    enum { END, SIGNED, UNSIGNED, FLAG } kind;
    size_t offset;
};

static const struct member none[] = {{END, 0}};

static const struct member request_vote[] = {
    {SIGNED, offsetof(struct message, request_vote.term)},
    {SIGNED, offsetof(struct message, request_vote.candidate_id)},
    {SIGNED, offsetof(struct message, request_vote.last_log_index)},
    {SIGNED, offsetof(struct message, request_vote.last_log_term)},
    {END, 0},
};

static const struct member request_vote_reply[] = {
    {SIGNED, offsetof(struct message, request_vote_reply.term)},
    {FLAG, offsetof(struct message, request_vote_reply.vote_granted)},
    {END, 0},
};

static const struct member append_entries[] = {
    {SIGNED, offsetof(struct message, append_entries.term)},
    {SIGNED, offsetof(struct message, append_entries.leader_id)},
    {SIGNED, offsetof(struct message, append_entries.prev_log_index)},
    {SIGNED, offsetof(struct message, append_entries.prev_log_term)},
    {SIGNED, offsetof(struct message, append_entries.leader_commit)},
    {UNSIGNED, offsetof(struct message, append_entries.seq)},
    {UNSIGNED, offsetof(struct message, append_entries.entry_count)},
    {END, 0},
};

static const struct member append_entries_reply[] = {
    {SIGNED, offsetof(struct message, append_entries_reply.term)},
    {SIGNED, offsetof(struct message, append_entries_reply.follower_id)},
    {SIGNED, offsetof(struct message, append_entries_reply.log_index)},
    {FLAG, offsetof(struct message, append_entries_reply.success)},
    {SIGNED, offsetof(struct message, append_entries_reply.follower_commit)},
    {UNSIGNED, offsetof(struct message, append_entries_reply.ack)},
    {END, 0},
};

static const struct member *members_of(enum message_type type)
{
    switch (type) {
    case REQUEST_VOTE: return request_vote;
    case REQUEST_VOTE_REPLY: return request_vote_reply;
    case APPEND_ENTRIES: return append_entries;
    case APPEND_ENTRIES_REPLY: return append_entries_reply;
    default: return none;
    }
}

static void answer_signed(int32_t number)
{
    jobs_answer_integer((uint64_t)(int64_t)number, 8);
}

static void answer_member(const struct message *message, struct member member)
{
    const uint8_t *place = (const uint8_t *)message + member.offset;
    int32_t number = *place;

    if (member.kind != FLAG)
        memcpy(&number, place, sizeof number);
    if (member.kind == UNSIGNED)
        jobs_answer_integer((uint32_t)number, 8);
    else
        answer_signed(number);
}

void answer_fields(const struct message *message)
{
    jobs_answer_integer(message->type, 4);
    for (const struct member *m = members_of(message->type); m->kind != END; m++)
        answer_member(message, *m);
    if (message->type != APPEND_ENTRIES)
        return;
    for (uint32_t i = 0; i < message->append_entries.entry_count; i++) {
        const struct log_entry *entry = &message->append_entries.entries[i];
        answer_signed(entry->term);
        jobs_answer_integer(entry->size, 4);
        jobs_put(&jobs_answer, entry->data, entry->size);
    }
}

static void take_member(struct job *job, struct message *message, struct member member)
{
    uint8_t *place = (uint8_t *)message + member.offset;
    uint64_t value = jobs_take_integer(job, 8);
    uint32_t number = (uint32_t)value;

    if (member.kind == FLAG)
        *(bool *)place = value != 0;
    else
        memcpy(place, &number, sizeof number);
}

static struct log_entry *take_entries(struct job *job, uint32_t count, bool hollow)
{
    if (count == 0)
        return NULL;
    struct log_entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL)
        jobs_die("calloc");
    for (uint32_t i = 0; i < count; i++) {
        entries[i].term = (int32_t)jobs_take_integer(job, 8);
        entries[i].size = (uint32_t)jobs_take_integer(job, 4);
        if (!hollow && entries[i].size > 0)
            entries[i].data = jobs_take_bytes(job, entries[i].size);
    }
    return entries;
}

struct message take_fields(struct job *job, bool hollow)
{
    struct message message = {.type = (enum message_type)jobs_take_integer(job, 4)};

    for (const struct member *m = members_of(message.type); m->kind != END; m++)
        take_member(job, &message, *m);
    if (message.type == APPEND_ENTRIES)
        message.append_entries.entries =
            take_entries(job, message.append_entries.entry_count, hollow);
    return message;
}

void free_fields(struct message *message)
{
    if (message->type == APPEND_ENTRIES)
        free((void *)message->append_entries.entries);
}
