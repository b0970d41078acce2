/* effects.c - what leaves a server: saved at once, synced at once, sent at once. */
#include "eager.h"

#include <stdlib.h>

void raft_set_vote(struct raft *raft, int32_t term, int32_t voted_for)
{
    raft->term = term;
    raft->voted_for = voted_for;
    raft->host.save_vote(raft->host.context, term, voted_for);
    raft->host.sync(raft->host.context);
    raft->is_synced = true;
}

void save_again(struct server *server)
{
    raft_set_vote(&server->raft, server->raft.term, server->raft.voted_for);
}

void raft_save_entry(struct raft *raft, int32_t index, const struct log_entry *entry)
{
    raft->host.save_entry(raft->host.context, index, entry->term, entry->data, entry->size);
    raft->is_synced = false;
}

/* Whether there is anything to sync or not: the host knows. */
void raft_sync(struct raft *raft)
{
    raft->host.sync(raft->host.context);
    raft->is_synced = true;
}

/* Each message has bytes of its own. */
void raft_send_early(struct raft *raft, int32_t to, const struct message *message)
{
    size_t size = message_size(message);
    uint8_t *bytes = size > 0 ? malloc(size) : NULL;

    if (bytes == NULL)
        return;
    if (message_encode(message, bytes, size) == size)
        raft->host.send(raft->host.context, to, bytes, size);
    free(bytes);
}

void raft_send(struct raft *raft, int32_t to, const struct message *message)
{
    raft_sync(raft);
    raft_send_early(raft, to, message);
}

void send_vote(struct server *server, int32_t to, bool is_granted)
{
    const struct message reply = {
        .type = REQUEST_VOTE_REPLY,
        .request_vote_reply = {.term = server->raft.term, .vote_granted = is_granted},
    };

    raft_send(&server->raft, to, &reply);
}

bool is_id(const struct server *server, int32_t id)
{
    return id >= 1 && id <= server->raft.config.servers;
}
