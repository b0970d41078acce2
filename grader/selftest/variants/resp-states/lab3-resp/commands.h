/* commands.h - what clients ask for, in this course's dialect and in that of Redis. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "kv.h"
#include "outbox.h"

struct dialect;

extern const struct dialect simple_dialect, redis_dialect;

/* Does what is asked for, and puts the reply; none for a request without words.  False: the client
 * has said that it leaves. */
bool command_execute(const struct dialect *dialect, struct kv *kv,
                     const struct resp_request *request, struct outbox *out);

/* The reply to bytes that break the framing. */
const char *dialect_framing_error(const struct dialect *dialect);

#endif
