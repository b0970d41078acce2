/* kvraft_core.c - a core, and the folder that it keeps its vote and log in.
 *
 * What can't be saved must not be promised: so after an error of the storage the node ends, with the
 * reason. */
#include "kvraft_node.h"

#include <err.h>
#include <stdlib.h>

static void end_if_failed(int result, const struct storage_error *error)
{
    if (result < 0)
        errx(EXIT_FAILURE, "%s", error->text);
}

/* --- what the core does --- */

static void send_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    const struct durable_core *core = context;

    core->send(core->context, to, message, len);
}

static void save_vote(void *context, int32_t term, int32_t voted_for)
{
    const struct durable_core *core = context;
    struct storage_error error;

    end_if_failed(storage_save_vote(core->storage, term, voted_for, &error), &error);
}

static void save_entry(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    const struct durable_core *core = context;
    const struct log_entry entry = {.term = term, .size = (uint32_t)len, .data = data};
    struct storage_error error;

    end_if_failed(storage_save_entry(core->storage, index, &entry, &error), &error);
}

static void sync_all(void *context)
{
    const struct durable_core *core = context;
    struct storage_error error;

    end_if_failed(storage_sync(core->storage, &error), &error);
}

static void apply(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    const struct durable_core *core = context;

    core->apply(core->context, index, term, data, len);
}

/* --- the start --- */

static void load(const struct durable_core *core)
{
    struct storage_error error;
    struct log_entry entry;

    for (int32_t index = 1; index <= storage_count(core->storage); index++) {
        end_if_failed(storage_read(core->storage, index, &entry, &error), &error);
        if (raft_load(core->raft, entry.term, entry.data, entry.size) < 0)
            err(EXIT_FAILURE, "entry %d", index);
    }
}

void durable_core_open(struct durable_core *core, const struct node_options *options)
{
    const struct raft_host host = {
        .context = core,
        .send = send_message,
        .save_vote = save_vote,
        .save_entry = save_entry,
        .sync = sync_all,
        .apply = apply,
    };
    struct raft_config config = node_raft_config(&core->cluster, options);
    struct storage_error error;

    core->storage =
        storage_open(node_folder(&core->cluster, options), config.id, !options->no_fsync, &error);
    if (core->storage == NULL)
        errx(EXIT_FAILURE, "%s", error.text);
    storage_vote(core->storage, &config.term, &config.voted_for);
    core->raft = raft_new(&config, &host, node_now_ms());
    if (core->raft == NULL)
        err(EXIT_FAILURE, "core");
    load(core);
}
