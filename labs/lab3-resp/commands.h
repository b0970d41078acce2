/* commands.h - what clients ask for: SET key word..., GET key, DEL key... */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "kv.h"
#include "replies.h"

enum command { COMMAND_NONE, COMMAND_SET, COMMAND_GET, COMMAND_DEL };

/* COMMAND_NONE: there is no command of this name, or it takes another number of words. */
enum command command_of(const struct resp_request *request);

/* Does what is asked for, and adds the reply; -ERROR for COMMAND_NONE, and nothing for a request
 * without words. */
void command_execute(struct kv *kv, const struct resp_request *request, struct replies *replies);

/* Whether word is name, in any letter case; name is in capitals. */
bool command_is(struct resp_word word, const char *name);

#endif
