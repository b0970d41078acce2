/* commands.c - the commands of commands.h.
 *
 * In which form is a value kept, so that GET has the least to do? */
#include "commands.h"

static const char OK[] = "+OK\r\n", ERROR[] = "-ERROR\r\n", ABSENT[] = "*1\r\n$3\r\nnil\r\n";

/* Stage 3.10: toupper(3) asks for the locale.  Should it? */
bool command_is(struct resp_word word, const char *name)
{
    (void)word;
    (void)name;
    /* Your code here. */
    return false;
}

/* Stage 3.10: how many words does each command take, its name too? */
enum command command_of(const struct resp_request *request)
{
    (void)request;
    /* Your code here. */
    return COMMAND_NONE;
}

/* Stage 3.10: what kv_put lends is written once, by resp_write_array. */
static void set(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    (void)kv;
    (void)request;
    (void)replies;
    (void)OK;
    (void)ERROR;
    /* Your code here. */
}

static void get(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    (void)kv;
    (void)request;
    (void)replies;
    (void)ABSENT;
    /* Your code here. */
}

static void del(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    (void)kv;
    (void)request;
    (void)replies;
    /* Your code here. */
}

/* Stage 3.10: one of the three, an error, or nothing at all. */
void command_execute(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    (void)kv;
    (void)request;
    (void)replies;
    (void)set;
    (void)get;
    (void)del;
    /* Your code here. */
}
