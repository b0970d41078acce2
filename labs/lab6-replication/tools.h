/* tools.h - what ordinary Redis tools ask beside the store's commands, before they start. */
#ifndef TOOLS_H
#define TOOLS_H

#include "store.h"

/* Puts the answer to a request for which verb_of has none: of words that come from a client, or an
 * error.  *dialect may be another one after it: HELLO.  False: the client wants to go. */
bool tools_answer(const struct resp_request *request, enum dialect *dialect,
                  struct outbox *replies);

#endif
