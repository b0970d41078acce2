/* requests.h - the requests of one client, each small enough to become an entry of the log. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "resp2.h"

/* So that an entry fits into a message, with much room to spare. */
enum { LARGEST_ENTRY = 15 << 20 };

/* One of the two parsers is NULL. */
struct requests {
    struct resp_parser *parser;
    struct resp2_parser *parser2;
    size_t announced; /* so far: the size of what came, and of the word that is awaited */
};

/* False: no memory. */
bool requests_init(struct requests *requests, bool is_resp2);
void requests_free(struct requests *requests);

/* As resp_parse or resp2_parse, and RESP_ERROR for a request of more than LARGEST_ENTRY bytes, as
 * soon as it is announced. */
enum resp_result requests_parse(struct requests *requests, const uint8_t *window, size_t len,
                                struct resp_request *request);

#endif
