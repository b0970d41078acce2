/* store.h - the table, and what entries do to it. */
#ifndef STORE_H
#define STORE_H

#include "../lab3-resp/redis.h"

struct store;

/* NULL with errno. */
struct store *store_new(bool is_resp2);
void store_free(struct store *store);

/* Whether this request is one for the table, and valid: it has to be an entry of the log. */
bool store_is_command(const struct store *store, const struct resp_request *request);

/* Whether it reads, and no more; and about how many bytes its reply will have. */
bool store_is_read(const struct store *store, const struct resp_request *request);
size_t store_expected_reply(const struct store *store, const struct resp_request *request);

/* Does what an entry asks for, and adds the reply; -ERROR, and nothing is done, for bytes that are
 * not one valid command.  No bytes: nothing at all.  -1 with errno (ENOMEM): it is not done. */
int store_apply(struct store *store, const uint8_t *data, size_t len, struct redis_client *client,
                struct replies *replies);

/* Does a request that is no command of the table, and adds the reply. */
void store_answer(struct store *store, const struct resp_request *request,
                  struct redis_client *client, struct replies *replies);

#endif
