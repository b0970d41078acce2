/* raft_node_core.c - a core that keeps its vote in a file, and no log. */
#include "raft_node.h"

#include <err.h>
#include <stdlib.h>

/* --- what the core does --- */

static void send_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    const struct node_core *core = context;

    core->send(core->context, to, message, len);
}

static void save_vote(void *context, int32_t term, int32_t voted_for)
{
    struct node_core *core = context;

    core->term = term;
    core->voted_for = voted_for;
    core->is_saved = false;
}

static void sync_vote(void *context)
{
    struct node_core *core = context;

    if (!core->is_saved)
        vote_file_write(&core->vote_file, core->term, core->voted_for);
    core->is_saved = true;
}

/* There is no log to save or apply. */
static void save_no_entry(void *context, int32_t index, int32_t term, const uint8_t *data,
                          size_t len)
{
    (void)context;
    (void)index;
    (void)term;
    (void)data;
    (void)len;
}

/* --- the start --- */

static void open_vote_file(struct node_core *core, const struct node_options *options)
{
    core->vote_file.name = node_folder(&core->cluster, options);
    core->vote_file.id = core->cluster.self;
    core->vote_file.no_fsync = options->no_fsync;
    vote_file_open(&core->vote_file, &core->term, &core->voted_for);
    core->is_saved = true;
}

void node_make_core(struct node_core *core, const struct node_options *options)
{
    const struct raft_host host = {
        .context = core,
        .send = send_message,
        .save_vote = save_vote,
        .save_entry = save_no_entry,
        .sync = sync_vote,
        .apply = save_no_entry,
    };

    open_vote_file(core, options);
    struct raft_config config = node_raft_config(&core->cluster, options);
    config.term = core->term;
    config.voted_for = core->voted_for;
    core->raft = raft_new(&config, &host, node_now_ms());
    if (core->raft == NULL)
        err(EXIT_FAILURE, "core");
}
